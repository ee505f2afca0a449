//! What somebody who listens to a run should keep, once it is known how the run goes.

use base::{Duration, Instant};

use super::{MOST_PACKETS, Wanted};
use crate::Refusal;
use crate::plan::Plan;
use crate::report::Report;
use crate::world::tap;
use crate::world::tap::examples::Period;

pub(super) fn of(
    plan: &Plan<'_>,
    report: &Report,
    wanted: &Wanted,
) -> Result<tap::Wanted, Vec<Refusal>> {
    Ok(tap::Wanted {
        periods: periods(plan, report),
        packets: packets(plan, wanted)?,
        most_packets: MOST_PACKETS,
        measure_every: measure_every(plan),
    })
}

/// From one thing that changes the run to the next.
fn periods(plan: &Plan<'_>, report: &Report) -> Vec<Period> {
    let mut begins = vec![(plan.times.warm_up.as_secs_f64(), "before the incident".to_owned())];
    if report.faults.is_empty() {
        "an ordinary day".clone_into(&mut begins[0].1);
    }
    for fault in &report.faults {
        begins.push((fault.at_s, format!("`{}` on {}", fault.kind, fault.on)));
        if let Some(end) = fault.ends_s {
            begins.push((end, format!("after `{}` on {}", fault.kind, fault.on)));
        }
    }
    for phase in &report.phases {
        begins.push((phase.begin_s, phase.phase.replace('_', " ")));
    }
    begins.push((report.times.judged_from_s, "while recovery is judged".to_owned()));
    begins.retain(|(begin, _)| *begin < report.times.end_s);
    begins.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    // What begins at once, or nearly, is one period.
    begins.dedup_by(|(later, name), (earlier, names)| {
        let is_one = *later - *earlier < APART_S;
        if is_one && !names.contains(name.as_str()) {
            names.push_str(", ");
            names.push_str(name);
        }
        is_one
    });
    let ends = begins.iter().skip(1).map(|(begin, _)| *begin).chain([report.times.end_s]);
    let ends: Vec<f64> = ends.collect();
    let period = |((begin, name), end): ((f64, String), f64)| Period {
        name,
        begin: Instant::ZERO + Duration::from_secs_f64(begin),
        typical: typical(report, begin, end),
    };
    begins.into_iter().zip(ends).take(MOST_PERIODS).map(period).collect()
}

/// The median over the windows of the median of each.
fn typical(report: &Report, begin: f64, end: f64) -> Duration {
    let line = &report.timeline;
    let starts = (0_u32..).map(|at| f64::from(at) * line.window_s);
    let of_period = line.p50_ms.iter().zip(starts);
    let of_period = of_period.filter(|(_, start)| *start >= begin && *start < end);
    let mut medians: Vec<f64> = of_period.filter_map(|(p50, _)| *p50).collect();
    medians.sort_by(f64::total_cmp);
    let median = medians.get(medians.len() / 2).copied().unwrap_or(0.0);
    Duration::from_secs_f64(median / 1e3)
}

fn packets(plan: &Plan<'_>, wanted: &Wanted) -> Result<(Instant, Instant), Vec<Refusal>> {
    if !plan.network.has_packets {
        return Ok((Instant::ZERO, Instant::ZERO));
    }
    let times = plan.times;
    if let Some((from, to)) = wanted.packets {
        let (from, to) = (Instant::ZERO + from, Instant::ZERO + to);
        if from >= times.end {
            return Err(vec![Refusal::new(
                format!(
                    "packets are wanted from {:.1} s on, after the end of the run",
                    from.as_secs_f64()
                ),
                "let the run last longer (`--for`), or keep earlier packets (`--pcap`)",
            )]);
        }
        return Ok((from, to));
    }
    let middle = Instant::ZERO + Duration::from_nanos(times.end.as_nanos() / 2);
    let about = times.fault_begins.unwrap_or(middle);
    let from = Instant::ZERO + about.since(Instant::ZERO).saturating_sub(BEFORE);
    Ok((from, about + AFTER))
}

/// So that a run gives at most a hundred readings or so, at whole seconds.
fn measure_every(plan: &Plan<'_>) -> Duration {
    let seconds = (plan.times.end.as_nanos() / 1_000_000_000).div_ceil(MOST_READINGS);
    Duration::from_secs(seconds.max(1))
}

/// The window of packets around the beginning of an incident.
const BEFORE: Duration = Duration::from_millis(500);
const AFTER: Duration = Duration::from_millis(1_500);
const APART_S: f64 = 3.0;
const MOST_PERIODS: usize = 12;
const MOST_READINGS: u64 = 120;
