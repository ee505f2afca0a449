//! Retries on top of datagrams.

use config::design::Protocol;

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "R10",
    title: "retries on top of UDP",
    trap: Some(16),
    severity: Severity::Warning,
    reason: "UDP is for what may be lost: where being late is worse than being incomplete. With \
        retries, order and a limit on speed on top it is TCP again, without the decades of \
        tuning, and without congestion control the retries make the loss that they answer.",
    check,
    failing: include_str!("../../fixtures/R10-fail.toml"),
    passing: include_str!("../../fixtures/R10-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let attempts = call.rules.retry.attempts;
        if call.protocol == Protocol::Udp && attempts > 1 {
            notes.on_call(
                id,
                "retry",
                format!("{attempts} tries over UDP"),
                "`retry = \"none\"`, or a protocol that repeats what is lost".to_owned(),
            );
        }
    }
}
