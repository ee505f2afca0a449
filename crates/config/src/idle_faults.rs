//! Faults that are well written and would change nothing: the incident would look survived.

mod crossings;
mod in_place;

use base::Share;
use model::card;
use model::fault::Fault;

pub use self::in_place::idle_fault;
use crate::codes::{CONTRADICTION, IDLE_FAULT, OUT_OF_BOUNDS};
use crate::design::{Design, Entry, Part};
use crate::report::Report;

/// Looks at every fault of every incident.
pub(crate) fn check(design: &Design, report: &mut Report) {
    // What could not be read is missing from the design, and a fault there seems to hit nothing.
    let is_whole = !report.has_errors();
    for entry in design.incidents.iter().flat_map(|incident| &incident.entries) {
        report_standstill(entry, report);
        report_ramp(entry, report);
        if !report_nothing(entry, report) && is_whole {
            report_place(design, entry, report);
        }
    }
}

/// Whether it is a fault that never changes anything.
fn report_nothing(entry: &Entry, report: &mut Report) -> bool {
    let hits_nobody = match entry.share {
        Part::Share(share) => share == Share::NONE,
        Part::Of(some, _) => some == 0,
        Part::Whole => false,
    };
    let (key, message) = if hits_nobody {
        ("share", "`share` is nobody: this fault hits nothing".to_owned())
    } else if let Some(key) = without_effect(&entry.fault) {
        (key, format!("`{}` with this `{key}` changes nothing", entry.fault.kind()))
    } else {
        return false;
    };
    report.push(
        OUT_OF_BOUNDS
            .at(entry.span_of(key), message)
            .because(
                "the simulation would have nothing to do, and the incident would look survived",
            )
            .instead("write how much goes wrong, or take the fault out"),
    );
    true
}

/// What the file says elsewhere makes it idle, and may say otherwise tomorrow.
fn report_place(design: &Design, entry: &Entry, report: &mut Report) {
    let Some(why) = idle_fault(design, entry) else { return };
    let message = format!("`{}` changes nothing here: {why}", entry.fault.kind());
    report.push(
        IDLE_FAULT
            .at(entry.span, message)
            .instead("let it happen elsewhere, or take the fault out"),
    );
}

/// The key by which a fault is none.
fn without_effect(fault: &Fault) -> Option<&'static str> {
    let is_usual = |times: f64| (times - 1.0).abs() < f64::EPSILON;
    match fault {
        Fault::Slow { times } | Fault::Spike { times } if is_usual(*times) => Some("times"),
        Fault::Error { rate: Share::NONE, .. }
        | Fault::Duplicate { rate: Share::NONE }
        | Fault::Corrupt { rate: Share::NONE }
        | Fault::Misroute { rate: Share::NONE }
        | Fault::Reorder { rate: Share::NONE, .. } => Some("rate"),
        Fault::Loss { loss: Share::NONE, .. } => Some("loss"),
        Fault::ClockJump { by_nanos: 0 } => Some("by"),
        Fault::Mtu { bytes } if *bytes >= card::MTU => Some("bytes"),
        Fault::Nic { speed } if *speed >= Share::WHOLE => Some("speed"),
        _ => None,
    }
}

/// A line without any speed is no slow line: what is on it would wait until the end of time.
fn report_standstill(entry: &Entry, report: &mut Report) {
    let key = match entry.fault {
        Fault::Nic { speed: Share::NONE } => "speed",
        Fault::Bandwidth { bits_per_sec: 0 } => "bandwidth",
        _ => return,
    };
    report.push(
        OUT_OF_BOUNDS
            .at(
                entry.span_of(key),
                format!("`{key}` is nothing, so nothing would ever get through"),
            )
            .because("what waits for a line without speed waits for ever, also after the fault")
            .instead("write `kind = \"partition\"` or \"link-down\", or some speed"),
    );
}

fn report_ramp(entry: &Entry, report: &mut Report) {
    if !entry.ramp.is_zero() && !entry.fault.has_size() {
        report.push(
            CONTRADICTION
                .at(
                    entry.span_of("ramp"),
                    format!(
                        "`ramp` is {}, and `{}` has no size to grow in",
                        entry.ramp,
                        entry.fault.kind()
                    ),
                )
                .because("it is there or it is not, so the ramp would change nothing")
                .instead(
                    "leave `ramp` out; for what comes in part, say how many: `share = \"1 of 3\"`",
                ),
        );
        return;
    }
    let Some(lasts) = entry.lasts.filter(|lasts| entry.ramp > *lasts) else {
        return;
    };
    report.push(
        CONTRADICTION
            .at(
                entry.span_of("ramp"),
                format!("`ramp` is {}, and the fault lasts {lasts}", entry.ramp),
            )
            .because("the ramp belongs to the time that it lasts, so it would never be whole")
            .instead("make `ramp` shorter, or `lasts` longer"),
    );
}
