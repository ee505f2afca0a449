//! A service whose full queue takes longer than its callers wait.

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "Q04",
    title: "a service's full queue is longer than its callers wait",
    trap: Some(11),
    severity: Severity::Warning,
    reason: "Who comes last into the full queue is served after queue times work divided by \
        workers. If that is more than the caller's patience, a full queue holds only dead \
        requests: the service works at its limit, and nobody gets an answer.",
    check,
    failing: include_str!("../../fixtures/Q04-fail.toml"),
    passing: include_str!("../../fixtures/Q04-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, node) in facts.nodes() {
        let Some(model) = node.model() else { continue };
        let (Some(queue), Some(capacity)) = (model.queue, facts.capacity(id)) else { continue };
        let instances = f64::from(facts.instances(id));
        let wait = base::Duration::from_secs_f64(f64::from(queue) * instances / capacity);
        let hurried = facts
            .calls_to(id)
            .filter_map(|(call, _)| Some((call, facts.patience(call)?)))
            .min_by_key(|(_, patience)| *patience);
        if let Some((call, patience)) = hurried
            && wait > patience
        {
            let fits = f64::from(queue) * patience.as_secs_f64() / wait.as_secs_f64();
            notes.on_node(
                id,
                format!(
                    "a full queue of {queue} takes {}, and `{}` waits {patience}",
                    rounded(wait),
                    facts.design.call_in_words(call)
                ),
                format!("a queue of at most {:.0}", fits.floor()),
            );
        }
    }
}

/// Whole milliseconds, for people to read.
pub(super) fn rounded(time: base::Duration) -> base::Duration {
    base::Duration::from_millis(time.as_millis())
}
