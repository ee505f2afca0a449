//! What the file promises as a number, exact across the workers of an instance.
//!
//! Each worker decides alone, with its own queue and its own beliefs. But when a design says
//! `in_flight = 256` it means the instance, not each of its cores. So these numbers are atomics
//! that all workers of a call see. Nobody ever waits for another here.
//!
//! A permit given back while another worker has somebody waiting must not be lost. The protocol:
//! who has to wait first raises its flag, then asks once more; who gives back first gives, then
//! looks for flags. One of the two sees the other. `tests/loom.rs` tries every interleaving.

use base::{Instant, WorkerId};
use policy::breaker::{self, Outcome, Trial};
use policy::retry::budget::{self, Level};

use crate::Rules;
use crate::atomic::{AtomicU32, AtomicU64, Ordering};

/// The numbers of one call on one instance.
#[derive(Debug)]
pub struct Shared {
    in_flight: Limit,
    queued: Limit,
    probes: Option<Probes>,
    budget: Option<Budget>,
    /// A bit for each worker that has somebody waiting.
    waiting: AtomicU64,
}

/// At most so many at once.
#[derive(Debug)]
struct Limit {
    most: Option<u32>,
    taken: AtomicU32,
}

#[derive(Debug)]
struct Probes {
    params: breaker::Params,
    trial: AtomicU64,
}

#[derive(Debug)]
struct Budget {
    params: budget::Params,
    level: AtomicU64,
    /// The trickle has been paid out up to here.
    paid_until: AtomicU64,
    in_flight: Limit,
}

/// The answer to "may one more retry leave?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Withdrawal {
    /// Charged: give the place back with [`Shared::end_retry`].
    Granted,
    /// Requests have not earned it.
    Spent,
    /// Too many retries are under way.
    InFlight,
}

/// The most workers that can be told apart.
pub(crate) const MOST_WORKERS: u32 = u64::BITS;

impl Shared {
    /// The numbers of one call on an instance that starts `now`.
    pub fn new(now: Instant, rules: &Rules) -> Self {
        Self {
            in_flight: Limit::new(rules.admission.in_flight),
            queued: Limit::new(rules.admission.queue),
            probes: rules.breaker.map(Probes::new),
            budget: rules.budget.map(|params| Budget::new(now, params)),
            waiting: AtomicU64::new(0),
        }
    }

    /// The numbers as they stand, for nobody but the caller. Exact where nobody else uses them
    /// meanwhile.
    #[must_use]
    pub fn snapshot(&self) -> Self {
        Self {
            in_flight: self.in_flight.snapshot(),
            queued: self.queued.snapshot(),
            probes: self.probes.as_ref().map(Probes::snapshot),
            budget: self.budget.as_ref().map(Budget::snapshot),
            waiting: AtomicU64::new(self.waiting.load(Ordering::SeqCst)),
        }
    }

