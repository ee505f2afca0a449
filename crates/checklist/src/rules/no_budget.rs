//! Retries that no budget bounds.

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "R04",
    title: "retries have no budget",
    trap: None,
    severity: Severity::Error,
    reason: "A limit of tries per request does not stop a retry storm: when every request fails, \
        three tries each are three times the load, on a service that is already failing. A budget \
        ties retries to requests, so the extra load stays below its share, whatever happens.",
    check,
    failing: include_str!("../../fixtures/R04-fail.toml"),
    passing: include_str!("../../fixtures/R04-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let attempts = call.rules.retry.attempts;
        if attempts > 1 && call.rules.budget.is_none() {
            notes.on_call(
                id,
                "retry.budget",
                format!("when all requests fail, they become {attempts} times as many"),
                "`budget = { share = \"10%\", floor = \"1/s\", burst = 10 }`".to_owned(),
            );
        }
    }
}
