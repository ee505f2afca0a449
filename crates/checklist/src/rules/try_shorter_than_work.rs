//! A try that is shorter than the work it asks for often takes.

use crate::facts::p99;
use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "T08",
    title: "a try is shorter than the work often takes",
    trap: Some(12),
    severity: Severity::Warning,
    reason: "More than one in a hundred answers comes after the try was given up, on the best of \
        days. Each of them was work for nothing, and if the call is retried, it is work done \
        twice.",
    check,
    failing: include_str!("../../fixtures/T08-fail.toml"),
    passing: include_str!("../../fixtures/T08-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let to = facts.design.node(call.to);
        let (Some(patience), Some(model)) = (facts.patience(id), to.model()) else { continue };
        let slow = p99(&model.service_time);
        if !call.stream && patience < slow {
            notes.on_call(
                id,
                "attempt_timeout",
                format!(
                    "a try ends after {patience}, but one in a hundred answers of `{}` takes \
                        {slow}",
                    to.name
                ),
                format!("at least {slow} for one try"),
            );
        }
    }
}
