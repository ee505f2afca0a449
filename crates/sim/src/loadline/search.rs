//! Where on a scale something stops to hold.
//!
//! The scale is logarithmic: ten requests more matter at a hundred per second and not at ten
//! thousand. Scouts find the place; then it is shown where it holds, and not far above where it
//! breaks. That what holds at one place holds at all lower ones is the guess that makes the search
//! short; the caller checks it afterwards (see `line`).

use super::wald::{Care, Verdict};

/// Both sides of the place that was looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Found {
    /// The highest place at which it was shown to hold; nothing if there is none on the scale.
    pub(super) holds: Option<f64>,
    /// The lowest place above it at which it was shown not to.
    pub(super) breaks: Option<f64>,
}

/// What is searched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    pub(super) least: f64,
    /// Nobody looks above this.
    pub(super) most: f64,
    /// Where to look first.
    pub(super) start: f64,
    /// The ratio of two places that need not be told apart by scouts.
    pub(super) step: f64,
    /// How carefully the place is confirmed at which it holds.
    pub(super) confirm: Care,
    /// The end of the scale is likely to hold: it is tried before what lies between.
    pub(super) leaps: bool,
    /// Where the place is likely to be, if somebody has looked before: no scouts are sent.
    pub(super) near: Option<Found>,
}

impl Scale {
    /// What was found by who looked farther.
    fn within(&self, found: Found) -> Found {
        let holds = found.holds.map(|at| at.clamp(self.least, self.most));
        let breaks = found.breaks.map(|at| at.clamp(self.least, self.most));
        Found { holds, breaks: breaks.filter(|&breaks| holds.is_none_or(|holds| holds < breaks)) }
    }
}

/// Somebody who says whether it holds at a place; nothing once the search has to end.
pub(super) trait Ask: FnMut(f64, Care) -> Option<Verdict> {}
impl<F: FnMut(f64, Care) -> Option<Verdict>> Ask for F {}

/// Searches. What was shown so far, if `ask` gives up.
pub(super) fn search(scale: Scale, ask: impl Ask) -> Found {
    let near = scale.near.map(|near| scale.within(near)).filter(|near| near.holds.is_some());
    let guess = near.unwrap_or_default();
    let mut search = Search { scale, ask, guess, shown: Found::default() };
    let scouted =
        if near.is_some() { Some(()) } else { search.bracket().and_then(|()| search.halve()) };
    let _ = scouted.and_then(|()| search.show());
    search.shown
}

struct Search<A> {
    scale: Scale,
    ask: A,
    /// What scouts say.
    guess: Found,
    /// What can be told.
    shown: Found,
}

/// So often the gap between both sides is halved with care.
const MOST_HALVINGS: usize = 3;
/// Rounding must not ask for one more halving.
const TINY: f64 = 1e-9;

impl<A: Ask> Search<A> {
    /// Doubles or halves until it holds on one side and breaks on the other, or the scale ends.
    fn bracket(&mut self) -> Option<()> {
        let Scale { least, most, .. } = self.scale;
        let mut at = self.scale.start.clamp(least, most);
        loop {
            let next = match self.scout(at)? {
                Verdict::Holds | Verdict::Empty if self.scale.leaps => most,
                Verdict::Holds | Verdict::Empty => at * 2.0,
                Verdict::Breaks => at / 2.0,
            };
            let next = next.clamp(least, most);
            let is_between = self.guess.holds.is_some() && self.guess.breaks.is_some();
            if is_between || next == at {
                return Some(());
            }
            at = next;
        }
    }

    fn halve(&mut self) -> Option<()> {
        while let Some(middle) = middle(self.guess, self.scale.step) {
            self.scout(middle)?;
        }
        Some(())
    }

    /// Where there is nothing to judge scouts go on to where there is more.
    fn scout(&mut self, at: f64) -> Option<Verdict> {
        let verdict = (self.ask)(at, Care::Scout)?;
        match verdict {
            Verdict::Holds | Verdict::Empty => self.guess.holds = Some(at),
            Verdict::Breaks => self.guess.breaks = Some(at),
        }
        Some(verdict)
    }

    fn show(&mut self) -> Option<()> {
        self.show_holds()?;
        self.show_breaks()?;
        self.narrow()
    }

