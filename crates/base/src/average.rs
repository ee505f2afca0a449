//! Averages in whole numbers, equal on every platform.

use crate::{Duration, Instant};

/// A latency average that jumps up at once and comes down slowly.
///
/// A slow answer counts in full the moment it is seen; calmer ones wear it down with a time
/// constant. The weight of a new value after a pause `t` is `t / (t + constant)`, the first-order
/// approximation of `1 - exp(-t / constant)`: it needs no exponential, whose last bits differ
/// between platforms.
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

    /// The average as it stands.
    #[inline]
    pub const fn value(&self) -> Duration {
        self.value
    }
}

fn toward(from: Duration, to: Duration, pause: Duration, constant: Duration) -> Duration {
    let whole = u128::from(pause.as_nanos()) + u128::from(constant.as_nanos());
    if whole == 0 {
        return to;
    }
    let fall = u128::from(from.as_nanos() - to.as_nanos());
    let step = u64::try_from(fall * u128::from(pause.as_nanos()) / whole).unwrap_or(u64::MAX);
    Duration::from_nanos(from.as_nanos() - step)
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

    const TEN_SECS: Duration = Duration::from_secs(10);
}
