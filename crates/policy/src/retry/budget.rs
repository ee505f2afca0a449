//! How many retries may leave, as a share of the requests that earn them.
//!
//! A limit of tries per request cannot stop a retry storm: when every request fails, three tries
//! each is three times the load. A budget ties retries to requests instead, so the extra load
//! stays below `share` whatever the failure rate.
//!
//! It is a bucket of tokens. Each request that is sent puts in a part of a token, each retry takes
//! a whole one, and a trickle keeps a quiet client able to retry at all. A retry is charged when it
//! is decided, before its backoff: retries that wait uncharged would all leave together.
//!
//! The bucket is a promise of the whole instance, so its level is kept where all workers see it
//! (`engine::Shared`). Here is what one step does to a level.

use base::{Duration, Rate, Share};

use crate::Invalid;

/// What an operator may set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Params {
    share: Share,
    floor: Rate,
    burst: u32,
    in_flight: u32,
}

/// The retries that were earned and not yet spent, in parts so small that a nanosecond of the
/// slowest trickle and the smallest share are whole numbers of them: nothing is ever rounded away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(pub u64);

/// A whole retry: 10^9 nanoseconds times the 10^3 of a thousandth per second.
const RETRY: u64 = 1_000_000_000_000;
const MILLIONTH: u64 = RETRY / 1_000_000;
/// The most retries that fit a level.
const MOST_BURST: u32 = 10_000_000;

impl Params {
    /// `share`: retries earned by each request. `floor`: retries earned without any traffic, by
    /// this instance: divide the file's number by the number of instances first. `burst`: the most
    /// retries that can be saved up. `in_flight`: the most retries decided and not yet answered;
    /// a rate alone does not bound them when failures are slow.
    ///
    /// # Errors
    /// A share of more than the whole, a burst or an in-flight bound of nothing.
    pub fn new(share: Share, floor: Rate, burst: u32, in_flight: u32) -> Result<Self, Invalid> {
        if share > Share::WHOLE {
            return Err(Invalid::OverWhole("retry.budget.share"));
        }
        if burst == 0 {
            return Err(Invalid::Zero("retry.budget.burst"));
        }
        if in_flight == 0 {
            return Err(Invalid::Zero("retry.budget.in_flight"));
        }
        Ok(Self { share, floor, burst: burst.min(MOST_BURST), in_flight })
    }

    /// Retries earned by each request.
    pub const fn share(&self) -> Share {
        self.share
    }

    /// Retries earned without any traffic.
    pub const fn floor(&self) -> Rate {
        self.floor
    }

    /// The most retries that can be saved up.
    pub const fn burst(&self) -> u32 {
        self.burst
    }

    /// The most retries decided and not yet answered.
    pub const fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// The level at the start: full, so that a restart does not forbid the first retries.
    pub fn full(&self) -> Level {
        Level(u64::from(self.burst) * RETRY)
    }
}

impl Level {
    /// A request was sent for the first time. Its retries do not count: they would earn each other.
    /// Nor do requests that were turned away: most are when the service can bear retries least.
    #[must_use]
    pub fn with_request(self, params: &Params) -> Self {
        self.deposit(u64::from(params.share.as_millionths()) * MILLIONTH, params)
    }

    /// So much time has passed.
    #[must_use]
    pub fn with_trickle(self, params: &Params, elapsed: Duration) -> Self {
        self.deposit(elapsed.as_nanos().saturating_mul(params.floor.as_millis_per_sec()), params)
    }

    /// What is left after one retry; nothing if it has not been earned.
    pub const fn spend(self) -> Option<Self> {
        match self.0.checked_sub(RETRY) {
            Some(rest) => Some(Self(rest)),
            None => None,
        }
    }

    /// Whole retries, for people to read.
    pub fn as_retries_f64(self) -> f64 {
        self.0 as f64 / RETRY as f64
    }

    fn deposit(self, parts: u64, params: &Params) -> Self {
        Self(self.0.saturating_add(parts).min(params.full().0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_dead_backend_costs_no_more_than_the_share() {
        let params = params(20, 0);
        let mut level = Level(0);

        let retries = (0..1_000)
            .filter(|_| {
                level = level.with_request(&params);
                spend(&mut level)
            })
            .count();

        assert_eq!(retries, 200);
    }

    #[test]
    fn a_client_that_asks_all_the_time_still_gets_its_trickle() {
        let params = params(0, 1);
        let mut level = Level(0);

        let times: std::vec::Vec<_> = (1..=3_000)
            .filter(|_| {
                level = level.with_trickle(&params, Duration::from_millis(1));
                spend(&mut level)
            })
            .collect();

        assert_eq!(times, [1_000, 2_000, 3_000]);
    }

    #[test]
    fn a_budget_that_can_never_grant_a_retry_is_refused() {
        assert!(Params::new(Share::percent(10), Rate::per_sec(1), 0, 1).is_err());
        assert!(Params::new(Share::percent(10), Rate::per_sec(1), 1, 0).is_err());
        assert!(Params::new(Share::percent(101), Rate::per_sec(1), 1, 1).is_err());
    }

    #[derive(Clone, Debug)]
    enum Step {
        Request,
        Pause(u64),
        Ask,
    }

    proptest! {
        #[test]
        fn in_any_order_of_events_retries_stay_below_what_was_earned(
            share in 0_u32..=1_000_000,
            floor in 0_u64..100_000,
            burst in 1_u32..50,
            steps in prop::collection::vec(
                prop_oneof![Just(Step::Request), (0_u64..2_000_000_000).prop_map(Step::Pause), Just(Step::Ask), Just(Step::Ask)],
                0..400,
            ),
        ) {
            let params = Params::new(Share::from_millionths(share), Rate::from_millis_per_sec(floor), burst, 1_000).unwrap();
            let (mut level, mut requests, mut nanos, mut retries) = (params.full(), 0_u128, 0_u128, 0_u128);
            for step in steps {
                match step {
                    Step::Request => { level = level.with_request(&params); requests += 1; }
                    Step::Pause(pause) => { level = level.with_trickle(&params, Duration::from_nanos(pause)); nanos += u128::from(pause); }
                    Step::Ask => retries += u128::from(spend(&mut level)),
                }
                let earned = u128::from(burst) * u128::from(RETRY)
                    + requests * u128::from(share) * u128::from(MILLIONTH)
                    + nanos * u128::from(floor);
                prop_assert!(retries * u128::from(RETRY) <= earned);
            }
        }
    }

    fn params(percent: u32, floor_per_sec: u64) -> Params {
        Params::new(Share::percent(percent), Rate::per_sec(floor_per_sec), 10, 10).unwrap()
    }

    fn spend(level: &mut Level) -> bool {
        level.spend().map(|rest| *level = rest).is_some()
    }
}
