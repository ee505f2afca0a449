//! A run that has nothing more to show need not go on.
//!
//! Who only asks whether a design recovers has the answer before the end of most runs:
//!
//! - It did, if over [`SETTLED`] after the last fault no more was under way on average than before
//!   the first, and something was asked for and answered well. Nothing is left of the fault then but
//!   what the nodes remember, and what comes is an ordinary day, which is judged by itself. Where
//!   sessions are held no run ends so: those that came back at once may all stand at one instance for
//!   as long as they are held, and who comes next finds it full, long after all has settled.
//! - It did not, if more requests of the judged window have failed than the objective allows of all
//!   that the window can still have.

use std::collections::VecDeque;

use base::{Duration, Instant};
use config::design::NodeKind;
use model::traffic::Arrivals;

use super::World;
use crate::plan::Plan;

/// What has to be remembered for it.
#[derive(Clone, Debug)]
pub(crate) struct Early {
    /// The requests and tries under way of late.
    lately: Lately,
    /// The most of them on average before the first fault.
    most_before: f64,
    /// Whether sessions are held.
    has_sessions: bool,
    /// The most requests per second that clients may be expected to send.
    most_rate: f64,
    /// Whether the design recovers, when it is certain.
    decided: Option<bool>,
}

/// How many were under way at the samples of the last [`SETTLED`].
#[derive(Clone, Debug, Default)]
struct Lately {
    samples: VecDeque<(Instant, usize)>,
    sum: usize,
}

/// So long has everything to be as it was.
const SETTLED: Duration = Duration::from_secs(10);

impl Early {
    /// The same, for a run that goes on under another plan.
    pub(super) fn under(&self, plan: &Plan<'_>) -> Self {
        Self { most_rate: most_rate(plan), ..self.clone() }
    }
}

impl World<'_> {
    /// Ends the run as soon as its verdict is certain.
    pub(crate) fn end_early(&mut self) {
        self.early = Some(Early {
            lately: Lately::default(),
            most_before: 0.0,
            has_sessions: self.plan.requests.kinds.iter().any(|kind| kind.holds.is_some()),
            most_rate: most_rate(self.plan),
            decided: None,
        });
    }

    /// Whether the design recovers, when that is certain.
    pub(super) fn decided(&self) -> Option<bool> {
        self.early.as_ref().and_then(|early| early.decided)
    }

    pub(super) fn look_early(&mut self, now: Instant) {
        let Some(mut early) = self.early.take() else { return };
        let (times, under_way) = (self.plan.times, self.flights.len() + self.jobs.len());
        match (times.fault_begins, times.fault_ends) {
            (Some(begins), _) if now < begins && now >= times.warm_up => {
                early.lately.sample(now, under_way);
                let mean = early.lately.mean();
                let is_full = early.lately.since(now).is_some();
                early.most_before = if is_full { early.most_before.max(mean) } else { mean };
            }
            (Some(_), Some(ends)) if now > ends && !early.has_sessions => {
                early.lately.forget_before(ends);
                early.lately.sample(now, under_way);
                if let Some(since) = early.lately.since(now)
                    && early.lately.mean() <= early.most_before * NOT_MORE + FEW
                    && self.is_answered_well(since)
                {
                    early.decided = Some(true);
                }
            }
            _ => {}
        }
        if self.must_fail(now, early.most_rate) {
            early.decided = Some(false);
        }
        self.early = Some(early);
    }

    /// Requests that arrived since then are answered well, as many as the objective asks for; those
    /// that still wait are taken to be. Where nothing was asked for, nothing is known.
    fn is_answered_well(&self, since: Instant) -> bool {
        let series = &self.stats.series;
        let windows = series.windows().iter().enumerate();
        let after = windows.filter(|(at, _)| series.start(*at) >= since);
        let (offered, kept) = after.fold((0, 0), |(offered, kept), (_, window)| {
            (offered + window.offered, kept + window.kept)
        });
        let waiting = self.flights.len() as u64;
        let objective = self.plan.design.objective.goodput.as_f64();
        offered > 0 && (kept + waiting) as f64 >= objective * offered as f64
    }

    fn must_fail(&self, now: Instant, most_rate: f64) -> bool {
        let times = self.plan.times;
        if now < times.judged_from() {
            return false;
        }
        let rest = most_rate * times.end.since(now).as_secs_f64();
        // Ten standard deviations of a Poisson number are beyond all chance.
        let all = self.stats.edge.judged_offered as f64 + rest + 10.0 * rest.sqrt();
        let allowed = (1.0 - self.plan.design.objective.goodput.as_f64()) * all;
        self.stats.edge.judged_failed as f64 > allowed + 1.0
    }
}

/// What the mean of a few dozen samples may be above another by chance.
const NOT_MORE: f64 = 1.25;
const FEW: f64 = 4.0;

impl Lately {
    fn sample(&mut self, now: Instant, under_way: usize) {
        self.samples.push_back((now, under_way));
        self.sum += under_way;
        // The oldest that is left reaches back far enough.
        while self.samples.get(1).is_some_and(|&(at, _)| now.since(at) >= SETTLED) {
            self.drop_oldest();
        }
    }

    fn forget_before(&mut self, moment: Instant) {
        while self.samples.front().is_some_and(|&(at, _)| at < moment) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some((_, under_way)) = self.samples.pop_front() {
            self.sum -= under_way;
        }
    }

    /// The time of the oldest sample, once they reach back far enough.
    fn since(&self, now: Instant) -> Option<Instant> {
        let (oldest, _) = self.samples.front()?;
        (now.since(*oldest) >= SETTLED).then_some(*oldest)
    }

    fn mean(&self) -> f64 {
        self.sum as f64 / self.samples.len().max(1) as f64
    }
}

/// Without a bound where a recording says when requests come, or a fault that does not end lets
/// more of them come.
fn most_rate(plan: &Plan<'_>) -> f64 {
    let asks = plan.requests.clients.iter().map(|asker| match &plan.design.node(asker.node).kind {
        NodeKind::Client(client) => match &client.arrivals {
            Arrivals::Poisson(rate) | Arrivals::Constant(rate) => rate.as_per_sec_f64(),
            Arrivals::Bursty { mean, peak, .. } => mean.as_per_sec_f64() * peak.max(1.0),
            Arrivals::Replayed(_) => f64::INFINITY,
        },
        _ => 0.0,
    });
    let endless = plan.times.fault_begins.is_some() && plan.times.fault_ends.is_none();
    if endless { f64::INFINITY } else { asks.sum() }
}
