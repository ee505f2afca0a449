//! A queue before a call that has no end.

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "Q02",
    title: "a queue has no end",
    trap: Some(11),
    severity: Severity::Error,
    reason: "A queue smooths a burst. One without an end turns overload into waiting: it grows \
        until every request in it is older than anybody's patience, and from then on all work is \
        for nobody, long after the burst is over.",
    check,
    failing: include_str!("../../fixtures/Q02-fail.toml"),
    passing: include_str!("../../fixtures/Q02-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let limit = call.rules.admission;
        if limit.in_flight.is_some() && limit.queue.is_none() {
            notes.on_call(
                id,
                "queue",
                "any number of requests may wait".to_owned(),
                "`queue`: what can be served within the timeout, at most".to_owned(),
            );
        }
    }
}
