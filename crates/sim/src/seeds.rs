//! Many seeds of one design.

use std::ops::ControlFlow;

use crate::crew::Crew;
use crate::judge::{Judged, play};
use crate::plan::Plan;

/// Plays each seed from `first` on; the largest is followed by 0. Fewer if somebody stops it: those
/// up to the first that did not end.
pub(crate) fn play_all(
    plan: &Plan<'_>,
    first: u64,
    count: u32,
    crew: &Crew<'_>,
    stage: &str,
) -> Vec<Judged> {
    let mut runs = Vec::new();
    let one = |number: u32, stop: &dyn Fn() -> bool| {
        let run = play(plan, first.wrapping_add(number.into()), stop)?;
        Some(if number == 0 { run } else { run.without_course() })
    };
    let take = |_, run| {
        runs.push(run);
        ControlFlow::Continue(())
    };
    crew.play(stage, count, Some(count), one, take);
    runs
}
