//! How good an answer is.
//!
//! An answer that came is not yet one that is right: something may be missing, it may be older
//! than what was written since, or it may be somebody else's. An answer made of several is as good
//! as the worst of them.

/// How good an answer is, the best first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Quality {
    /// All that was asked for, as it is.
    #[default]
    Complete,
    /// Something is left out, as the design allows.
    Partial,
    /// It was right once, and something newer has been acknowledged since.
    Stale,
    /// It is not what was asked for, or what was acknowledged is gone from it.
    Wrong,
}

const _: () = assert!(size_of::<Quality>() == 1);

impl Quality {
    /// Every quality once, the best first.
    pub const ALL: [Self; 4] = [Self::Complete, Self::Partial, Self::Stale, Self::Wrong];

    /// Its position in [`Quality::ALL`], for tables of counters.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// What an answer is that is made of two.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.max(other)
    }

    /// Whether a client can work with it: it is right, or short of it in a way that the design
    /// says it can do with.
    pub const fn is_good(self) -> bool {
        !matches!(self, Self::Wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_part_decides_in_whichever_order() {
        for (at, one) in Quality::ALL.into_iter().enumerate() {
            assert_eq!(one.index(), at);
            for (place, other) in Quality::ALL.into_iter().enumerate() {
                assert_eq!(one.and(other), Quality::ALL[at.max(place)]);
            }
        }
    }

    #[test]
    fn only_a_wrong_answer_is_no_good() {
        assert_eq!(Quality::ALL.map(Quality::is_good), [true, true, true, false]);
    }
}
