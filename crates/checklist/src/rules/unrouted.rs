//! A request that comes to a balancer none of whose routes takes it.

use std::collections::BTreeSet;

use base::NodeId;
use config::design::{Balancer, Client, NodeKind, Takes};

use crate::facts::routed;
use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "W01",
    title: "no route takes a request",
    trap: None,
    severity: Severity::Error,
    reason: "A balancer answers a request that none of its routes takes by itself, with 404, and \
        nothing behind it is ever asked. In the figures of the nodes there it looks as if all were \
        well.",
    check,
    failing: include_str!("../../fixtures/W01-fail.toml"),
    passing: include_str!("../../fixtures/W01-pass.toml"),
};

/// What a service asks for is its own affair: only a client's own requests are followed.
fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, node) in facts.nodes() {
        let NodeKind::Balancer(balancer) = &node.kind else { continue };
        let arrivals = facts.calls_to(id).flat_map(|(call, _)| facts.arrivals(call));
        let direct = arrivals.filter(|arrival| arrival.direct);
        let kinds: BTreeSet<_> = direct.map(|arrival| (arrival.client, arrival.kind)).collect();
        for (client, kind) in kinds {
            note(facts, (id, balancer), (client, kind), notes);
        }
    }
}

fn note(
    facts: &Facts<'_>,
    (at, balancer): (NodeId, &Balancer),
    (from, kind): (NodeId, usize),
    notes: &mut Notes<'_>,
) {
    let NodeKind::Client(Client { requests, spans, .. }) = &facts.design.node(from).kind else {
        return;
    };
    let request = &requests[kind];
    if routed(balancer, request).is_some() {
        return;
    }
    let span = spans.get(kind).copied().unwrap_or(facts.design.node(from).span);
    notes.on_node_at(
        from,
        span,
        format!("no route of `{}` takes \"{}\"", facts.design.node(at).name, request.path),
        way_out(balancer, &request.path),
    );
}

fn way_out(balancer: &Balancer, asked: &str) -> String {
    let routes = balancer.listen.iter().flat_map(|listen| &listen.routes);
    let taken = routes.filter_map(|route| match &route.takes {
        Takes::Path(path) => Some(format!("\"{path}\"")),
        Takes::Service(service) => Some(format!("\"/{service}\"")),
        Takes::All => None,
    });
    let taken: Vec<String> = taken.take(MOST_LISTED).collect();
    format!(
        "a route for it, `{{ path = \"{asked}\", to = … }}`, or a request for what is below {}",
        taken.join(" or ")
    )
}

const MOST_LISTED: usize = 8;
