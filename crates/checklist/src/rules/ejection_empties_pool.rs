//! An ejection rule that may leave one endpoint to do the work of all.

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "H02",
    title: "ejection may leave a single endpoint",
    trap: Some(6),
    severity: Severity::Error,
    reason: "When all endpoints fail, the fault is not theirs: it is behind them, or in the \
        network. A rule that may leave them all out then sends everything to the last one, and a \
        slow service becomes one that is down.",
    check,
    failing: include_str!("../../fixtures/H02-fail.toml"),
    passing: include_str!("../../fixtures/H02-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let Some(ejection) = &call.rules.ejection else { continue };
        let leaves_one =
            |endpoints: &u32| *endpoints > 2 && ejection.most_out(*endpoints) + 1 == *endpoints;
        if let Some(endpoints) = facts.pools(id).into_iter().find(leaves_one) {
            notes.on_call(
                id,
                "eject.at_most",
                format!("{} of {endpoints} endpoints may be out at once", endpoints - 1),
                "`at_most = \"33%\"`: what the rest can carry".to_owned(),
            );
        }
    }
}
