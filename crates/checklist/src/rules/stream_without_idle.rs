//! A stream that nobody would notice to be dead.

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "T02",
    title: "a stream has no idle timeout",
    trap: None,
    severity: Severity::Error,
    reason: "A stream has no end of its own, so a timeout for the whole makes no sense. But a \
        peer that vanishes sends nothing, not even a goodbye: without a limit on silence the \
        connection stays for ever, with its memory and its descriptor.",
    check,
    failing: include_str!("../../fixtures/T02-fail.toml"),
    passing: include_str!("../../fixtures/T02-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let has_end = call.rules.idle_timeout.is_some() && facts.says(id, "idle_timeout");
        if call.stream && !has_end {
            notes.on_call(
                id,
                "timeout",
                "`timeout = \"stream\"`, and no `idle_timeout`".to_owned(),
                "give `idle_timeout`, longer than the pause between two messages".to_owned(),
            );
        }
    }
}
