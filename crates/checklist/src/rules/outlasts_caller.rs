//! A call that goes on when the one who needed it has left.

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "T05",
    title: "a call may last longer than the one that waits for it",
    trap: Some(9),
    severity: Severity::Error,
    reason: "Whoever asked gives up first. From then on everything behind works for nobody, and \
        nobody sees it: the caller counts a timeout, the service counts a success. When things \
        are slow, most of the capacity can go into answers that no one reads. Timeouts have to \
        get shorter from the client inwards.",
    check,
    failing: include_str!("../../fixtures/T05-fail.toml"),
    passing: include_str!("../../fixtures/T05-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let Some(own) = call.rules.deadline.timeout else { continue };
        let outlasted = facts
            .callers_of(id)
            .filter_map(|caller| Some((caller, facts.design.call(caller).rules.deadline.timeout?)))
            .min_by_key(|(_, timeout)| *timeout);
        if let Some((caller, waits)) = outlasted
            && own >= waits
        {
            notes.on_call(
                id,
                "timeout",
                format!(
                    "may last {own}, but `{}`, which waits for it, gives up after {waits}",
                    facts.design.call_in_words(caller)
                ),
                format!("a `timeout` well under {waits}, or more time for the caller"),
            );
        }
    }
}
