//! How often a call is made for one request to the node that makes it, when all that can fail does:
//! once for each step that names it, and once more for each that falls back to it.

use std::collections::BTreeMap;

use base::NodeId;
use config::Design;
use config::design::{NodeKind, OnFailure};

use super::neighbours::Neighbours;

/// For each call of the design; an exception is made as often as the call that it belongs to.
pub(super) fn of(design: &Design, neighbours: &Neighbours) -> Vec<u64> {
    let mut counts = vec![1; design.calls.len()];
    for (at, _) in design.nodes.iter().enumerate() {
        let made = made(design, neighbours, NodeId::from_index(at));
        for &call in neighbours.from(NodeId::from_index(at)) {
            counts[call.index()] = made.get(&design.call(call).to).copied().unwrap_or(1);
        }
    }
    counts
}

/// By the node that is asked. Whoever passes requests on makes one call for each, whatever it tries
/// instead of another.
fn made(design: &Design, neighbours: &Neighbours, node: NodeId) -> BTreeMap<NodeId, u64> {
    let mut made = BTreeMap::new();
    let NodeKind::Service(service) = &design.node(node).kind else { return made };
    let base = neighbours.from(node).iter().map(|&id| design.call(id));
    let instead: BTreeMap<NodeId, NodeId> = base
        .filter(|call| call.only.is_none())
        .filter_map(|call| match call.on_failure.value {
            OnFailure::Fallback(other) => Some((call.to, other)),
            _ => None,
        })
        .collect();
    for &step in service.steps.iter().flatten() {
        let mut asked = Some(design.call(step).to);
        for _ in 0..=MOST_FALLBACKS {
            let Some(to) = asked else { break };
            *made.entry(to).or_default() += 1;
            asked = instead.get(&to).copied();
        }
    }
    made
}

/// Longer chains are circles, which `config` refuses, or nobody's.
const MOST_FALLBACKS: usize = 8;
