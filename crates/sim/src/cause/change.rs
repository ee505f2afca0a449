//! The changes that take a factor away: each makes a design careful in one way, by the design's
//! own measures, and says what was there before.

use base::{CallId, Duration, NodeId, Rate, Share};
use config::Design;
use config::design::NodeKind;
use model::service;
use policy::retry::{self, budget};
use policy::{admission, breaker};

use super::factor::Change;
use super::ordinary::Ordinary;

pub(super) fn stop_retries(design: &mut Design, calls: &[CallId]) -> Option<Change> {
    let mut told = Vec::new();
    for &call in calls {
        let name = design.call_in_words(call);
        let rules = &mut design.calls[call.index()].rules;
        let bound = if rules.budget.is_some() { "a budget" } else { "no budget" };
        told.push((name, format!("{} attempts, {bound}", rules.retry.attempts)));
        rules.retry = retry::Params::NEVER;
    }
    match told.as_slice() {
        [] => None,
        [(name, tries)] => Some(Change::new(
            format!("retry policy of {name}: {tries}"),
            format!("the retry policy of {name}"),
        )),
        several => {
            let names: Vec<&str> = several.iter().map(|(name, _)| name.as_str()).collect();
            let each: Vec<String> =
                several.iter().map(|(name, tries)| format!("{name}: {tries}")).collect();
            Some(Change::new(
                format!("retry policies that multiply: {}", each.join("; ")),
                format!("the retry policies of {}, together", names.join(" and ")),
            ))
        }
    }
}

/// The budget of the example designs.
pub(super) fn give_budgets(design: &mut Design) -> Option<Change> {
    let budget = budget::Params::new(Share::percent(10), Rate::per_sec(1), 10, 10).ok()?;
    let calls = each_call(design, |_, call| {
        let unbounded = call.rules.retry.attempts > 1 && call.rules.budget.is_none();
        unbounded.then(|| call.rules.budget = Some(budget))
    });
    told(&calls, |calls| {
        Change::new(format!("retries without a budget: {calls}"), "retries without a budget")
    })
}

/// Nobody waits longer than a quarter of the time that its caller gives it: a queue in which
/// nobody can wait until the timeout is safe (`model::closed::safe_queue`), and there may be
/// several of them on the way, and a fault that makes them slower.
pub(super) fn cut_queues(design: &mut Design, ordinary: &Ordinary<'_>) -> Option<Change> {
    let mut names = Vec::new();
    for (at, node) in design.nodes.iter_mut().enumerate() {
        let id = NodeId::from_index(at);
        let Some(model) = model_of(&mut node.kind) else { continue };
        let rate = ordinary.rate_of(id).min(model.capacity());
        let by_time =
            ordinary.patience_with(id).map(|patience| patience.as_secs_f64() / 4.0 * rate);
        let short = whole(by_time.unwrap_or(f64::from(model.workers) / 2.0));
        if model.queue.is_none_or(|queue| queue > short) {
            model.queue = Some(short);
            names.push(node.name.clone());
        }
    }
    told(&names, |nodes| {
        Change::new(
            format!("queues in which one waits too long: {nodes}"),
            format!("the long queues of {nodes}"),
        )
    })
}

pub(super) fn declare_cancel(design: &mut Design) -> Option<Change> {
    let calls = each_call(design, |_, call| (!call.cancel).then(|| call.cancel = true));
    told(&calls, |calls| {
        Change::new(
            format!("work that goes on when its caller gave up: {calls}"),
            "work that goes on when its caller gave up",
        )
    })
}

/// Twice what a slow answer takes on an ordinary day.
pub(super) fn give_timeouts(design: &mut Design, ordinary: &Ordinary<'_>) -> Option<Change> {
    let calls = each_call(design, |id, call| {
        let deadline = &mut call.rules.deadline;
        let is_endless = deadline.timeout.is_none() && deadline.attempt_timeout.is_none();
        (is_endless && !call.stream).then(|| {
            let slow = ordinary.slow_answer(id).unwrap_or(LEAST_TIMEOUT);
            deadline.timeout = Some(slow.saturating_mul(2).max(LEAST_TIMEOUT));
        })
    });
    told(&calls, |calls| {
        Change::new(
            format!("calls without a timeout: {calls}"),
            format!("the missing timeouts of {calls}"),
        )
    })
}

/// Far longer than any work takes, for those calls that time out `too_often` when nobody waits.
pub(super) fn lengthen_timeouts(
    design: &mut Design,
    too_often: impl Fn(usize) -> bool,
) -> Option<Change> {
    let calls = each_call(design, |id, call| {
        let deadline = &mut call.rules.deadline;
        let has_some = deadline.timeout.or(deadline.attempt_timeout).is_some();
        (has_some && too_often(id.index())).then(|| {
            let longer = |time: Duration| time.saturating_mul(100);
            deadline.timeout = deadline.timeout.map(longer);
            deadline.attempt_timeout = deadline.attempt_timeout.map(longer);
        })
    });
    told(&calls, |calls| {
        Change::new(
            format!("timeouts shorter than the work: {calls}"),
            format!("the short timeouts of {calls}"),
        )
    })
}

