//! Half-open probes that are as many as the service can do.

use crate::amounts::counted;
use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "Q07",
    title: "half-open probes fill the service",
    trap: Some(5),
    severity: Severity::Error,
    reason: "After the pause a breaker lets a few requests through to see how the service is. If \
        the service hangs, each of them takes a worker. When all instances together send as many \
        as there are workers, the question is a flood of its own, and a service that was \
        recovering goes down again.",
    check,
    failing: include_str!("../../fixtures/Q07-fail.toml"),
    passing: include_str!("../../fixtures/Q07-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let (Some(breaker), Some(model)) =
            (&call.rules.breaker, facts.design.node(call.to).model())
        else {
            continue;
        };
        let instances = facts.instances(call.from);
        let probes = u64::from(breaker.probes()) * u64::from(instances);
        let workers = u64::from(model.workers) * u64::from(facts.instances(call.to));
        if probes >= workers {
            notes.on_call(
                id,
                "breaker.probes",
                format!(
                    "{} of {}: {probes} at once for {}",
                    counted(breaker.probes(), "probe"),
                    counted(instances, "instance"),
                    counted(workers, "worker")
                ),
                way_out((workers - 1) / u64::from(instances)),
            );
        }
    }
}

/// So many from each instance leave a worker for others.
fn way_out(most: u64) -> String {
    match most {
        0 => "more workers, or no `breaker`: one probe of each instance fills it".to_owned(),
        1 => "`probes = 1`".to_owned(),
        _ => format!("`probes = 1` to {most}"),
    }
}
