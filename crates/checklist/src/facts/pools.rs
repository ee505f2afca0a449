//! Among how many endpoints an instance of a caller chooses: that depends on the region it is in.

use std::collections::{BTreeMap, BTreeSet};

use base::RegionId;
use config::Design;
use config::design::{Call, Node};
use policy::region;

/// The sizes of the pools that the instances of the caller see, without those that are empty.
pub(super) fn of(design: &Design, call: &Call) -> BTreeSet<u32> {
    let there = by_region(design.node(call.to));
    let all = || there.values().sum::<u32>();
    let here = |home: &RegionId| {
        let within = |region: &RegionId| there.get(region).copied().unwrap_or(0);
        match call.rules.region {
            region::Params::Any => all(),
            region::Params::Own => within(home),
            region::Params::Spill { .. } => {
                let spill: BTreeSet<_> = call.spill.iter().chain([home]).collect();
                spill.into_iter().map(within).sum()
            }
        }
    };
    let homes = by_region(design.node(call.from));
    let mut pools: BTreeSet<u32> = homes.keys().map(here).collect();
    if homes.is_empty() {
        pools.insert(all());
    }
    pools.remove(&0);
    pools
}

/// How many instances a node has in each region: by its addresses if it has some, one at least.
pub(super) fn by_region(node: &Node) -> BTreeMap<RegionId, u32> {
    let mut counts = BTreeMap::new();
    for (region, count) in in_order(node) {
        *counts.entry(region).or_default() += count;
    }
    counts
}

/// The same in the order in which instances are numbered: so many follow each other in a region.
pub(super) fn in_order(node: &Node) -> Vec<(RegionId, u32)> {
    let home = node.instances.first().map_or(RegionId(0), |(region, _)| *region);
    if node.endpoints().is_empty() {
        let said = node.instances.iter().copied();
        return if node.instances.is_empty() { vec![(home, 1)] } else { said.collect() };
    }
    let regions = node.endpoints().iter().map(|endpoint| endpoint.region.unwrap_or(home));
    let regions: Vec<RegionId> = regions.collect();
    let neighbours = regions.chunk_by(|one, next| one == next);
    neighbours.map(|same| (same[0], u32::try_from(same.len()).unwrap_or(u32::MAX))).collect()
}
