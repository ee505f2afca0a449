//! How much traffic gets where, kind by kind, when nothing fails.
//!
//! A client's requests take the routes of the file. A service makes all its calls for each
//! request. What a cache lets through is not known: there the amount is only an upper bound.

use std::collections::BTreeMap;

use base::{CallId, NodeId};
use config::design::{Balancer, Client, NodeKind, OnFailure, Only};
use config::{Design, path};
use model::traffic::RequestKind;

use super::neighbours::Neighbours;

/// Requests of one kind on one call.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Who sent the first of them.
    pub client: NodeId,
    /// Which of the client's kinds.
    pub kind: usize,
    /// Requests per second, without retries.
    pub per_sec: f64,
    /// Whether that is the amount, and not only the most it can be.
    pub sure: bool,
    /// Whether the client's own request is what travels, and not one that a service made for it.
    pub direct: bool,
    /// Whether the client's answer fails when this one does.
    pub needed: bool,
}

/// The traffic of a design.
#[derive(Debug)]
pub(super) struct Flows {
    by_call: Vec<Vec<Arrival>>,
    /// For each node, how many kinds of all clients need it.
    needing: Vec<usize>,
    kinds: usize,
}

impl Flows {
    pub(super) fn of(design: &Design, neighbours: &Neighbours, order: &[NodeId]) -> Self {
        if kinds_of(design).saturating_mul(design.calls.len()) > MOST {
            return Self {
                by_call: vec![Vec::new(); design.calls.len()],
                needing: vec![0; design.nodes.len()],
                kinds: 0,
            };
        }
        let mut by_call: Vec<Vec<Arrival>> = vec![Vec::new(); design.calls.len()];
        let mut needing = vec![0; design.nodes.len()];
        for &node in order {
            let at_node = match &design.node(node).kind {
                NodeKind::Client(client) => offered(node, client),
                _ => arrived(neighbours, &by_call, node),
            };
            needing[node.index()] = at_node.iter().filter(|arrival| arrival.needed).count();
            for arrival in &at_node {
                for call in taken(design, neighbours, node, arrival) {
                    by_call[call.index()].push(passed_on(design, arrival, call));
                }
            }
        }
        Self { by_call, needing, kinds: kinds_of(design) }
    }

    pub(super) fn of_call(&self, call: CallId) -> &[Arrival] {
        &self.by_call[call.index()]
    }

    /// The requests per second of a call, if they are known.
    pub(super) fn traffic(&self, call: CallId) -> Option<f64> {
        let arrivals = self.of_call(call);
        let known = !arrivals.is_empty() && arrivals.iter().all(|arrival| arrival.sure);
        known.then(|| arrivals.iter().map(|arrival| arrival.per_sec).sum())
    }

    pub(super) fn all_need(&self, node: NodeId) -> bool {
        self.kinds > 0 && self.needing[node.index()] == self.kinds
    }
}

/// A design with more kinds of requests times calls than this is no design of people: its traffic
/// is not followed.
const MOST: usize = 4_000_000;

fn kinds_of(design: &Design) -> usize {
    let kinds = design.nodes.iter().map(|node| match &node.kind {
        NodeKind::Client(client) => client.requests.len(),
        _ => 0,
    });
    kinds.sum()
}

fn offered(node: NodeId, client: &Client) -> Vec<Arrival> {
    let traffic = client.traffic().as_per_sec_f64();
    let kinds = client.requests.iter().enumerate();
    kinds
        .map(|(kind, request)| Arrival {
            client: node,
            kind,
            per_sec: traffic * request.share.as_f64(),
            sure: true,
            direct: true,
            needed: true,
        })
        .collect()
}

/// What all calls bring to a node, one entry a kind.
fn arrived(neighbours: &Neighbours, by_call: &[Vec<Arrival>], node: NodeId) -> Vec<Arrival> {
    let mut kinds: BTreeMap<(NodeId, usize), Arrival> = BTreeMap::new();
    let into = neighbours.to(node).iter();
    for arrival in into.flat_map(|call| &by_call[call.index()]) {
        kinds
            .entry((arrival.client, arrival.kind))
            .and_modify(|sum| {
                sum.per_sec += arrival.per_sec;
                sum.sure &= arrival.sure;
                sum.direct |= arrival.direct;
                sum.needed |= arrival.needed;
            })
            .or_insert_with(|| arrival.clone());
    }
    kinds.into_values().collect()
}

fn passed_on(design: &Design, arrival: &Arrival, call: CallId) -> Arrival {
    let from = &design.node(design.call(call).from).kind;
    Arrival {
        sure: arrival.sure && !matches!(from, NodeKind::Cache(_)),
        direct: arrival.direct && !matches!(from, NodeKind::Service(_) | NodeKind::Database(_)),
        needed: arrival.needed && super::is_needed(design.call(call)),
        ..arrival.clone()
    }
}

/// The calls that a node makes for a request.
fn taken(design: &Design, neighbours: &Neighbours, node: NodeId, arrival: &Arrival) -> Vec<CallId> {
    let NodeKind::Client(client) = &design.node(arrival.client).kind else {
        return Vec::new();
    };
    let request = &client.requests[arrival.kind];
    let calls = neighbours.from(node);
    match &design.node(node).kind {
        NodeKind::Balancer(balancer) => routed(balancer, request)
            .map(|call| refined(design, calls, call, request))
            .into_iter()
            .collect(),
        NodeKind::Service(service) => service.steps.iter().flatten().copied().collect(),
        NodeKind::Client(_) | NodeKind::Cache(_) | NodeKind::Database(_) => {
            let is_first = |call: &&CallId| {
                design.call(**call).only.is_none()
                    && !is_fallback(design, calls, design.call(**call).to)
            };
            let first = calls.iter().filter(is_first);
            first.map(|&call| refined(design, calls, call, request)).collect()
        }
    }
}

/// Whether a node asks another one only when something else has failed.
fn is_fallback(design: &Design, calls: &[CallId], to: NodeId) -> bool {
    let instead = OnFailure::Fallback(to);
    calls.iter().any(|&call| design.call(call).on_failure.value == instead)
}

/// The call by which a balancer passes a request on.
pub(crate) fn routed(balancer: &Balancer, request: &RequestKind) -> Option<CallId> {
    balancer.route(&path::asked(&request.path).ok()?).map(|route| route.call)
}

/// The `only` table of a call that is for this request, or the call itself.
fn refined(design: &Design, calls: &[CallId], id: CallId, request: &RequestKind) -> CallId {
    let Ok(path) = path::asked(&request.path) else { return id };
    let fits = |call: &&CallId| {
        let call = design.call(**call);
        let takes = |only: &Only| only.takes(&request.method, &path);
        call.to == design.call(id).to && call.only.as_ref().is_some_and(takes)
    };
    calls.iter().find(fits).copied().unwrap_or(id)
}
