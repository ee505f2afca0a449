//! A distribution of durations in a fixed number of cells.
//!
//! Buckets are log-linear: eight equal parts of each power of two, so that a quantile is off by at
//! most an eighth of its value, from 16 microseconds to 69 seconds. A position is found with a
//! count of leading zeros and a shift.

use std::sync::atomic::{AtomicU64, Ordering};

use base::Duration;

/// Counted by one worker, read by all.
#[derive(Debug)]
pub(super) struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    sum_nanos: AtomicU64,
}

/// What several workers counted, added up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Totals {
    buckets: [u64; BUCKETS],
    sum_nanos: u64,
}

impl Histogram {
    /// One more of this length.
    #[inline]
    pub(super) fn observe(&self, took: Duration) {
        add(&self.buckets[position(took.as_nanos())], 1);
        add(&self.sum_nanos, took.as_nanos());
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: [const { AtomicU64::new(0) }; BUCKETS], sum_nanos: AtomicU64::new(0) }
    }
}

impl Totals {
    /// Adds what one worker counted.
    pub(super) fn add(&mut self, counted: &Histogram) {
        for (total, bucket) in self.buckets.iter_mut().zip(&counted.buckets) {
            *total += bucket.load(Ordering::Relaxed);
        }
        self.sum_nanos += counted.sum_nanos.load(Ordering::Relaxed);
    }

    /// Everything that was observed.
    pub(super) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// All lengths together.
    pub(super) const fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum_nanos)
    }

    /// Upper bounds, and how many were at most that long: two bounds for each power of two, which
    /// is what a dashboard needs, and a quarter of the lines.
    pub(super) fn cumulative(&self) -> impl Iterator<Item = (Duration, u64)> {
        let running = self.buckets.iter().scan(0, |sum, bucket| {
            *sum += bucket;
            Some(*sum)
        });
        let bounded = running.take(BUCKETS - 1).enumerate();
        bounded.filter(|(at, _)| at.is_multiple_of(SHOWN)).map(|(at, sum)| (upper_bound(at), sum))
    }
}

impl Default for Totals {
    fn default() -> Self {
        Self { buckets: [0; BUCKETS], sum_nanos: 0 }
    }
}

/// One writer: a load and a store are enough, and no bus lock is taken.
#[inline]
pub(super) fn add(cell: &AtomicU64, more: u64) {
    cell.store(cell.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

/// Bounds belong to the bucket below them, as `le` wants it: hence the one less.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "below the number of buckets")]
fn position(nanos: u64) -> usize {
    let below = nanos.saturating_sub(1);
    if below < 1 << FIRST {
        return 0;
    }
    let octave = below.ilog2();
    let part = (below >> (octave - PARTS_LOG2)) & (PARTS - 1);
    let at = u64::from(octave - FIRST) * PARTS + part + 1;
    (at as usize).min(BUCKETS - 1)
}

/// The longest that falls into a bucket; not for the last, which has no bound.
fn upper_bound(at: usize) -> Duration {
    let at = at as u64;
    let (octave, parts) = (at / PARTS, at % PARTS);
    Duration::from_nanos((PARTS + parts) << (octave + u64::from(FIRST - PARTS_LOG2)))
}

/// Everything up to 2^14 ns, about 16 us, is one bucket.
const FIRST: u32 = 14;
/// The last bound is 2^36 ns, about 69 s.
const LAST: u32 = 36;
const PARTS_LOG2: u32 = 3;
const PARTS: u64 = 1 << PARTS_LOG2;
const BUCKETS: usize = (((LAST - FIRST) as usize) << PARTS_LOG2) + 2;
/// Every fourth bound is exported.
const SHOWN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_lies_between_the_bounds_of_its_bucket() {
        let mut nanos = 1_u64;
        while nanos < 1 << LAST {
            for nanos in [nanos - 1, nanos, nanos + 1] {
                let at = position(nanos);
                assert!(nanos <= upper_bound(at).as_nanos(), "{nanos}");
                assert!(at == 0 || nanos > upper_bound(at - 1).as_nanos(), "{nanos}");
            }
            nanos = nanos + nanos / 16 + 1;
        }
    }

    #[test]
    fn a_bucket_is_at_most_an_eighth_wider_than_where_it_begins() {
        let bounds: Vec<_> = (0..BUCKETS - 1).map(|at| upper_bound(at).as_nanos()).collect();

        assert!(bounds.windows(2).all(|pair| (pair[1] - pair[0]) * PARTS <= pair[0]), "{bounds:?}");
    }

    #[test]
    fn what_is_longer_than_the_last_bound_is_still_counted() {
        let histogram = Histogram::default();
        histogram.observe(Duration::from_secs(3_600));

        let mut totals = Totals::default();
        totals.add(&histogram);

        assert_eq!((totals.count(), totals.sum()), (1, Duration::from_secs(3_600)));
        assert!(totals.cumulative().all(|(_, count)| count == 0));
    }

    #[test]
    fn bounds_grow_and_counts_never_fall() {
        let histogram = Histogram::default();
        (0..1_000).for_each(|ms| histogram.observe(Duration::from_millis(ms)));
        let mut totals = Totals::default();
        totals.add(&histogram);

        let shown: Vec<_> = totals.cumulative().collect();

        assert!(shown.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1));
        let exact = |bound: Duration| (bound.as_nanos() / 1_000_000 + 1).min(1_000);
        assert!(shown.iter().all(|(bound, count)| *count == exact(*bound)), "{shown:?}");
    }
}
