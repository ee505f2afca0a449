//! A budget that has saved up so much that it bounds nothing.

use crate::amounts::{counted, per_second};
use crate::facts::{A_MOMENT, HARMLESS_BURST, Tries};
use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "R11",
    title: "a budget's savings outlast what they were meant for",
    trap: None,
    severity: Severity::Warning,
    reason: "A budget starts full, and is full again whenever nothing has failed for a while. What \
        is saved pays for retries of every request, whatever the share: until it is spent there is \
        no budget. It was meant for the first moments of a fault. Savings that last longer carry \
        the fault over into a storm that no longer needs it.",
    check,
    failing: include_str!("../../fixtures/R11-fail.toml"),
    passing: include_str!("../../fixtures/R11-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let Some(budget) = call.rules.budget.filter(|budget| budget.burst() > HARMLESS_BURST)
        else {
            continue;
        };
        let Some(traffic) = facts.traffic(id) else { continue };
        let lasts = Tries::of(facts.design, call).savings_last(traffic);
        let Some(seconds) = lasts.filter(|seconds| *seconds > A_MOMENT) else { continue };
        let most = f64::from(budget.burst()) * A_MOMENT / seconds;
        let most = most.floor().max(f64::from(HARMLESS_BURST));
        notes.on_call(
            id,
            "retry.budget.burst",
            format!(
                "{} saved retries of {} pay for all retries of {} for {seconds:.0} s",
                budget.burst(),
                counted(facts.instances(call.from), "instance"),
                per_second(traffic),
            ),
            format!("a `burst` of at most {most:.0}"),
        );
    }
}
