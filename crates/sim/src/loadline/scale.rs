//! The same design with more or less traffic, the same incident with more or less of its fault.

use base::{Duration, Rate, Share};
use config::Design;
use config::design::{Entry, NodeKind};
use model::fault::Fault;
use model::traffic::Arrivals;

/// What all clients together offer, in requests per second.
pub(super) fn traffic(design: &Design) -> f64 {
    let rate = |kind: &NodeKind| match kind {
        NodeKind::Client(client) => client.traffic().as_per_sec_f64(),
        _ => 0.0,
    };
    design.nodes.iter().map(|node| rate(&node.kind)).sum()
}

/// The design with so many times its traffic for so long: every client sends as much more. A
/// recording that ends before begins anew.
pub(crate) fn with_traffic(design: &Design, factor: f64, lasts: Duration) -> Design {
    let mut design = design.clone();
    for node in &mut design.nodes {
        if let NodeKind::Client(client) = &mut node.kind {
            client.arrivals = match &client.arrivals {
                Arrivals::Poisson(rate) => Arrivals::Poisson(faster(*rate, factor)),
                Arrivals::Constant(rate) => Arrivals::Constant(faster(*rate, factor)),
                Arrivals::Bursty { mean, peak, burst } => {
                    Arrivals::Bursty { mean: faster(*mean, factor), peak: *peak, burst: *burst }
                }
                Arrivals::Replayed(times) => Arrivals::Replayed(replayed(times, factor, lasts)),
            };
        }
    }
    design
}

fn replayed(times: &[Duration], factor: f64, lasts: Duration) -> Vec<Duration> {
    let sooner = |time: &Duration| times_of(*time, 1.0 / factor);
    let span = times.last().map_or(Duration::ZERO, sooner);
    if span.is_zero() {
        return times.to_vec();
    }
    let round =
        |number: u64| times.iter().map(move |time| span.saturating_mul(number) + sooner(time));
    (0..).flat_map(round).take_while(|&time| time < lasts).collect()
}

/// How much of a trigger there is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Extent {
    /// In times of the file's size.
    pub(super) size: f64,
    /// In times of the file's length, a fault without an end taken to last [`ENDLESS`]; nothing:
    /// as long as in the file.
    pub(super) length: Option<f64>,
}

/// What a fault without an end is taken to last, where it has to end.
const ENDLESS: Duration = Duration::from_secs(60);

/// The design with so much of each fault of an incident.
pub(super) fn with_trigger(design: &Design, incident: &str, extent: Extent) -> Design {
    let mut design = design.clone();
    let incidents = design.incidents.iter_mut().filter(|other| other.name == incident);
    for entry in incidents.flat_map(|incident| &mut incident.entries) {
        let length = lasts(entry, extent.length);
        entry.fault = sized(&entry.fault, extent.size);
        match &mut entry.fault {
            Fault::Restart { takes } => *takes = length.unwrap_or(*takes),
            _ => entry.lasts = length,
        }
        entry.ramp = length.map_or(entry.ramp, |lasts| entry.ramp.min(lasts));
    }
    design
}

/// How long a fault lasts that is so many times as long; nothing if to the end.
pub(super) fn lasts(entry: &Entry, length: Option<f64>) -> Option<Duration> {
    let lasts = match entry.fault {
        Fault::Restart { takes } => Some(takes),
        _ => entry.lasts,
    };
    match length {
        None => lasts,
        Some(times) => Some(times_of(lasts.unwrap_or(ENDLESS), times)),
    }
}

