//! Is it likely enough? Asked run by run, and no longer than needed.
//!
//! Wald's sequential probability ratio test (1945): after each run, how much likelier is what was
//! seen if the design recovers with the probability that is asked for, than if it does so with one
//! that is plainly worse? It ends when the ratio leaves no more doubt than was allowed. A design
//! that plainly fails is found out in two runs; one that never fails needs some thirty to show it.
//!
//! Who wants to tell that it holds has to be sure of that, and not of the contrary: a design that
//! soon fails once is passed over, and something safer is shown instead. So each side of a line
//! has a test of its own.

/// What the test is for, and so how much doubt it leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Care {
    /// To find the way: a run or two.
    Scout,
    /// To look around: either error in one case of four, where the design fails no more often than
    /// asked, or twenty times as often.
    Quick,
    /// To tell that it holds: wrong in one case of twenty at most, where the design fails ten times
    /// as often as asked. In one of three what holds is passed over.
    Holds,
    /// To tell that it breaks: wrong in one case of twenty at most, where the design fails no more
    /// often than asked. In one of three what fails ten times as often is passed over.
    Breaks,
}

/// The test of one probability against a worse one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Wald {
    /// What a run that recovered adds to the logarithm of the ratio.
    gain: f64,
    /// What one that did not takes away.
    loss: f64,
    /// Where it ends above nothing, and how far below it.
    holds_at: f64,
    breaks_at: f64,
    ratio: f64,
    runs: u32,
    in_doubt: Verdict,
}

/// What the runs say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It recovers with the probability that is asked for. Of [`Care::Breaks`]: not shown to break.
    Holds,
    /// It does not. Of [`Care::Holds`]: not shown to hold.
    Breaks,
}

/// The odds against an error in one case of twenty, of four, and where two runs have to do.
const SURE: f64 = 19.0;
const LIKELY: f64 = 3.0;
const GUESSED: f64 = 1.5;
/// A probability between the two can keep the test busy for long.
pub(super) const MOST_RUNS: u32 = 400;

impl Wald {
    pub(super) fn new(care: Care, probability: f64) -> Self {
        // Against a design that fails so many times as often; the odds to hold, and to break.
        let (times, holds, breaks) = match care {
            Care::Scout => (20.0, GUESSED, GUESSED),
            Care::Quick => (20.0, LIKELY, LIKELY),
            Care::Holds => (10.0, SURE, LIKELY),
            Care::Breaks => (10.0, LIKELY, SURE),
        };
        let worse = (1.0 - times * (1.0 - probability)).max(probability / 2.0);
        Self {
            gain: libm::log(probability / worse),
            loss: libm::log((1.0 - worse) / (1.0 - probability)),
            holds_at: libm::log(holds),
            breaks_at: libm::log(breaks),
            ratio: 0.0,
            runs: 0,
            // In doubt nothing is told.
            in_doubt: if care == Care::Breaks { Verdict::Holds } else { Verdict::Breaks },
        }
    }

    /// One more run. The verdict, as soon as there is one.
    pub(super) fn observe(&mut self, recovered: bool) -> Option<Verdict> {
        self.ratio += if recovered { self.gain } else { -self.loss };
        self.runs += 1;
        if self.ratio >= self.holds_at {
            Some(Verdict::Holds)
        } else if self.ratio <= -self.breaks_at {
            Some(Verdict::Breaks)
        } else {
            (self.runs >= MOST_RUNS).then_some(self.in_doubt)
        }
    }

    /// How many more runs it takes at least until it holds: if all of them recover.
    pub(super) fn left_to_hold(&self) -> u32 {
        self.at_most_left((self.holds_at - self.ratio) / self.gain)
    }

    /// The same until it breaks: if none does.
    pub(super) fn left_to_break(&self) -> u32 {
        self.at_most_left((self.ratio + self.breaks_at) / self.loss)
    }

