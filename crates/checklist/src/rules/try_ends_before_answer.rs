//! A try that is given up while the one who is asked still works on it, and is then repeated.

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "T07",
    title: "a try is given up and repeated while the work behind it goes on",
    trap: Some(9),
    severity: Severity::Warning,
    reason: "The caller's try ends before the calls made for it do, and the caller tries again. \
        Now the same request is worked on twice, and only one of the two has a reader.",
    check,
    failing: include_str!("../../fixtures/T07-fail.toml"),
    passing: include_str!("../../fixtures/T07-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let rules = &call.rules;
        let (Some(one), Some(whole)) = (rules.deadline.attempt_timeout, rules.deadline.timeout)
        else {
            continue;
        };
        let behind = facts
            .calls_behind(id)
            .filter_map(|inner| Some((inner, facts.design.call(inner).rules.deadline.timeout?)))
            .filter(|(_, timeout)| *timeout > one && *timeout < whole)
            .max_by_key(|(_, timeout)| *timeout);
        if let (true, Some((inner, timeout))) = (rules.retry.attempts > 1, behind) {
            notes.on_call(
                id,
                "attempt_timeout",
                format!(
                    "a try ends after {one}, while `{}` behind it may go on until {timeout}",
                    facts.design.call_in_words(inner)
                ),
                format!("an `attempt_timeout` above {timeout}, or a shorter `timeout` behind it"),
            );
        }
    }
}
