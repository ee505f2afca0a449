//! A tunnel that nobody would notice to be dead.

use config::design::Protocol;
use engine::Carrier;

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "T09",
    title: "a WebSocket may stay for ever",
    trap: None,
    severity: Severity::Error,
    reason: "The `timeout` of a call ends with the 101 of an upgrade: from then on only silence ends \
        the tunnel. A peer that vanishes says nothing, not even a goodbye, and without a limit on \
        silence its tunnel keeps two connections and its place in `in_flight` until none is left \
        for anybody.",
    check,
    failing: include_str!("../../fixtures/T09-fail.toml"),
    passing: include_str!("../../fixtures/T09-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let carries_tunnels =
            call.rules.carrier == Carrier::Plimsoll && call.protocol == Protocol::Http;
        let endless = call.rules.idle_timeout.is_none() && facts.says(id, "idle_timeout");
        // Of a stream T02 speaks.
        if carries_tunnels && endless && !call.stream {
            notes.on_call(
                id,
                "idle_timeout",
                "a tunnel on which nothing moves has no end: `idle_timeout` is \"none\"".to_owned(),
                "give it a time longer than the pause between two messages, or leave it out"
                    .to_owned(),
            );
        }
    }
}
