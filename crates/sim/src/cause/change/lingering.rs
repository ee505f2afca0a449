//! What lets load linger: queues, work for nobody, and calls that never end.

use base::{CallId, Duration, NodeId};
use config::Design;
use config::design::{Call, NodeKind};

use super::{Change, LEAST_TIMEOUT, Ordinary, each_call, model_of, told, whole};

/// As short as chance allows on an ordinary day, where one in a thousand then finds no room (the wait
/// in M/M/c falls by the load with each place). But nobody waits longer than half of the time that his
/// caller gives him: a queue in which nobody can wait until the timeout is safe
/// (`model::closed::safe_queue`), and a fault may make it slower. Nor is it shorter than half of that.
pub(in crate::cause) fn cut_queues(design: &mut Design, ordinary: &Ordinary<'_>) -> Option<Change> {
    let mut names = Vec::new();
    for (at, node) in design.nodes.iter_mut().enumerate() {
        let id = NodeId::from_index(at);
        let Some(model) = model_of(&mut node.kind) else { continue };
        let short = ordinary.patience_with(id).map_or(f64::from(model.workers) / 2.0, |patience| {
            let rate = ordinary.rate_of(id).min(model.capacity());
            let longest = patience.as_secs_f64() / 2.0 * rate;
            let load = ordinary.load(id).unwrap_or(0.0).min(1.0);
            (libm::log(RARE) / libm::log(load)).clamp(longest / 2.0, longest)
        });
        let short = whole(short);
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

const RARE: f64 = 0.001;

pub(in crate::cause) fn declare_cancel(design: &mut Design) -> Option<Change> {
    let calls = each_call(design, |_, call| (!call.cancel).then(|| call.cancel = true));
    told(&calls, |calls| {
        Change::new(
            format!("work that goes on when its caller gave up: {calls}"),
            "work that goes on when its caller gave up",
        )
    })
}

/// Twice what a slow answer takes on an ordinary day, and all the time that the called may need for
/// its own calls.
pub(in crate::cause) fn give_timeouts(
    design: &mut Design,
    ordinary: &Ordinary<'_>,
) -> Option<Change> {
    let calls = each_call(design, |id, call| {
        let is_endless = has_no_end(call);
        (is_endless && !call.stream)
            .then(|| call.rules.deadline.timeout = Some(enough_time(ordinary, id, 0)))
    });
    told(&calls, |calls| {
        Change::new(
            format!("calls without a timeout: {calls}"),
            format!("the missing timeouts of {calls}"),
        )
    })
}

fn has_no_end(call: &Call) -> bool {
    let deadline = call.rules.deadline;
    deadline.timeout.is_none() && deadline.attempt_timeout.is_none()
}

/// What a call is given, or has if it has a timeout. A circle of calls has no end.
fn enough_time(ordinary: &Ordinary<'_>, id: CallId, hops: usize) -> Duration {
    let design = ordinary.plan.design;
    let call = design.call(id);
    if !has_no_end(call) {
        return call.rules.deadline.timeout.or(ordinary.patience(id)).unwrap_or_default();
    }
    if hops > design.nodes.len() {
        return Duration::ZERO;
    }
    let steps = match &design.node(call.to).kind {
        NodeKind::Service(service) => service.steps.clone(),
        _ => vec![design.calls_from(call.to).collect()],
    };
    let longest = |calls: &Vec<CallId>| {
        let each = calls.iter().map(|&next| enough_time(ordinary, next, hops + 1));
        each.max().unwrap_or_default()
    };
    let below = steps.iter().map(longest).fold(Duration::ZERO, |sum, time| sum + time);
    let slow = ordinary.slow_answer(id).unwrap_or(LEAST_TIMEOUT);
    slow.saturating_mul(2).max(LEAST_TIMEOUT) + below
}