    /// Steps down until what the scouts say stands up to a careful look: farther each time, as
    /// they were wrong more often. Where there is nothing to judge there is nothing below it either.
    fn show_holds(&mut self) -> Option<()> {
        let mut aside = self.scale.step;
        while let Some(at) = self.guess.holds {
            match (self.ask)(at, self.scale.confirm)? {
                Verdict::Holds => {
                    self.shown.holds = Some(at);
                    return Some(());
                }
                Verdict::Empty => return Some(()),
                Verdict::Breaks => {}
            }
            (self.guess.holds, self.guess.breaks) = (None, Some(at));
            self.step_down(at, aside)?;
            aside *= aside;
        }
        Some(())
    }

    fn step_down(&mut self, from: f64, mut aside: f64) -> Option<()> {
        let mut at = from;
        let mut steps = 0;
        while at > self.scale.least {
            at = (at / aside).max(self.scale.least);
            steps += 1;
            if self.scout(at)? != Verdict::Breaks {
                // Right below, there is nothing between to be scouted.
                return if steps > 1 { self.halve() } else { Some(()) };
            }
            aside *= aside;
        }
        Some(())
    }

    /// Right above the line it breaks now and then, which takes many runs to show; two steps above
    /// it takes few.
    fn show_breaks(&mut self) -> Option<()> {
        let Some(breaks) = self.guess.breaks else { return Some(()) };
        let apart = self.shown.holds.map_or(breaks, |holds| holds * self.scale.step.powi(2));
        let mut at = breaks.max(apart).min(self.scale.most);
        let mut aside = self.scale.step;
        loop {
            if (self.ask)(at, Care::Breaks)? == Verdict::Breaks {
                self.shown.breaks = Some(at);
                return Some(());
            }
            if at >= self.scale.most {
                return Some(());
            }
            at = (at * aside).min(self.scale.most);
            aside *= aside;
        }
    }

    /// What was stepped over.
    fn narrow(&mut self) -> Option<()> {
        let enough = self.scale.step.powi(3);
        for _ in 0..MOST_HALVINGS {
            let Some(middle) = middle(self.shown, enough) else { break };
            if (self.ask)(middle, self.scale.confirm)? == Verdict::Holds {
                self.shown.holds = Some(middle);
            } else if (self.ask)(middle, Care::Breaks)? == Verdict::Breaks {
                self.shown.breaks = Some(middle);
            } else {
                break;
            }
        }
        Some(())
    }
}

