//! One question, asked of as many seeds as it needs.

use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use config::Design;

use super::Wanted;
use super::search::Care;
use super::wald::{MOST_RUNS, Verdict, Wald};
use crate::crew::Crew;
use crate::judge::recovered;
use crate::plan::Plan;
use crate::world::World;
use crate::{Options, Refusal};

/// Where designs are tried.
#[derive(Debug)]
pub(super) struct Lab<'a> {
    pub(super) design: &'a Design,
    pub(super) wanted: &'a Wanted,
    pub(super) crew: Crew<'a>,
    spent: Mutex<Spent>,
}

/// What it has cost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spent {
    pub(super) runs: u64,
    pub(super) events: u64,
}

/// What became of one question.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) verdict: Verdict,
    pub(super) recovered: u32,
    pub(super) runs: u32,
}

/// Whether a run may end as soon as its verdict is certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Early,
    Whole,
}

impl<'a> Lab<'a> {
    pub(super) fn new(design: &'a Design, wanted: &'a Wanted, crew: Crew<'a>) -> Self {
        Self { design, wanted, crew, spent: Mutex::default() }
    }

    pub(super) fn spent(&self) -> Spent {
        *self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A plan of a design under an incident, or on an ordinary day.
    ///
    /// # Errors
    /// What keeps it from being played.
    pub(super) fn plan<'d>(
        &self,
        design: &'d Design,
        incident: Option<&str>,
    ) -> Result<Plan<'d>, Vec<Refusal>> {
        let options = Options {
            incident: Some(incident.unwrap_or("none").to_owned()),
            seed: self.wanted.seed,
            workers: self.wanted.workers,
            most_requests: self.wanted.most_requests,
            ..Options::default()
        };
        Plan::new(design, &options)
    }

    /// Whether a plan recovers often enough. Nothing if somebody stopped it.
    pub(super) fn ask(
        &self,
        plan: &Plan<'_>,
        care: Care,
        length: Length,
        stage: &str,
    ) -> Option<Answer> {
        self.ask_worlds(care, length, stage, |seed| World::new(plan, seed))
    }

    /// The same, of worlds that somebody else makes.
    pub(super) fn ask_worlds<'w>(
        &self,
        care: Care,
        length: Length,
        stage: &str,
        world: impl Fn(u64) -> World<'w> + Sync,
    ) -> Option<Answer> {
        let objective = self.design.objective.goodput;
        let play = |number: u32, stop: &dyn Fn() -> bool| {
            let mut world = world(self.wanted.seed.wrapping_add(number.into()));
            if length == Length::Early {
                world.end_early();
            }
            let run = world.run_unless(stop)?;
            Some((recovered(&run, objective), run.events))
        };
        let mut test = match care {
            Care::Quick => Wald::quick(self.wanted.probability),
            Care::Thorough => Wald::thorough(self.wanted.probability),
        };
        let (mut answer, mut counts, mut events) = (None, (0, 0), 0);
        self.crew.play(stage, MOST_RUNS, None, play, |_, (recovered, cost)| {
            counts = (counts.0 + u32::from(recovered), counts.1 + 1);
            events += cost;
            match test.observe(recovered) {
                None => ControlFlow::Continue(()),
                Some(verdict) => {
                    answer = Some(Answer { verdict, recovered: counts.0, runs: counts.1 });
                    ControlFlow::Break(())
                }
            }
        });
        self.spend(counts.1, events);
        answer
    }

    /// Whether runs that may end early end as whole runs do.
    pub(super) fn agree(&self, plan: &Plan<'_>, seeds: u32) -> bool {
        let objective = self.design.objective.goodput;
        let play = |number: u32, stop: &dyn Fn() -> bool| {
            let seed = self.wanted.seed.wrapping_add(number.into());
            let mut early = World::new(plan, seed);
            early.end_early();
            let early = early.run_unless(stop)?;
            let whole = World::new(plan, seed).run_unless(stop)?;
            let same = recovered(&early, objective) == recovered(&whole, objective);
            Some((same, early.events + whole.events))
        };
        let (mut agree, mut events) = (true, 0);
        self.crew.play("whole runs at the line", seeds, Some(seeds), play, |_, (same, cost)| {
            (agree, events) = (agree && same, events + cost);
            ControlFlow::Continue(())
        });
        self.spend(2 * seeds, events);
        agree
    }

    pub(super) fn spend(&self, runs: u32, events: u64) {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.runs += u64::from(runs);
        spent.events += events;
    }
}
