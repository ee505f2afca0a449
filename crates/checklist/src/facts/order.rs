//! The nodes in an order in which every caller comes before those it asks.

use base::NodeId;
use config::Design;

use super::neighbours::Neighbours;

/// The order (A. B. Kahn, "Topological sorting of large networks", CACM 5(11), 1962). Nodes that
/// ask each other in a circle have no place in it; `config` refuses such designs.
pub(super) fn of(design: &Design, neighbours: &Neighbours) -> Vec<NodeId> {
    let all = || (0..design.nodes.len()).map(NodeId::from_index);
    let mut waiting_for: Vec<usize> = all().map(|node| neighbours.to(node).len()).collect();
    let mut order: Vec<NodeId> = all().filter(|node| waiting_for[node.index()] == 0).collect();
    let mut next = 0;
    while let Some(&node) = order.get(next) {
        next += 1;
        for &call in neighbours.from(node) {
            let to = design.call(call).to;
            waiting_for[to.index()] -= 1;
            if waiting_for[to.index()] == 0 {
                order.push(to);
            }
        }
    }
    order
}