    /// Requests under way.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.taken()
    }

    /// Requests waiting.
    pub fn queued(&self) -> u32 {
        self.queued.taken()
    }

    /// Half-open probes under way.
    pub fn probes(&self) -> u32 {
        self.trial().under_way()
    }

    /// Retries decided and not yet answered.
    pub fn retries_in_flight(&self) -> u32 {
        self.budget.as_ref().map_or(0, |budget| budget.in_flight.taken())
    }

    /// Retries that could leave now, without the trickle since the last question; `None` without a
    /// budget.
    pub fn budget_level(&self) -> Option<f64> {
        let budget = self.budget.as_ref()?;
        Some(Level(budget.level.load(Ordering::Relaxed)).as_retries_f64())
    }

    /// One more under way, if there is room.
    #[must_use]
    pub fn begin(&self) -> bool {
        self.in_flight.take()
    }

    /// One less under way. Says whose waiting request should be looked at, if `from` should look
    /// at its own that is `from`: the workers take turns, so that a busy one does not keep all
    /// permits to itself.
    #[must_use]
    pub fn end(&self, from: WorkerId) -> Option<WorkerId> {
        self.in_flight.give();
        self.next_waiting(from)
    }

    /// The next worker after `from` that has somebody waiting; `from` itself last.
    pub fn next_waiting(&self, from: WorkerId) -> Option<WorkerId> {
        let waiting = self.waiting.load(Ordering::SeqCst);
        let after = (u32::from(from.0) + 1) % MOST_WORKERS;
        let turned = waiting.rotate_right(after);
        let worker = (turned.trailing_zeros() + after) % MOST_WORKERS;
        (waiting != 0).then_some(WorkerId(u16::try_from(worker).unwrap_or(0)))
    }

    /// One more waits on this worker, if there is room. Ask [`Shared::begin`] once more after it.
    #[must_use]
    pub fn join(&self, worker: WorkerId) -> bool {
        let joined = self.queued.take();
        if joined {
            self.waiting.fetch_or(bit(worker), Ordering::SeqCst);
            // A write of nothing, to stand in line with whoever gives back: either they come later
            // and see the flag, or we come later and see the room.
            self.in_flight.taken.fetch_add(0, Ordering::SeqCst);
        }
        joined
    }

    /// One less waits on this worker; `others` tells whether there are more.
    pub fn leave(&self, worker: WorkerId, others: bool) {
        self.queued.give();
        if !others {
            self.lower_flag(worker);
        }
    }

    /// Nobody on this worker could use a permit, until the next joins.
    pub fn lower_flag(&self, worker: WorkerId) {
        self.waiting.fetch_and(!bit(worker), Ordering::SeqCst);
    }

    /// What the probes of all workers have found out.
    pub fn trial(&self) -> Trial {
        let load = |probes: &Probes| Trial(probes.trial.load(Ordering::SeqCst));
        self.probes.as_ref().map_or(Trial::default(), load)
    }

    /// A probe of a half-open breaker leaves, if there is room: the round it leaves in.
    pub fn begin_probe(&self) -> Option<u32> {
        let probes = self.probes.as_ref()?;
        probes.update(|trial| trial.with_probe(&probes.params)).map(Trial::round)
    }

    /// A probe that left in this round has ended. What is known after it.
    pub fn end_probe(&self, round: u32, outcome: Outcome) -> Trial {
        let end = |probes: &Probes| probes.update(|trial| Some(trial.ended(round, outcome)));
        self.probes.as_ref().and_then(end).unwrap_or_default()
    }

    /// A breaker of some worker has opened.
    pub fn relapse(&self) {
        if let Some(probes) = &self.probes {
            probes.update(|trial| Some(trial.relapsed()));
        }
    }

    /// A request was sent for the first time: it earns its part of a retry.
    pub fn earn(&self, now: Instant) {
        if let Some(budget) = &self.budget {
            budget.pay_trickle(now);
            budget.update(|level| Some(level.with_request(&budget.params)));
        }
    }

    /// May one more retry leave? Without a budget always.
    pub fn withdraw(&self, now: Instant) -> Withdrawal {
        self.budget.as_ref().map_or(Withdrawal::Granted, |budget| budget.withdraw(now))
    }

    /// A granted retry was answered, failed, or was given up.
    pub fn end_retry(&self) {
        if let Some(budget) = &self.budget {
            budget.in_flight.give();
        }
    }
}

impl Limit {
    fn new(most: Option<u32>) -> Self {
        Self { most, taken: AtomicU32::new(0) }
    }

    fn snapshot(&self) -> Self {
        Self { most: self.most, taken: AtomicU32::new(self.taken()) }
    }

    fn taken(&self) -> u32 {
        self.taken.load(Ordering::SeqCst)
    }

    fn take(&self) -> bool {
        let most = self.most.unwrap_or(u32::MAX);
        let more = |taken| (taken < most).then(|| taken + 1);
        self.taken.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).is_ok()
    }

    fn give(&self) {
        let before = self.taken.fetch_sub(1, Ordering::SeqCst);
        debug_assert!(before > 0, "given back what was not taken");
    }
}

impl Probes {
    fn new(params: breaker::Params) -> Self {
        Self { params, trial: AtomicU64::new(Trial::default().0) }
    }

    fn snapshot(&self) -> Self {
        Self { params: self.params, trial: AtomicU64::new(self.trial.load(Ordering::SeqCst)) }
    }

    /// One step of the trial: what it is after it, if the step can be made.
    fn update(&self, step: impl Fn(Trial) -> Option<Trial>) -> Option<Trial> {
        let next = |trial| step(Trial(trial)).map(|next| next.0);
        let before = self.trial.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next).ok()?;
        step(Trial(before))
    }
}

impl Budget {
    fn new(now: Instant, params: budget::Params) -> Self {
        Self {
            level: AtomicU64::new(params.full().0),
            paid_until: AtomicU64::new(now.as_nanos()),
            in_flight: Limit::new(Some(params.in_flight())),
            params,
        }
    }

    fn snapshot(&self) -> Self {
        Self {
            params: self.params,
            level: AtomicU64::new(self.level.load(Ordering::SeqCst)),
            paid_until: AtomicU64::new(self.paid_until.load(Ordering::SeqCst)),
            in_flight: self.in_flight.snapshot(),
        }
    }

    fn withdraw(&self, now: Instant) -> Withdrawal {
        self.pay_trickle(now);
        if !self.in_flight.take() {
            return Withdrawal::InFlight;
        }
        if self.update(Level::spend) {
            return Withdrawal::Granted;
        }
        self.in_flight.give();
        Withdrawal::Spent
    }

    /// Who moves the time forward pays for it: no stretch of time is paid out twice.
    fn pay_trickle(&self, now: Instant) {
        let paid_until = self.paid_until.fetch_max(now.as_nanos(), Ordering::SeqCst);
        let elapsed = now.since(Instant::from_nanos(paid_until));
        if !elapsed.is_zero() {
            self.update(|level| Some(level.with_trickle(&self.params, elapsed)));
        }
    }

    fn update(&self, step: impl Fn(Level) -> Option<Level>) -> bool {
        let step = |level| step(Level(level)).map(|next| next.0);
        self.level.fetch_update(Ordering::SeqCst, Ordering::SeqCst, step).is_ok()
    }
}

