//! Active checks: asking an endpoint at regular times whether it is well.
//!
//! One good or bad answer proves little, so the belief changes after several in a row. An endpoint
//! that was never checked is believed to be up: a balancer that starts must not refuse everything
//! until its first checks are back.

use base::{Duration, Instant, Random};

use crate::Invalid;

/// What an operator may set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Params {
    every: Duration,
    timeout: Duration,
    up_after: u32,
    down_after: u32,
}

impl Params {
    /// A check `every` so often, answered within `timeout` or failed; so many in a row change the
    /// belief.
    ///
    /// # Errors
    /// Any of them nothing, or a check that may last longer than the time between two.
    pub fn new(
        every: Duration,
        timeout: Duration,
        up_after: u32,
        down_after: u32,
    ) -> Result<Self, Invalid> {
        if timeout.is_zero() {
            return Err(Invalid::Zero("health.timeout"));
        }
        if timeout > every {
            return Err(Invalid::Order("health.timeout", "health.every"));
        }
        if up_after == 0 {
            return Err(Invalid::Zero("health.up_after"));
        }
        if down_after == 0 {
            return Err(Invalid::Zero("health.down_after"));
        }
        Ok(Self { every, timeout, up_after, down_after })
    }

    /// The time between two checks.
    pub const fn every(&self) -> Duration {
        self.every
    }

    /// How long a check may take.
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Failures in a row until an endpoint is believed to be down.
    pub const fn down_after(&self) -> u32 {
        self.down_after
    }
}

/// The belief about one endpoint.
#[derive(Clone, Debug)]
pub struct Checker {
    params: Params,
    up: bool,
    /// Results in a row that speak against the belief.
    against: u32,
    next: Instant,
}

impl Checker {
    /// The first check comes at a random time within `every`, so that the checks of many endpoints
    /// and instances do not fall together.
    pub fn new(now: Instant, params: Params, random: &mut Random) -> Self {
        let first = now + Duration::from_nanos(random.below(params.every.as_nanos()));
        Self { params, up: true, against: 0, next: first }
    }

    /// Whether the endpoint is believed to be up.
    pub const fn is_up(&self) -> bool {
        self.up
    }

    /// When the next check leaves.
    pub const fn next_deadline(&self) -> Instant {
        self.next
    }

    /// A check leaves: until when it may be answered.
    pub fn on_sent(&mut self, now: Instant) -> Instant {
        self.next = now + self.params.every;
        now + self.params.timeout
    }

    /// A check was answered well, or not. The new belief if it changed.
    pub fn on_result(&mut self, well: bool) -> Option<bool> {
        if well == self.up {
            self.against = 0;
            return None;
        }
        self.against += 1;
        let enough = if self.up { self.params.down_after } else { self.params.up_after };
        if self.against < enough {
            return None;
        }
        self.up = well;
        self.against = 0;
        Some(well)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_belief_changes_after_enough_results_in_a_row() {
        let mut checker = checker();

        let changes = [false, false, true, false, false, false, true, true, true]
            .map(|well| checker.on_result(well));

        let changed: std::vec::Vec<_> =
            changes.into_iter().enumerate().filter(|(_, c)| c.is_some()).collect();
        assert_eq!(changed, [(5, Some(false)), (7, Some(true))]);
    }

    #[test]
    fn an_endpoint_that_was_never_checked_is_believed_to_be_up() {
        assert!(checker().is_up());
    }

    #[test]
    fn checks_leave_at_regular_times_and_have_an_end() {
        let mut checker = checker();
        let first = checker.next_deadline();
        assert!(first < Instant::from_secs(2));

        let until = checker.on_sent(first);

        assert_eq!(until, first + Duration::from_millis(500));
        assert_eq!(checker.next_deadline(), first + Duration::from_secs(2));
    }

    fn checker() -> Checker {
        let params = Params::new(Duration::from_secs(2), Duration::from_millis(500), 2, 3).unwrap();
        Checker::new(Instant::ZERO, params, &mut Random::of(1, "test", "health"))
    }
}
