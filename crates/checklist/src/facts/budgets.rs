//! What the budget of a call lets through once everything fails.
//!
//! A budget earns by requests and by time, and saves. What it has saved pays for a moment only,
//! unless it is so much that nobody waits for its end: such a budget bounds nothing.

use config::Design;
use config::design::Call;

/// The tries of a call, and what bounds them for longer than a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tries {
    /// Of one request, the first counted.
    attempts: f64,
    budget: Option<Budget>,
}

/// The budgets of all instances together.
#[derive(Clone, Copy, Debug)]
struct Budget {
    /// Retries earned by each request.
    share: f64,
    /// Retries earned each second without any.
    floor: f64,
    /// The most that can be saved up.
    burst: f64,
}

impl Tries {
    pub(crate) fn of(design: &Design, call: &Call) -> Self {
        let instances = f64::from(super::instances(design.node(call.from)));
        let budget = call.rules.budget.as_ref().map(|budget| Budget {
            share: budget.share().as_f64(),
            floor: budget.floor().as_per_sec_f64() * instances,
            burst: f64::from(budget.burst()) * instances,
        });
        Self { attempts: f64::from(call.rules.retry.attempts), budget }
    }

    /// The same without a budget that bounds nothing at so many requests per second.
    #[must_use]
    pub(crate) fn for_longer_than_a_moment(self, requests: f64) -> Self {
        let lasts = self.savings_last(requests).is_some_and(|seconds| seconds > A_MOMENT);
        Self { budget: self.budget.filter(|_| !lasts), ..self }
    }

    /// For how many seconds what was saved up pays for all retries of so many requests per second;
    /// nothing if that makes no difference: nobody retries, or as much is earned anyway.
    pub(crate) fn savings_last(self, requests: f64) -> Option<f64> {
        let budget = self.budget?;
        let asked_for = requests * (self.attempts - 1.0);
        let earned = requests * budget.share + budget.floor;
        (asked_for > earned).then(|| budget.burst / asked_for)
    }

    /// The attempts per request that are left when so many requests come that the floor is nothing.
    pub(crate) fn when_asked_without_end(self) -> f64 {
        self.budget.map_or(self.attempts, |budget| self.attempts.min(1.0 + budget.share))
    }

    /// The attempts per second that so many requests per second become when all of them fail.
    pub(crate) fn when_all_fails(self, requests: f64) -> f64 {
        let all = requests * self.attempts;
        match self.budget {
            Some(budget) => all.min(requests * (1.0 + budget.share) + budget.floor),
            None => all,
        }
    }
}

/// The traffic at which a load that rises with it, and is never below it, comes to so much.
pub(super) fn where_it_reaches(capacity: f64, load_at: impl Fn(f64) -> f64) -> f64 {
    let (mut below, mut above) = (0.0, capacity);
    for _ in 0..f64::MANTISSA_DIGITS {
        let middle = f64::midpoint(below, above);
        if load_at(middle) < capacity {
            below = middle;
        } else {
            above = middle;
        }
    }
    above
}

/// In seconds. Faults that end sooner are over before anybody has noticed, and breakers look as far
/// back by default (D45).
pub(crate) const A_MOMENT: f64 = 10.0;

/// Retries that an instance may have saved up at any traffic: what D42 gives it.
pub(crate) const HARMLESS_BURST: u32 = 10;