/// As many as are there when each answer takes half of the time that its caller gives it (Little's
/// law), and nobody waits for a place. A crowd of clients shares no bound.
pub(super) fn bound_calls(design: &mut Design, ordinary: &Ordinary<'_>) -> Option<Change> {
    let clients = clients(design);
    let calls = each_call(design, |id, call| {
        let is_open = call.rules.admission.in_flight.is_none() && !clients[call.from.index()];
        (is_open && !call.stream).then(|| {
            let patience = ordinary.patience(id).unwrap_or(LEAST_TIMEOUT);
            let most = whole(patience.as_secs_f64() / 2.0 * ordinary.rate_from(id)).max(2);
            call.rules.admission = admission::Params { in_flight: Some(most), queue: Some(0) };
        })
    });
    told(&calls, |calls| {
        Change::new(
            format!("calls without a bound in flight: {calls}"),
            format!("the missing in-flight bounds of {calls}"),
        )
    })
}

/// The breaker of the example designs. A crowd of clients shares none.
pub(super) fn give_breakers(design: &mut Design) -> Option<Change> {
    let (window, cooldown) = (Duration::from_secs(10), Duration::from_secs(5));
    let usual = breaker::Params::new(Share::percent(50), window, 20, cooldown, 3).ok()?;
    let clients = clients(design);
    let calls = each_call(design, |_, call| {
        let has_none = call.rules.breaker.is_none() && !clients[call.from.index()];
        has_none.then(|| call.rules.breaker = Some(usual))
    });
    told(&calls, |calls| {
        Change::new(
            format!("calls without a breaker: {calls}"),
            format!("the missing breakers of {calls}"),
        )
    })
}

/// Behind a limit that turns away too much may stand another, so all are lifted at once; and with
/// them those of full databases.
pub(super) fn lift_limits(
    design: &mut Design,
    sheds: impl Fn(usize) -> bool,
    is_refused: impl Fn(usize) -> bool,
) -> Option<Change> {
    let calls = 0..design.calls.len();
    let refusing: Vec<NodeId> =
        calls.clone().filter(|&at| is_refused(at)).map(|at| design.calls[at].to).collect();
    let is_shed = calls.clone().any(sheds);
    let mut names = each_call(design, |_, call| {
        let rules = &mut call.rules;
        let has_some = rules.admission.in_flight.or(rules.admission.queue).is_some();
        (is_shed && (has_some || rules.breaker.is_some())).then(|| {
            (rules.admission, rules.breaker) = (admission::Params::default(), None);
        })
    });
    for id in refusing {
        let node = &mut design.nodes[id.index()];
        if let NodeKind::Database(database) = &mut node.kind
            && database.connections.take().is_some()
        {
            names.push(format!("connections of {}", node.name));
        }
    }
    told(&names, |names| {
        Change::new(
            format!("limits and breakers that turn away what could be done: {names}"),
            format!("the limits and breakers of {names}"),
        )
    })
}

/// All that makes a design careful, at once.
pub(super) fn be_careful(design: &mut Design, ordinary: &Ordinary<'_>) -> Option<Change> {
    let changes = [
        give_budgets(design),
        cut_queues(design, ordinary),
        declare_cancel(design),
        give_timeouts(design, ordinary),
        bound_calls(design, ordinary),
        give_breakers(design),
    ];
    let nouns: Vec<String> = changes.into_iter().flatten().map(|change| change.noun).collect();
    (nouns.len() > 1).then(|| {
        Change::new(
            format!("no rule alone, but together: {}", nouns.join("; ")),
            "several rules together, none of them alone",
        )
    })
}

/// So fast that a sixteenth of it, when a fault takes the rest, still does all that an ordinary day
/// asks.
pub(super) fn speed_up(
    design: &mut Design,
    ordinary: &Ordinary<'_>,
    nodes: &[NodeId],
) -> Option<Change> {
    let (mut parts, mut names) = (Vec::new(), Vec::new());
    for &id in nodes {
        let node = &mut design.nodes[id.index()];
        let (Some(load), Some(model)) = (ordinary.load(id), model_of(&mut node.kind)) else {
            continue;
        };
        model.service_time = model.service_time.faster(16.0 * load.max(1.0));
        parts.push(format!("{} {:.0} %", node.name, load * 100.0));
        names.push(node.name.clone());
    }
    (!names.is_empty()).then(|| {
        Change::new(
            format!("capacity, of which an ordinary day asks so much: {}", parts.join(", ")),
            format!("the capacity of {}", names.join(", ")),
        )
    })
}

/// No timeout of ours is shorter.
const LEAST_TIMEOUT: Duration = Duration::from_millis(100);

fn model_of(kind: &mut NodeKind) -> Option<&mut service::Params> {
    match kind {
        NodeKind::Service(service) => service.model.as_mut(),
        NodeKind::Database(database) => database.model.as_mut(),
        NodeKind::Client(_) | NodeKind::Balancer(_) | NodeKind::Cache(_) => None,
    }
}

fn clients(design: &Design) -> Vec<bool> {
    design.nodes.iter().map(|node| matches!(node.kind, NodeKind::Client(_))).collect()
}

/// The names of the calls that a change changed.
fn each_call(
    design: &mut Design,
    mut change: impl FnMut(CallId, &mut config::design::Call) -> Option<()>,
) -> Vec<String> {
    let mut changed = Vec::new();
    for at in 0..design.calls.len() {
        let id = CallId::from_index(at);
        if change(id, &mut design.calls[at]).is_some() {
            changed.push(design.call_in_words(id));
        }
    }
    changed
}

fn told(names: &[String], change: impl FnOnce(&str) -> Change) -> Option<Change> {
    (!names.is_empty()).then(|| change(&names.join(", ")))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, not NaN")]
fn whole(value: f64) -> u32 {
    (value as u32).max(1)
}
