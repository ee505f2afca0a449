//! Sessions that a call has no room for.

use base::CallId;
use config::design::{Call, NodeKind, Protocol};

use crate::amounts::counted;
use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "L03",
    title: "sessions do not fit into what their call carries at once",
    trap: Some(19),
    severity: Severity::Error,
    reason: "A session keeps its place in `in_flight` for as long as it stands, and its connection or \
        its stream with it. Their number is how often one is asked for, times how long it is held: \
        minutes make thousands of a few a second. What does not fit is refused, and so is every \
        other request under the same bound. When an instance restarts, the others have to hold its \
        sessions too.",
    check,
    failing: include_str!("../../fixtures/L03-fail.toml"),
    passing: include_str!("../../fixtures/L03-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        // Clients are as many as there are sessions.
        if matches!(facts.design.node(call.from).kind, NodeKind::Client(_)) {
            continue;
        }
        let Some((most, bound)) = most_each(facts, id, call) else { continue };
        let open = facts.sessions(id);
        let instances = facts.instances(call.from);
        let left = instances.saturating_sub(1).max(1);
        if open > f64::from(left) * most as f64 {
            let [all, others] = [instances, left].map(|count| u64::from(count) * most);
            notes.on_call(
                id,
                bound,
                format!(
                    "{open:.0} sessions at once on average; by `{bound}` {all} fit on its {}, and {others} on {left}",
                    counted(instances, "instance")
                ),
                format!(
                    "room for {:.0} on each instance, or more instances",
                    open / f64::from(left)
                ),
            );
        }
    }
}

/// The most that an instance of the caller carries, and what says so.
fn most_each(facts: &Facts<'_>, id: CallId, call: &Call) -> Option<(u64, &'static str)> {
    let in_flight = call.rules.admission.in_flight.map(|most| (u64::from(most), "in_flight"));
    let streams = if call.protocol == Protocol::Grpc { call.connections.streams.max(1) } else { 1 };
    let endpoints = facts.pools(id).first().copied().unwrap_or(1);
    let by_connections = call.connections.most.map(|most| {
        (u64::from(most) * u64::from(streams) * u64::from(endpoints), "connections.most")
    });
    in_flight.into_iter().chain(by_connections).min()
}
