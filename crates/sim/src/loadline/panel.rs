//! The runs of one search: the same seeds at every place, and each of them played once there,
//! however often somebody asks for it.
//!
//! With the same seeds the same requests arrive everywhere, only faster, so a seed that failed at
//! one place is likely to fail above it. Scouts therefore ask the seeds that have failed first.
//! What is told is never asked in that order: it would be to choose the evidence.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use super::lab::{Criterion, Lab, Length, Outcome, Played};
use super::wald::{Care, MOST_RUNS, Verdict, Wald};
use crate::plan::Plan;
use crate::world::World;

/// What was played at the places of a search, which lie above nothing.
#[derive(Debug, Default)]
pub(super) struct Panel {
    places: BTreeMap<Place, Seen>,
    /// Seeds that failed more than others did, the last to be found first.
    hard: Vec<u32>,
    /// Those whose beginning was counted already.
    begun: BTreeSet<u32>,
}

/// A number above nothing, which its bits put in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place(u64);

/// What was seen at one place.
#[derive(Debug, Default)]
struct Seen {
    /// By the number of the seed.
    outcomes: BTreeMap<u32, Outcome>,
    shown: Option<Verdict>,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'q> {
    pub(super) at: f64,
    pub(super) care: Care,
    pub(super) criterion: Criterion,
    /// For who watches.
    pub(super) stage: &'q str,
}

/// What is known of one place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Known {
    pub(super) at: f64,
    pub(super) recovered: u32,
    pub(super) runs: u32,
    /// Other runs, which showed nothing.
    pub(super) empty: u32,
    /// What can be told of it, if anything.
    pub(super) shown: Option<Verdict>,
}

impl Panel {
    /// Asks seed after seed, as many as the answer needs; `world` makes a run, or nothing if it
    /// has to end. Nothing if somebody stopped it.
    pub(super) fn ask<'w>(
        &mut self,
        lab: &Lab<'_>,
        question: &Question<'_>,
        world: impl Fn(u32, &dyn Fn() -> bool) -> Option<World<'w>> + Sync,
    ) -> Option<Verdict> {
        let mut test = Wald::new(question.care, lab.wanted.probability);
        let mut order = self.order(question.care).into_iter();
        loop {
            let round = round(lab, &test, question.care);
            let seeds: Vec<u32> = order.by_ref().take(round as usize).collect();
            let (played, verdict) = self.play(lab, question, &seeds, &mut test, &world);
            let is_whole = played == seeds.len();
            if let Some(verdict) = verdict {
                self.learn(lab, question, verdict);
                return Some(verdict);
            }
            if !is_whole || seeds.is_empty() {
                return None;
            }
        }
    }

    /// Plays those seeds of a round that were not played here. How many there are now, and the
    /// verdict, if they brought one.
    fn play<'w>(
        &mut self,
        lab: &Lab<'_>,
        question: &Question<'_>,
        seeds: &[u32],
        test: &mut Wald,
        world: &(impl Fn(u32, &dyn Fn() -> bool) -> Option<World<'w>> + Sync),
    ) -> (usize, Option<Verdict>) {
        let seen = self.places.entry(Place::of(question.at)).or_default();
        let known = |seed| Some(Err(*seen.outcomes.get(&seed)?));
        let play = |number: u32, stop: &dyn Fn() -> bool| {
            let seed = seeds[number as usize];
            known(seed).or_else(|| Some(Ok(lab.play(world(seed, stop)?, stop)?)))
        };
        let (mut taken, mut verdict) = (Vec::with_capacity(seeds.len()), None);
        let count = u32::try_from(seeds.len()).unwrap_or(u32::MAX);
        lab.crew.play(question.stage, count, Some(count), play, |number, run| {
            let outcome = run.map_or_else(|known| known, |played: Played| played.outcome);
            taken.push((seeds[number as usize], run));
            verdict = if outcome.shows_anything {
                test.observe(outcome.recovered(question.criterion))
            } else {
                test.pass_over()
            };
            if verdict.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let count = taken.len();
        for (seed, run) in taken {
            if let Ok(played) = run {
                // What several runs have in common was played once.
                let before = if self.begun.insert(seed) { played.before } else { 0 };
                lab.spend(1, before + played.events);
                seen.outcomes.insert(seed, played.outcome);
            }
        }
        (count, verdict)
    }

    /// Whether runs that were not played whole at a place say what whole runs of the same seeds say;
    /// `most` of them are looked at.
    pub(super) fn agrees(&self, lab: &Lab<'_>, at: f64, plan: &Plan<'_>, most: usize) -> bool {
        let Some(seen) = self.places.get(&Place::of(at)) else { return true };
        let short = seen.outcomes.iter().filter(|(_, outcome)| outcome.is_short);
        let short: Vec<_> = short.take(most).map(|(&seed, &outcome)| (seed, outcome)).collect();
        let count = u32::try_from(short.len()).unwrap_or(u32::MAX);
        let play = |number: u32, stop: &dyn Fn() -> bool| {
            let (seed, outcome) = short[number as usize];
            let whole = lab.play(lab.begin(plan, seed, Length::Whole), stop)?;
            Some((whole.outcome.agrees(outcome), whole.events))
        };
        let mut agree = true;
        lab.crew.play("whole runs at the line", count, Some(count), play, |_, (same, events)| {
            agree &= same;
            lab.spend(1, events);
            ControlFlow::Continue(())
        });
        agree
    }

    /// Traffic at which nothing can be played: it counts as too much.
    pub(super) fn too_much(&mut self, at: f64) -> Verdict {
        self.places.entry(Place::of(at)).or_default().shown = Some(Verdict::Breaks);
        Verdict::Breaks
    }

    /// All places, from the lowest, and what became of requests there.
    pub(super) fn known(&self) -> Vec<Known> {
        let known = |(place, seen): (&Place, &Seen)| {
            let (mut recovered, mut runs, mut empty) = (0, 0, 0);
            for run in seen.outcomes.values() {
                runs += u32::from(run.shows_anything);
                empty += u32::from(!run.shows_anything);
                recovered += u32::from(run.shows_anything && run.recovered(Criterion::Requests));
            }
            Known { at: f64::from_bits(place.0), recovered, runs, empty, shown: seen.shown }
        };
        self.places.iter().map(known).collect()
    }

    /// Whether runs were played at every place, and none of them shows anything.
    pub(super) fn shows_nothing(&self) -> bool {
        self.known().iter().all(|known| known.runs == 0 && known.empty > 0)
    }

    /// The sessions that stood on average in the runs of a place, before anything happened to them;
    /// nothing if none was played.
    pub(super) fn stood(&self, at: f64) -> Option<f64> {
        let runs = self.places.get(&Place::of(at))?.outcomes.values();
        let (sum, count) = runs
            .filter_map(|run| run.stood)
            .fold((0.0, 0_u32), |(sum, count), stood| (sum + stood, count + 1));
        (count > 0).then(|| sum / f64::from(count))
    }

    fn order(&self, care: Care) -> Vec<u32> {
        let hard = if care == Care::Scout { self.hard.as_slice() } else { &[] };
        let others = (0..MOST_RUNS).filter(|seed| !hard.contains(seed));
        hard.iter().copied().chain(others).collect()
    }

    fn learn(&mut self, lab: &Lab<'_>, question: &Question<'_>, verdict: Verdict) {
        let Some(seen) = self.places.get_mut(&Place::of(question.at)) else { return };
        match (question.care, verdict) {
            // What sessions need is told elsewhere.
            (Care::Holds, Verdict::Holds) | (Care::Breaks, Verdict::Breaks)
                if question.criterion == Criterion::Requests =>
            {
                seen.shown = Some(verdict);
            }
            (Care::Holds | Care::Quick, Verdict::Breaks) => {
                let telling = seen.outcomes.iter().filter(|(_, run)| run.shows_anything);
                // So many may fail.
                let allowed = (1.0 - lab.wanted.probability) * telling.clone().count() as f64;
                let failed = telling.filter(|(_, run)| !run.recovered(question.criterion));
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "few")]
                let hard: Vec<u32> = failed.skip(allowed as usize).map(|(&seed, _)| seed).collect();
                self.hard.retain(|seed| !hard.contains(seed));
                self.hard.splice(0..0, hard);
            }
            _ => {}
        }
    }
}

