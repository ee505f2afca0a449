//! The fourth question: where does backpressure appear?

use crate::{Facts, Notes, Question, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "A04",
    title: "a call does not say how much of it may be under way",
    trap: None,
    severity: Severity::Error,
    reason: "When the one who is asked gets slow, requests collect somewhere: in a queue with an \
        end, or in memory without one. Where the limit is decides who hears 'no' first, and how \
        soon.",
    check,
    failing: include_str!("../../fixtures/A04-fail.toml"),
    passing: include_str!("../../fixtures/A04-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        if !Question::Backpressure.is_answered(call) {
            notes.on_call(
                id,
                Question::Backpressure.key(),
                "Where does backpressure appear? The file does not say.".to_owned(),
                "give `in_flight` a number (and `queue`, how many may wait), or `\"none\"` for a \
                    crowd that has no limit"
                    .to_owned(),
            );
        }
    }
}
