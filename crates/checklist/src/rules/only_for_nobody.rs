//! A table of exceptions that no client's request is for.

use base::{CallId, NodeId};
use config::design::NodeKind;

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "W02",
    title: "an `only` table is for requests that no client makes",
    trap: None,
    severity: Severity::Warning,
    reason: "Its rules look as if they held for something, and nothing that is checked or simulated \
        here ever comes under them. Either the clients of the design ask for less than real ones \
        do, or the method or the path is not what was meant.",
    check,
    failing: include_str!("../../fixtures/W02-fail.toml"),
    passing: include_str!("../../fixtures/W02-pass.toml"),
};

/// What services ask for is not in the file: only those who pass on clients' requests are looked at.
fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let passes_on = !matches!(facts.design.node(call.from).kind, NodeKind::Service(_));
        if call.only.is_some()
            && passes_on
            && facts.arrivals(id).is_empty()
            && is_asked_directly(facts, call.from, call.to)
        {
            notes.on_call(
                id,
                "only",
                "no client asks for what this table is for".to_owned(),
                "a request for it among the `requests` of a client, another `method` or `path`, or \
                    no such table"
                    .to_owned(),
            );
        }
    }
}

/// Whether clients' own requests go this way at all.
fn is_asked_directly(facts: &Facts<'_>, from: NodeId, to: NodeId) -> bool {
    let ways: Vec<CallId> =
        facts.calls_to(to).filter(|(_, c)| c.from == from).map(|(id, _)| id).collect();
    let mut arrivals = ways.into_iter().flat_map(|id| facts.arrivals(id));
    arrivals.clone().next().is_some() && arrivals.all(|arrival| arrival.direct)
}
