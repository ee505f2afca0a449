//! When requests are due: at random, at a given rate, and the same each time.

use std::time::{Duration, Instant};

/// Times between which no user looks at what another does: a Poisson process.
#[derive(Debug)]
pub(super) struct Arrivals {
    next: Instant,
    mean: Option<Duration>,
    state: u64,
}

impl Arrivals {
    /// None, if there is no rate.
    pub(super) fn new(now: Instant, per_second: Option<f64>) -> Self {
        let mean = per_second.map(|rate| Duration::from_secs_f64(1.0 / rate));
        Self { next: now, mean, state: SEED }
    }

    /// When the next one is due; never, if there is no rate.
    pub(super) fn next(&self) -> Instant {
        if self.mean.is_some() { self.next } else { self.next + NEVER }
    }

    /// Those that are due by now and were not taken yet.
    pub(super) fn until(&mut self, now: Instant) -> impl Iterator<Item = Instant> + '_ {
        std::iter::from_fn(move || {
            let mean = self.mean?;
            let due = (self.next <= now).then_some(self.next)?;
            let gap = mean.mul_f64(-self.uniform().ln());
            self.next += gap;
            Some(due)
        })
    }

    /// Above 0 and at most 1. Marsaglia's xorshift64.
    fn uniform(&mut self) -> f64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        ((self.state >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const NEVER: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_come_as_the_rate_says_and_the_same_each_time() {
        let now = Instant::now();
        let times = || {
            Arrivals::new(now, Some(1_000.0))
                .until(now + Duration::from_secs(20))
                .collect::<Vec<_>>()
        };

        let (first, second) = (times(), times());

        assert_eq!(first, second);
        // Four standard deviations of a Poisson count of 20,000.
        assert!(first.len().abs_diff(20_000) < 4 * 142, "{}", first.len());
    }

    #[test]
    fn without_a_rate_nobody_comes_by_the_clock() {
        let now = Instant::now();
        let mut arrivals = Arrivals::new(now, None);

        assert_eq!(arrivals.until(now + Duration::from_secs(9)).count(), 0);
        assert!(arrivals.next() > now + Duration::from_secs(9));
    }
}
