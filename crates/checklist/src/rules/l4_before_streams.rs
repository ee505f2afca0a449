//! A balancer of connections before a protocol that puts everything on one connection.

use config::design::{Call, NodeKind, Protocol};

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "L01",
    title: "a balancer of connections stands before multiplexed ones",
    trap: Some(13),
    severity: Severity::Warning,
    reason: "HTTP/2 and gRPC open one connection and keep it. A balancer at L4 chooses an \
        endpoint once a connection, so all requests of a caller go to one endpoint for hours, and \
        a new endpoint gets none. It has to balance requests, at L7.",
    check,
    failing: include_str!("../../fixtures/L01-fail.toml"),
    passing: include_str!("../../fixtures/L01-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let NodeKind::Balancer(_) = facts.design.node(call.from).kind else { continue };
        if call.protocol != Protocol::Tcp || facts.instances(call.to) < 2 {
            continue;
        }
        let speaks_grpc = has_schema(&facts.design.node(call.to).kind);
        let multiplexed = |call: &Call| speaks_grpc || call.connections.streams > 1;
        let caller = facts.calls_to(call.from).find(|(_, before)| multiplexed(before));
        if let Some((caller, _)) = caller {
            notes.on_call(
                id,
                "protocol",
                format!(
                    "`{}` puts many requests on one connection, and this chooses once a \
                        connection",
                    facts.design.call_in_words(caller)
                ),
                "`protocol = \"grpc\"` or `\"http\"` for the balancer".to_owned(),
            );
        }
    }
}

fn has_schema(node: &NodeKind) -> bool {
    matches!(node, NodeKind::Service(service) if service.schema.is_some())
}
