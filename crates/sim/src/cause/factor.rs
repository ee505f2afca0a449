//! What can be taken away from a design, and by which words.

use base::{CallId, NodeId};
use config::Design;
use event::Cause;

use super::Told;
use super::change;
use super::ordinary::{Ordinary, Quiet};
use crate::judge::Judged;
use crate::plan::{Plan, Planned, What};

/// Something that can be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Factor {
    /// All retries of a call.
    Retries(CallId),
    /// All retries of all calls.
    AllRetries,
    /// Retries that no budget bounds.
    NoBudget,
    /// Queues of services and databases in which one waits too long.
    Queues,
    /// Work that goes on when its caller gave up.
    NoCancel,
    /// Calls that never end.
    NoTimeouts,
    /// Timeouts that run out although nobody waits for anybody.
    ShortTimeouts,
    /// Calls without a bound of what is in flight.
    NoLimit,
    /// Calls that go on asking a service that fails.
    NoBreaker,
    /// Calls that go on asking an instance that fails.
    NoEjection,
    /// Calls that go on asking an instance that is down.
    NoHealth,
    /// Rules that turn away what could have been done.
    Limits,
    /// Everything that the design does without, at once.
    Together,
    /// How many workers a service has that waits for others.
    Workers(NodeId),
    /// How many all such services have.
    AllWorkers,
    /// How fast a service or a database is.
    Capacity(NodeId),
    /// How fast all of them are.
    AllCapacity,
}

/// What was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// What was there, for a line of its own.
    pub(super) sentence: String,
    /// The same within a sentence.
    pub(super) noun: String,
}

impl Change {
    pub(super) fn new(sentence: impl Into<String>, noun: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), noun: noun.into() }
    }
}

/// A call that sends less than this many tries for each request does not retry to speak of.
const RETRIES_TO_SPEAK_OF: f64 = 1.02;

impl Factor {
    /// What is asked about, in this order. What adds load comes before what lets it linger, and
    /// that before what would have shut the rest out. But where some instances are bad to the end,
    /// nothing lingers, and leaving them out is what was missing.
    pub(super) fn all(ordinary: &Ordinary<'_>, usual: &[Judged]) -> Vec<Self> {
        let retries = amplifying(ordinary.plan, usual).into_iter().map(Self::Retries);
        let retries = retries.chain([Self::AllRetries, Self::NoBudget]);
        let lingering = [
            Self::Queues,
            Self::NoCancel,
            Self::NoTimeouts,
            Self::ShortTimeouts,
            Self::Limits,
            Self::NoLimit,
            Self::NoBreaker,
        ];
        let leaving_out = [Self::NoEjection, Self::NoHealth];
        let rules: Vec<_> = if some_stay_bad(ordinary.plan) {
            leaving_out.into_iter().chain(lingering).collect()
        } else {
            lingering.into_iter().chain(leaving_out).collect()
        };
        let servers = [Self::Together].into_iter().chain(Self::servers(ordinary));
        retries.chain(rules).chain(servers).collect()
    }

    /// What nodes can do. More workers also do more work, and faster answers hold fewer workers: so
    /// a node whose workers are busy with their own work is asked about its speed first, and those
    /// that wait about their number before anybody is about the speed of whom they wait for.
    fn servers(ordinary: &Ordinary<'_>) -> Vec<Self> {
        let nodes = (0..ordinary.plan.design.nodes.len()).map(NodeId::from_index);
        let servers: Vec<_> =
            nodes.filter(|&node| ordinary.plan.design.node(node).model().is_some()).collect();
        let waits = |node: &NodeId| ordinary.held(*node).is_some();
        let (busy, others): (Vec<_>, Vec<_>) = servers
            .iter()
            .copied()
            .partition(|&node| waits(&node) && ordinary.is_busy_itself(node));
        let speeds = busy.into_iter().map(Self::Capacity);
        let workers = servers.into_iter().filter(waits).map(Self::Workers);
        let others = others.into_iter().map(Self::Capacity);
        let workers = workers.chain([Self::AllWorkers]);
        speeds.chain(workers).chain(others).chain([Self::AllCapacity]).collect()
    }

