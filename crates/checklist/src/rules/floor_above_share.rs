//! A floor that outweighs the share it was meant to complete.

use crate::amounts::{counted, per_second};
use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "R06",
    title: "the floors of all instances outweigh the budget's share",
    trap: Some(3),
    severity: Severity::Warning,
    reason: "The floor is there so that a quiet caller can retry at all. It holds for each \
        process, or is divided among them: ten retries per second in two hundred processes are \
        two thousand. When the floors together are more than the share of the traffic, the share \
        no longer bounds anything.",
    check,
    failing: include_str!("../../fixtures/R06-fail.toml"),
    passing: include_str!("../../fixtures/R06-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let Some(budget) = call.rules.budget.filter(|_| call.rules.retry.attempts > 1) else {
            continue;
        };
        let instances = facts.instances(call.from);
        let floors = budget.floor().as_per_sec_f64() * f64::from(instances);
        let Some(traffic) = facts.traffic(id) else { continue };
        let by_share = traffic * budget.share().as_f64();
        if floors > by_share {
            notes.on_call(
                id,
                "retry.budget.floor",
                format!(
                    "floors of {}: {}; {} of {}: {}",
                    counted(instances, "instance"),
                    per_second(floors),
                    budget.share(),
                    per_second(traffic),
                    per_second(by_share)
                ),
                way_out(floors, traffic, by_share),
            );
        }
    }
}

/// In thousandths, as rates are read.
fn way_out(floors: f64, traffic: f64, by_share: f64) -> String {
    let enough = (floors * 100.0 / traffic).ceil();
    match (by_share * 1_000.0).floor() / 1_000.0 {
        most if most > 0.0 => format!("a `floor` of at most {most}/s over all instances"),
        _ if enough < 100.0 => format!("a `share` of {enough:.0}% or more"),
        _ => "`floor = \"0/s\"`: what asks so seldom gains little by asking again".to_owned(),
    }
}
