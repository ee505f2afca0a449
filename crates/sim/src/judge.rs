//! What one run comes to.

mod growth;

use base::{Duration, Instant, Share};
use observe::phases::{self, Phase};

pub(crate) use self::growth::UnderWay;
use crate::plan::{Plan, Times};
use crate::stats::layers::Layers;
use crate::stats::{CacheStats, CallStats, Edge, Series, SessionStats};
use crate::world::{Held, Run, World};

/// One run, judged.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    pub(crate) edge: Edge,
    pub(crate) calls: Vec<CallStats>,
    pub(crate) sessions: SessionStats,
    /// By node.
    pub(crate) caches: Vec<CacheStats>,
    pub(crate) series: Series,
    /// What happened below the messages.
    pub(crate) layers: Layers,
    /// What was not given back.
    pub(crate) held: Held,
    pub(crate) phases: Vec<Phase>,
    /// As many requests were answered well as the objective asks.
    pub(crate) is_answered_well: bool,
    /// As many sessions were opened as it asks, of those asked for the first time and anew.
    pub(crate) is_opened_well: bool,
    /// The requests of clients that wait, in that time.
    pub(crate) under_way: UnderWay,
    /// How many openings of sessions in that time succeeded and failed.
    pub(crate) openings: (u64, u64),
    /// Whether goodput was back by the end, however late.
    pub(crate) is_well_at_last: bool,
    /// How long after the last fault goodput was back for good; nothing if it is not back, or if
    /// it never was away.
    pub(crate) back_after: Option<Duration>,
    /// Requests that arrived after the last fault and got no good answer.
    pub(crate) lost_afterwards: u64,
    /// Requests that arrived after the last fault.
    pub(crate) offered_afterwards: u64,
    pub(crate) events: u64,
    /// When the run had to stop early.
    pub(crate) stopped: Option<Instant>,
}

/// Plays a design under one seed, unless somebody wants it to stop.
pub(crate) fn play(plan: &Plan<'_>, seed: u64, stop: impl Fn() -> bool) -> Option<Judged> {
    let run = World::new(plan, seed).run_unless(stop)?;
    Some(judge(run, plan.times, plan.design.objective.goodput))
}

/// Whether ever more requests wait, in a run that went on to its end.
pub(crate) fn is_growing(run: &Run, since: Instant) -> bool {
    run.decided.is_none() && UnderWay::of(&run.stats.series, since).grows()
}

/// Whether a run shows anything: it was ended when its verdict was certain or when too much was under
/// way, or something was asked for in the time that is judged.
pub(crate) fn shows_anything(run: &Run, since: Instant) -> bool {
    let (stood, refused) = run.stats.series.openings(since);
    let ended = run.decided.is_some() || run.stopped.is_some();
    ended || run.stats.edge.judged_offered + stood + refused > 0
}

/// Whether the requests of a run were answered as the objective asks.
pub(crate) fn is_answered_well(run: &Run, objective: Share) -> bool {
    let edge = &run.stats.edge;
    let needed = objective.as_f64() * edge.judged_offered as f64;
    let at_end = run.stopped.is_none() && edge.judged_good as f64 >= needed;
    run.decided.unwrap_or(at_end)
}

/// Whether the openings of sessions alone, the first ones and those after a loss, met the objective
/// from then on. Among many requests a few that are refused are not seen.
pub(crate) fn is_opened_well(run: &Run, since: Instant, objective: Share) -> bool {
    let (stood, refused) = run.stats.series.openings(since);
    let at_end = stood as f64 >= objective.as_f64() * (stood + refused) as f64;
    run.decided.unwrap_or(at_end)
}

impl Judged {
    /// Something was asked for while recovery was judged, and that time came to its end.
    pub(crate) const fn is_judged(&self) -> bool {
        let (stood, refused) = self.openings;
        self.stopped.is_none() && self.edge.judged_offered + stood + refused > 0
    }

