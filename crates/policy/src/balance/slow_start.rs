//! A smaller part of the traffic for an endpoint that has just come up.
//!
//! A process that has just started is slow: its caches are cold, its connections are not open, its
//! code is not compiled. With its whole part of the traffic at once it fails, is left out, and
//! comes back to the same. So its weight grows from next to nothing to the whole, in proportion to
//! the time since it came up.

use base::{Duration, Instant};

use crate::Invalid;

/// What an operator may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowStart {
    window: Duration,
}

/// A weight grows in so many steps, so that the endpoints to choose from are rebuilt now and then
/// and not for each choice.
const STEPS: u64 = 100;

impl SlowStart {
    /// The whole weight a `window` after coming up.
    ///
    /// # Errors
    /// A window of no time.
    pub const fn new(window: Duration) -> Result<Self, Invalid> {
        if window.is_zero() {
            return Err(Invalid::Zero("balance.slow_start"));
        }
        Ok(Self { window })
    }

    /// The time until an endpoint has its whole weight.
    pub const fn window(&self) -> Duration {
        self.window
    }

    /// The weight of an endpoint that came up at `since`, of [`SlowStart::whole`] `weight`. Never
    /// nothing: who gets no traffic at all does not warm up.
    pub fn weight(&self, now: Instant, since: Instant, weight: u32) -> u32 {
        let (step, passed) = (self.step().as_nanos(), self.began(now).since(since).as_nanos());
        let parts = u32::try_from((passed / step + 1).min(STEPS)).unwrap_or(u32::MAX);
        weight.saturating_mul(parts)
    }

    /// The weight of an endpoint that has been up for long, in the terms of [`SlowStart::weight`].
    pub fn whole(weight: u32) -> u32 {
        weight.saturating_mul(u32::try_from(STEPS).unwrap_or(u32::MAX))
    }

    /// When an endpoint that came up at `since` has its whole weight.
    pub fn is_over(&self, now: Instant, since: Instant) -> bool {
        self.weight(now, since, 1) == Self::whole(1)
    }

    /// When the weights change next.
    pub fn next_step(&self, now: Instant) -> Instant {
        self.began(now) + self.step()
    }

    /// The beginning of the step that `now` is in. All endpoints have their steps at the same
    /// times, counted from the clock's start.
    fn began(&self, now: Instant) -> Instant {
        let step = self.step().as_nanos();
        Instant::from_nanos(now.as_nanos() / step * step)
    }

    fn step(&self) -> Duration {
        Duration::from_nanos((self.window.as_nanos() / STEPS).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weight_grows_in_proportion_to_the_time_up() {
        let rule = SlowStart::new(Duration::from_secs(10)).unwrap();
        let up = Instant::from_secs(1_000);

        let weights =
            [0, 1_000, 5_000, 9_899, 9_900, 60_000].map(|ms| rule.weight(up + millis(ms), up, 7));

        assert_eq!(weights, [7, 77, 357, 693, 700, 700]);
        assert_eq!(SlowStart::whole(7), 700);
    }

    #[test]
    fn within_a_step_nothing_changes() {
        let rule = SlowStart::new(Duration::from_secs(10)).unwrap();
        let up = Instant::from_millis(1_234_567);

        for now in (0..12_000).step_by(7).map(|ms| up + millis(ms)) {
            let last = Instant::from_nanos(rule.next_step(now).as_nanos() - 1);
            assert!(last >= now && last < now + millis(100));
            assert_eq!(rule.weight(now, up, 1), rule.weight(last, up, 1));
        }
    }

    #[test]
    fn a_window_of_no_time_is_refused_and_the_shortest_is_over_at_once() {
        assert!(SlowStart::new(Duration::ZERO).is_err());

        let rule = SlowStart::new(Duration::from_nanos(1)).unwrap();
        assert!(rule.is_over(Instant::from_secs(1), Instant::ZERO));
    }

    const fn millis(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }
}
