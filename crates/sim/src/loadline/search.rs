//! Where on a scale something stops to hold.
//!
//! The scale is logarithmic: ten requests more matter at a hundred per second and not at ten
//! thousand. A quick question finds the place, a thorough one confirms both sides of it. That what
//! holds at one place holds at all lower ones is the guess that makes the search short; the caller
//! checks it afterwards (see `line`).

use super::wald::Verdict;

/// How carefully a place is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Care {
    /// Enough to find the way.
    Quick,
    /// Enough to tell somebody.
    Thorough,
}

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
    /// The ratio of two places that need not be told apart.
    pub(super) step: f64,
    /// How carefully the place is confirmed at which it holds.
    pub(super) confirm: Care,
}

/// Somebody who says whether it holds at a place; nothing once the search has to end.
pub(super) trait Ask: FnMut(f64, Care) -> Option<Verdict> {}
impl<F: FnMut(f64, Care) -> Option<Verdict>> Ask for F {}

/// Searches. What was found so far, if `ask` gives up.
pub(super) fn search(scale: Scale, mut ask: impl Ask) -> Found {
    let mut found = Found::default();
    let _ = bracket(scale, &mut found, &mut ask)
        .and_then(|()| halve(scale, &mut found, Care::Quick, usize::MAX, &mut ask))
        .and_then(|()| confirm(scale, &mut found, &mut ask))
        .and_then(|()| halve(scale, &mut found, scale.confirm, MOST_HALVINGS, &mut ask));
    found
}

/// After both sides have been confirmed the gap between them may have grown: so often it is halved
/// again, with care.
const MOST_HALVINGS: usize = 3;

/// Doubles or halves until it holds on one side and breaks on the other, or the scale ends.
fn bracket(scale: Scale, found: &mut Found, ask: &mut impl Ask) -> Option<()> {
    let mut at = scale.start.clamp(scale.least, scale.most);
    loop {
        let verdict = ask(at, Care::Quick)?;
        let next = match verdict {
            Verdict::Holds => {
                found.holds = Some(at);
                at * 2.0
            }
            Verdict::Breaks => {
                found.breaks = Some(at);
                at / 2.0
            }
        };
        let is_between = found.holds.is_some() && found.breaks.is_some();
        let next = next.clamp(scale.least, scale.most);
        if is_between || next == at {
            return Some(());
        }
        at = next;
    }
}

fn halve(
    scale: Scale,
    found: &mut Found,
    care: Care,
    most: usize,
    ask: &mut impl Ask,
) -> Option<()> {
    for _ in 0..most {
        let (Some(holds), Some(breaks)) = (found.holds, found.breaks) else { break };
        if breaks / holds <= scale.step * (1.0 + TINY) {
            break;
        }
        let middle = (holds * breaks).sqrt();
        match ask(middle, care)? {
            Verdict::Holds => found.holds = Some(middle),
            Verdict::Breaks => found.breaks = Some(middle),
        }
    }
    Some(())
}

/// Rounding must not ask for one more halving.
const TINY: f64 = 1e-9;

/// Looks at both sides with care, and steps aside as long as they do not stand up to it.
fn confirm(scale: Scale, found: &mut Found, ask: &mut impl Ask) -> Option<()> {
    let mut aside = scale.step;
    while let Some(holds) = found.holds {
        // What is not shown yet is not told, if somebody stops it here.
        found.holds = None;
        match ask(holds, scale.confirm)? {
            Verdict::Holds => {
                found.holds = Some(holds);
                break;
            }
            Verdict::Breaks => {
                found.breaks = Some(holds);
                found.holds = Some(holds / aside).filter(|&lower| lower >= scale.least);
                aside *= aside;
            }
        }
    }
    let mut aside = scale.step;
    while let Some(breaks) = found.breaks {
        found.breaks = None;
        match ask(breaks, Care::Thorough)? {
            Verdict::Breaks => {
                found.breaks = Some(breaks);
                break;
            }
            Verdict::Holds => {
                found.holds = Some(breaks);
                found.breaks = Some(breaks * aside).filter(|&higher| higher <= scale.most);
                aside *= aside;
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sharp_line_is_found_within_one_step_wherever_it_lies() {
        for line in [0.002, 0.3, 1.0, 1.001, 7.7, 900.0] {
            let found = search(SCALE, |at, _| Some(verdict(at <= line)));

            let (holds, breaks) = (found.holds.unwrap(), found.breaks.unwrap());
            assert!(holds <= line && line < breaks, "{holds} {line} {breaks}");
            assert!(breaks / holds < 1.021, "{holds} {breaks}");
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
    fn a_quick_answer_that_was_wrong_is_set_right() {
        let quick_is_wrong = |at: f64, care| {
            let line = if care == Care::Quick { 10.0 } else { 8.0 };
            Some(verdict(at <= line))
        };
        let found = search(SCALE, quick_is_wrong);

        let (holds, breaks) = (found.holds.unwrap(), found.breaks.unwrap());
        assert!(holds <= 8.0 && 8.0 < breaks && breaks / holds < 1.1, "{found:?}");
    }

    #[test]
    fn who_is_stopped_tells_no_more_than_was_shown() {
        let mut left = 7;
        let found = search(SCALE, |at, care| {
            left -= 1;
            (left > 0 && care == Care::Quick).then(|| verdict(at <= 3.0))
        });

        assert!(found.holds.is_none_or(|holds| holds <= 3.0), "{found:?}");
        assert!(found.breaks.is_none_or(|breaks| breaks > 3.0), "{found:?}");
    }

    const SCALE: Scale =
        Scale { least: 0.001, most: 1_000.0, start: 1.0, step: 1.02, confirm: Care::Thorough };

    const fn verdict(holds: bool) -> Verdict {
        if holds { Verdict::Holds } else { Verdict::Breaks }
    }
}
