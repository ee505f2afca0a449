//! A balancer of which there is one.

use config::design::NodeKind;

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "F02",
    title: "a balancer has one instance",
    trap: Some(17),
    severity: Severity::Warning,
    reason: "A balancer hides the failure of one instance behind it and is a new dependency of \
        everything. With one instance it is the single point of failure that it was meant to \
        remove.",
    check,
    failing: include_str!("../../fixtures/F02-fail.toml"),
    passing: include_str!("../../fixtures/F02-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, node) in facts.nodes() {
        if matches!(node.kind, NodeKind::Balancer(_)) && facts.instances(id) == 1 {
            notes.on_node(
                id,
                "there is one of it, and everything behind it depends on it".to_owned(),
                "`instances = 2`, on machines that do not fail together".to_owned(),
            );
        }
    }
}
