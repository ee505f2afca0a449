//! A try that has time for an answer, and none for a connection before it.

use config::design::Protocol;

use super::faster_than_light::Farthest;
use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "G04",
    title: "a try has no time for a new connection",
    trap: Some(8),
    severity: Severity::Warning,
    reason: "A request on a new connection goes the way twice: once until the connection stands, \
        once until the answer is there. A try that has time for one of them is answered only on \
        connections that stand already, and a try that ran out of time leaves none behind: after \
        each pause, and after each fault, none succeeds.",
    check,
    failing: include_str!("../../fixtures/G04-fail.toml"),
    passing: include_str!("../../fixtures/G04-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let Some(far) = Farthest::of(facts, id).filter(|_| call.protocol != Protocol::Udp) else {
            continue;
        };
        let timed = [
            ("attempt_timeout", "a try ends", facts.patience(id).filter(|_| !call.stream)),
            ("health.timeout", "a check ends", facts.patience_of_checks(id)),
        ];
        let both = far.round_trip + far.round_trip;
        for (key, what, time) in timed {
            let Some(time) = time.filter(|time| *time > far.round_trip && *time <= both) else {
                continue;
            };
            let message = format!(
                "{what} after {time}; a new connection and an answer {} take {:.1}ms at least",
                far.in_words(facts),
                both.as_millis_f64()
            );
            notes.on_call(id, key, message, far.way_out());
        }
    }
}
