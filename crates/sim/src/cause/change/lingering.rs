//! What lets load linger: queues, work for nobody, and calls that never end.

use base::NodeId;
use config::Design;

use super::{Change, LEAST_TIMEOUT, Ordinary, each_call, model_of, told, whole};

/// Nobody waits longer than a quarter of the time that its caller gives it: a queue in which
/// nobody can wait until the timeout is safe (`model::closed::safe_queue`), and there may be
/// several of them on the way, and a fault that makes them slower.
pub(in crate::cause) fn cut_queues(design: &mut Design, ordinary: &Ordinary<'_>) -> Option<Change> {
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

pub(in crate::cause) fn declare_cancel(design: &mut Design) -> Option<Change> {
    let calls = each_call(design, |_, call| (!call.cancel).then(|| call.cancel = true));
    told(&calls, |calls| {
        Change::new(
            format!("work that goes on when its caller gave up: {calls}"),
            "work that goes on when its caller gave up",
        )
    })
}

/// Twice what a slow answer takes on an ordinary day.
pub(in crate::cause) fn give_timeouts(
    design: &mut Design,
    ordinary: &Ordinary<'_>,
) -> Option<Change> {
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
