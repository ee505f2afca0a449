//! Long-lived connections that need more descriptors than there are.

use config::design::Protocol;

use crate::amounts::counted;
use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "L02",
    title: "long-lived connections do not fit on one instance less",
    trap: Some(19),
    severity: Severity::Error,
    reason: "Connections that stay are state: each costs memory and a descriptor, and their \
        number is arrivals times the time they stay, whatever the traffic on them. When an \
        instance restarts, all of its connections come back to the others at once. They have to \
        fit there.",
    check,
    failing: include_str!("../../fixtures/L02-fail.toml"),
    passing: include_str!("../../fixtures/L02-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, node) in facts.nodes() {
        let Some(descriptors) = node.descriptors else { continue };
        let open = held_into(facts, id) + held_out_of(facts, id);
        let instances = facts.instances(id);
        let left = instances.saturating_sub(1).max(1);
        let each = open / f64::from(left);
        if each > f64::from(descriptors) {
            notes.on_node(
                id,
                format!(
                    "{open:.0} long-lived connections: {each:.0} on each of {} (one less than there are), and {descriptors} descriptors",
                    counted(left, "instance")
                ),
                format!("`descriptors` above {each:.0}, or more instances"),
            );
        }
    }
}

/// Each stream of a client counts as a connection: clients are many, with a connection each.
fn held_into(facts: &Facts<'_>, id: base::NodeId) -> f64 {
    facts.calls_to(id).map(|(call, _)| facts.sessions(call)).sum()
}

fn held_out_of(facts: &Facts<'_>, id: base::NodeId) -> f64 {
    let out = facts.calls_from(id).map(|(call, rules)| {
        let shared = rules.protocol == Protocol::Grpc;
        let streams = if shared { rules.connections.streams.max(1) } else { 1 };
        facts.sessions(call) / f64::from(streams)
    });
    out.sum()
}
