//! Stretches of time of the same width.

use std::ops::Range;

use base::{Duration, Instant};

/// Says into which stretch a moment falls.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Ruler {
    from: Instant,
    width: Duration,
    /// How many there are.
    count: usize,
    /// The one that was asked for last: nearly all that is asked for next falls into it, and need not
    /// be divided by the width.
    last: usize,
    /// Its time.
    span: Range<Instant>,
}

impl Ruler {
    /// So many stretches, the first from `from` on.
    pub(super) fn new(from: Instant, width: Duration, count: usize) -> Self {
        Self { from, width, count, ..Self::default() }
    }

    /// How wide each stretch is.
    pub(super) const fn width(&self) -> Duration {
        self.width
    }

    /// When a stretch begins.
    pub(super) fn start(&self, stretch: usize) -> Instant {
        self.from + self.width.saturating_mul(stretch as u64)
    }

    /// The stretch of this moment: the last for what comes later than all of them.
    #[inline]
    pub(super) fn at(&mut self, moment: Instant) -> usize {
        if !self.span.contains(&moment) {
            self.turn_to(moment);
        }
        self.last
    }

    /// The same, without an eye on what is asked for next.
    #[inline]
    pub(super) fn look_up(&self, moment: Instant) -> usize {
        if self.span.contains(&moment) { self.last } else { self.divide(moment) }
    }

    #[cold]
    fn turn_to(&mut self, moment: Instant) {
        self.last = self.divide(moment);
        let start = self.start(self.last);
        let is_open = self.last + 1 >= self.count;
        self.span = start..if is_open { Instant::NEVER } else { start + self.width };
    }

    fn divide(&self, moment: Instant) -> usize {
        let stretch = moment.since(self.from).as_nanos() / self.width.as_nanos().max(1);
        usize::try_from(stretch).unwrap_or(usize::MAX).min(self.count.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_falls_into_the_same_stretch_whatever_was_asked_for_before() {
        let mut ruler = Ruler::new(Instant::from_secs(10), Duration::from_secs(2), 5);
        let mut asked = Vec::new();
        for secs in [10, 19, 11, 12, 9, 60, 18, 20, 13, 13] {
            let moment = Instant::from_secs(secs);
            let looked_up = ruler.look_up(moment);
            asked.push(ruler.at(moment));
            assert_eq!(asked.last(), Some(&looked_up), "{secs} s");
        }

        assert_eq!(asked, [0, 4, 0, 1, 0, 4, 4, 4, 1, 1]);
        assert_eq!(ruler.start(4), Instant::from_secs(18));
    }
}