    fn at_most_left(&self, steps: f64) -> u32 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let steps = steps.ceil().clamp(1.0, f64::from(MOST_RUNS)) as u32;
        steps.min(MOST_RUNS.saturating_sub(self.runs).max(1))
    }
}

#[cfg(test)]
mod tests {
    use base::Random;

    use super::*;

    #[test]
    fn what_always_fails_is_found_out_in_two_runs_and_what_never_does_in_some_thirty() {
        assert_eq!(runs_until(Care::Breaks, 0.99, |_| false), (2, Verdict::Breaks));
        assert_eq!(runs_until(Care::Holds, 0.99, |_| false), (1, Verdict::Breaks));
        assert_eq!(runs_until(Care::Holds, 0.99, |_| true), (31, Verdict::Holds));
        assert_eq!(runs_until(Care::Quick, 0.99, |_| true), (6, Verdict::Holds));
        assert_eq!(runs_until(Care::Scout, 0.99, |_| true), (2, Verdict::Holds));
        assert_eq!(runs_until(Care::Scout, 0.99, |_| false), (1, Verdict::Breaks));
    }

    /// 2,000 tests of each kind: at most one in twenty tells what is not so, and one in three tells
    /// nothing; and four standard errors.
    #[test]
    fn it_errs_no_more_often_than_it_may() {
        let cases: [(_, _, _, f64); 4] = [
            (Care::Holds, 0.90, Verdict::Holds, 0.05),
            (Care::Breaks, 0.99, Verdict::Breaks, 0.05),
            (Care::Holds, 0.99, Verdict::Breaks, 0.34),
            (Care::Breaks, 0.90, Verdict::Holds, 0.34),
        ];
        for (care, truth, wrong, most) in cases {
            let mut random = Random::of(1, "runs", "recovered");
            let tests = (0..2_000).map(|_| runs_until(care, 0.99, |_| random.unit() < truth).1);
            let wrongs = tests.filter(|&verdict| verdict == wrong).count() as f64;

            let error = 4.0 * (2_000.0 * most * (1.0 - most)).sqrt();
            assert!(wrongs < 2_000.0 * most + error, "{care:?}: {wrongs} of 2000 at {truth}");
        }
    }

    #[test]
    fn any_probability_from_a_half_on_can_be_asked_for() {
        for probability in [0.5, 0.9, 0.999] {
            assert_eq!(runs_until(Care::Holds, probability, |_| true).1, Verdict::Holds);
            assert_eq!(runs_until(Care::Breaks, probability, |_| false).1, Verdict::Breaks);
        }
    }

    #[test]
    fn what_is_left_is_told_before_every_run() {
        for care in [Care::Scout, Care::Quick, Care::Holds, Care::Breaks] {
            let all = Wald::new(care, 0.99);
            assert_eq!(all.left_to_hold(), runs_until(care, 0.99, |_| true).0, "{care:?}");
            assert_eq!(all.left_to_break(), runs_until(care, 0.99, |_| false).0, "{care:?}");
        }
        let mut some = Wald::new(Care::Holds, 0.99);
        assert!((1..=30).all(|_| some.observe(true).is_none()));
        assert_eq!(some.left_to_hold(), 1);
    }

    /// Fails ever and again, so that no ratio leads anywhere.
    #[test]
    fn what_stays_in_doubt_is_not_told() {
        let in_between = |run: u32| !run.is_multiple_of(25);
        let (_, holds) = runs_until(Care::Holds, 0.99, in_between);
        let (_, breaks) = runs_until(Care::Breaks, 0.99, |run| !(run + 12).is_multiple_of(25));

        assert_eq!((holds, breaks), (Verdict::Breaks, Verdict::Holds));
    }

    fn runs_until(
        care: Care,
        probability: f64,
        mut recovered: impl FnMut(u32) -> bool,
    ) -> (u32, Verdict) {
        let mut test = Wald::new(care, probability);
        let mut verdicts = (1..).map(|run| (run, test.observe(recovered(run))));
        verdicts.find_map(|(run, verdict)| Some((run, verdict?))).unwrap()
    }
}
