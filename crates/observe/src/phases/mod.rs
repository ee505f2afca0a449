//! Which phase of an incident a system was in, and from when to when.
//!
//! An incident rarely begins with something that is down. Something gets a little slower; callers
//! run out of patience; they try again; the tries are load; the load saturates what was slow; and
//! then the failure leaves the node where it began. Each step shows in another number, often
//! seconds apart, and that order is what a person wants to see.
//!
//! "Unusual" is measured against the same system before the trigger, not against fixed limits: a
//! baseline is learned from the windows before it. A number is unusual when it is further from the
//! baseline than chance explains, and far enough to matter. [`Baseline`] says how far that is, and
//! why.

mod baseline;

pub use baseline::Baseline;

use base::{Duration, Instant, Share};

/// What was seen in one window of time. Counts are of the whole window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Window {
    /// When it began.
    pub start: Instant,
    /// Requests that arrived at the edge of the system.
    pub offered: u64,
    /// Answers that came back to the edge, right or wrong.
    pub answered: u64,
    /// Requests that arrived in this window and got an answer that was right and in time, in this
    /// window or a later one.
    pub good: u64,
    /// Those of them whose answer left something out, or was old.
    pub degraded: u64,
    /// Half of the answers at the edge were faster.
    pub p50: Duration,
    /// One answer in a hundred was slower.
    pub p99: Duration,
    /// Tries, anywhere, that ran out of time.
    pub timeouts: u64,
    /// Retries, anywhere, that were decided.
    pub retries: u64,
    /// Tries, anywhere, that left.
    pub attempts: u64,
    /// Requests, anywhere, that those tries served.
    pub requests: u64,
    /// Of the workers of the busiest node, how many were busy: 1 for all.
    pub utilisation: f64,
    /// Requests that waited at the busiest node, on average.
    pub queue: f64,
}

/// A stretch of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// What it is.
    pub kind: Kind,
    /// When the first window of it began.
    pub begin: Instant,
    /// When the first window after it began; `None` if it lasted to the end.
    pub end: Option<Instant>,
}

/// The phases of an incident, in the order in which they usually come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Answers take longer than usual.
    LatencyDrift,
    /// More tries than usual run out of time.
    Timeouts,
    /// More is tried again than usual.
    Retries,
    /// More tries leave per request than usual: the callers themselves add load.
    Amplification,
    /// A node has nothing left to give.
    Saturation,
    /// More answers than usual leave something out or are old, as the design allows.
    DegradedAnswers,
    /// The failure has reached the edge: goodput is below the objective.
    Cascade,
    /// Goodput is back at the objective; it ends when everything else is as usual again.
    Recovery,
}

impl Kind {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::LatencyDrift,
        Self::Timeouts,
        Self::Retries,
        Self::Amplification,
        Self::Saturation,
        Self::DegradedAnswers,
        Self::Cascade,
        Self::Recovery,
    ];

    /// The word for reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LatencyDrift => "latency drift",
            Self::Timeouts => "timeouts",
            Self::Retries => "retries",
            Self::Amplification => "amplification",
            Self::Saturation => "saturation",
            Self::DegradedAnswers => "degraded answers",
            Self::Cascade => "cascade",
            Self::Recovery => "recovery",
        }
    }

    /// The key for JSON.
    pub const fn key(self) -> &'static str {
        match self {
            Self::LatencyDrift => "latency_drift",
            Self::DegradedAnswers => "degraded_answers",
            other => other.name(),
        }
    }
}

/// The phases in a series of windows, by their beginning. What began before `trigger` (a warm-up,
/// a design that never fitted its traffic) is the baseline, not the incident.
///
/// Nothing if there is too little before the trigger to know what is usual: see [`Baseline::of`].
pub fn detect(windows: &[Window], trigger: Instant, objective: Share) -> Vec<Phase> {
    let split = windows.partition_point(|window| window.start < trigger);
    let (before, after) = windows.split_at(split);
    let Some(usual) = Baseline::of(before) else { return Vec::new() };
    let mut phases = Vec::new();
    for kind in &Kind::ALL[..7] {
        let unusual: Vec<_> =
            after.iter().map(|window| usual.shows(*kind, window, objective)).collect();
        phases.extend(stretches(&unusual).map(|(begin, end)| Phase {
            kind: *kind,
            begin: after[begin].start,
            end: after.get(end).map(|window| window.start),
        }));
    }
    phases.extend(recovery(&phases, after));
    phases.sort_by_key(|phase| (phase.begin, phase.kind));
    phases
}

/// Goodput is back when the last cascade has ended, or, if the failure never reached the edge,
/// when the answers are no longer late. Then the rest has to calm down. Answers that the design
/// allows are good ones: after them alone there is nothing to come back from.
fn recovery(phases: &[Phase], after: &[Window]) -> Option<Phase> {
    let of = |kind| phases.iter().rfind(move |phase| phase.kind == kind);
    let decisive = of(Kind::Cascade)
        .or_else(|| of(Kind::LatencyDrift))
        .or_else(|| phases.iter().rfind(|phase| phase.kind != Kind::DegradedAnswers))?;
    let begin = decisive.end?;
    let mut calm = begin;
    for phase in phases {
        calm = calm.max(phase.end?);
    }
    // What lasts to the last window cannot be told from what goes on.
    let end = after.iter().any(|window| window.start >= calm).then_some(calm);
    Some(Phase { kind: Kind::Recovery, begin, end })
}

/// From where to where (exclusive) something was unusual. One window alone is chance, and so is
/// one usual window in between.
fn stretches(unusual: &[bool]) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let begin = at + unusual[at..].windows(PERSISTS).position(|run| run.iter().all(|&u| u))?;
        let calm = unusual[begin..].windows(PERSISTS).position(|run| run.iter().all(|&u| !u));
        at = calm.map_or(unusual.len(), |calm| begin + calm);
        Some((begin, at))
    })
}

/// So many windows in a row make a phase, and end it. With two, a window that is unusual by chance
/// once in a hundred begins a false phase once in ten thousand.
const PERSISTS: usize = 2;

#[cfg(test)]
mod tests;
