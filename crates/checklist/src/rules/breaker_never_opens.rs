//! A breaker that never sees enough calls to open.

use base::CallId;

use crate::amounts::per_second;
use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "H04",
    title: "a breaker never sees enough calls to open",
    trap: None,
    severity: Severity::Warning,
    reason: "A breaker judges by the tries of its window, and only once there are `min_calls` of \
        them. Each worker of each instance has seen its own tries alone. Where they never come to \
        so many, not even when all fail and are repeated, the rule stands in the file, somebody \
        relies on it, and it does nothing.",
    check,
    failing: include_str!("../../fixtures/H04-fail.toml"),
    passing: include_str!("../../fixtures/H04-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let (Some(breaker), Some(tries)) = (&call.rules.breaker, tries_of_an_instance(facts, id))
        else {
            continue;
        };
        let seen = tries * breaker.window().as_secs_f64();
        if seen < f64::from(breaker.min_calls()) {
            notes.on_call(
                id,
                "breaker.min_calls",
                format!(
                    "all workers of an instance make {} tries when all fail: {seen:.0} in {}, of \
                        {} that each has to see",
                    per_second(tries),
                    breaker.window(),
                    breaker.min_calls()
                ),
                way_out(seen),
            );
        }
    }
}

/// Per second, when all fail.
fn tries_of_an_instance(facts: &Facts<'_>, call: CallId) -> Option<f64> {
    let instances = f64::from(facts.instances(facts.design.call(call).from));
    Some(facts.traffic(call)? * facts.amplification(call).lasting / instances)
}

fn way_out(seen: f64) -> String {
    match seen.floor() {
        most if most >= 1.0 => format!(
            "a `min_calls` of at most {most:.0} for one worker, less for more; or a longer `window`"
        ),
        _ => "a longer `window`, or no `breaker`".to_owned(),
    }
}
