//! Why it happened, found by playing it again with one thing changed.
//!
//! A cause is what the failure would not have happened without. So each factor is neutralised in
//! turn, under the same seeds: the same requests arrive at the same times and need the same work.
//! What is then not lost was lost because of it. The fault that began it is the trigger, measured
//! by all that was lost. What keeps the failure going is measured by what was lost after the fault
//! had ended.
//!
//! The shares do not add up to the whole: a failure that needs two things is prevented by taking
//! away either.

use base::{CallId, Rate, Share};
use config::Design;
use config::design::NodeKind;
use policy::retry::{self, budget};

use crate::crew::Crew;
use crate::judge::Judged;
use crate::plan::Plan;
use crate::report::{Cause, Role};
use crate::seeds::play_all;
use crate::stats::interval::{Estimate, mean};
use crate::{Options, Refusal};

/// Something that can be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Factor {
    /// The incident itself.
    Fault,
    /// All retries of a call.
    Retries(CallId),
    /// Retries that no budget bounds.
    NoBudget,
    /// Queues of services and databases that are longer than half of their workers.
    Queues,
    /// Work that goes on when its caller gave up.
    NoCancel,
}

/// Fewer runs say too little about chance.
const LEAST_SEEDS: u32 = 3;
/// More cost time, and say little more.
const MOST_SEEDS: u32 = 10;
/// A factor that explains less is not told.
const WORTH_TELLING: f64 = 0.1;
/// A call that sends less than this many tries for each request does not retry to speak of.
const RETRIES_TO_SPEAK_OF: f64 = 1.02;

/// What began the failure and what sustains it, if enough was lost to ask.
pub(crate) fn find(
    plan: &Plan<'_>,
    options: &Options,
    runs: &[Judged],
    crew: &Crew<'_>,
) -> Vec<Cause> {
    if !is_worth_asking(plan, runs) {
        return Vec::new();
    }
    let seeds = options.seeds.clamp(LEAST_SEEDS, MOST_SEEDS);
    let usual = if runs.len() == seeds as usize {
        runs.to_vec()
    } else {
        play_all(plan, options.seed, seeds, crew, "causes: as it is")
    };
    if usual.len() < seeds as usize {
        return Vec::new();
    }
    let told = factors(plan, &usual)
        .into_iter()
        .filter_map(|factor| explain(plan, options, &usual, factor, crew).ok().flatten());
    told.collect()
}

/// More was lost than the objective allows.
fn is_worth_asking(plan: &Plan<'_>, runs: &[Judged]) -> bool {
    let allowed = 1.0 - plan.design.objective.goodput.as_f64();
    runs.iter().any(|run| !run.recovered || lost(run) > allowed * run.edge.offered as f64)
}

/// What can be taken away, what adds load first: it comes before what only lets it linger.
fn factors(plan: &Plan<'_>, runs: &[Judged]) -> Vec<Factor> {
    let mut factors = Vec::new();
    if !plan.faults.is_empty() {
        factors.push(Factor::Fault);
    }
    let amplifies = |at: usize| {
        let tries: u64 = runs.iter().map(|run| run.calls[at].attempts).sum();
        let requests: u64 = runs.iter().map(|run| run.calls[at].requests).sum();
        tries as f64 > requests as f64 * RETRIES_TO_SPEAK_OF
    };
    let calls = (0..plan.design.calls.len()).filter(|&at| amplifies(at));
    factors.extend(calls.map(|at| Factor::Retries(CallId::from_index(at))));
    factors.extend([Factor::NoBudget, Factor::Queues, Factor::NoCancel]);
    factors
}

fn explain(
    plan: &Plan<'_>,
    options: &Options,
    usual: &[Judged],
    factor: Factor,
    crew: &Crew<'_>,
) -> Result<Option<Cause>, Vec<Refusal>> {
    let mut design = plan.design.clone();
    let Some(sentence) = factor.take_away(&mut design, plan) else { return Ok(None) };
    let mut without = Plan::new(&design, options)?;
    if factor == Factor::Fault {
        without.faults.clear();
    }
    let seeds = u32::try_from(usual.len()).unwrap_or(u32::MAX);
    let stage = format!("causes: without {}", factor.in_short());
    let runs = play_all(&without, options.seed, seeds, crew, &stage);
    if runs.len() < usual.len() {
        return Ok(None);
    }
    let lost = if factor == Factor::Fault { lost } else { lost_afterwards };
    let share = share(usual, &runs, lost);
    let told = share.value >= WORTH_TELLING && share.low > 0.0;
    Ok(told.then_some(Cause {
        factor: sentence,
        role: if factor == Factor::Fault { Role::Trigger } else { Role::Sustaining },
        share: share.value,
        low: share.low,
        high: share.high,
    }))
}