    /// By both, and by what waits at the end.
    pub(crate) fn recovered(&self) -> bool {
        self.is_answered_well && self.is_opened_well && !self.under_way.grows()
    }

    /// Without its course, which is told of the first run alone: a thousand runs have to fit.
    pub(crate) fn without_course(mut self) -> Self {
        self.series = Series::new(Instant::ZERO);
        self.phases = Vec::new();
        self
    }
}

fn judge(run: Run, times: Times, objective: Share) -> Judged {
    let is_answered_well = is_answered_well(&run, objective);
    let is_opened_well = is_opened_well(&run, times.judged_from(), objective);
    let Run { stats, events, stopped, held, .. } = run;
    let windows = observed(&stats.series);
    let trigger = times.fault_begins.unwrap_or(Instant::NEVER);
    let (offered_afterwards, lost_afterwards) = afterwards(&stats.series, times);
    Judged {
        is_answered_well,
        is_opened_well,
        under_way: UnderWay::of(&stats.series, times.judged_from()),
        openings: stats.series.openings(times.judged_from()),
        is_well_at_last: stopped.is_none() && is_well_at_last(&stats.series, times, objective),
        back_after: back_after(&stats.series, times, objective),
        lost_afterwards,
        offered_afterwards,
        phases: phases::detect(&windows, trigger, objective),
        edge: stats.edge,
        calls: stats.calls,
        caches: stats.caches,
        sessions: stats.sessions,
        series: stats.series,
        layers: stats.layers,
        held,
        events,
        stopped,
    }
}

/// What arrived after the last fault, and how much of it got no good answer.
fn afterwards(series: &Series, times: Times) -> (u64, u64) {
    since(series, times.fault_ends.or(times.fault_begins).unwrap_or(times.warm_up))
}

/// The last quarter of what is judged: who has worked off a backlog by then is not kept down.
fn is_well_at_last(series: &Series, times: Times, objective: Share) -> bool {
    let quarter = Duration::from_nanos(times.window.as_nanos() / 4);
    let (offered, lost) = since(series, times.end - quarter.max(series.width()));
    (offered - lost) as f64 >= objective.as_f64() * offered as f64
}

/// What arrived in whole windows from then on, and how much of it got no good answer.
fn since(series: &Series, from: Instant) -> (u64, u64) {
    let windows = series.windows().iter().enumerate();
    let after = windows.filter(|(index, _)| series.start(*index) >= from);
    after.fold((0, 0), |(offered, lost), (_, window)| {
        (offered + window.offered, lost + window.offered - window.kept)
    })
}

/// The windows as the detector of phases reads them.
fn observed(series: &Series) -> Vec<phases::Window> {
    let windows = series.windows().iter().enumerate();
    windows
        .map(|(index, window)| phases::Window {
            start: series.start(index),
            offered: window.offered,
            answered: window.answered,
            good: window.kept,
            degraded: window.degraded,
            p50: window.latency.quantile(0.5).unwrap_or_default(),
            p99: window.latency.quantile(0.99).unwrap_or_default(),
            timeouts: window.timeouts,
            retries: window.retries,
            attempts: window.attempts,
            requests: window.requests,
            utilisation: window.utilisation(),
            queue: window.queue(),
        })
        .collect()
}

/// So many windows in a row below the objective are no chance.
const IN_A_ROW: usize = 2;

fn back_after(series: &Series, times: Times, objective: Share) -> Option<Duration> {
    let trigger = times.fault_begins?;
    let is_low: Vec<bool> =
        series.windows().iter().map(|window| window.goodput() < objective.as_f64()).collect();
    let mut runs = is_low.windows(IN_A_ROW).enumerate();
    let last = runs.rfind(|(_, run)| run.iter().all(|&low| low))?.0 + IN_A_ROW;
    let back = series.start(last);
    let after_all = last >= is_low.len();
    (back > trigger && !after_all).then(|| back.since(times.fault_ends.unwrap_or(trigger)))
}
