//! Is it likely enough? Asked run by run, and no longer than needed.
//!
//! Wald's sequential probability ratio test (1945): after each run, how much likelier is what was
//! seen if the design recovers with the probability that is asked for, than if it does so with one
//! that is plainly worse? It ends when the ratio leaves no more doubt than was allowed. A design
//! that plainly fails is found out in two runs; one that never fails needs some thirty to show it.
//!
//! Who wants to tell that it holds has to be sure of that, and not of the contrary: a design that
//! soon fails once is passed over, and something safer is shown instead. So each side of a line
//! has a test of its own. Neither goes on for long where it would stay in doubt: that it does is all
//! that anybody wants to know of what lies between the sides.

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
    /// After so many it stays in doubt.
    most: u32,
    /// Other runs, which showed nothing.
    empty: u32,
    care: Care,
}

/// What the runs say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It recovers with the probability that is asked for. Of [`Care::Breaks`]: not shown to break.
    Holds,
    /// It does not. Of [`Care::Holds`]: not shown to hold.
    Breaks,
    /// No run showed anything, so there is nothing to judge.
    Empty,
}

/// The odds against an error in one case of twenty, of four, and where two runs have to do.
const SURE: f64 = 19.0;
const LIKELY: f64 = 3.0;
const GUESSED: f64 = 1.5;
/// A probability between the two can keep the test busy for long, and what lies between the sides of
/// a line need not be decided. So there is a most of runs: half as many again as it takes to show that
/// it holds if all recover, and at least [`FEW_RUNS`]. With a probability of 0.99, 31 in a row show it,
/// so 46 are the most. The test ends in doubt as soon as too few of them are left for an answer. Nothing
/// is told then, so what is told is as certain as without.
const FEW_RUNS: u32 = 40;
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
        let mut test = Self {
            gain: libm::log(probability / worse),
            loss: libm::log((1.0 - worse) / (1.0 - probability)),
            holds_at: libm::log(holds),
            breaks_at: libm::log(breaks),
            ratio: 0.0,
            runs: 0,
            most: MOST_RUNS,
            empty: 0,
            care,
        };
        test.most = (test.left_to_hold() * 3 / 2).clamp(FEW_RUNS, MOST_RUNS);
        test
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
            let is_late = self.runs + self.left_to_tell() > self.most;
            (is_late || self.is_out_of_seeds()).then(|| self.in_doubt())
        }
    }

    /// One more run that showed nothing: it counts neither way. The same.
    pub(super) fn pass_over(&mut self) -> Option<Verdict> {
        self.empty += 1;
        let is_idle = self.runs == 0 && self.empty >= FEW_RUNS;
        (is_idle || self.is_out_of_seeds()).then(|| self.in_doubt())
    }

    const fn is_out_of_seeds(&self) -> bool {
        self.runs + self.empty >= MOST_RUNS
    }

    /// Nothing is told then.
    const fn in_doubt(&self) -> Verdict {
        match self.care {
            _ if self.runs == 0 => Verdict::Empty,
            Care::Breaks => Verdict::Holds,
            Care::Scout | Care::Quick | Care::Holds => Verdict::Breaks,
        }
    }

    /// How many more runs it takes at least until what it is for can be told.
    fn left_to_tell(&self) -> u32 {
        match self.care {
            Care::Scout | Care::Quick | Care::Holds => {
                steps((self.holds_at - self.ratio) / self.gain)
            }
            Care::Breaks => steps((self.ratio + self.breaks_at) / self.loss),
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

    fn at_most_left(&self, left: f64) -> u32 {
        steps(left).min(self.most.saturating_sub(self.runs).max(1))
    }
}

fn steps(left: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let steps = left.ceil().clamp(1.0, f64::from(MOST_RUNS)) as u32;
    steps
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

    /// Whatever becomes of the runs: of 31 that have to recover in a row one that does not is the last,
    /// and nobody waits for long between the two.
    #[test]
    fn what_can_be_told_no_more_within_half_as_many_runs_again_is_left_in_doubt_at_once() {
        for last in [1, 12, 20, 31] {
            let told = runs_until(Care::Holds, 0.99, |run| run != last);
            assert_eq!(told, (last, Verdict::Breaks));
        }
        for (probability, most) in [(0.99, 46), (0.9, 40), (0.5, 40), (0.999, 400)] {
            for care in [Care::Scout, Care::Quick, Care::Holds, Care::Breaks] {
                let mut random = Random::of(1, "runs", "in doubt");
                let mut test = || runs_until(care, probability, |_| random.unit() < probability).0;
                assert!((0..500).all(|_| test() <= most), "{care:?} at {probability}");
            }
        }
    }

    #[test]
    fn runs_that_show_nothing_count_neither_way_and_of_them_alone_nothing_is_told() {
        let of_nothing = |care| {
            let mut test = Wald::new(care, 0.99);
            std::iter::repeat_with(|| test.pass_over()).find_map(|verdict| verdict).unwrap()
        };
        let cares = [Care::Scout, Care::Quick, Care::Holds, Care::Breaks];
        assert_eq!(cares.map(of_nothing), [Verdict::Empty; 4]);

        let mut some = Wald::new(Care::Holds, 0.99);
        assert!((0..10).all(|_| some.pass_over().is_none()));
        assert_eq!(some.left_to_hold(), 31);
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