/// The kind's own number and its unit; nothing for kinds that are there or not.
pub(super) fn size(fault: &Fault) -> Option<(f64, &'static str)> {
    match *fault {
        Fault::Slow { times } | Fault::Spike { times } => Some((times, "times")),
        Fault::Error { rate, .. }
        | Fault::Duplicate { rate }
        | Fault::Corrupt { rate }
        | Fault::Misroute { rate }
        | Fault::Reorder { rate, .. }
        | Fault::Loss { loss: rate, .. } => Some((rate.as_f64(), "share")),
        Fault::Delay { by } | Fault::Jitter { by } => Some((by.as_secs_f64(), "seconds")),
        Fault::Bandwidth { bits_per_sec } => Some((bits_per_sec as f64, "bits per second")),
        Fault::Mtu { bytes } => Some((f64::from(bytes), "bytes")),
        Fault::Nic { speed } => Some((speed.as_f64(), "of its speed")),
        Fault::Descriptors { left } => Some((f64::from(left), "left")),
        Fault::ClockJump { by_nanos } => Some((by_nanos as f64 / 1e9, "seconds")),
        Fault::Hang
        | Fault::Crash
        | Fault::Restart { .. }
        | Fault::Drain
        | Fault::Partition { .. }
        | Fault::LinkDown
        | Fault::Firewall { .. }
        | Fault::Route(_)
        | Fault::RegionLoss => None,
    }
}

/// How many times its size a fault may get; why it cannot be scaled, if it cannot.
pub(super) fn most_size(fault: &Fault) -> Result<f64, &'static str> {
    let Some((size, unit)) = size(fault) else { return Err("is there or not: it has no size") };
    match (fault, unit) {
        (Fault::Slow { .. } | Fault::Spike { .. }, _) if size <= 1.0 => {
            Err("makes nothing more: there is nothing to scale")
        }
        (Fault::Mtu { .. }, _) => Ok((size / LEAST_MTU).clamp(1.0, WIDEST)),
        (Fault::Bandwidth { .. } | Fault::Nic { .. } | Fault::Descriptors { .. }, _)
            if size <= 0.0 =>
        {
            Err("leaves nothing: there is nothing to scale")
        }
        _ if size == 0.0 => Err("has a size of nothing: there is nothing to scale"),
        (_, "share") => Ok((1.0 / size).min(WIDEST)),
        _ => Ok(WIDEST),
    }
}

/// No trigger is looked for beyond so many times the file's, or below that part of it.
pub(super) const WIDEST: f64 = 64.0;
/// No link of the internet carries less than 68 bytes (RFC 791, section 3.2), and none is known to
/// carry more than 65,535.
const LEAST_MTU: f64 = 68.0;
const MOST_MTU: f64 = 65_535.0;

/// A fault that does so many times as much; where its number says what is left, so many times less
/// is left.
pub(super) fn sized(fault: &Fault, by: f64) -> Fault {
    let mut fault = fault.clone();
    match &mut fault {
        Fault::Slow { times } | Fault::Spike { times } => *times = 1.0 + (*times - 1.0) * by,
        Fault::Error { rate, .. }
        | Fault::Duplicate { rate }
        | Fault::Corrupt { rate }
        | Fault::Misroute { rate }
        | Fault::Reorder { rate, .. }
        | Fault::Loss { loss: rate, .. } => *rate = share(rate.as_f64() * by),
        Fault::Delay { by: time } | Fault::Jitter { by: time } => *time = times_of(*time, by),
        Fault::Bandwidth { bits_per_sec } => {
            *bits_per_sec = whole(*bits_per_sec as f64 / by).max(1);
        }
        Fault::Mtu { bytes } => {
            *bytes = whole_u32((f64::from(*bytes) / by).clamp(LEAST_MTU, MOST_MTU));
        }
        Fault::Nic { speed } => *speed = share(speed.as_f64() / by).max(Share::from_millionths(1)),
        Fault::Descriptors { left } => *left = whole_u32(f64::from(*left) / by),
        Fault::ClockJump { by_nanos } => {
            let jump = i64::try_from(whole(by_nanos.unsigned_abs() as f64 * by));
            *by_nanos = by_nanos.signum() * jump.unwrap_or(i64::MAX);
        }
        Fault::Hang
        | Fault::Crash
        | Fault::Restart { .. }
        | Fault::Drain
        | Fault::Partition { .. }
        | Fault::LinkDown
        | Fault::Firewall { .. }
        | Fault::Route(_)
        | Fault::RegionLoss => {}
    }
    fault
}

fn faster(rate: Rate, factor: f64) -> Rate {
    Rate::from_millis_per_sec(whole(rate.as_millis_per_sec() as f64 * factor).max(1))
}

fn times_of(time: Duration, factor: f64) -> Duration {
    Duration::from_secs_f64(time.as_secs_f64() * factor)
}

