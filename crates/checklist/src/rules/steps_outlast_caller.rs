//! Steps one after the other that together take longer than the caller waits.

use base::{CallId, Duration};
use config::design::NodeKind;

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "T06",
    title: "the steps of a service together outlast its caller",
    trap: Some(7),
    severity: Severity::Error,
    reason: "Each step is short enough alone, but they run one after the other. When the first \
        ones are slow, the last ones start with a caller who has almost given up, and end without \
        one.",
    check,
    failing: include_str!("../../fixtures/T06-fail.toml"),
    passing: include_str!("../../fixtures/T06-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, node) in facts.nodes() {
        let NodeKind::Service(service) = &node.kind else { continue };
        let timeout = |call: &CallId| facts.design.call(*call).rules.deadline.timeout;
        let longest = |step: &Vec<CallId>| step.iter().filter_map(timeout).max();
        let steps: Vec<Duration> = service.steps.iter().filter_map(longest).collect();
        let sum = steps.iter().fold(Duration::ZERO, |sum, step| sum + *step);
        for (caller, call) in facts.calls_to(id) {
            let Some(waits) = call.rules.deadline.timeout else { continue };
            if steps.len() > 1 && sum >= waits && steps.iter().all(|step| *step < waits) {
                notes.on_call(
                    caller,
                    "timeout",
                    format!(
                        "waits {waits}, but the {} steps of `{}` may take {sum} together",
                        steps.len(),
                        node.name
                    ),
                    "shorter steps, steps in parallel (an inner list), or a longer \
                        wait"
                        .to_owned(),
                );
            }
        }
    }
}