fn bit(worker: WorkerId) -> u64 {
    1 << (u32::from(worker.0) % MOST_WORKERS)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use base::{Duration, Rate, Share};
    use policy::admission;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_limit_is_exact() {
        let shared = shared(2, 1);

        assert_eq!([(); 3].map(|()| shared.begin()), [true, true, false]);
        assert_eq!([(); 2].map(|()| shared.join(WorkerId(0))), [true, false]);
        assert_eq!((shared.in_flight(), shared.queued()), (2, 1));
    }

    #[test]
    fn permits_go_round_among_the_workers_that_wait() {
        let shared = shared(1, 10);
        for worker in [0, 2, 5] {
            assert!(shared.join(WorkerId(worker)));
        }

        let turns = [0, 2, 5, 63].map(|from| shared.next_waiting(WorkerId(from)).unwrap().0);

        assert_eq!(turns, [2, 5, 0, 0]);
    }

    #[test]
    fn nobody_is_woken_when_nobody_waits() {
        let shared = shared(1, 10);
        assert!(shared.begin());

        assert_eq!(shared.end(WorkerId(0)), None);
    }

    #[test]
    fn retries_are_bounded_in_number_and_in_flight() {
        let budget = budget::Params::new(Share::NONE, Rate::default(), 3, 2).unwrap();
        let rules = Rules { budget: Some(budget), ..Rules::default() };
        let shared = Shared::new(Instant::ZERO, &rules);
        let ask = || shared.withdraw(Instant::ZERO);

        assert_eq!(
            [ask(), ask(), ask()],
            [Withdrawal::Granted, Withdrawal::Granted, Withdrawal::InFlight]
        );
        shared.end_retry();
        shared.end_retry();
        assert_eq!([ask(), ask()], [Withdrawal::Granted, Withdrawal::Spent]);
    }

    /// Something that happens to a budget, on a worker whose clock may lag behind the others'.
    #[derive(Clone, Debug)]
    enum Step {
        Request,
        Ask,
        End,
        Pause { nanos: u64 },
    }

    proptest! {
        /// In any order of events, whoever looks at the clock late: the rate is bounded, and so is
        /// what is under way at once. One does not follow from the other: retries that end in a
        /// millisecond run at any rate through a bound in flight, and retries that hang pile up
        /// below any rate.
        #[test]
        fn retries_are_bounded_in_rate_and_in_flight_whatever_happens(
            share in 0_u32..=1_000_000,
            floor in 0_u64..100_000,
            burst in 1_u32..20,
            in_flight in 1_u32..20,
            steps in prop::collection::vec((step(), 0_u64..1_000_000_000), 0..400),
        ) {
            let (share, floor) = (Share::from_millionths(share), Rate::from_millis_per_sec(floor));
            let params = budget::Params::new(share, floor, burst, in_flight).unwrap();
            let rules = Rules { budget: Some(params), ..Rules::default() };
            let shared = Shared::new(Instant::ZERO, &rules);
            let (mut now, mut requests, mut granted, mut under_way) = (Instant::ZERO, 0_u32, 0_u32, 0_u32);
            for (step, lag) in steps {
                let seen = now - Duration::from_nanos(lag);
                match step {
                    Step::Request => { shared.earn(seen); requests += 1; }
                    Step::Ask => match shared.withdraw(seen) {
                        Withdrawal::Granted => { granted += 1; under_way += 1; }
                        Withdrawal::InFlight => prop_assert_eq!(under_way, in_flight),
                        Withdrawal::Spent => prop_assert!(under_way < in_flight),
                    },
                    Step::End if under_way > 0 => { shared.end_retry(); under_way -= 1; }
                    Step::End => {}
                    Step::Pause { nanos } => now += Duration::from_nanos(nanos),
                }
                let earned = f64::from(requests) * share.as_f64() + now.as_secs_f64() * floor.as_per_sec_f64();
                prop_assert!(f64::from(granted) <= earned + f64::from(burst) + 1e-6);
                prop_assert_eq!(shared.retries_in_flight(), under_way);
                prop_assert!(under_way <= in_flight);
            }
        }
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => Just(Step::Request),
            6 => Just(Step::Ask),
            2 => Just(Step::End),
            1 => (0_u64..2_000_000_000).prop_map(|nanos| Step::Pause { nanos }),
        ]
    }

    #[test]
    fn a_snapshot_goes_its_own_way() {
        let shared = shared(2, 1);
        assert!(shared.begin());
        let copy = shared.snapshot();

        assert!(copy.begin());

        assert_eq!((shared.in_flight(), copy.in_flight()), (1, 2));
        assert!(shared.begin() && !copy.begin());
    }

    fn shared(in_flight: u32, queue: u32) -> Shared {
        let admission = admission::Params { in_flight: Some(in_flight), queue: Some(queue) };
        Shared::new(Instant::ZERO, &Rules { admission, ..Rules::default() })
    }
}
