//! The fifth question: can its retries amplify load?

use crate::{Facts, Notes, Question, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "A05",
    title: "a call does not say whether it is retried",
    trap: None,
    severity: Severity::Error,
    reason: "Most large outages are driven by retries: they add load exactly when there is too \
        much of it. Many libraries retry by default, so saying nothing is a choice too, made by \
        somebody who does not know this system.",
    check,
    failing: include_str!("../../fixtures/A05-fail.toml"),
    passing: include_str!("../../fixtures/A05-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        if !Question::Amplification.is_answered(call) {
            notes.on_call(
                id,
                Question::Amplification.key(),
                "Can this retry amplify load? The file does not say.".to_owned(),
                "give `retry = \"none\"`, or `{ attempts, backoff, budget }`".to_owned(),
            );
        }
    }
}
