//! The nodes in an order in which every caller comes before those it asks.

use base::{CallId, NodeId};
use config::Design;

/// The order, and the nodes that have no place in it because they ask each other in a circle
/// (A. B. Kahn, "Topological sorting of large networks", CACM 5(11), 1962).
pub(super) fn of(design: &Design) -> (Vec<NodeId>, Vec<NodeId>) {
    let mut waiting_for = vec![0_usize; design.nodes.len()];
    let mut made_by: Vec<Vec<CallId>> = vec![Vec::new(); design.nodes.len()];
    for (at, call) in design.calls.iter().enumerate() {
        waiting_for[call.to.index()] += 1;
        made_by[call.from.index()].push(CallId::from_index(at));
    }
    let is_free = |&node: &usize| waiting_for[node] == 0;
    let mut order: Vec<NodeId> =
        (0..design.nodes.len()).filter(is_free).map(NodeId::from_index).collect();
    let mut next = 0;
    while let Some(&node) = order.get(next) {
        next += 1;
        for &call in &made_by[node.index()] {
            let to = design.call(call).to;
            waiting_for[to.index()] -= 1;
            if waiting_for[to.index()] == 0 {
                order.push(to);
            }
        }
    }
    let stuck = |&node: &usize| waiting_for[node] > 0;
    let in_circle = (0..design.nodes.len()).filter(stuck).map(NodeId::from_index).collect();
    (order, in_circle)
}
