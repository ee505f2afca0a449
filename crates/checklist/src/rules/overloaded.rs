//! More traffic than a node can do, on a good day.

use crate::amounts::per_second;
use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "C01",
    title: "a node gets more than it can do",
    trap: None,
    severity: Severity::Error,
    reason: "Workers divided by the time each is held is all that a node can do for long. Above \
        that its queue grows whatever the queue is like, and nothing has to fail for it.",
    check,
    failing: include_str!("../../fixtures/C01-fail.toml"),
    passing: include_str!("../../fixtures/C01-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, _) in facts.nodes() {
        if let (Some(traffic), Some(capacity)) =
            (facts.node_traffic(id), facts.capacity_as_asked(id))
            && traffic >= capacity
        {
            notes.on_node(
                id,
                format!("{} arrive, it can do {}", per_second(traffic), per_second(capacity)),
                "more workers or instances, faster work, or less traffic".to_owned(),
            );
        }
    }
}
