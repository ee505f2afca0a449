//! Where requests get, region by region, and which borders they cross.

use std::collections::BTreeSet;

use base::{NodeId, RegionId};
use policy::region;

use super::in_place::regions_of;
use crate::design::{Call, Design, NodeKind};
use crate::graph::Graph;

/// What the rules of the calls let happen at all, also when something fails.
#[derive(Debug, Default)]
pub(super) struct Crossings {
    /// The instances that are asked, or that ask.
    reached: BTreeSet<(NodeId, RegionId)>,
    /// From where to where requests go between regions.
    borders: BTreeSet<(RegionId, RegionId)>,
}

impl Crossings {
    /// Follows every call from where traffic comes from.
    pub(super) fn of(design: &Design) -> Self {
        let graph = Graph::of(design);
        let starts = graph.starts().iter();
        let mut waiting: Vec<(NodeId, RegionId)> = starts
            .flat_map(|&node| regions_of(design.node(node)).into_iter().map(move |at| (node, at)))
            .collect();
        let mut found = Self { reached: waiting.iter().copied().collect(), ..Self::default() };
        while let Some((node, home)) = waiting.pop() {
            for made in graph.calls_of(node) {
                let to = design.call(made).to;
                // With what the file says for some requests only.
                let same = design.calls.iter().filter(|call| (call.from, call.to) == (node, to));
                for region in same.flat_map(|call| served_in(design, call, home)) {
                    if region != home {
                        found.borders.insert((home, region));
                    }
                    if found.reached.insert((to, region)) {
                        waiting.push((to, region));
                    }
                }
            }
        }
        found
    }

    pub(super) fn is_reached(&self, node: NodeId) -> bool {
        self.reached.iter().any(|&(reached, _)| reached == node)
    }

    /// Whether a node for which this holds is reached in a region.
    pub(super) fn is_reached_in(&self, region: RegionId, fits: impl Fn(NodeId) -> bool) -> bool {
        self.reached.iter().any(|&(node, at)| at == region && fits(node))
    }

    /// Whether anything goes between two regions, in whichever direction: answers come back.
    pub(super) fn join(&self, from: RegionId, to: RegionId) -> bool {
        self.borders.contains(&(from, to)) || self.borders.contains(&(to, from))
    }

    pub(super) fn touch(&self, region: RegionId) -> bool {
        self.borders.iter().any(|&(from, to)| from == region || to == region)
    }
}

/// The regions in which a call from one may be answered, now or when something fails.
fn served_in(design: &Design, call: &Call, home: RegionId) -> Vec<RegionId> {
    let node = design.node(call.to);
    let mut there = regions_of(node);
    // Writes go to the primary, wherever that is, and copies are read where they are near.
    let has_copies =
        matches!(&node.kind, NodeKind::Database(database) if !database.replicas.is_empty());
    match call.rules.region {
        _ if has_copies => {}
        region::Params::Any => {}
        region::Params::Own => there.retain(|region| *region == home),
        region::Params::Spill { .. } => {
            there.retain(|region| *region == home || call.spill.contains(region));
        }
    }
    there
}
