//! Where the instances are, and how far from each other.

use base::{Duration, NodeId, RegionId};
use config::Design;
use config::design::{NodeKind, Protocol};
use model::geography;

use super::Instance;

/// All instances, node by node, and where each node's begin.
pub(super) fn instances(design: &Design) -> (Vec<Instance>, Vec<u32>) {
    let mut instances = Vec::new();
    let mut first = vec![0];
    for (at, node) in design.nodes.iter().enumerate() {
        let id = NodeId::from_index(at);
        let begin = instances.len();
        for (region, weight) in places(node) {
            let number = u32::try_from(instances.len() - begin).unwrap_or(u32::MAX);
            instances.push(Instance { node: id, region, number, weight });
        }
        first.push(u32::try_from(instances.len()).unwrap_or(u32::MAX));
    }
    (instances, first)
}

/// An endpoint is an instance; without endpoints, instances are counted by region.
fn places(node: &config::design::Node) -> Vec<(RegionId, u32)> {
    let home = node.instances.first().map_or(RegionId(0), |(region, _)| *region);
    let endpoints = node.endpoints();
    if !endpoints.is_empty() {
        let place = |endpoint: &config::design::Endpoint| {
            (endpoint.region.unwrap_or(home), endpoint.weight.max(1))
        };
        return endpoints.iter().map(place).collect();
    }
    let counted = node.instances.iter();
    let each = |(region, count): &(RegionId, u32)| vec![(*region, 1); *count as usize];
    let places: Vec<_> = counted.flat_map(each).collect();
    if places.is_empty() { vec![(home, 1)] } else { places }
}

/// One way between each two regions, row by row: what a `[link]` says, else what distance gives,
/// else the delay within a region.
pub(super) fn delays(design: &Design) -> Vec<Duration> {
    let count = design.regions.len().max(1);
    let mut delays = vec![geography::WITHIN_REGION; count * count];
    for from in 0..design.regions.len() {
        for to in (0..design.regions.len()).filter(|&to| to != from) {
            delays[from * count + to] = delay(design, from, to);
        }
    }
    delays
}

fn delay(design: &Design, from: usize, to: usize) -> Duration {
    let stated = super::network::stated(design, from, to).and_then(|link| link.delay);
    let by_distance = || {
        let (from, to) = (design.regions[from].at?, design.regions[to].at?);
        Some(geography::propagation(from, to))
    };
    stated.or_else(by_distance).unwrap_or(geography::WITHIN_REGION)
}

/// What a file says of places and nodes that needs more than messages.
pub(super) fn not_played(design: &Design, has_packets: bool) -> Vec<String> {
    let mut left_out = Vec::new();
    let several = design.regions.len() > 1;
    for region in design.regions.iter().filter(|region| several && region.at.is_none()) {
        left_out.push(format!("region {}: no place is given, so no distance either", region.name));
    }
    for link in design.links.iter().filter(|_| !has_packets) {
        let ends = format!(
            "{} -> {}",
            design.regions[link.from.index()].name,
            design.regions[link.to.index()].name
        );
        let extras = [
            (link.jitter.is_some(), "jitter"),
            (link.loss.is_some(), "loss"),
            (link.bandwidth.is_some(), "bandwidth"),
        ];
        for (_, what) in extras.iter().filter(|(said, _)| *said) {
            left_out.push(format!("link {ends}: {what} needs packets"));
        }
    }
    left_out.extend(design.nodes.iter().flat_map(|node| node_not_played(node, has_packets)));
    for (at, call) in design.calls.iter().enumerate() {
        if !has_packets && matches!(call.protocol, Protocol::Tcp | Protocol::Udp) {
            let name = design.call_in_words(base::CallId::from_index(at));
            left_out.push(format!("call {name}: played request by request, not by connection"));
        }
    }
    left_out
}

fn node_not_played(node: &config::design::Node, has_packets: bool) -> Vec<String> {
    let name = &node.name;
    let mut left_out = Vec::new();
    if node.descriptors.is_some() && !has_packets {
        left_out.push(format!("{name}: descriptors are played only in packets"));
    }
    match &node.kind {
        NodeKind::Service(_) | NodeKind::Database(_) if node.model().is_none() => {
            left_out.push(format!("{name}: has no model, so it answers at once and without end"));
        }
        _ => {}
    }
    left_out
}
