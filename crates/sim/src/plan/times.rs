//! How long a run lasts, and which part of it is judged.

use std::ops::Range;

use base::{Duration, Instant};

use super::Planned;
use crate::{Options, Refusal};

/// The times of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Times {
    /// Until here nothing is counted: the system fills. A tenth of the time before the first fault
    /// (of the run, if there is none), at most ten seconds.
    pub warm_up: Instant,
    /// When the first fault begins, if there is one.
    pub fault_begins: Option<Instant>,
    /// When the last fault ends, if it does.
    pub fault_ends: Option<Instant>,
    /// When traffic ends. Two minutes after the last fault, three minutes after the beginning of
    /// one that never ends, two minutes without any: enough for a window of judgement and as much
    /// time before it. Longer, where clients may wait longer than that time: what they wait for has
    /// had its time then, up to ten minutes, before judgement begins.
    pub end: Instant,
    /// How long before the end judgement begins: the last minute, but no more than half of what
    /// follows the last fault.
    pub window: Duration,
}

const USUAL_WINDOW: Duration = Duration::from_secs(60);
const LONGEST_WARM_UP: Duration = Duration::from_secs(10);
/// Before the window, after the last fault or without any, and after the beginning of one that
/// stays.
const USUAL_TIME: Duration = Duration::from_secs(60);
const WITH_ENDLESS_FAULT: Duration = Duration::from_secs(120);
const LONGEST_WAIT: Duration = Duration::from_secs(600);

impl Times {
    /// `patience` is how long a client's request may take.
    pub(super) fn new(
        faults: &[Planned],
        patience: Duration,
        options: &Options,
        refusals: &mut Vec<Refusal>,
    ) -> Self {
        let waits = |usual: Duration| patience.min(LONGEST_WAIT).max(usual) + USUAL_WINDOW;
        let begins = faults.iter().map(|fault| fault.course.at).min();
        let last = faults.iter().map(|fault| fault.course.ends()).max();
        let ends = last.filter(|&end| end != Instant::NEVER);
        let usual = match (begins, ends) {
            (_, Some(ends)) => ends + waits(USUAL_TIME),
            (Some(begins), None) => begins + waits(WITH_ENDLESS_FAULT),
            (None, None) => Instant::ZERO + waits(USUAL_TIME),
        };
        let end = options.lasts.map_or(usual, |lasts| Instant::ZERO + lasts);
        refuse_what_cannot_be(begins, end, options, refusals);
        let before = begins.unwrap_or(end).since(Instant::ZERO);
        // Where the run ends before the fault does, what the fault does is what there is to judge.
        let over = ends.filter(|&ends| ends < end);
        let after = end.since(over.or(begins).unwrap_or(Instant::ZERO));
        let judged = Duration::from_nanos(after.as_nanos() / 2);
        Self {
            warm_up: Instant::ZERO
                + Duration::from_nanos(before.as_nanos() / 10).min(LONGEST_WARM_UP),
            fault_begins: begins,
            fault_ends: ends.filter(|&ends| ends < end),
            end,
            window: options
                .window
                .unwrap_or(USUAL_WINDOW.min(judged))
                .min(end.since(Instant::ZERO)),
        }
    }

    /// What is counted of the run before anything happens to it.
    pub fn before_faults(&self) -> Range<Instant> {
        self.warm_up..self.fault_begins.unwrap_or(self.end).min(self.end)
    }

    /// When judgement begins.
    pub fn judged_from(&self) -> Instant {
        self.end - self.window
    }
}

fn refuse_what_cannot_be(
    begins: Option<Instant>,
    end: Instant,
    options: &Options,
    refusals: &mut Vec<Refusal>,
) {
    if end == Instant::ZERO {
        refusals.push(Refusal::new("a run of no time shows nothing", "give `--for` a time: 120s"));
    }
    if options.window == Some(Duration::ZERO) {
        refusals.push(Refusal::new(
            "a window of no time judges nothing",
            "give `--window` a time: 60s",
        ));
    }
    let lasts = end.since(Instant::ZERO);
    if let Some(window) = options.window.filter(|&window| window > lasts && end > Instant::ZERO) {
        refusals.push(Refusal::new(
            format!("a window of {window} is longer than the run, which lasts {lasts}"),
            "give `--window` less time, or let the run last longer (`--for`)",
        ));
    }
    if let Some(begins) = begins.filter(|&begins| begins >= end) {
        let when = begins.since(Instant::ZERO);
        refusals.push(Refusal::new(
            format!("the incident begins at {when}, after the end of the run"),
            "let the run last longer (`--for`), or the incident begin earlier (`at`)",
        ));
    }
}
