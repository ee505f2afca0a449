//! Why it happened, found by playing it again with one thing changed.
//!
//! A cause is what the failure would not have happened without. So each [`Factor`] is neutralised
//! in turn, under the same seeds: the same requests arrive at the same times and need the same
//! work. What is then not lost was lost because of it. The fault that began it is the trigger,
//! measured by all that was lost. What keeps the failure going is measured by what was lost after
//! the fault had ended.
//!
//! The shares do not add up to the whole: a failure that needs two things is prevented by taking
//! away either. So what is told first is what the design recovers without; among those, what adds
//! load before what only lets it linger. Servers fast enough bear almost any rules, so they are
//! asked about only when no change of the rules would do.

mod change;
mod conclusion;
mod factor;
mod ordinary;

use base::Instant;

use self::change::{clients_calls, lengthen_timeouts};
use self::factor::{Change, Factor};
use self::ordinary::{Ordinary, Quiet};
use crate::crew::Crew;
use crate::judge::Judged;
use crate::loadline::with_traffic;
use crate::plan::Plan;
use crate::report::{Cause, Role};
use crate::seeds::play_all;
use crate::stats::interval::{Estimate, ratio};
use crate::{Fidelity, Options};

/// What is said of a failure.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) causes: Vec<Cause>,
    /// In one sentence.
    pub(crate) conclusion: Option<String>,
}

/// Fewer runs say too little about chance.
const LEAST_SEEDS: u32 = 3;
/// More cost time, and say little more.
const MOST_SEEDS: u32 = 20;
/// Shares that are no further apart are no reason to tell one before the other.
const ALIKE: f64 = 0.05;
/// Of its traffic, what a design gets on a day on which nobody waits for anybody.
const QUIET: f64 = 0.05;
/// A factor that explains less is not told.
const WORTH_TELLING: f64 = 0.1;

/// What began the failure and what sustains it, if enough was lost to ask.
pub(crate) fn find(plan: &Plan<'_>, options: &Options, runs: &[Judged], crew: &Crew<'_>) -> Found {
    if !is_worth_asking(plan, runs) {
        return Found::default();
    }
    Search::new(plan, options, runs, crew).and_then(|search| search.run()).unwrap_or_default()
}

/// More was lost than the objective allows.
fn is_worth_asking(plan: &Plan<'_>, runs: &[Judged]) -> bool {
    let allowed = 1.0 - plan.design.objective.goodput.as_f64();
    runs.iter().any(|run| !run.recovered() || lost(run) > allowed * run.edge.offered as f64)
}

/// The runs as they are, and what it takes to play others beside them.
struct Search<'a> {
    plan: &'a Plan<'a>,
    options: Options,
    usual: Vec<Judged>,
    crew: &'a Crew<'a>,
}

/// A factor that explains something.
#[derive(Debug)]
struct Told {
    cause: Cause,
    /// For a sentence: "the retry policy of a -> b".
    noun: String,
    /// The design is well at last without it, and is not with it.
    cures: bool,
}

impl<'a> Search<'a> {
    /// Nothing if somebody stopped it.
    fn new(
        plan: &'a Plan<'a>,
        options: &Options,
        runs: &[Judged],
        crew: &'a Crew<'a>,
    ) -> Option<Self> {
        let seeds = options.seeds.clamp(LEAST_SEEDS, MOST_SEEDS);
        let mut usual: Vec<Judged> = runs.iter().take(seeds as usize).cloned().collect();
        let played = u32::try_from(usual.len()).unwrap_or(seeds);
        if played < seeds {
            let first = options.seed.wrapping_add(played.into());
            usual.extend(play_all(plan, first, seeds - played, crew, "causes: as it is"));
        }
        // A change of the rules must not change how the network is played.
        let has_packets = plan.network.has_packets;
        let fidelity = if has_packets { Fidelity::Packet } else { Fidelity::Message };
        let options = Options { fidelity, ..options.clone() };
        (usual.len() == seeds as usize).then_some(Self { plan, options, usual, crew })
    }

    fn run(&self) -> Option<Found> {
        let all: Vec<usize> = (0..self.plan.faults.len()).collect();
        let ordinary = if all.is_empty() {
            self.usual.clone()
        } else {
            self.play(self.plan.design, &all, "the fault")?
        };
        let triggers = self.triggers(&ordinary);
        let quiet = self.quiet(&all)?;
        let ordinary = Ordinary::new(self.plan, &ordinary, &quiet);
        let sustaining = self.sustaining(&ordinary);
        let conclusion = self.conclude(&ordinary, &triggers, &sustaining);
        let causes = triggers.into_iter().chain(sustaining).map(|told| told.cause).collect();
        Some(Found { causes, conclusion: Some(conclusion) })
    }

    /// What comes of it when nobody waits for anybody, without all faults and with those that stay.
    fn quiet(&self, all: &[usize]) -> Option<Quiet> {
        let lasts = self.plan.times.end.since(Instant::ZERO);
        let mut design = with_traffic(self.plan.design, QUIET, lasts);
        let well = self.play(&design, all, "traffic")?;
        if all.is_empty() || self.plan.times.fault_ends.is_some() {
            return Some(Quiet { well, ..Quiet::default() });
        }
        let with_fault = self.play(&design, &[], "traffic")?;
        let is_clients = clients_calls(&design);
        let change = lengthen_timeouts(&mut design, |call| !is_clients[call.index()], |_| false);
        let with_fault_and_time =
            if change.is_some() { self.play(&design, &[], "traffic")? } else { Vec::new() };
        Some(Quiet { well, with_fault, with_fault_and_time })
    }

