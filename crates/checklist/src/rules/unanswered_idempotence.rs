//! The second question: may it be sent twice?

use crate::{Facts, Notes, Question, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "A02",
    title: "a call does not say whether it may be sent twice",
    trap: None,
    severity: Severity::Error,
    reason: "After a timeout nobody knows whether the request was done. Only somebody who knows \
        the operation can say whether doing it again does harm: an order placed twice is worse \
        than an error.",
    check,
    failing: include_str!("../../fixtures/A02-fail.toml"),
    passing: include_str!("../../fixtures/A02-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        if !Question::Idempotence.is_answered(call) {
            notes.on_call(
                id,
                Question::Idempotence.key(),
                "Is the operation idempotent? The file does not say.".to_owned(),
                "give `idempotent`: `\"by-method\"`, `\"by-key\"`, `\"by-schema\"`, \
                    `\"connect-only\"`, `true` or `false`"
                    .to_owned(),
            );
        }
    }
}
