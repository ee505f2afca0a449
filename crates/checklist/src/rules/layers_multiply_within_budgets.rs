//! Retries at several layers that budgets hold, but that one request can still feel.

use super::layers_multiply::TOO_MUCH;
use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "R08",
    title: "retries at several layers multiply, within their budgets",
    trap: Some(4),
    severity: Severity::Warning,
    reason: "Budgets bound what all requests together cost. A single request, and every request \
        until the saved-up bursts are spent, can still cost the product of all tries on its way, \
        or their sum where balancers of Plimsoll in a row tell each other of them. A layer that \
        knows that the one behind it retries has nothing to gain from doing so too.",
    check,
    failing: include_str!("../../fixtures/R08-fail.toml"),
    passing: include_str!("../../fixtures/R08-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for id in facts.ends_of_paths() {
        let all = facts.amplification(id);
        if (all.tries() as f64) < TOO_MUCH || all.lasting >= TOO_MUCH {
            continue;
        }
        let path = facts.worst_path(id);
        let retries = |call: &&base::CallId| facts.design.call(**call).rules.retry.attempts > 1;
        let layers = path.iter().filter(retries).count();
        if layers > 1 {
            notes.on_call(
                id,
                "retry",
                format!(
                    "{} attempts on `{}` for one request: {}",
                    all.worst,
                    facts.design.node(facts.design.call(id).to).name,
                    facts.tries_in_words(&path),
                ),
                "tries at one layer only, the one next to what fails".to_owned(),
            );
        }
    }
}
