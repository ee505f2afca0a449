//! How long work takes.

use alloc::vec::Vec;

use base::{Duration, Random};

use crate::distribution::{NORMAL_P99, exponential, normal};

/// How long work takes, as a design says it.
#[derive(Clone, Debug, PartialEq)]
pub enum ServiceTime {
    /// Always the same.
    Constant(Duration),
    /// Lognormal, by its median and its 99th percentile.
    Lognormal {
        /// Half of all are faster.
        median: Duration,
        /// One in a hundred is slower.
        p99: Duration,
    },
    /// Exponential, by its mean.
    Exponential {
        /// The mean.
        mean: Duration,
    },
    /// As measured: one of these, each as likely.
    Empirical(Vec<Duration>),
}

impl ServiceTime {
    /// The mean in seconds.
    pub fn mean(&self) -> f64 {
        match self {
            Self::Constant(time) | Self::Exponential { mean: time } => time.as_secs_f64(),
            Self::Lognormal { median, p99 } => {
                let sigma = sigma(*median, *p99);
                median.as_secs_f64() * libm::exp(sigma * sigma / 2.0)
            }
            Self::Empirical(times) if times.is_empty() => 0.0,
            Self::Empirical(times) => {
                times.iter().map(|time| time.as_secs_f64()).sum::<f64>() / times.len() as f64
            }
        }
    }
}

impl ServiceTime {
    /// The same work in so many times less time.
    #[must_use]
    pub fn faster(&self, times: f64) -> Self {
        let part = |time: Duration| Duration::from_secs_f64(time.as_secs_f64() / times);
        match self {
            Self::Constant(time) => Self::Constant(part(*time)),
            Self::Lognormal { median, p99 } => {
                Self::Lognormal { median: part(*median), p99: part(*p99) }
            }
            Self::Exponential { mean } => Self::Exponential { mean: part(*mean) },
            Self::Empirical(all) => Self::Empirical(all.iter().map(|time| part(*time)).collect()),
        }
    }

    /// The squared coefficient of variation: the variance in squares of the mean. 0 is always the
    /// same, 1 is exponential.
    pub fn variation(&self) -> f64 {
        match self {
            Self::Constant(_) => 0.0,
            Self::Exponential { .. } => 1.0,
            Self::Lognormal { median, p99 } => {
                let sigma = sigma(*median, *p99);
                libm::exp(sigma * sigma) - 1.0
            }
            Self::Empirical(times) => {
                let mean = self.mean();
                let square = |time: &Duration| {
                    let apart = time.as_secs_f64() - mean;
                    apart * apart
                };
                let variance = times.iter().map(square).sum::<f64>() / times.len().max(1) as f64;
                if mean > 0.0 { variance / (mean * mean) } else { 0.0 }
            }
        }
    }
}

/// A [`ServiceTime`] made ready to be drawn from often.
#[derive(Clone, Debug)]
pub(crate) enum Sampler {
    Constant(f64),
    Lognormal { median: f64, sigma: f64 },
    Exponential(f64),
    Empirical(Vec<f64>),
}

impl Sampler {
    pub(crate) fn new(time: &ServiceTime) -> Self {
        match time {
            ServiceTime::Constant(time) => Self::Constant(time.as_secs_f64()),
            ServiceTime::Lognormal { median, p99 } => {
                Self::Lognormal { median: median.as_secs_f64(), sigma: sigma(*median, *p99) }
            }
            ServiceTime::Exponential { mean } => Self::Exponential(mean.as_secs_f64()),
            ServiceTime::Empirical(times) => {
                Self::Empirical(times.iter().map(|time| time.as_secs_f64()).collect())
            }
        }
    }

    /// Seconds.
    #[inline]
    pub(crate) fn draw(&self, random: &mut Random) -> f64 {
        match self {
            Self::Constant(time) => *time,
            Self::Lognormal { median, sigma } => median * libm::exp(sigma * normal(random)),
            Self::Exponential(mean) => mean * exponential(random),
            Self::Empirical(times) => {
                let at = usize::try_from(random.below(times.len() as u64)).unwrap_or(0);
                times.get(at).copied().unwrap_or(0.0)
            }
        }
    }
}

/// The shape of a lognormal distribution from two of its percentiles.
fn sigma(median: Duration, p99: Duration) -> f64 {
    let (median, p99) = (median.as_nanos().max(1) as f64, p99.as_nanos().max(1) as f64);
    libm::log(p99 / median).max(0.0) / NORMAL_P99
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lognormal_has_the_percentiles_that_it_was_given() {
        let time = ServiceTime::Lognormal {
            median: Duration::from_millis(35),
            p99: Duration::from_millis(120),
        };
        let (sampler, mut random) = (Sampler::new(&time), Random::of(1, "db", "test"));
        let mut draws: Vec<f64> = (0..100_000).map(|_| sampler.draw(&mut random)).collect();
        draws.sort_by(f64::total_cmp);

        assert!((draws[50_000] / 0.035 - 1.0).abs() < 0.01, "{}", draws[50_000]);
        assert!((draws[99_000] / 0.120 - 1.0).abs() < 0.03, "{}", draws[99_000]);
    }

    #[test]
    fn the_variation_of_what_is_drawn_is_the_one_that_is_told() {
        let lognormal = ServiceTime::Lognormal {
            median: Duration::from_millis(35),
            p99: Duration::from_millis(120),
        };
        let (sampler, mut random) = (Sampler::new(&lognormal), Random::of(1, "db", "variation"));
        let draws: Vec<Duration> =
            (0..200_000).map(|_| Duration::from_secs_f64(sampler.draw(&mut random))).collect();

        let drawn = ServiceTime::Empirical(draws).variation();

        assert!((drawn / lognormal.variation() - 1.0).abs() < 0.03, "{drawn}");
        assert_eq!(ServiceTime::Constant(Duration::from_millis(3)).variation(), 0.0);
    }

    #[test]
    fn the_mean_of_what_is_drawn_is_the_mean_that_is_told() {
        let measured = ServiceTime::Empirical(alloc::vec![
            Duration::from_millis(1),
            Duration::from_millis(2),
            Duration::from_millis(9),
        ]);
        let all = [
            ServiceTime::Constant(Duration::from_millis(3)),
            ServiceTime::Exponential { mean: Duration::from_millis(2) },
            ServiceTime::Lognormal {
                median: Duration::from_millis(35),
                p99: Duration::from_millis(120),
            },
            measured,
        ];
        for time in all {
            let (sampler, mut random) = (Sampler::new(&time), Random::of(2, "db", "test"));
            let mean = (0..100_000).map(|_| sampler.draw(&mut random)).sum::<f64>() / 1e5;

            assert!((mean / time.mean() - 1.0).abs() < 0.02, "{time:?}: {mean}");
        }
    }
}
