//! Leaving out an endpoint that fails while others do not.
//!
//! The danger of the rule is that it empties the pool: when all endpoints fail, the fault is not
//! theirs. So the share that is left out is bounded, computed *after* the ejection, and the last
//! endpoint always stays.

use base::{Duration, Instant, Share};

use crate::Invalid;

/// What an operator may set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Params {
    consecutive_failures: u32,
    time: Duration,
    at_most: Share,
}

impl Params {
    /// After so many failures in a row an endpoint is left out for `time`, longer with each
    /// repetition; never more than `at_most` of all endpoints at once.
    ///
    /// # Errors
    /// Any of them nothing, or a share above the whole.
    pub fn new(consecutive_failures: u32, time: Duration, at_most: Share) -> Result<Self, Invalid> {
        if consecutive_failures == 0 {
            return Err(Invalid::Zero("eject.consecutive_failures"));
        }
        if time.is_zero() {
            return Err(Invalid::Zero("eject.time"));
        }
        if at_most == Share::NONE {
            return Err(Invalid::Zero("eject.at_most"));
        }
        if at_most > Share::WHOLE {
            return Err(Invalid::OverWhole("eject.at_most"));
        }
        Ok(Self { consecutive_failures, time, at_most })
    }

    /// The most endpoints of a pool that may be out at once; the last one always stays.
    ///
    /// Shares are compared in whole percents, as people write them: one of three is "33 %".
    pub fn most_out(&self, endpoints: u32) -> u32 {
        let tolerance = Share::percent(1).as_millionths() / 2;
        let share = Share::from_millionths(self.at_most.as_millionths() + tolerance);
        let by_share = u32::try_from(share.of(u64::from(endpoints))).unwrap_or(u32::MAX);
        by_share.min(endpoints.saturating_sub(1))
    }

    /// How long the first ejection lasts.
    pub const fn time(&self) -> Duration {
        self.time
    }
}

/// An ejection lasts at most so many times `time`.
const LONGEST: u64 = 10;

/// The record of one endpoint.
#[derive(Clone, Debug, Default)]
pub struct Ejection {
    failures: u32,
    out_until: Option<Instant>,
    /// How often it has been out without a long good time between.
    repetitions: u64,
    last_out: Instant,
}

impl Ejection {
    /// Whether it is left out.
    pub const fn is_out(&self) -> bool {
        self.out_until.is_some()
    }

    /// When it comes back.
    pub const fn next_deadline(&self) -> Option<Instant> {
        self.out_until
    }

    /// An attempt on it went well.
    pub fn on_success(&mut self) {
        self.failures = 0;
    }

    /// An attempt on it failed. `out` endpoints of all `endpoints` are left out already. Says
    /// whether this one is now left out too.
    pub fn on_failure(&mut self, now: Instant, params: &Params, out: u32, endpoints: u32) -> bool {
        self.failures = self.failures.saturating_add(1);
        let enough = self.failures >= params.consecutive_failures;
        if self.is_out() || !enough || out >= params.most_out(endpoints) {
            return false;
        }
        let long_ago = now.since(self.last_out) > params.time.saturating_mul(LONGEST);
        self.repetitions = if long_ago { 1 } else { (self.repetitions + 1).min(LONGEST) };
        let back = now + params.time.saturating_mul(self.repetitions);
        self.out_until = Some(back);
        self.last_out = back;
        self.failures = 0;
        true
    }

    /// Time has passed. Says whether it comes back now. What failed in the meantime had left
    /// before and says nothing about now.
    pub fn on_time(&mut self, now: Instant) -> bool {
        let back = self.out_until.is_some_and(|until| now >= until);
        if back {
            (self.out_until, self.failures) = (None, 0);
        }
        back
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_pools_are_never_emptied() {
        let third = params(33);
        let most_out = [0, 1, 2, 3, 4, 6, 100].map(|endpoints| third.most_out(endpoints));
        assert_eq!(most_out, [0, 0, 0, 1, 1, 2, 33]);

        let all = params(100);
        assert_eq!([1, 2, 3].map(|endpoints| all.most_out(endpoints)), [0, 1, 2]);
    }

    #[test]
    fn failures_in_a_row_eject_and_time_brings_back() {
        let (params, mut endpoint) = (params(33), Ejection::default());

        assert!(!endpoint.on_failure(T0, &params, 0, 3));
        endpoint.on_success();
        assert!(!endpoint.on_failure(T0, &params, 0, 3));
        assert!(endpoint.on_failure(T0, &params, 0, 3));

        assert!(!endpoint.on_time(Instant::from_millis(9_999)));
        assert!(endpoint.on_time(Instant::from_secs(10)));
        assert!(!endpoint.is_out());
    }

    #[test]
    fn who_fails_again_at_once_is_out_longer() {
        let (params, mut endpoint) = (params(33), Ejection::default());
        let mut lengths = std::vec::Vec::new();
        let mut now = Instant::from_secs(1_000);

        for _ in 0..3 {
            endpoint.on_failure(now, &params, 0, 3);
            endpoint.on_failure(now, &params, 0, 3);
            let back = endpoint.next_deadline().unwrap();
            lengths.push(back.since(now).as_millis() / 1_000);
            endpoint.on_time(back);
            now = back;
        }

        assert_eq!(lengths, [10, 20, 30]);
    }

    #[test]
    fn tries_that_fail_while_it_is_out_do_not_count_when_it_is_back() {
        let (params, mut endpoint) = (params(33), Ejection::default());
        for _ in 0..10 {
            endpoint.on_failure(T0, &params, 0, 3);
        }
        endpoint.on_time(Instant::from_secs(10));

        assert!(!endpoint.on_failure(Instant::from_secs(10), &params, 0, 3));
    }

    #[test]
    fn when_everybody_fails_the_bound_holds() {
        let params = params(33);
        let mut out = 0;

        for _ in 0..6 {
            let mut endpoint = Ejection::default();
            for _ in 0..10 {
                out += u32::from(endpoint.on_failure(T0, &params, out, 6));
            }
        }

        assert_eq!(out, 2);
    }

    const T0: Instant = Instant::ZERO;

    fn params(percent: u32) -> Params {
        Params::new(2, Duration::from_secs(10), Share::percent(percent)).unwrap()
    }
}
