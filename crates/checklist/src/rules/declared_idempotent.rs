//! A call that is declared idempotent although its methods are not.

use config::design::NodeKind;
use engine::Idempotence;

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "R02",
    title: "a call is declared idempotent and carries methods that are not",
    trap: None,
    severity: Severity::Warning,
    reason: "POST and PATCH promise nothing about a second time (RFC 9110, 9.2.2). `idempotent = \
        true` says that this service keeps such a promise for all its requests. If that is so, it \
        is worth a second look; if not, a retry charges somebody twice.",
    check,
    failing: include_str!("../../fixtures/R02-fail.toml"),
    passing: include_str!("../../fixtures/R02-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        if call.rules.retry.attempts < 2 || call.rules.idempotence != Idempotence::Always {
            continue;
        }
        let method =
            facts.arrivals(id).iter().filter(|arrival| arrival.direct).find_map(|arrival| {
                let NodeKind::Client(client) = &facts.design.node(arrival.client).kind else {
                    return None;
                };
                let request = client.requests.get(arrival.kind)?;
                (!request.is_idempotent()).then_some(&request.method)
            });
        if let Some(method) = method {
            notes.on_call(
                id,
                "idempotent",
                format!("`idempotent = true`, and clients send {method}"),
                "`by-method`, or `by-key` if the service remembers an \
                    `Idempotency-Key`"
                    .to_owned(),
            );
        }
    }
}
