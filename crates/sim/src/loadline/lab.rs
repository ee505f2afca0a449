//! Where runs are played and counted.

use std::sync::{Mutex, PoisonError};

use config::Design;

use super::Wanted;
use crate::crew::Crew;
use crate::judge::{is_answered_well, is_growing, is_opened_well, shows_anything};
use crate::plan::Plan;
use crate::world::World;
use crate::{Fidelity, Options, Refusal};

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

/// What became of one run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Outcome {
    /// Requests were answered as the objective asks, and no more of them wait for ever.
    requests: bool,
    /// And so were those that ask for a session, the first time and anew.
    sessions: bool,
    /// The sessions that stood on average before anything happened; nothing if nobody looked.
    pub(super) stood: Option<f64>,
    /// It was ended when its verdict was certain, or what sessions say may have been left out.
    pub(super) is_short: bool,
    /// As [`shows_anything`] says: else it counts neither way.
    pub(super) shows_anything: bool,
}

/// What a run is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Criterion {
    /// The goodput of all requests.
    Requests,
    /// That, and the openings of sessions alone.
    Sessions,
}

/// Whether a run may end as soon as its verdict is certain, and leave out what cannot change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Early,
    Whole,
}

/// A run that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Played {
    pub(super) outcome: Outcome,
    /// Events that happened before it was copied from another run.
    pub(super) before: u64,
    /// Events since then.
    pub(super) events: u64,
}

impl<'a> Lab<'a> {
    pub(super) fn new(design: &'a Design, wanted: &'a Wanted, crew: Crew<'a>) -> Self {
        Self { design, wanted, crew, spent: Mutex::default() }
    }

    pub(super) fn spent(&self) -> Spent {
        *self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn spend(&self, runs: u32, events: u64) {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.runs += u64::from(runs);
        spent.events += events;
    }

    /// Whether somebody wants an end of it.
    pub(super) fn is_stopped(&self) -> bool {
        self.crew.watch.wants_stop()
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
        self.plan_in(self.wanted.fidelity, design, incident)
    }

    /// The same, played this faithfully.
    ///
    /// # Errors
    /// As [`Lab::plan`].
    pub(super) fn plan_in<'d>(
        &self,
        fidelity: Fidelity,
        design: &'d Design,
        incident: Option<&str>,
    ) -> Result<Plan<'d>, Vec<Refusal>> {
        let options = Options {
            incident: Some(incident.unwrap_or("none").to_owned()),
            seed: self.wanted.seed,
            workers: self.wanted.workers,
            fidelity,
            most_requests: self.wanted.most_requests,
            ..Options::default()
        };
        Plan::new(design, &options)
    }

    /// The run of a seed from its beginning.
    pub(super) fn begin<'p>(&self, plan: &'p Plan<'p>, number: u32, length: Length) -> World<'p> {
        let mut world = World::new(plan, self.seed(number));
        if length == Length::Early {
            world.end_early();
            world.be_terse();
        }
        world
    }

    pub(super) fn seed(&self, number: u32) -> u64 {
        self.wanted.seed.wrapping_add(u64::from(number))
    }

    /// Plays a run to its end, unless somebody wants it to `stop`.
    pub(super) fn play(&self, world: World<'_>, stop: &dyn Fn() -> bool) -> Option<Played> {
        let before = world.events();
        let is_terse = world.leaves_out_messages();
        let times = world.times();
        let run = world.run_unless(stop)?;
        let objective = self.design.objective.goodput;
        let requests = is_answered_well(&run, objective) && !is_growing(&run, times.judged_from());
        let outcome = Outcome {
            requests,
            sessions: requests && is_opened_well(&run, times.judged_from(), objective),
            stood: run.stats.series.standing(&times.before_faults()),
            is_short: is_terse || run.decided.is_some(),
            shows_anything: shows_anything(&run, times.judged_from()),
        };
        Some(Played { outcome, before, events: run.events - before })
    }
}

impl Outcome {
    pub(super) const fn recovered(self, criterion: Criterion) -> bool {
        match criterion {
            Criterion::Requests => self.requests,
            Criterion::Sessions => self.sessions,
        }
    }

    /// Whether both say the same of the same run.
    pub(super) fn agrees(self, other: Self) -> bool {
        (self.requests, self.sessions) == (other.requests, other.sessions)
    }
}