    /// The word for programs.
    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::Retries(_) | Self::AllRetries => "retries",
            Self::NoBudget => "budget",
            Self::Queues => "queue",
            Self::NoCancel => "cancellation",
            Self::NoTimeouts | Self::ShortTimeouts => "timeout",
            Self::NoLimit => "in_flight",
            Self::NoBreaker => "breaker",
            Self::NoEjection => "ejection",
            Self::NoHealth => "health",
            Self::Limits => "limit",
            Self::Together => "rules",
            Self::Workers(_) | Self::AllWorkers => "workers",
            Self::Capacity(_) | Self::AllCapacity => "capacity",
        }
    }

    /// For who watches the runs.
    pub(super) const fn in_short(self) -> &'static str {
        match self {
            Self::Retries(_) => "a call's retries",
            Self::AllRetries => "any retries",
            Self::NoBudget => "retries that no budget bounds",
            Self::Queues => "long queues",
            Self::NoCancel => "work for nobody",
            Self::NoTimeouts => "calls without a timeout",
            Self::ShortTimeouts => "short timeouts",
            Self::NoLimit => "calls without a bound",
            Self::NoBreaker => "calls without a breaker",
            Self::NoEjection => "calls without ejection",
            Self::NoHealth => "calls without health checks",
            Self::Limits => "limits that turn away",
            Self::Together => "any careless rule",
            Self::Workers(_) | Self::AllWorkers => "few workers",
            Self::Capacity(_) | Self::AllCapacity => "slow servers",
        }
    }

    /// It changes so much at once that it says something only if it is enough.
    pub(super) const fn is_of_many(self) -> bool {
        matches!(self, Self::AllRetries | Self::Together | Self::AllWorkers | Self::AllCapacity)
    }

    /// Whether it says nothing beside what was `told`, or of a design that comes back by itself.
    pub(super) fn is_needless(self, told: &[Told], is_well: bool) -> bool {
        let is_asked_last =
            self.is_of_many() || matches!(self, Self::Workers(_) | Self::Capacity(_));
        is_asked_last && (is_well || told.iter().any(|told| told.cures))
    }

    /// Takes it away, and says what was there. `None` if it was not.
    pub(super) fn take_away(
        self,
        design: &mut Design,
        ordinary: &Ordinary<'_>,
        usual: &[Judged],
    ) -> Option<Change> {
        let allowed = 1.0 - design.objective.goodput.as_f64();
        match self {
            Self::Retries(call) => change::stop_retries(design, &[call]),
            Self::AllRetries => {
                let calls = amplifying(ordinary.plan, usual);
                (calls.len() > 1).then(|| change::stop_retries(design, &calls)).flatten()
            }
            Self::NoBudget => change::give_budgets(design),
            Self::Queues => change::cut_queues(design, ordinary),
            Self::NoCancel => change::declare_cancel(design),
            Self::NoTimeouts => change::give_timeouts(design, ordinary),
            Self::ShortTimeouts => {
                let unconnected = |call: CallId| {
                    failing(&ordinary.quiet.well, call.index(), &[Cause::ConnectTimeout]) > allowed
                };
                let is_impatient = |call| is_impatient(ordinary, call, allowed);
                change::lengthen_timeouts(design, is_impatient, unconnected)
            }
            Self::NoLimit => change::bound_calls(design, ordinary),
            Self::NoBreaker => change::give_breakers(design),
            Self::NoEjection => change::give_ejections(design, ordinary),
            Self::NoHealth => change::give_checks(design, ordinary),
            Self::Limits => {
                let limits = change::InTheWay {
                    sheds: &|call| shed(usual, call.index()) > allowed,
                    is_refused: &|call| failing(usual, call.index(), &[Cause::Refused]) > allowed,
                    is_crowded: &|call| is_crowded(ordinary.plan, usual, call),
                };
                change::lift_limits(design, &limits)
            }
            Self::Together => change::be_careful(design, ordinary),
            Self::Workers(node) => change::add_workers(design, ordinary, &[node]),
            Self::AllWorkers => change::add_workers(design, ordinary, &nodes(design)),
            Self::Capacity(node) => change::speed_up(design, ordinary, &[node]),
            Self::AllCapacity => change::speed_up(design, ordinary, &nodes(design)),
        }
    }
}

