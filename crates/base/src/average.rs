//! Averages in whole numbers, equal on every platform.

use crate::{Duration, Instant};

/// A latency average that jumps up at once and comes down slowly.
///
/// A slow answer counts in full the moment it is seen; calmer ones wear it down with a time
/// constant. The weight of a new value after a pause `t` below the constant is
/// `t / (t + constant)`, the first-order approximation of `1 - exp(-t / constant)`: it needs no
/// exponential, whose last bits differ between platforms. Of a longer pause, each whole constant
/// halves what is left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PeakEwma {
    value: Duration,
    seen: Instant,
}

impl PeakEwma {
    /// Starts at a guess.
    pub const fn new(now: Instant, guess: Duration) -> Self {
        Self { value: guess, seen: now }
    }

    /// A latency was seen; `constant` is how slowly old peaks are forgotten.
    #[inline]
    pub fn observe(&mut self, now: Instant, constant: Duration, latency: Duration) {
        let pause = now.since(self.seen);
        self.seen = now;
        self.value = if latency >= self.value {
            latency
        } else {
            toward(self.value, latency, pause, constant)
        };
    }

    /// The average as it stood when a latency was last seen.
    #[inline]
    pub const fn value(&self) -> Duration {
        self.value
    }

    /// The average as of now: a peak fades also where nothing is seen any more. Otherwise one slow
    /// answer would be remembered for ever by those who keep away because of it.
    #[inline]
    pub fn value_at(&self, now: Instant, constant: Duration) -> Duration {
        toward(self.value, Duration::ZERO, now.since(self.seen), constant)
    }
}

fn toward(from: Duration, to: Duration, pause: Duration, constant: Duration) -> Duration {
    let (pause, constant) = (pause.as_nanos(), constant.as_nanos());
    if constant == 0 {
        return to;
    }
    // Most pauses are far shorter, and are not divided.
    let (halvings, rest) =
        if pause < constant { (0, pause) } else { (pause / constant, pause % constant) };
    let gap = (from.as_nanos() - to.as_nanos()) >> halvings.min(63);
    to + Duration::from_nanos(gap - part(gap, rest, constant))
}

/// `gap * rest / (constant + rest)`, rounded down; in the width of the machine where that is enough.
fn part(gap: u64, rest: u64, constant: u64) -> u64 {
    match (gap.checked_mul(rest), constant.checked_add(rest)) {
        (Some(product), Some(whole)) => product / whole,
        _ => {
            let whole = u128::from(constant) + u128::from(rest);
            u64::try_from(u128::from(gap) * u128::from(rest) / whole).unwrap_or(gap)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_counts_at_once_and_fades() {
        let mut average = PeakEwma::new(Instant::ZERO, Duration::from_millis(1));

        average.observe(Instant::from_millis(1), TEN_SECS, Duration::from_millis(100));
        let peak = average.value();
        average.observe(Instant::from_millis(10_001), TEN_SECS, Duration::ZERO);

        assert_eq!(
            (peak, average.value()),
            (Duration::from_millis(100), Duration::from_millis(50))
        );
    }

    #[test]
    fn two_answers_in_the_same_instant_do_not_erase_the_peak() {
        let mut average = PeakEwma::new(Instant::ZERO, Duration::from_millis(100));

        average.observe(Instant::ZERO, TEN_SECS, Duration::from_millis(1));

        assert_eq!(average.value(), Duration::from_millis(100));
    }

    #[test]
    fn a_peak_fades_also_where_nothing_is_seen() {
        let average = PeakEwma::new(Instant::ZERO, Duration::from_millis(80));

        let values = [0, 5, 10, 20, 30, 100_000]
            .map(|secs| average.value_at(Instant::from_secs(secs), TEN_SECS).as_nanos());

        assert_eq!(values, [80_000_000, 53_333_334, 40_000_000, 20_000_000, 10_000_000, 0]);
    }

    #[test]
    fn without_a_time_constant_nothing_is_remembered() {
        let average = PeakEwma::new(Instant::ZERO, Duration::from_millis(80));

        assert_eq!(average.value_at(Instant::ZERO, Duration::ZERO), Duration::ZERO);
    }

    const TEN_SECS: Duration = Duration::from_secs(10);
}
