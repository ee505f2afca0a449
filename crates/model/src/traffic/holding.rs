//! How long a session stays open.
//!
//! A run starts where a system is that has been up for long: with the sessions that are open then.
//! How many there are says Little's law. How much longer each will last is not the usual time:
//! whoever looks at an open session has more likely met a long one, and somewhere in its middle.

use base::{Duration, Random};

use crate::distribution::{NORMAL_P99, exponential, normal};

/// The time that sessions stay open: lognormal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Holding {
    median: f64,
    sigma: f64,
}

impl Holding {
    /// By the median, and the time that one session in a hundred exceeds.
    pub fn new(median: Duration, p99: Duration) -> Self {
        let (median, p99) = (median.as_secs_f64().max(1e-9), p99.as_secs_f64());
        Self { median, sigma: libm::log((p99 / median).max(1.0)) / NORMAL_P99 }
    }

    /// In seconds.
    pub fn mean(&self) -> f64 {
        self.median * libm::exp(self.sigma * self.sigma / 2.0)
    }

    /// How long a session lasts that opens now.
    pub fn draw(&self, random: &mut Random) -> Duration {
        Duration::from_secs_f64(self.median * libm::exp(self.sigma * normal(random)))
    }

    /// How much longer a session lasts that is met open: an even part of a time drawn in proportion
    /// to its length (Cox, "Renewal Theory", 1962, section 5.2). Such a time is lognormal again,
    /// with `sigma²` added to the mean of its logarithm.
    pub fn remaining(&self, random: &mut Random) -> Duration {
        let longer = self.sigma * self.sigma;
        let whole = self.median * libm::exp(longer + self.sigma * normal(random));
        Duration::from_secs_f64(whole * random.unit())
    }

    /// How many are open at a moment when so many open each second: Poisson with the mean of
    /// [`Holding::open`], whatever the times are (the queue M/G/∞).
    pub fn draw_open(&self, per_sec: f64, random: &mut Random) -> u64 {
        let mean = self.open(per_sec);
        let (mut passed, mut open) = (exponential(random), 0);
        while passed < mean && open < MOST_OPEN {
            passed += exponential(random);
            open += 1;
        }
        open
    }

    /// How many are open on average when so many open each second (Little, 1961).
    pub fn open(&self, per_sec: f64) -> f64 {
        per_sec * self.mean()
    }
}

/// More are not drawn: whoever needs them has no memory for them either.
const MOST_OPEN: u64 = 10_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_last_as_long_on_average_as_is_told() {
        let (holding, mut random) = (holding(), Random::of(1, "phones", "test"));
        let mean = (0..200_000).map(|_| holding.draw(&mut random).as_secs_f64()).sum::<f64>() / 2e5;

        assert!((mean / holding.mean() - 1.0).abs() < 0.02, "{mean} of {}", holding.mean());
    }

    /// The mean of what remains is the mean square over twice the mean.
    #[test]
    fn who_is_met_open_stays_longer_than_half_of_the_usual_time() {
        let (holding, mut random) = (holding(), Random::of(2, "phones", "test"));
        let expected = holding.mean() * libm::exp(holding.sigma * holding.sigma) / 2.0;
        let mean =
            (0..400_000).map(|_| holding.remaining(&mut random).as_secs_f64()).sum::<f64>() / 4e5;

        assert!((mean / expected - 1.0).abs() < 0.03, "{mean} of {expected}");
        assert!(mean > 1.5 * holding.mean() / 2.0);
    }

    #[test]
    fn one_time_for_all_leaves_half_of_it_on_average() {
        let always = Holding::new(Duration::from_secs(10), Duration::from_secs(10));
        let mut random = Random::of(3, "phones", "test");
        let mean =
            (0..10_000).map(|_| always.remaining(&mut random).as_secs_f64()).sum::<f64>() / 1e4;

        assert_eq!(always.draw(&mut random), Duration::from_secs(10));
        assert!((4.8..5.2).contains(&mean), "{mean}");
    }

    fn holding() -> Holding {
        Holding::new(Duration::from_secs(600), Duration::from_secs(3_000))
    }
}
