//! A figure is never one number: the middle of the rounds, and how far they lie apart.

use std::fmt;

/// The lowest, the middle and the highest of some rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

impl Spread {
    /// Of at least one round.
    pub(crate) fn of(rounds: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut rounds: Vec<_> = rounds.into_iter().collect();
        rounds.sort_by(f64::total_cmp);
        let (low, high) = (*rounds.first()?, *rounds.last()?);
        let middle = rounds.len() / 2;
        let median = if rounds.len() % 2 == 1 {
            rounds[middle]
        } else {
            f64::midpoint(rounds[middle - 1], rounds[middle])
        };
        Some(Self { low, median, high })
    }

    /// In another unit.
    pub(crate) fn scaled(self, by: f64) -> Self {
        Self { low: self.low * by, median: self.median * by, high: self.high * by }
    }
}

impl fmt::Display for Spread {
    /// The middle first, then the range; with so many digits as the format asks for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        let Self { low, median, high } = self;
        write!(f, "{median:.digits$} ({low:.digits$}–{high:.digits$})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_not_moved_by_one_bad_round() {
        let spread = Spread::of([3.0, 1.0, 900.0]).unwrap();

        assert_eq!(spread, Spread { low: 1.0, median: 3.0, high: 900.0 });
        assert_eq!(format!("{spread:.1}"), "3.0 (1.0–900.0)");
    }

    #[test]
    fn of_two_rounds_the_middle_is_between_them_and_of_none_there_is_nothing() {
        assert_eq!(Spread::of([1.0, 2.0]).map(|spread| spread.median), Some(1.5));
        assert_eq!(Spread::of([]), None);
    }
}
