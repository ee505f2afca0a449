//! The first question: how long does the caller wait?

use crate::{Facts, Notes, Question, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "A01",
    title: "a call does not say how long it waits",
    trap: None,
    severity: Severity::Error,
    reason: "Every network call needs a timeout, without exception. A call that never ends holds \
        a connection, a place in a queue and the memory of its request: a leak spread over two \
        machines. Nobody else knows how long an answer is worth waiting for, so there is no \
        default.",
    check,
    failing: include_str!("../../fixtures/A01-fail.toml"),
    passing: include_str!("../../fixtures/A01-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        if !Question::Timeout.is_answered(call) {
            notes.on_call(
                id,
                Question::Timeout.key(),
                "What is the timeout? The file does not say.".to_owned(),
                "give `timeout = \"800ms\"`, or `\"stream\"` with an `idle_timeout`".to_owned(),
            );
        }
    }
}
