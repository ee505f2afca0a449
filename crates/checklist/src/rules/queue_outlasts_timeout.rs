//! A queue before a call that takes longer to empty than the call may last.

use super::queue_outlasts_patience::rounded;
use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "Q05",
    title: "a call's full queue is longer than its timeout",
    trap: Some(11),
    severity: Severity::Warning,
    reason: "Places in a queue are worth something only as far back as the service gets within \
        the timeout. Behind that, requests wait for an answer that can no longer come in time.",
    check,
    failing: include_str!("../../fixtures/Q05-fail.toml"),
    passing: include_str!("../../fixtures/Q05-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let limit = call.rules.admission;
        let (Some(in_flight), Some(queue)) = (limit.in_flight, limit.queue) else { continue };
        let (Some(timeout), Some(answer)) =
            (call.rules.deadline.timeout, facts.answer_time(call.to))
        else {
            continue;
        };
        let by_limit = f64::from(in_flight) / answer.as_secs_f64();
        let part = facts.capacity(call.to).map(|all| all / f64::from(facts.instances(call.from)));
        let rate = part.map_or(by_limit, |part| part.min(by_limit));
        let wait = base::Duration::from_secs_f64(f64::from(queue) / rate);
        if wait > timeout {
            notes.on_call(
                id,
                "queue",
                format!(
                    "a full queue of {queue} takes {}, the timeout is {timeout}",
                    rounded(wait)
                ),
                format!("a queue of at most {:.0}", (rate * timeout.as_secs_f64()).floor()),
            );
        }
    }
}
