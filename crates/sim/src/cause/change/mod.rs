//! The changes that take a factor away: each makes a design careful in one way, by the design's
//! own measures, and says what was there before.

mod lingering;
mod retries;
mod servers;
mod shutting_out;
mod strictness;

use base::{CallId, Duration};
use config::Design;
use config::design::{Call, NodeKind};
use model::service;

pub(super) use self::lingering::{cut_queues, declare_cancel, give_timeouts};
pub(super) use self::retries::{give_budgets, stop_retries};
pub(super) use self::servers::{add_workers, speed_up};
pub(super) use self::shutting_out::{bound_calls, give_breakers, give_checks, give_ejections};
pub(super) use self::strictness::{InTheWay, lengthen_timeouts, lift_limits};
use super::factor::Change;
use super::ordinary::Ordinary;

/// All that makes a design careful, at once.
pub(super) fn be_careful(design: &mut Design, ordinary: &Ordinary<'_>) -> Option<Change> {
    let changes = [
        give_budgets(design),
        cut_queues(design, ordinary),
        declare_cancel(design),
        give_timeouts(design, ordinary),
        bound_calls(design, ordinary),
        give_breakers(design),
        give_ejections(design, ordinary),
        give_checks(design, ordinary),
    ];
    let nouns: Vec<String> = changes.into_iter().flatten().map(|change| change.noun).collect();
    (nouns.len() > 1).then(|| {
        Change::new(
            format!("no rule alone, but together: {}", nouns.join("; ")),
            "several rules together, none of them alone",
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

/// By call, whether a client makes it.
pub(super) fn clients_calls(design: &Design) -> Vec<bool> {
    let is_client = |call: &Call| matches!(design.node(call.from).kind, NodeKind::Client(_));
    design.calls.iter().map(is_client).collect()
}

/// The names of the calls that a change changed.
fn each_call(
    design: &mut Design,
    mut change: impl FnMut(CallId, &mut Call) -> Option<()>,
) -> Vec<String> {
    let mut changed = Vec::new();
    for at in 0..design.calls.len() {
        let id = CallId::from_index(at);
        if change(id, &mut design.calls[at]).is_some() {
            changed.push(name(design, id));
        }
    }
    changed
}

fn told(names: &[String], change: impl FnOnce(&str) -> Change) -> Option<Change> {
    (!names.is_empty()).then(|| change(&names.join(", ")))
}

/// `FROM -> TO`, with its `only` table if it is one.
fn name(design: &Design, call: CallId) -> String {
    let call = design.call(call);
    let only = call.only.as_ref().map_or(String::new(), |only| format!(" ({})", only.name));
    format!("{} -> {}{only}", design.node(call.from).name, design.node(call.to).name)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, not NaN")]
fn whole(value: f64) -> u32 {
    (value as u32).max(1)
}