/// The middle of both sides, if they are farther apart than needed.
fn middle(found: Found, step: f64) -> Option<f64> {
    let (holds, breaks) = (found.holds?, found.breaks?);
    (breaks / holds > step * (1.0 + TINY)).then(|| (holds * breaks).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sharp_line_is_found_within_three_steps_wherever_it_lies() {
        for line in [0.002, 0.3, 1.0, 1.001, 7.7, 900.0] {
            for leaps in [false, true] {
                let found = search(Scale { leaps, ..SCALE }, |at, _| Some(verdict(at <= line)));

                let (holds, breaks) = (found.holds.unwrap(), found.breaks.unwrap());
                assert!(holds <= line && line < breaks, "{holds} {line} {breaks}");
                assert!(line / holds < 1.021 && breaks / holds < 1.062, "{holds} {breaks}");
            }
        }
    }

    #[test]
    fn a_scale_that_ends_first_has_one_side_only() {
        let always = search(SCALE, |_, _| Some(Verdict::Holds));
        let never = search(SCALE, |_, _| Some(Verdict::Breaks));

        assert_eq!(always, Found { holds: Some(1_000.0), breaks: None });
        assert_eq!(never, Found { holds: None, breaks: Some(0.001) });
    }

    #[test]
    fn scouts_that_were_wrong_are_set_right() {
        for truth in [5.0, 8.0, 9.9] {
            let scouts_are_wrong = |at: f64, care| {
                let line = if care == Care::Scout { 10.0 } else { truth };
                Some(verdict(at <= line))
            };
            let found = search(SCALE, scouts_are_wrong);

            let (holds, breaks) = (found.holds.unwrap(), found.breaks.unwrap());
            assert!(holds <= truth && truth < breaks && breaks / holds < 1.1, "{found:?}");
        }
    }

    /// Where it fails now and then neither can be shown, and neither is told.
    #[test]
    fn between_the_sides_is_what_can_be_shown_on_neither() {
        let found = search(SCALE, |at, care| {
            Some(match care {
                Care::Breaks => verdict(at <= 12.0),
                _ => verdict(at <= 10.0),
            })
        });

        let (holds, breaks) = (found.holds.unwrap(), found.breaks.unwrap());
        assert!(holds <= 10.0 && holds > 9.7 && breaks > 12.0 && breaks < 14.4, "{found:?}");
    }

    #[test]
    fn a_scale_that_holds_to_its_end_takes_three_questions_where_that_was_likely() {
        let mut asked = Vec::new();
        search(Scale { leaps: true, ..SCALE }, |at, care| {
            asked.push((at, care));
            Some(Verdict::Holds)
        });

        let end = 1_000.0;
        assert_eq!(asked, [(1.0, Care::Scout), (end, Care::Scout), (end, Care::Holds)]);
    }

    #[test]
    fn where_somebody_has_looked_before_no_scouts_are_sent() {
        for truth in [8.0, 10.0, 12.0] {
            let mut scouts = 0;
            let near = Some(Found { holds: Some(9.9), breaks: Some(10.3) });
            let found = search(Scale { near, ..SCALE }, |at, care| {
                scouts += u32::from(care == Care::Scout);
                Some(verdict(at <= truth))
            });

            let (holds, breaks) = (found.holds.unwrap(), found.breaks.unwrap());
            assert!(holds <= truth && truth < breaks && breaks / holds < 1.1, "{found:?}");
            assert_eq!(scouts > 0, truth < 9.9, "{scouts} for {truth}");
        }
    }

    /// What is told of the rest is told all the same.
    #[test]
    fn where_there_is_nothing_to_judge_nothing_is_told() {
        let found_where = |is_empty: fn(f64) -> bool, line: f64| {
            let judge = |at| if is_empty(at) { Verdict::Empty } else { verdict(at <= line) };
            search(SCALE, |at, _| Some(judge(at)))
        };

        assert_eq!(found_where(|_| true, 10.0), Found::default());
        let found = found_where(|at| at < 5.0, 10.0);
        assert!(found.holds > Some(9.7) && found.breaks.is_some_and(|at| at < 10.7), "{found:?}");
        let found = found_where(|at| at < 5.0, 3.0);
        assert!(found.holds.is_none() && found.breaks.is_some_and(|at| at < 5.2), "{found:?}");
    }

    /// Who has looked before may have looked farther: nobody asks beyond the scale that is left.
    #[test]
    fn nobody_looks_beyond_the_scale_where_somebody_has_found_it() {
        let near = Some(Found { holds: Some(10.0), breaks: Some(10.4) });
        for (most, truth) in [(8.0, 20.0), (8.0, 7.0), (10.2, 10.1), (10.2, 20.0)] {
            let found = search(Scale { near, most, ..SCALE }, |at, _| {
                assert!(at <= most, "{at} is above {most}");
                Some(verdict(at <= truth))
            });

            let holds = found.holds.unwrap();
            assert!(holds <= truth.min(most) && holds > truth.min(most) / 1.1, "{found:?}");
            assert!(found.breaks.is_none_or(|breaks| breaks > truth), "{found:?}");
            assert_eq!(found.breaks.is_some(), truth < most, "{found:?}");
        }
    }

    /// Whether scouts were right or not.
    #[test]
    fn who_is_stopped_tells_no_more_than_was_shown() {
        for scouted in [3.0, 4.0] {
            for mut left in 0..60 {
                let found = search(SCALE, |at, care| {
                    left -= 1;
                    let line = if care == Care::Scout { scouted } else { 3.0 };
                    (left > 0).then(|| verdict(at <= line))
                });

                assert!(found.holds.is_none_or(|holds| holds <= 3.0), "{found:?}");
                assert!(found.breaks.is_none_or(|breaks| breaks > 3.0), "{found:?}");
                assert!(found.breaks.is_none() || found.holds.is_some(), "{found:?}");
            }
        }
    }

    const SCALE: Scale = Scale {
        least: 0.001,
        most: 1_000.0,
        start: 1.0,
        step: 1.02,
        confirm: Care::Holds,
        leaps: false,
        near: None,
    };

    const fn verdict(holds: bool) -> Verdict {
        if holds { Verdict::Holds } else { Verdict::Breaks }
    }
}
