//! What servers can do.

use base::{CallId, Duration, NodeId};
use config::Design;

use super::{Change, Ordinary, model_of, whole};

/// So many that a sixteenth of them bears an ordinary day; and that all bear a day on which each
/// call takes as long as it is given.
pub(in crate::cause) fn add_workers(
    design: &mut Design,
    ordinary: &Ordinary<'_>,
    nodes: &[NodeId],
) -> Option<Change> {
    let (mut parts, mut names) = (Vec::new(), Vec::new());
    for &id in nodes {
        let node = &mut design.nodes[id.index()];
        let (Some(held), Some(model)) = (ordinary.held(id), model_of(&mut node.kind)) else {
            continue;
        };
        let longest = ordinary.waiting(id, |call| time_given(ordinary, call));
        let enough = whole((SPARE * held.working + longest.max(SPARE * held.waiting)).ceil());
        if enough > model.workers {
            let (has, holds) = (model.workers, held.in_all());
            parts.push(format!("{} has {has}, and an ordinary day holds {holds:.1}", node.name));
            names.push(node.name.clone());
            model.workers = enough;
        }
    }
    (!names.is_empty()).then(|| {
        Change::new(
            format!("workers that wait for others: {}", parts.join("; ")),
            format!("the workers of {}", names.join(", ")),
        )
    })
}

/// In seconds; none where nothing ends the call.
fn time_given(ordinary: &Ordinary<'_>, call: CallId) -> f64 {
    let deadline = ordinary.plan.design.call(call).rules.deadline;
    deadline.timeout.map_or(0.0, Duration::as_secs_f64)
}

/// A fault that takes more than a part of so many leaves too little of anything.
const SPARE: f64 = 16.0;

/// So fast that a sixteenth of it, when a fault takes the rest, still does all that an ordinary day
/// asks.
pub(in crate::cause) fn speed_up(
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
        model.service_time = model.service_time.faster(SPARE * load.max(1.0));
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
