//! Successes and failures of the last while, in ten slices.

use base::{Duration, Instant, Share};

const SLICES: usize = 10;

/// Counts that fall out of sight a tenth of the window at a time.
#[derive(Clone, Debug)]
pub(super) struct Window {
    slice: Duration,
    counts: [Count; SLICES],
    sum: Count,
    /// The number of the slice that is filled now, counted from the clock's start.
    current: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    total: u32,
    failed: u32,
}

impl Window {
    pub(super) fn new(now: Instant, length: Duration) -> Self {
        let slice = Duration::from_nanos((length.as_nanos() / SLICES as u64).max(1));
        let current = now.as_nanos() / slice.as_nanos();
        Self { slice, counts: [Count::default(); SLICES], sum: Count::default(), current }
    }

    pub(super) fn count(&mut self, now: Instant, failed: bool) {
        self.forget(now);
        let slot = &mut self.counts[slot(self.current)];
        for count in [slot, &mut self.sum] {
            count.total = count.total.saturating_add(1);
            count.failed = count.failed.saturating_add(u32::from(failed));
        }
    }

    pub(super) const fn total(&self) -> u32 {
        self.sum.total
    }

    pub(super) fn failures_reach(&self, share: Share) -> bool {
        u64::from(self.sum.failed) * 1_000_000
            >= u64::from(self.sum.total) * u64::from(share.as_millionths())
    }

    fn forget(&mut self, now: Instant) {
        let slice = now.as_nanos() / self.slice.as_nanos();
        let passed = slice.saturating_sub(self.current).min(SLICES as u64);
        for step in 1..=passed {
            let old = core::mem::take(&mut self.counts[slot(self.current + step)]);
            self.sum.total = self.sum.total.saturating_sub(old.total);
            self.sum.failed = self.sum.failed.saturating_sub(old.failed);
        }
        self.current = self.current.max(slice);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "below ten")]
const fn slot(slice: u64) -> usize {
    (slice % SLICES as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_failures_fall_out_of_sight() {
        let mut window = Window::new(Instant::ZERO, Duration::from_secs(10));

        window.count(Instant::from_secs(0), true);
        window.count(Instant::from_secs(9), false);
        assert!(window.failures_reach(Share::percent(50)));

        window.count(Instant::from_secs(10), false);
        assert_eq!(window.total(), 2);
        assert!(!window.failures_reach(Share::percent(1)));
    }

    #[test]
    fn a_long_pause_forgets_everything() {
        let mut window = Window::new(Instant::ZERO, Duration::from_secs(10));
        window.count(Instant::ZERO, true);

        window.count(Instant::from_secs(1_000_000), false);

        assert_eq!(window.total(), 1);
    }
}
