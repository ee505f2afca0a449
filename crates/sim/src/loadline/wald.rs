//! Is it likely enough? Asked run by run, and no longer than needed.
//!
//! Wald's sequential probability ratio test (1945): after each run, how much likelier is what was
//! seen if the design recovers with the probability that is asked for, than if it does so with one
//! that is plainly worse? It ends when the ratio leaves no more doubt than was allowed. A design
//! that plainly fails is found out in two runs; one that never fails needs some thirty to show it.

/// The test of one probability against a worse one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Wald {
    /// What a run that recovered, and one that did not, add to the logarithm of the ratio.
    steps: (f64, f64),
    /// Where it ends, above and below nothing.
    bound: f64,
    ratio: f64,
    runs: u32,
}

/// What the runs say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It recovers with the probability that is asked for.
    Holds,
    /// It does not.
    Breaks,
}

impl Wald {
    /// For what is told: either error is made in one case of twenty at most, where the design fails
    /// no more often than asked, or ten times as often.
    pub(super) fn thorough(probability: f64) -> Self {
        Self::new(probability, 10.0, 19.0)
    }

    /// For the way there: either error in one case of four, where the design fails no more often
    /// than asked, or twenty times as often.
    pub(super) fn quick(probability: f64) -> Self {
        Self::new(probability, 20.0, 3.0)
    }

    fn new(probability: f64, times: f64, odds: f64) -> Self {
        let worse = (1.0 - times * (1.0 - probability)).max(probability / 2.0);
        let steps =
            (libm::log(probability / worse), libm::log((1.0 - probability) / (1.0 - worse)));
        Self { steps, bound: libm::log(odds), ratio: 0.0, runs: 0 }
    }

    /// One more run. The verdict, as soon as there is one.
    pub(super) fn observe(&mut self, recovered: bool) -> Option<Verdict> {
        self.ratio += if recovered { self.steps.0 } else { self.steps.1 };
        self.runs += 1;
        if self.ratio >= self.bound {
            Some(Verdict::Holds)
        } else if self.ratio <= -self.bound || self.runs >= MOST_RUNS {
            // In doubt, a ship is loaded less.
            Some(Verdict::Breaks)
        } else {
            None
        }
    }
}

/// A probability between the two can keep the test busy for long.
pub(super) const MOST_RUNS: u32 = 400;

#[cfg(test)]
mod tests {
    use base::Random;

    use super::*;

    #[test]
    fn what_always_fails_is_found_out_in_two_runs_and_what_never_does_in_some_thirty() {
        assert_eq!(runs_until(Wald::thorough(0.99), |_| false), (2, Verdict::Breaks));
        assert_eq!(runs_until(Wald::thorough(0.99), |_| true), (31, Verdict::Holds));
        assert_eq!(runs_until(Wald::quick(0.99), |_| true), (6, Verdict::Holds));
        assert_eq!(runs_until(Wald::quick(0.99), |_| false), (1, Verdict::Breaks));
    }

    /// 2,000 tests of each kind: at most one in twenty errs, and four standard errors.
    #[test]
    fn it_errs_no_more_often_than_it_may() {
        for (truth, right) in [(0.99, Verdict::Holds), (0.90, Verdict::Breaks)] {
            let mut random = Random::of(1, "runs", "recovered");
            let wrong = (0..2_000)
                .filter(|_| runs_until(Wald::thorough(0.99), |_| random.unit() < truth).1 != right)
                .count();

            assert!(wrong < 100 + 4 * 10, "{wrong} of 2000 at {truth}");
        }
    }

    #[test]
    fn any_probability_from_a_half_on_can_be_asked_for() {
        for probability in [0.5, 0.9, 0.999] {
            assert_eq!(runs_until(Wald::quick(probability), |_| true).1, Verdict::Holds);
            assert_eq!(runs_until(Wald::thorough(probability), |_| false).1, Verdict::Breaks);
        }
    }

    fn runs_until(mut test: Wald, mut recovered: impl FnMut(u32) -> bool) -> (u32, Verdict) {
        let mut verdicts = (1..).map(|run| (run, test.observe(recovered(run))));
        verdicts.find_map(|(run, verdict)| Some((run, verdict?))).unwrap()
    }
}
