//! Tries and pauses that together take longer than the whole may take.

use base::Duration;

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "T03",
    title: "the tries and pauses of a call do not fit its timeout",
    trap: Some(7),
    severity: Severity::Error,
    reason: "The whole takes at most `attempts` times `attempt_timeout`, and the pauses between. \
        If that is more than `timeout`, the last try is cut off before it could succeed: it costs \
        the service as much as any other and nobody reads the answer.",
    check,
    failing: include_str!("../../fixtures/T03-fail.toml"),
    passing: include_str!("../../fixtures/T03-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let retry = call.rules.retry;
        let deadline = call.rules.deadline;
        let (Some(whole), Some(one)) = (deadline.timeout, deadline.attempt_timeout) else {
            continue;
        };
        let pauses = (1..retry.attempts)
            .filter_map(|tries| Some(retry.backoff?.ceiling(tries)))
            .fold(Duration::ZERO, |sum, pause| sum + pause);
        let needed = one.saturating_mul(u64::from(retry.attempts)) + pauses;
        if retry.attempts > 1 && needed > whole {
            notes.on_call(
                id,
                "attempt_timeout",
                format!(
                    "{} tries of {one} and pauses of up to {pauses} are {needed}; the whole may \
                        take {whole}",
                    retry.attempts
                ),
                format!(
                    "fewer or shorter tries, or a `timeout` of {needed} if the caller waits so long"
                ),
            );
        }
    }
}
