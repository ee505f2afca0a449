//! The files of `--out`: what a run was, for the tools that people have.
//!
//! | file | for |
//! |---|---|
//! | `report.html` | a browser: everything on one page |
//! | `timeline.json` | a program: the course of the run |
//! | `traces.json` | OpenTelemetry: example requests as spans |
//! | `metrics.txt` | Prometheus: the live plane's series, with times |
//! | `packets.pcapng` | Wireshark: a stretch of the run, packet by packet |
//!
//! They are written from one more run of the first seed, to which somebody listens. By then it is
//! known which stretches of it are worth an example.

mod capture;
mod html;
mod metrics;
mod timeline;
mod traces;
mod wanted;

use base::{Duration, Instant};
use config::Design;

use self::capture::{Names, Words};
use crate::plan::Plan;
use crate::report::Report;
use crate::world::tap::Recorder;
use crate::world::tap::examples::Chosen;
use crate::world::{Tap, World};
use crate::{Options, Refusal};

/// What is to be written besides a report.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// From when to when packets are kept. Nothing: two seconds around the beginning of the
    /// incident; without one, in the middle of the run.
    pub packets: Option<(Duration, Duration)>,
}

/// Files, and what should be known of them.
#[derive(Debug)]
pub struct Outputs {
    /// Name and contents of each.
    pub files: Vec<(&'static str, Vec<u8>)>,
    /// What is not in them, in whole sentences.
    pub notes: Vec<String>,
}

/// The files of a report that [`crate::run`] gave for this design under these options. `name` is
/// the design's file.
///
/// # Errors
/// Everything that keeps the design from being played as asked.
pub fn outputs(
    design: &Design,
    options: &Options,
    report: &Report,
    name: &str,
    wanted: &Wanted,
) -> Result<Outputs, Vec<Refusal>> {
    let plan = Plan::new(design, options)?;
    let tap = Tap::new(&plan, wanted::of(&plan, report, wanted)?);
    let run = World::new(&plan, options.seed).listened(tap).run();
    let Some(recorder) = run.tap.into_recorder() else {
        return Ok(Outputs { files: Vec::new(), notes: Vec::new() });
    };
    Ok(write(&plan, report, name, recorder))
}

/// A run as the files tell it.
struct Told<'a> {
    plan: &'a Plan<'a>,
    report: &'a Report,
    name: &'a str,
    recorder: &'a Recorder,
    examples: &'a [Chosen],
}

fn write(plan: &Plan<'_>, report: &Report, name: &str, mut recorder: Recorder) -> Outputs {
    let examples = recorder.examples.take_chosen();
    let told = Told { plan, report, name, recorder: &recorder, examples: &examples };
    let timeline = timeline::value(&told);
    let mut files = vec![
        ("report.html", html::page(&told, &timeline).into_bytes()),
        ("timeline.json", json(&timeline)),
        ("traces.json", json(&traces::value(&told))),
        ("metrics.txt", metrics::text(&told).into_bytes()),
    ];
    let mut notes = Vec::new();
    if report.fidelity == "packet" {
        let capture = capture::write(&recorder.packets, &names(plan), MOST_CAPTURED);
        if capture.left_out > 0 {
            notes.push(format!(
                "packets.pcapng has the first {} packets of its time and no room for {} more: \
                 a shorter time (`--pcap FROM..TO`) has room for all",
                capture.packets, capture.left_out
            ));
        }
        files.push(("packets.pcapng", capture.bytes));
    } else {
        notes.push(
            "packets.pcapng is not written: the run was played message by message; \
             `--fidelity packet` has packets"
                .to_owned(),
        );
    }
    Outputs { files, notes }
}

fn json(value: &serde_json::Value) -> Vec<u8> {
    let mut text = serde_json::to_vec(value).unwrap_or_default();
    text.push(b'\n');
    text
}

fn names(plan: &Plan<'_>) -> Names {
    let node = |instance: &crate::plan::Instance| plan.design.node(instance.node).name.clone();
    let kinds = plan.requests.kinds.iter().map(|kind| (kind.method.clone(), kind.path.clone()));
    Names {
        instances: (0..plan.instances.len()).map(|at| instance_name(plan, at)).collect(),
        nodes: plan.instances.iter().map(node).collect(),
        words: Words { kinds: kinds.collect() },
    }
}

/// `node/number`.
fn instance_name(plan: &Plan<'_>, at: usize) -> String {
    plan.instances.get(at).map_or_else(String::new, |instance| {
        format!("{}/{}", plan.design.node(instance.node).name, instance.number)
    })
}

/// The longest capture, in bytes.
const MOST_CAPTURED: usize = 256 << 20;
/// The most datagrams of one: about as many as fit.
const MOST_PACKETS: u32 = 1_000_000;

/// Where the clocks of all files begin, in seconds since 1970: the first of January 2000, UTC. A
/// run has no date, and zero means "unknown" to some readers.
const EPOCH_S: u64 = 946_684_800;

/// Nanoseconds since 1970.
const fn since_epoch(at: Instant) -> u64 {
    EPOCH_S * 1_000_000_000 + at.as_nanos()
}

#[cfg(test)]
mod tests;
