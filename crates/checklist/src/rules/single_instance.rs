//! A node that every request needs, and of which there is one.

use config::design::NodeKind;

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "F01",
    title: "every request needs one single instance",
    trap: Some(14),
    severity: Severity::Warning,
    reason: "What every path needs is a shared failure domain: when it is down, everything is. \
        With a single instance that is one machine, one restart, one bad deployment.",
    check,
    failing: include_str!("../../fixtures/F01-fail.toml"),
    passing: include_str!("../../fixtures/F01-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, node) in facts.nodes() {
        let answers = matches!(node.kind, NodeKind::Service(_) | NodeKind::Database(_));
        if answers && facts.instances(id) == 1 && facts.is_needed_by_all(id) {
            notes.on_node(
                id,
                "every request of every client needs it, and there is one".to_owned(),
                "a second instance, or callers that can do without: `on_failure = \"omit\"`, \
                    stale or fallback"
                    .to_owned(),
            );
        }
    }
}
