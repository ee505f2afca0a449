//! How far regions are apart, and what physics says about the time between them.

use std::collections::{BTreeMap, BTreeSet};

use base::{Duration, RegionId};
use config::Design;
use config::design::{Call, Node, NodeKind};
use model::geography;
use policy::region;

/// The shortest possible time one way, by the straightest fibre.
pub(crate) fn light_time(design: &Design, from: RegionId, to: RegionId) -> Option<Duration> {
    let at = |region: RegionId| design.regions[region.index()].at;
    Some(geography::light_time(at(from)?, at(to)?))
}

/// What the file says of the delay between regions.
#[derive(Debug)]
pub(super) struct Delays(BTreeMap<(RegionId, RegionId), Duration>);

impl Delays {
    pub(super) fn of(design: &Design) -> Self {
        let mut stated = BTreeMap::new();
        for link in &design.links {
            let Some(delay) = link.delay else { continue };
            stated.insert((link.from, link.to), delay);
            if !link.one_way {
                stated.insert((link.to, link.from), delay);
            }
        }
        Self(stated)
    }

    /// There and back, by what the file says of the links, and by physics where it says nothing.
    pub(super) fn round_trip(
        &self,
        design: &Design,
        from: RegionId,
        to: RegionId,
    ) -> Option<Duration> {
        let one_way =
            |from, to| self.0.get(&(from, to)).copied().or_else(|| light_time(design, from, to));
        Some(one_way(from, to)? + one_way(to, from)?)
    }
}

pub(super) fn regions(node: &Node) -> Vec<RegionId> {
    let said = node.instances.iter().map(|(region, _)| *region);
    let mut all: Vec<RegionId> =
        said.chain(node.endpoints().iter().filter_map(|endpoint| endpoint.region)).collect();
    if let NodeKind::Database(database) = &node.kind {
        all.extend(database.primary);
        all.extend(database.replicas.iter().map(|(region, _)| *region));
    }
    all.sort_unstable();
    all.dedup();
    all
}

pub(super) fn crossings(design: &Design, call: &Call) -> BTreeSet<(RegionId, RegionId)> {
    let goes_to: Vec<RegionId> = match call.rules.region {
        region::Params::Own => Vec::new(),
        region::Params::Any => regions(design.node(call.to)),
        region::Params::Spill { .. } => call.spill.clone(),
    };
    let primary = match &design.node(call.to).kind {
        NodeKind::Database(database) => database.primary,
        _ => None,
    };
    let mut pairs = BTreeSet::new();
    for from in regions(design.node(call.from)) {
        let others = goes_to.iter().chain(primary.iter()).filter(|to| **to != from);
        pairs.extend(others.map(|to| (from, *to)));
    }
    pairs
}
