//! Callers that together may open more connections than a database takes.

use config::design::{Call, NodeKind};

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "Q06",
    title: "callers may open more connections than the database takes",
    trap: Some(19),
    severity: Severity::Warning,
    reason: "A pool is per instance, the database's limit is for all of them. It is reached when \
        everything is slow and all pools fill up: then new connections are refused, and the \
        callers' failures get a second cause.",
    check,
    failing: include_str!("../../fixtures/Q06-fail.toml"),
    passing: include_str!("../../fixtures/Q06-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, node) in facts.nodes() {
        let NodeKind::Database(database) = &node.kind else { continue };
        let Some(most) = database.connections else { continue };
        let wanted = |call: &Call| {
            Some(u64::from(facts.instances(call.from)) * u64::from(per_instance(call)?))
        };
        let all: Option<u64> = facts.calls_to(id).map(|(_, call)| wanted(call)).sum();
        match all {
            Some(all) if all <= u64::from(most) => {}
            Some(all) => notes.on_node(
                id,
                format!("its callers may open {all} connections, it takes {most}"),
                format!("limits that come to {most} over all instances of all callers"),
            ),
            None => notes.on_node(
                id,
                format!("nothing bounds its callers' connections, it takes {most}"),
                "`connections = { most = … }` or `in_flight` in every call to it".to_owned(),
            ),
        }
    }
}

fn per_instance(call: &Call) -> Option<u32> {
    let streams = call.connections.streams.max(1);
    let by_requests = call.rules.admission.in_flight.map(|all| all.div_ceil(streams));
    match (by_requests, call.connections.most) {
        (Some(requests), Some(most)) => Some(requests.min(most)),
        (one, other) => one.or(other),
    }
}
