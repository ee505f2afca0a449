//! gRPC between nodes of different owners.

use config::design::Protocol;

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "F03",
    title: "gRPC couples the failures of different owners",
    trap: Some(14),
    severity: Severity::Warning,
    reason: "A shared schema and long-lived shared connections tie both sides to each other: they \
        change together and fail together. That is fine where the same people answer the pager \
        for both. Between teams it is a shared failure domain that somebody should have agreed \
        to.",
    check,
    failing: include_str!("../../fixtures/F03-fail.toml"),
    passing: include_str!("../../fixtures/F03-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let (from, to) = (facts.design.node(call.from), facts.design.node(call.to));
        if call.protocol == Protocol::Grpc && call.only.is_none() && from.owner != to.owner {
            let owner = |owner: &Option<String>| {
                owner.as_ref().map_or("nobody in particular".to_owned(), |name| format!("`{name}`"))
            };
            notes.on_call(
                id,
                "protocol",
                format!(
                    "`{}` belongs to {}, `{}` to {}",
                    from.name,
                    owner(&from.owner),
                    to.name,
                    owner(&to.owner)
                ),
                "the same `owner` if they share operations, or HTTP between teams".to_owned(),
            );
        }
    }
}