/// Of what was lost, the share that is not lost without the factor.
fn share(usual: &[Judged], without: &[Judged], lost: fn(&Judged) -> f64) -> Estimate {
    let pairs = usual.iter().zip(without).filter(|(usual, _)| lost(usual) > 0.0);
    let shares: Vec<f64> =
        pairs.map(|(usual, without)| (lost(usual) - lost(without)) / lost(usual)).collect();
    mean(&shares, (-1.0, 1.0))
}

fn lost(run: &Judged) -> f64 {
    run.edge.offered.saturating_sub(run.edge.good()) as f64
}

/// Requests that arrived after the last fault had ended (had begun, if it does not end) and got no
/// good answer.
fn lost_afterwards(run: &Judged) -> f64 {
    run.lost_afterwards as f64
}

impl Factor {
    /// For who watches the runs.
    const fn in_short(self) -> &'static str {
        match self {
            Self::Fault => "the fault",
            Self::Retries(_) => "a call's retries",
            Self::NoBudget => "retries that no budget bounds",
            Self::Queues => "long queues",
            Self::NoCancel => "work for nobody",
        }
    }

    /// Takes it away, and says what was there. `None` if it was not.
    fn take_away(self, design: &mut Design, plan: &Plan<'_>) -> Option<String> {
        match self {
            Self::Fault => {
                let faults = plan.faults.iter();
                let all: Vec<_> = faults
                    .map(|fault| format!("`{}` on {}", fault.fault.kind(), fault.on))
                    .collect();
                Some(all.join(", "))
            }
            Self::Retries(call) => {
                let call = &mut design.calls[call.index()];
                let attempts = call.rules.retry.attempts;
                let bound = if call.rules.budget.is_some() { "a budget" } else { "no budget" };
                call.rules.retry = retry::Params::NEVER;
                let (from, to) = (call.from, call.to);
                let (from, to) = (&design.node(from).name, &design.node(to).name);
                Some(format!("retry policy of {from} -> {to}: {attempts} attempts, {bound}"))
            }
            Self::NoBudget => give_budgets(design),
            Self::Queues => cut_queues(design),
            Self::NoCancel => declare_cancel(design),
        }
    }
}

/// The budget of the example designs.
fn give_budgets(design: &mut Design) -> Option<String> {
    let unbounded = design
        .calls
        .iter_mut()
        .filter(|call| call.rules.retry.attempts > 1 && call.rules.budget.is_none());
    let mut count = 0;
    for call in unbounded {
        call.rules.budget = budget::Params::new(Share::percent(10), Rate::per_sec(1), 10, 10).ok();
        count += 1;
    }
    (count > 0).then(|| "retries without a budget, on all calls".to_owned())
}

fn cut_queues(design: &mut Design) -> Option<String> {
    let mut names = Vec::new();
    for node in &mut design.nodes {
        let model = match &mut node.kind {
            NodeKind::Service(service) => service.model.as_mut(),
            NodeKind::Database(database) => database.model.as_mut(),
            _ => None,
        };
        let Some(model) = model else { continue };
        let short = (model.workers / 2).max(1);
        if model.queue.is_none_or(|queue| queue > short) {
            model.queue = Some(short);
            names.push(node.name.clone());
        }
    }
    let all = names.join(", ");
    (!names.is_empty()).then(|| format!("queues longer than half of the workers: {all}"))
}

fn declare_cancel(design: &mut Design) -> Option<String> {
    let going_on = design.calls.iter_mut().filter(|call| !call.cancel);
    let count = going_on.map(|call| call.cancel = true).count();
    (count > 0).then(|| "work that goes on when its caller gave up".to_owned())
}
