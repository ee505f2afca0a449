//! Retries of work that goes on although nobody waits for it.

use event::Cause;

use crate::facts::Tries;
use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "R09",
    title: "a try that timed out is repeated, and its work goes on",
    trap: Some(12),
    severity: Severity::Warning,
    reason: "A timeout ends the waiting, not the work. The service goes on with what nobody \
        reads, and the retry comes on top, exactly when it is slowest. This is how a service that \
        got 1.4 times slower stays down after it is well again. A budget keeps that small; \
        without one, the work has to end with the waiting.",
    check,
    failing: include_str!("../../fixtures/R09-fail.toml"),
    passing: include_str!("../../fixtures/R09-pass.toml"),
};

/// What a budget of a fifth lets through: then the work done twice is at most a sixth of all.
const TOLERABLE: f64 = 1.2;

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let rules = &call.rules;
        let again = rules.retry.attempts > 1 && rules.retry.on.contains(Cause::AttemptTimeout);
        let timed = rules.deadline.attempt_timeout.is_some();
        let earned = Tries::of(facts.design, call).when_asked_without_end();
        if again && timed && !call.cancel && earned > TOLERABLE {
            notes.on_call(
                id,
                "cancel",
                format!(
                    "a try that timed out may be repeated, and `{}` still works on the first",
                    facts.design.node(call.to).name
                ),
                "`cancel = true` where the service stops when its caller is gone; or a \
                    `budget` of at most 20%"
                    .to_owned(),
            );
        }
    }
}
