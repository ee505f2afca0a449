//! A node that its callers' retries alone could keep overloaded.

use crate::amounts::per_second;
use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "C02",
    title: "retries alone can keep a node overloaded",
    trap: Some(4),
    severity: Severity::Warning,
    reason: "If all attempts fail for a moment, callers send this many for each request. When \
        that is more than the node can do, the failures feed themselves: the cause of the first \
        is long gone, and the retries keep it down. Such a state is called metastable, and it \
        ends only when somebody takes load away.",
    check,
    failing: include_str!("../../fixtures/C02-fail.toml"),
    passing: include_str!("../../fixtures/C02-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, _) in facts.nodes() {
        let (Some(traffic), Some(load), Some(capacity)) = (
            facts.node_traffic(id),
            facts.node_load_when_all_fails(id),
            facts.capacity_as_asked(id),
        ) else {
            continue;
        };
        if traffic < capacity && load >= capacity && load > traffic {
            notes.on_node(
                id,
                format!(
                    "{} become {} when all fails, it can do {}",
                    per_second(traffic),
                    per_second(load),
                    per_second(capacity)
                ),
                "budgets that keep retries below what is left, or more capacity".to_owned(),
            );
        }
    }
}
