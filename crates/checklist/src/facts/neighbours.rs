//! Who asks and who is asked, for each node, so that nobody has to look through all calls for it.

use base::{CallId, NodeId};
use config::Design;

/// The calls of each node.
#[derive(Debug)]
pub(super) struct Neighbours {
    made: Vec<Vec<CallId>>,
    taken: Vec<Vec<CallId>>,
}

impl Neighbours {
    pub(super) fn of(design: &Design) -> Self {
        let mut made = vec![Vec::new(); design.nodes.len()];
        let mut taken = vec![Vec::new(); design.nodes.len()];
        for (at, call) in design.calls.iter().enumerate() {
            made[call.from.index()].push(CallId::from_index(at));
            taken[call.to.index()].push(CallId::from_index(at));
        }
        Self { made, taken }
    }

    /// The calls that a node makes.
    pub(super) fn from(&self, node: NodeId) -> &[CallId] {
        &self.made[node.index()]
    }

    /// The calls that ask a node.
    pub(super) fn to(&self, node: NodeId) -> &[CallId] {
        &self.taken[node.index()]
    }
}
