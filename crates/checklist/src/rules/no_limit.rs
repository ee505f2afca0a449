//! A call without a limit on what is under way.

use config::design::NodeKind;

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "Q01",
    title: "nothing bounds what is under way",
    trap: Some(11),
    severity: Severity::Error,
    reason: "A slow service collects every request there is, and all of them miss their deadlines \
        together. With a limit, the rest is told no at once and can do something else. Only a \
        crowd of clients has no limit: they do not know of each other.",
    check,
    failing: include_str!("../../fixtures/Q01-fail.toml"),
    passing: include_str!("../../fixtures/Q01-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let from = &facts.design.node(call.from).kind;
        let unbounded = call.rules.admission.in_flight.is_none() && facts.says(id, "in_flight");
        if unbounded && !matches!(from, NodeKind::Client(_)) {
            notes.on_call(
                id,
                "in_flight",
                "any number of requests may be under way".to_owned(),
                "`in_flight`: traffic times the slowest normal answer time, and some reserve"
                    .to_owned(),
            );
        }
    }
}
