//! Retries that can never follow a timeout.

use event::Cause;

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "T04",
    title: "the first try may use up the time of all others",
    trap: Some(7),
    severity: Severity::Warning,
    reason: "Without an `attempt_timeout` the first try may last as long as the whole request. If \
        it hangs, there is no time left for another, although another endpoint might have \
        answered at once.",
    check,
    failing: include_str!("../../fixtures/T04-fail.toml"),
    passing: include_str!("../../fixtures/T04-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let rules = &call.rules;
        let hopes = rules.retry.attempts > 1 && rules.retry.on.contains(Cause::AttemptTimeout);
        if let (true, Some(whole), None) =
            (hopes, rules.deadline.timeout, rules.deadline.attempt_timeout)
        {
            notes.on_call(
                id,
                "retry",
                format!("{} tries, and the first may take all of {whole}", rules.retry.attempts),
                "give `attempt_timeout`: a little above the slowest answer that is still normal"
                    .to_owned(),
            );
        }
    }
}
