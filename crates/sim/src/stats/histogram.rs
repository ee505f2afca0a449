//! A distribution of times in bounded memory.

use base::Duration;

/// Counts of times, in steps of at most one part in 32: 1 µs to a day.
///
/// Log-linear: each power of two is divided into 32 equal steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Histogram {
    counts: Vec<u32>,
    /// In nanoseconds.
    sum: u128,
    longest: Duration,
}

/// Steps in a power of two, as a power of two.
const STEPS: u32 = 5;
/// Times are counted in units of 1,024 ns.
const UNIT: u32 = 10;
/// The last bucket holds what is longer than a day.
const LAST: usize = 1_100;

impl Histogram {
    /// One more.
    #[inline]
    pub(crate) fn record(&mut self, time: Duration) {
        let bucket = bucket(time.as_nanos() >> UNIT);
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
        self.sum += u128::from(time.as_nanos());
        self.longest = self.longest.max(time);
    }

    /// All of another's.
    pub(crate) fn merge(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.sum += other.sum;
        self.longest = self.longest.max(other.longest);
    }

    /// How many there are.
    pub(crate) fn total(&self) -> u64 {
        self.counts.iter().map(|&count| u64::from(count)).sum()
    }

    /// The mean in seconds, exact; nothing when there are none.
    pub(crate) fn mean(&self) -> Option<f64> {
        let total = self.total();
        (total > 0).then(|| self.sum as f64 / total as f64 / 1e9)
    }

    /// The time below which this share of all lies; nothing when there are none. Those of one step
    /// are taken to lie evenly in it.
    pub(crate) fn quantile(&self, share: f64) -> Option<Duration> {
        let wanted = (share * self.total() as f64).ceil().max(1.0);
        let mut before = 0.0;
        for (at, &count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let count = f64::from(count);
            if before + count >= wanted {
                let time = within(at, (wanted - before - 0.5) / count);
                return Some(time.min(self.longest));
            }
            before += count;
        }
        None
    }
}

fn bucket(units: u64) -> usize {
    let steps = 1_u64 << STEPS;
    if units < steps {
        return usize::try_from(units).unwrap_or(0);
    }
    let power = units.ilog2();
    let step = (units >> (power - STEPS)) - steps;
    let bucket = u64::from(power - STEPS + 1) * steps + step;
    usize::try_from(bucket).unwrap_or(LAST).min(LAST)
}

/// The time at this part of a step.
fn within(bucket: usize, part: f64) -> Duration {
    let steps = 1_usize << STEPS;
    let (low, width) = if bucket < steps {
        (bucket as u64, 1_u64)
    } else {
        let (power, step) = (bucket / steps - 1, bucket % steps);
        (((steps + step) as u64) << power, 1_u64 << power)
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "part of a step")]
    let into = (part * (width << UNIT) as f64) as u64;
    Duration::from_nanos((low << UNIT) + into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_comes_back_within_one_part_in_thirty_two() {
        for micros in [1_u64, 31, 33, 999, 1_234, 50_000, 7_654_321, 3_600_000_000] {
            let mut histogram = Histogram::default();
            histogram.record(Duration::from_micros(micros));

            let back = histogram.quantile(0.5).unwrap().as_nanos() as f64 / 1e3;

            let error = (back - micros as f64).abs();
            assert!(error <= (micros as f64 / 32.0).max(1.024), "{micros} µs came back as {back}");
        }
    }

    #[test]
    fn percentiles_of_a_thousand_even_times() {
        let mut histogram = Histogram::default();
        for ms in 1..=1_000 {
            histogram.record(Duration::from_millis(ms));
        }

        for (share, expected) in [(0.5, 500.0), (0.99, 990.0), (1.0, 1_000.0)] {
            let time = histogram.quantile(share).unwrap().as_millis_f64();
            assert!((time / expected - 1.0).abs() < 0.032, "{share}: {time}");
        }
        assert!((histogram.mean().unwrap() - 0.5005).abs() < 1e-9);
        assert_eq!(Histogram::default().quantile(0.5), None);
    }

    #[test]
    fn a_time_beyond_all_bounds_is_still_counted() {
        let mut histogram = Histogram::default();
        histogram.record(Duration::MAX);

        assert!(histogram.quantile(1.0).unwrap() > Duration::from_secs(86_400));
    }
}
