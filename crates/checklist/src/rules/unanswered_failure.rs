//! The third question: what happens on partial failure?

use crate::{Facts, Notes, Question, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "A03",
    title: "a call does not say what happens when it fails",
    trap: None,
    severity: Severity::Error,
    reason: "A part of every large system is always broken. Whether the caller then fails too, \
        answers without this part, or gives an older answer is a decision about the product. If \
        nobody takes it, the code takes it, in whatever way was easiest to write.",
    check,
    failing: include_str!("../../fixtures/A03-fail.toml"),
    passing: include_str!("../../fixtures/A03-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        if !Question::PartialFailure.is_answered(call) {
            notes.on_call(
                id,
                Question::PartialFailure.key(),
                "What happens on partial failure? The file does not say.".to_owned(),
                "give `on_failure`: `\"error\"`, `\"omit\"`, `\"reset\"`, `{ stale = \"10m\" }` \
                    or `{ fallback = \"NODE\" }`"
                    .to_owned(),
            );
        }
    }
}