/// Whether a fault hits some instances of a node, and not the others, to the end.
fn some_stay_bad(plan: &Plan<'_>) -> bool {
    let some = |planned: &Planned| {
        let What::Instances(hit) = &planned.what else { return false };
        let is_hit = |at: u32| hit.contains(&at);
        hit.iter().any(|&one| {
            let node = plan.instances[one as usize].node;
            (0..plan.instance_count(node)).any(|number| !is_hit(plan.instance(node, number)))
        })
    };
    plan.times.fault_ends.is_none() && plan.faults.iter().any(some)
}

fn nodes(design: &Design) -> Vec<NodeId> {
    (0..design.nodes.len()).map(NodeId::from_index).collect()
}

/// Whether a call times out more than is allowed when nobody waits for anybody: on an ordinary day; or
/// while a fault is there that stays, and more time would bring its answers. How long clients wait for
/// what a fault makes slow is theirs to say.
fn is_impatient(ordinary: &Ordinary<'_>, call: CallId, allowed: f64) -> bool {
    let Quiet { well, with_fault, with_fault_and_time } = ordinary.quiet;
    let timed_out = |runs: &[Judged]| {
        failing(runs, call.index(), &[Cause::AttemptTimeout, Cause::Timeout]) > allowed
    };
    let is_clients = change::clients_calls(ordinary.plan.design)[call.index()];
    let is_answered =
        || 2.0 * without_answer(with_fault_and_time, call) <= without_answer(with_fault, call);
    timed_out(well) || (!is_clients && timed_out(with_fault) && is_answered())
}

/// Of the requests of a call, the share that failed or was never answered.
fn without_answer(runs: &[Judged], call: CallId) -> f64 {
    let answered = sum(runs, call.index(), |call| {
        call.latency.total().saturating_sub(call.failed.iter().sum())
    });
    1.0 - answered / sum(runs, call.index(), |call| call.requests).max(1.0)
}

/// The calls that send more than their requests.
fn amplifying(plan: &Plan<'_>, runs: &[Judged]) -> Vec<CallId> {
    let amplifies = |at: &usize| {
        let tries = sum(runs, *at, |call| call.attempts);
        tries > sum(runs, *at, |call| call.requests) * RETRIES_TO_SPEAK_OF
    };
    (0..plan.design.calls.len()).filter(amplifies).map(CallId::from_index).collect()
}

/// Of the tries of a call, the share that failed for one of these causes.
fn failing(runs: &[Judged], at: usize, causes: &[Cause]) -> f64 {
    let failed =
        sum(runs, at, |call| causes.iter().map(|cause| call.attempts_failed[cause.index()]).sum());
    failed / sum(runs, at, |call| call.attempts).max(1.0)
}

/// Whether an instance of the caller had as many tries under way, on average, as it may have requests
/// on its connections (Little's law).
fn is_crowded(plan: &Plan<'_>, runs: &[Judged], id: CallId) -> bool {
    let call = plan.design.call(id);
    let Some(most) = call.connections.most else { return false };
    let all =
        most.saturating_mul(call.connections.streams).saturating_mul(plan.instance_count(call.to));
    let taken = |run: &Judged| {
        let tries = &run.calls[id.index()].attempt_latency;
        tries.mean().unwrap_or(0.0) * tries.total() as f64
    };
    let secs = plan.times.end.since(plan.times.warm_up).as_secs_f64() * runs.len() as f64;
    let callers = f64::from(plan.instance_count(call.from).max(1));
    runs.iter().map(taken).sum::<f64>() / secs / callers >= f64::from(all)
}

/// Of the requests of a call, the share that a rule of it turned away.
fn shed(runs: &[Judged], at: usize) -> f64 {
    sum(runs, at, |call| call.shed) / sum(runs, at, |call| call.requests).max(1.0)
}

/// Of all runs, what was counted at a call.
fn sum(runs: &[Judged], at: usize, of: impl Fn(&crate::stats::CallStats) -> u64) -> f64 {
    runs.iter().map(|run| of(&run.calls[at])).sum::<u64>() as f64
}
