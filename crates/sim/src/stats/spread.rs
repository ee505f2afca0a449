//! Times of one run, stretch by stretch: so that even one run can tell how sure it is.
//!
//! Within a run, answers that follow each other are alike: a queue that is long now is long a
//! moment later. Means over long stretches hardly depend on each other any more, and their spread
//! says how far the mean of the run may be off (the method of batch means; Law, "Simulation
//! Modeling and Analysis", chapter 9).

use base::{Duration, Instant};

use super::Histogram;
use super::ruler::Ruler;

/// The times of requests that arrived between two moments, in stretches of the same length.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Spread {
    ruler: Ruler,
    stretches: Vec<Histogram>,
}

/// As many as Law recommends at most: more would be too short to be independent.
const STRETCHES: usize = 20;

impl Spread {
    /// For requests that arrive from `from` until `end`.
    pub(crate) fn new(from: Instant, end: Instant) -> Self {
        let width = end.since(from).as_nanos().div_ceil(STRETCHES as u64).max(1);
        Self {
            ruler: Ruler::new(from, Duration::from_nanos(width), STRETCHES),
            stretches: vec![Histogram::default(); STRETCHES],
        }
    }

    /// One more: when it arrived, and how long it took.
    #[inline]
    pub(crate) fn record(&mut self, arrived: Instant, took: Duration) {
        let at = self.ruler.at(arrived);
        if let Some(stretch) = self.stretches.get_mut(at) {
            stretch.record(took);
        }
    }

    /// The stretches, in their order.
    pub(crate) fn stretches(&self) -> &[Histogram] {
        &self.stretches
    }

    /// All times together.
    pub(crate) fn whole(&self) -> Histogram {
        self.stretches.iter().fold(Histogram::default(), |mut whole, stretch| {
            whole.merge(stretch);
            whole
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_belongs_to_the_stretch_in_which_its_request_arrived() {
        let mut spread = Spread::new(Instant::from_secs(10), Instant::from_secs(30));
        for secs in [10, 10, 11, 29, 30] {
            spread.record(Instant::from_secs(secs), Duration::from_millis(1));
        }

        let counts: Vec<u64> = spread.stretches().iter().map(Histogram::total).collect();

        assert_eq!((counts[0], counts[1], counts[19]), (2, 1, 2));
        assert_eq!((counts.iter().sum::<u64>(), spread.whole().total()), (5, 5));
    }
}
