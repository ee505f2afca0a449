//! What the probes of all workers have found out together.
//!
//! Each worker has a breaker of its own, but the file's `probes` is a promise of the instance: so
//! many under way at once, and so many successes close it. So this is kept where all workers see
//! it (`engine::Shared`). Here is what one step does to it.
//!
//! A round ends whenever a breaker opens, whosever: what was proven before that is proven no more.

use super::{Outcome, Params};

/// The probes of an instance, in one number, so that a step is one exchange of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trial(pub u64);

/// The most probes that fit.
pub(super) const MOST_PROBES: u32 = 1_000_000;

/// Bits for each of the two counts.
const COUNT: u32 = 20;
const COUNTS: u64 = (1 << COUNT) - 1;
const UNDER_WAY: u64 = 1 << COUNT;
const ROUND: u64 = 1 << (2 * COUNT);
/// A round is what is left: 24 bits.
const ROUNDS: u32 = (1 << (u64::BITS - 2 * COUNT)) - 1;

impl Trial {
    /// Successes of this round.
    pub const fn succeeded(self) -> u32 {
        (self.0 & COUNTS) as u32
    }

    /// Probes that have left and not ended, in whatever round they left.
    pub const fn under_way(self) -> u32 {
        ((self.0 >> COUNT) & COUNTS) as u32
    }

    /// How often a breaker has opened.
    pub const fn round(self) -> u32 {
        (self.0 >> (2 * COUNT)) as u32
    }

    /// Whether this round has as many successes as the file asks for.
    pub const fn is_passed(self, params: &Params) -> bool {
        self.succeeded() >= params.probes
    }

    /// With one more under way; nothing if there is no room, or no need.
    pub const fn with_probe(self, params: &Params) -> Option<Self> {
        if self.under_way() < params.probes && !self.is_passed(params) {
            Some(Self(self.0 + UNDER_WAY))
        } else {
            None
        }
    }

    /// A probe that left in this round has ended. One of an earlier round makes room, and proves
    /// nothing.
    #[must_use]
    pub const fn ended(self, round: u32, outcome: Outcome) -> Self {
        let ended = Self(self.0 - UNDER_WAY);
        match outcome {
            Outcome::Success if round == self.round() => Self(ended.0 + 1),
            Outcome::Failure if round == self.round() => ended.relapsed(),
            _ => ended,
        }
    }

    /// A breaker has opened.
    #[must_use]
    pub const fn relapsed(self) -> Self {
        Self((self.0 & !COUNTS).wrapping_add(ROUND))
    }
}

/// Whether a round is `since` or after it. Rounds begin anew after sixteen million.
pub(super) const fn is_since(round: u32, since: u32) -> bool {
    round.wrapping_sub(since) & ROUNDS <= ROUNDS / 2
}

#[cfg(test)]
mod tests {
    use base::{Duration, Share};

    use super::*;

    #[test]
    fn no_more_are_under_way_at_once_than_the_file_says_and_none_when_it_is_passed() {
        let full = (0..3).fold(Trial::default(), |trial, _| trial.with_probe(&three()).unwrap());
        assert_eq!((full.under_way(), full.with_probe(&three())), (3, None));

        let passed = (0..3).fold(full, |trial, _| trial.ended(0, Outcome::Success));

        assert!(passed.is_passed(&three()));
        assert_eq!((passed.under_way(), passed.with_probe(&three())), (0, None));
    }

    #[test]
    fn a_probe_that_left_before_a_relapse_makes_room_and_proves_nothing() {
        let trial = Trial::default().with_probe(&three()).unwrap().relapsed();
        assert_eq!((trial.under_way(), trial.round()), (1, 1));

        for outcome in [Outcome::Success, Outcome::Failure, Outcome::Unknown] {
            let ended = trial.ended(0, outcome);
            assert_eq!((ended.under_way(), ended.succeeded(), ended.round()), (0, 0, 1));
        }
    }

    #[test]
    fn a_failed_probe_undoes_what_others_have_proven() {
        let two = Trial::default().with_probe(&three()).unwrap().with_probe(&three()).unwrap();

        let trial = two.ended(0, Outcome::Success).ended(0, Outcome::Failure);

        assert_eq!((trial.under_way(), trial.succeeded(), trial.round()), (0, 0, 1));
    }

    #[test]
    fn after_the_last_round_comes_the_first() {
        let last = Trial(u64::from(ROUNDS) * ROUND).with_probe(&three()).unwrap();
        let first = last.relapsed();

        assert_eq!((last.round(), first.round(), first.under_way()), (ROUNDS, 0, 1));
        assert!(is_since(first.round(), last.round()) && !is_since(last.round(), first.round()));
    }

    fn three() -> Params {
        let second = Duration::from_secs(1);
        Params::new(Share::percent(50), second, 1, second, 3).unwrap()
    }
}
