//! How far regions are apart, and what physics says about the time between them.

use std::collections::{BTreeMap, BTreeSet};

use base::{Duration, RegionId};
use config::Design;
use config::design::{Call, Node, NodeKind};
use policy::region;

/// Light in glass fibre goes at two thirds of its speed in a vacuum (refractive index 1.47 to 1.5).
const LIGHT_IN_FIBRE_KM_PER_S: f64 = 299_792.458 * 2.0 / 3.0;

/// The radius of a sphere with the earth's volume (IUGG).
const EARTH_RADIUS_KM: f64 = 6_371.0;

/// The great-circle distance between two places in degrees of latitude and longitude (haversine:
/// exact on a sphere, within 0.5 % on the earth).
fn kilometres(from: (f64, f64), to: (f64, f64)) -> f64 {
    let (from_lat, to_lat) = (from.0.to_radians(), to.0.to_radians());
    let half_lat = ((to_lat - from_lat) / 2.0).sin();
    let half_lon = ((to.1 - from.1).to_radians() / 2.0).sin();
    let h = half_lat * half_lat + from_lat.cos() * to_lat.cos() * half_lon * half_lon;
    2.0 * EARTH_RADIUS_KM * h.sqrt().min(1.0).asin()
}

/// The shortest possible time one way, by the straightest fibre.
pub(crate) fn light_time(design: &Design, from: RegionId, to: RegionId) -> Option<Duration> {
    let at = |region: RegionId| design.regions[region.index()].at;
    let seconds = kilometres(at(from)?, at(to)?) / LIGHT_IN_FIBRE_KM_PER_S;
    Some(Duration::from_secs_f64(seconds))
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