    /// The runs of a design under the same seeds, without some of the faults. Nothing if somebody
    /// stopped them, or the design cannot be played.
    fn play(&self, design: &config::Design, without: &[usize], what: &str) -> Option<Vec<Judged>> {
        let mut plan = Plan::new(design, &self.options).ok()?;
        let mut left: Vec<_> = plan.faults.drain(..).enumerate().collect();
        left.retain(|(at, _)| !without.contains(at));
        plan.faults = left.into_iter().map(|(_, fault)| fault).collect();
        let seeds = u32::try_from(self.usual.len()).ok()?;
        let stage = format!("causes: without {what}");
        let runs = play_all(&plan, self.options.seed, seeds, self.crew, &stage);
        (runs.len() == self.usual.len()).then_some(runs)
    }

    /// Each fault that began something; all of them together if none did alone.
    fn triggers(&self, ordinary: &[Judged]) -> Vec<Told> {
        let faults = &self.plan.faults;
        let name = |at: usize| format!("`{}` on {}", faults[at].fault.kind(), faults[at].on);
        if faults.len() > 1 {
            let each = (0..faults.len()).filter_map(|at| {
                let runs = self.play(self.plan.design, &[at], "one fault")?;
                self.tell("fault", &Change::new(name(at), name(at)), &runs, lost)
            });
            let each: Vec<Told> = each.collect();
            if !each.is_empty() {
                return each;
            }
        }
        let all = (0..faults.len()).map(name).collect::<Vec<_>>().join(", ");
        self.tell("fault", &Change::new(all.clone(), all), ordinary, lost).into_iter().collect()
    }

    /// What keeps it going, the most telling first.
    fn sustaining(&self, ordinary: &Ordinary<'_>) -> Vec<Told> {
        if self.is_over_at_once() {
            return Vec::new();
        }
        let mut told: Vec<Told> = Vec::new();
        for factor in Factor::all(ordinary, &self.usual) {
            if !factor.is_needless(&told, self.is_well()) {
                told.extend(self.explain(factor, ordinary));
            }
        }
        // Stable: what is alike stays in the order in which it was asked about.
        let rank = |told: &Told| {
            if told.cures { f64::NEG_INFINITY } else { -(told.cause.share / ALIKE).round() }
        };
        told.sort_by(|one, other| rank(one).total_cmp(&rank(other)));
        told
    }

    fn explain(&self, factor: Factor, ordinary: &Ordinary<'_>) -> Option<Told> {
        let mut design = self.plan.design.clone();
        let change = factor.take_away(&mut design, ordinary, &self.usual)?;
        let runs = self.play(&design, &[], factor.in_short())?;
        let told = self.tell(factor.kind(), &change, &runs, lost_afterwards)?;
        (told.cures || !factor.is_of_many()).then_some(told)
    }

    fn tell(
        &self,
        kind: &'static str,
        change: &Change,
        without: &[Judged],
        lost: fn(&Judged) -> f64,
    ) -> Option<Told> {
        let share = share(&self.usual, without, lost);
        if share.value < WORTH_TELLING || share.low <= 0.0 {
            return None;
        }
        let (with, without) = (well_at_last(&self.usual), well_at_last(without));
        let cause = Cause {
            kind,
            factor: change.sentence.clone(),
            role: if kind == "fault" { Role::Trigger } else { Role::Sustaining },
            share: share.value,
            low: share.low,
            high: share.high,
            recovers: without,
        };
        Some(Told { cause, noun: change.noun.clone(), cures: without >= 0.5 && without > with })
    }

    /// It came back in most runs, however late.
    fn is_well(&self) -> bool {
        well_at_last(&self.usual) > 0.5
    }

    /// Every run came back so soon after its fault that nothing can be said to have kept it up.
    fn is_over_at_once(&self) -> bool {
        let allowed = 1.0 - self.plan.design.objective.goodput.as_f64();
        let is_over = |run: &Judged| {
            run.recovered() && lost_afterwards(run) <= allowed * run.offered_afterwards as f64
        };
        self.usual.iter().all(is_over)
    }
}

/// Of what was lost, the share that is not lost without the factor.
fn share(usual: &[Judged], without: &[Judged], lost: fn(&Judged) -> f64) -> Estimate {
    let whole: Vec<f64> = usual.iter().map(lost).collect();
    let saved: Vec<f64> =
        usual.iter().zip(without).map(|(usual, without)| lost(usual) - lost(without)).collect();
    ratio(&saved, &whole, (-1.0, 1.0))
}

fn lost(run: &Judged) -> f64 {
    run.edge.offered.saturating_sub(run.edge.good()) as f64
}

/// Requests that arrived after the last fault had ended (had begun, if it does not end) and got no
/// good answer.
fn lost_afterwards(run: &Judged) -> f64 {
    run.lost_afterwards as f64
}

/// The share of runs that were well at last: in the last quarter of what is judged, or in all of it,
/// where chance has more to even out.
fn well_at_last(runs: &[Judged]) -> f64 {
    let hits = runs.iter().filter(|run| run.is_well_at_last || run.recovered()).count();
    hits as f64 / runs.len().max(1) as f64
}

#[cfg(test)]
mod tests;
