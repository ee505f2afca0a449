//! A budget that bounds only the rate of retries, or only how many are under way.

use base::Share;

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "R05",
    title: "a budget bounds only one of rate and concurrency",
    trap: Some(1),
    severity: Severity::Error,
    reason: "A bound on the retries under way is none on their rate: failures that take 1 ms let \
        retries run a hundred times as fast as answers of 100 ms. A bound on the rate is none on \
        the retries under way: when failures are slow, they pile up. It takes both.",
    check,
    failing: include_str!("../../fixtures/R05-fail.toml"),
    passing: include_str!("../../fixtures/R05-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let Some(budget) = call.rules.budget.filter(|_| call.rules.retry.attempts > 1) else {
            continue;
        };
        let limit = call.rules.admission.in_flight.unwrap_or(u32::MAX);
        // What nobody wrote is `burst`: whether that is too much is asked by R11.
        if budget.in_flight() >= limit.max(2) && facts.says(id, IN_FLIGHT) {
            notes.on_call(
                id,
                IN_FLIGHT,
                format!("{} retries may be under way, of {limit} in all", budget.in_flight()),
                format!(
                    "{}, a tenth of the `in_flight` of the call, or none of its own: the default is `burst`",
                    (limit / 10).max(1)
                ),
            );
        }
        if budget.share() >= Share::WHOLE {
            notes.on_call(
                id,
                "retry.budget.share",
                "every request earns a retry: the budget bounds nothing".to_owned(),
                "a `share` of 10% to 20%".to_owned(),
            );
        }
    }
}

const IN_FLIGHT: &str = "retry.budget.in_flight";