fn share(part: f64) -> Share {
    let millionths = whole(part.clamp(0.0, 1.0) * 1e6);
    Share::from_millionths(u32::try_from(millionths).unwrap_or(1_000_000))
}

fn whole_u32(value: f64) -> u32 {
    u32::try_from(whole(value)).unwrap_or(u32::MAX)
}

fn whole(value: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float that is too large becomes the largest whole number"
    )]
    let whole = value.round() as u64;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::variant;

    #[test]
    fn all_clients_send_as_much_more() {
        let twice = with_traffic(&variant("balancer", &[]), 2.0, Duration::from_secs(60));

        assert_eq!(traffic(&twice), 600.0);
    }

    #[test]
    fn a_recording_is_played_faster_and_again_until_the_end() {
        let recorded = [1, 3, 4].map(Duration::from_secs);

        let twice = replayed(&recorded, 2.0, Duration::from_secs(5));

        assert_eq!(
            twice,
            [500, 1_500, 2_000, 2_500, 3_500, 4_000, 4_500].map(Duration::from_millis)
        );
    }

    #[test]
    fn a_larger_slowness_is_a_larger_excess_and_a_share_never_more_than_all() {
        assert_eq!(sized(&Fault::Slow { times: 1.5 }, 2.0), Fault::Slow { times: 2.0 });
        let loss = Fault::Loss { loss: Share::percent(40), burst: 1 };
        assert_eq!(sized(&loss, 5.0), Fault::Loss { loss: Share::percent(100), burst: 1 });
        assert_eq!(sized(&Fault::Crash, 5.0), Fault::Crash);
    }

    #[test]
    fn a_trigger_that_lasts_less_than_its_ramp_never_grows_to_its_full_size_any_slower() {
        let extent = Extent { size: 1.0, length: Some(0.1) };
        let short = with_trigger(&variant("incident", &[]), "drift", extent);

        let entry = &short.incidents[0].entries[0];
        assert_eq!(entry.lasts, Some(Duration::from_secs(3)));
        assert_eq!(entry.ramp, Duration::from_secs(3));
    }

    #[test]
    fn a_fault_without_an_end_keeps_none_unless_lengths_are_asked_for() {
        let endless = variant("incident", &[("lasts = \"30s\"\n", "")]);
        let lasts = |length| {
            let scaled = with_trigger(&endless, "drift", Extent { size: 2.0, length });
            scaled.incidents[0].entries[0].lasts
        };

        assert_eq!(lasts(None), None);
        assert_eq!(lasts(Some(0.5)), Some(Duration::from_secs(30)));
    }

    /// Twice the fault, and half of it.
    #[test]
    fn what_counts_what_is_left_leaves_less_the_larger_it_is() {
        let twice_and_half = |fault: &Fault| [2.0, 0.5].map(|by| sized(fault, by));

        let mtu = |bytes| Fault::Mtu { bytes };
        assert_eq!(twice_and_half(&mtu(600)), [mtu(300), mtu(1_200)]);
        assert_eq!(sized(&mtu(100), 10.0), mtu(68));
        let nic = |percent| Fault::Nic { speed: Share::percent(percent) };
        assert_eq!(twice_and_half(&nic(20)), [nic(10), nic(40)]);
        assert_eq!(sized(&nic(80), 0.1), nic(100));
        let left = |left| Fault::Descriptors { left };
        assert_eq!(twice_and_half(&left(100)), [left(50), left(200)]);
        let jump = |secs: i64| Fault::ClockJump { by_nanos: secs * 1_000_000_000 };
        assert_eq!(twice_and_half(&jump(-4)), [jump(-8), jump(-2)]);
    }

    #[test]
    fn what_cannot_be_scaled_says_why() {
        for fault in [Fault::Crash, Fault::Descriptors { left: 0 }, Fault::Slow { times: 1.0 }] {
            assert!(most_size(&fault).is_err(), "{fault:?}");
        }
        assert_eq!(most_size(&Fault::Loss { loss: Share::percent(25), burst: 1 }), Ok(4.0));
        assert_eq!(most_size(&Fault::Mtu { bytes: 680 }), Ok(10.0));
    }
}
