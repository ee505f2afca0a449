//! Retries without a pause.

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "R03",
    title: "retries leave without a pause",
    trap: None,
    severity: Severity::Error,
    reason: "Callers that failed together try again together, at the worst moment: the moment of \
        the failure. A pause that doubles gives the service room, and chance in it (full jitter) \
        keeps the callers from coming back in step.",
    check,
    failing: include_str!("../../fixtures/R03-fail.toml"),
    passing: include_str!("../../fixtures/R03-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        if call.rules.retry.attempts > 1 && call.rules.retry.backoff.is_none() {
            notes.on_call(
                id,
                "retry.backoff",
                format!("{} tries with no pause between them", call.rules.retry.attempts),
                "`backoff = \"20ms..80ms\"`: exponential, always with jitter".to_owned(),
            );
        }
    }
}
