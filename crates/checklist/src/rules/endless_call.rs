//! A timeout that is written down as "none".

use crate::{Facts, Notes, Rule, Severity};
use config::design::Protocol;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "T01",
    title: "a call may take for ever",
    trap: None,
    severity: Severity::Error,
    reason: "Every network call must have a timeout, without exception. One that hangs keeps its \
        connection, its place and its memory on both sides, and so does the next one, until \
        nothing is left: the fault of one slow node becomes everybody's.",
    check,
    failing: include_str!("../../fixtures/T01-fail.toml"),
    passing: include_str!("../../fixtures/T01-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let requests = matches!(call.protocol, Protocol::Http | Protocol::Grpc);
        let said = facts.says(id, "timeout");
        if call.rules.deadline.timeout.is_none()
            && !call.stream
            && (said || !requests && endless(facts, id))
        {
            notes.on_call(
                id,
                "timeout",
                "this call has no end: `timeout` is \"none\"".to_owned(),
                "give it the time after which nobody wants the answer any more".to_owned(),
            );
        }
    }
}

/// A connection without requests ends when nothing moves on it, or not at all.
fn endless(facts: &Facts<'_>, id: base::CallId) -> bool {
    facts.says(id, "idle_timeout") && facts.design.call(id).rules.idle_timeout.is_none()
}
