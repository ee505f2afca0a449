//! Retries of what must not be done twice.

use engine::Idempotence;

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "R01",
    title: "what must not be done twice is tried again",
    trap: None,
    severity: Severity::Error,
    reason: "A timeout does not say whether the request was done. To send it again may do it \
        twice. Only idempotent operations are retried: those whose second doing changes nothing.",
    check,
    failing: include_str!("../../fixtures/R01-fail.toml"),
    passing: include_str!("../../fixtures/R01-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let attempts = call.rules.retry.attempts;
        if attempts > 1
            && call.rules.idempotence == Idempotence::Never
            && facts.says(id, "idempotent")
        {
            notes.on_call(
                id,
                "retry",
                format!("{attempts} tries, but `idempotent = false`"),
                "`retry = \"none\"`, or make the operation idempotent (a key that the service \
                    remembers)"
                    .to_owned(),
            );
        }
    }
}
