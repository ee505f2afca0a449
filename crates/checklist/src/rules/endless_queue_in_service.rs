//! A service or database that lets any number of requests wait.

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "Q03",
    title: "a service lets any number of requests wait",
    trap: Some(11),
    severity: Severity::Warning,
    reason: "Once it is overloaded for a moment, its queue holds only requests whose callers have \
        left, and it serves them first. It stays busy and useless until somebody empties the \
        queue. If the service cannot bound its queue, its callers have to: by `in_flight`.",
    check,
    failing: include_str!("../../fixtures/Q03-fail.toml"),
    passing: include_str!("../../fixtures/Q03-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, node) in facts.nodes() {
        let endless = node.model().is_some_and(|model| model.queue.is_none());
        let bounded_by_callers =
            facts.calls_to(id).all(|(_, call)| call.rules.admission.in_flight.is_some());
        if endless && !bounded_by_callers {
            notes.on_node(
                id,
                "`queue = \"none\"`, and not all of its callers are bounded".to_owned(),
                "a `queue` in its model, or `in_flight` in every call to it".to_owned(),
            );
        }
    }
}
