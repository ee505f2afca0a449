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

/// The design with so many times its traffic: every client sends as much more.
pub(crate) fn with_traffic(design: &Design, factor: f64) -> Design {
    let mut design = design.clone();
    for node in &mut design.nodes {
        if let NodeKind::Client(client) = &mut node.kind {
            client.arrivals = match &client.arrivals {
                Arrivals::Poisson(rate) => Arrivals::Poisson(faster(*rate, factor)),
                Arrivals::Constant(rate) => Arrivals::Constant(faster(*rate, factor)),
                Arrivals::Bursty { mean, peak, burst } => {
                    Arrivals::Bursty { mean: faster(*mean, factor), peak: *peak, burst: *burst }
                }
                Arrivals::Replayed(times) => {
                    let sooner = |time: &Duration| times_of(*time, 1.0 / factor);
                    Arrivals::Replayed(times.iter().map(sooner).collect())
                }
            };
        }
    }
    design
}

/// The design with so many times the size of each fault of an incident, and so many times its
/// length.
pub(super) fn with_trigger(design: &Design, incident: &str, size: f64, length: f64) -> Design {
    let mut design = design.clone();
    let incidents = design.incidents.iter_mut().filter(|other| other.name == incident);
    for entry in incidents.flat_map(|incident| &mut incident.entries) {
        entry.fault = sized(&entry.fault, size);
        entry.lasts = entry.lasts.map(|lasts| times_of(lasts, length));
        entry.ramp = entry.lasts.map_or(entry.ramp, |lasts| entry.ramp.min(lasts));
        if let Fault::Restart { takes } = &mut entry.fault {
            *takes = times_of(*takes, length);
        }
    }
    design
}

/// The kind's own number and its unit; nothing for kinds that are there or not.
pub(super) fn size(fault: &Fault) -> Option<(f64, &'static str)> {
    match *fault {
        Fault::Slow { times } | Fault::Spike { times } => Some((times, "times")),
        Fault::Error { rate, .. } | Fault::Duplicate { rate } | Fault::Corrupt { rate } => {
            Some((rate.as_f64(), "share"))
        }
        Fault::Reorder { rate, .. } => Some((rate.as_f64(), "share")),
        Fault::Loss { loss } => Some((loss.as_f64(), "share")),
        Fault::Delay { by } | Fault::Jitter { by } => Some((by.as_secs_f64(), "seconds")),
        Fault::Bandwidth { bits_per_sec } => Some((bits_per_sec as f64, "bits per second")),
        _ => None,
    }
}

/// How often the size may be doubled and halved: nothing in an incident without one.
pub(super) fn most_size(entries: &[Entry]) -> Option<f64> {
    let most = |entry: &Entry| match &entry.fault {
        Fault::Slow { times } | Fault::Spike { times } => (*times > 1.0).then_some(WIDEST),
        Fault::Delay { .. } | Fault::Jitter { .. } | Fault::Bandwidth { .. } => Some(WIDEST),
        fault => {
            let (share, _) = size(fault).filter(|(share, _)| *share > 0.0)?;
            Some((1.0 / share).min(WIDEST))
        }
    };
    // Of several faults, those without a size stay as they are.
    entries.iter().filter_map(most).reduce(f64::min)
}

/// No trigger is looked for beyond so many times the file's, or below that part of it.
pub(super) const WIDEST: f64 = 64.0;

pub(super) fn sized(fault: &Fault, by: f64) -> Fault {
    let mut fault = fault.clone();
    match &mut fault {
        Fault::Slow { times } | Fault::Spike { times } => *times = 1.0 + (*times - 1.0) * by,
        Fault::Error { rate, .. }
        | Fault::Duplicate { rate }
        | Fault::Corrupt { rate }
        | Fault::Reorder { rate, .. }
        | Fault::Loss { loss: rate } => *rate = share(rate.as_f64() * by),
        Fault::Delay { by: time } | Fault::Jitter { by: time } => *time = times_of(*time, by),
        Fault::Bandwidth { bits_per_sec } => {
            *bits_per_sec = whole(*bits_per_sec as f64 / by).max(1);
        }
        _ => {}
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
        let twice = with_traffic(&variant("balancer", &[]), 2.0);

        assert_eq!(traffic(&twice), 600.0);
    }

    #[test]
    fn a_larger_slowness_is_a_larger_excess_and_a_share_never_more_than_all() {
        assert_eq!(sized(&Fault::Slow { times: 1.5 }, 2.0), Fault::Slow { times: 2.0 });
        let loss = Fault::Loss { loss: Share::percent(40) };
        assert_eq!(sized(&loss, 5.0), Fault::Loss { loss: Share::percent(100) });
        assert_eq!(sized(&Fault::Crash, 5.0), Fault::Crash);
    }

    #[test]
    fn a_trigger_that_lasts_less_than_its_ramp_never_grows_to_its_full_size_any_slower() {
        let short = with_trigger(&variant("incident", &[]), "drift", 1.0, 0.1);

        let entry = &short.incidents[0].entries[0];
        assert_eq!(entry.lasts, Some(Duration::from_secs(3)));
        assert_eq!(entry.ramp, Duration::from_secs(3));
    }
}
