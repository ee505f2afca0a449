//! Retries at several layers that no budget holds.

use base::CallId;

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "R07",
    title: "retries at several layers multiply, and no budget holds them",
    trap: Some(4),
    severity: Severity::Error,
    reason: "Each layer that retries multiplies what the layers before it send: three tries at \
        three layers are 27 attempts for one request. Four is the least that two retrying layers \
        make of each other, and more than any service has in reserve: at four times its load it \
        stays down for as long as the callers keep asking. Retry at one layer, and let a budget \
        bound it. Balancers of Plimsoll in a row tell each other of their tries, which add up \
        instead: three and three are five.",
    check,
    failing: include_str!("../../fixtures/R07-fail.toml"),
    passing: include_str!("../../fixtures/R07-pass.toml"),
};

/// Two layers of two tries that know nothing of each other.
pub(crate) const TOO_MUCH: f64 = 4.0;

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for id in facts.ends_of_paths() {
        let all = facts.amplification(id);
        if all.lasting < TOO_MUCH {
            continue;
        }
        let path = facts.worst_path(id);
        let factor = |call: &CallId| facts.amplification(*call).lasting_factor();
        let layers = path.iter().filter(|call| factor(call) > 1.0).count();
        let worst_layer = path.iter().max_by(|a, b| factor(a).total_cmp(&factor(b)));
        if let Some(&worst_layer) = worst_layer
            && layers > 1
        {
            notes.on_call(
                worst_layer,
                "retry",
                format!(
                    "{} attempts on `{}` for one request: {}",
                    all.worst,
                    facts.design.node(facts.design.call(id).to).name,
                    facts.tries_in_words(&path)
                ),
                "tries at one layer only, the one next to what fails; `retry = \"none\"` elsewhere"
                    .to_owned(),
            );
        }
    }
}