impl Place {
    const fn of(at: f64) -> Self {
        Self(at.to_bits())
    }
}

/// So many runs are played at once: as many as are needed if nothing goes wrong, but not more than
/// will be needed, unless cores would be idle. Results do not depend on it.
fn round(lab: &Lab<'_>, test: &Wald, care: Care) -> u32 {
    match care {
        Care::Breaks => test.left_to_break().min(test.left_to_hold()).max(lab.crew.threads()),
        Care::Scout | Care::Quick | Care::Holds => test.left_to_hold(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crew::Crew;
    use crate::examples::variant;
    use crate::loadline::Wanted;
    use crate::{Fidelity, Watch};

    /// Such a run goes on to its end, but leaves out what sessions say: it is compared all the same.
    #[test]
    fn where_sessions_are_held_runs_that_recovered_are_compared_with_whole_ones() {
        let usual = variant("grpc", &[("traffic = \"200/s\"", "traffic = \"20/s\"")]);
        let wanted = Wanted { fidelity: Fidelity::Packet, ..Wanted::default() };
        let lab = Lab::new(&usual, &wanted, Crew::new(None, Watch::nobody()));
        let plan = lab.plan(&usual, None).unwrap();
        let (care, criterion) = (Care::Scout, Criterion::Requests);
        let question = Question { at: 1.0, care, criterion, stage: "" };
        let mut panel = Panel::default();
        let verdict =
            panel.ask(&lab, &question, |seed, _| Some(lab.begin(&plan, seed, Length::Early)));
        assert_eq!(verdict, Some(Verdict::Holds));
        let played = lab.spent().runs;

        assert!(panel.agrees(&lab, 1.0, &plan, 1));
        assert_eq!(lab.spent().runs, played + 1);
        let slow = variant(
            "grpc",
            &[("median = \"6ms\", p99 = \"50ms\"", "median = \"6s\", p99 = \"9s\"")],
        );
        let other = lab.plan(&slow, None).unwrap();
        assert!(!panel.agrees(&lab, 1.0, &other, 1), "whole runs of another design");
    }
}
