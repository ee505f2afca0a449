//! In which regions the traffic of a node arrives: those of its callers, where calls may not leave
//! them.
//!
//! A node can do no more for one region than its instances there can, however idle the others are.

use std::collections::BTreeMap;

use base::{NodeId, RegionId};
use config::Design;
use config::design::{Call, NodeKind};
use policy::region;

use super::flow::{Arrival, Flows};
use super::neighbours::Neighbours;
use super::pools::by_region;

/// Parts of one, or rates.
type Parts = BTreeMap<RegionId, f64>;

/// What arrives at each node, by the region of the instance that takes it.
#[derive(Debug)]
pub(super) struct Homes(Vec<Parts>);

impl Homes {
    pub(super) fn of(
        design: &Design,
        neighbours: &Neighbours,
        order: &[NodeId],
        flows: &Flows,
    ) -> Self {
        let mut arrived = vec![Parts::new(); design.nodes.len()];
        for &from in order {
            let homes = match &design.node(from).kind {
                NodeKind::Client(_) => evenly(&by_region(design.node(from))),
                _ => parts(&arrived[from.index()]),
            };
            for &id in neighbours.from(from) {
                let call = design.call(id);
                for reads in [true, false] {
                    let of_kind = |arrival: &&Arrival| only_reads(design, arrival) == reads;
                    let arrivals = flows.of_call(id).iter().filter(of_kind);
                    let per_sec: f64 = arrivals.map(|arrival| arrival.per_sec).sum();
                    let served = served_in(design, call, reads, &homes);
                    for (region, part) in served {
                        *arrived[call.to.index()].entry(region).or_default() += per_sec * part;
                    }
                }
            }
        }
        Self(arrived)
    }

    /// Which part of what all instances of a node can do is reached when those of the first region
    /// have no more to give: 1 where every region gets as much as it has instances.
    pub(super) fn reach(&self, design: &Design, node: NodeId) -> f64 {
        let there = evenly(&by_region(design.node(node)));
        let arrives = parts(&self.0[node.index()]);
        let part = |(region, share): (&RegionId, &f64)| {
            (*share > 0.0).then(|| there.get(region).copied().unwrap_or(0.0) / share)
        };
        arrives.iter().filter_map(part).fold(1.0, f64::min)
    }
}

/// In which regions the requests of a call are served on a good day, and which part of them in each;
/// `homes` is where they come from.
fn served_in(design: &Design, call: &Call, reads: bool, homes: &Parts) -> Parts {
    let there = by_region(design.node(call.to));
    let mut served = Parts::new();
    for (&home, part) in homes {
        let Some(order) = preferred(design, call, reads, home) else {
            for (region, of_them) in evenly(&there) {
                *served.entry(region).or_default() += part * of_them;
            }
            continue;
        };
        if let Some(first) = order.into_iter().find(|region| there.contains_key(region)) {
            *served.entry(first).or_default() += part;
        }
    }
    served
}

/// The regions for a request from `home`, the first that has an instance; nothing if all are one.
fn preferred(design: &Design, call: &Call, reads: bool, home: RegionId) -> Option<Vec<RegionId>> {
    if let NodeKind::Database(database) = &design.node(call.to).kind
        && let Some(primary) = database.primary.filter(|_| !database.replicas.is_empty())
    {
        let own = (reads && database.reads_own_region).then_some(home);
        return Some(own.into_iter().chain([primary]).collect());
    }
    match call.rules.region {
        region::Params::Any => None,
        region::Params::Own => Some(vec![home]),
        region::Params::Spill { .. } => {
            Some([home].into_iter().chain(call.spill.iter().copied()).collect())
        }
    }
}

fn only_reads(design: &Design, arrival: &Arrival) -> bool {
    let NodeKind::Client(client) = &design.node(arrival.client).kind else { return false };
    client.requests[arrival.kind].is_safe()
}

fn evenly(counts: &BTreeMap<RegionId, u32>) -> Parts {
    parts(&counts.iter().map(|(region, count)| (*region, f64::from(*count))).collect())
}

/// As parts of their sum.
fn parts(amounts: &Parts) -> Parts {
    let sum: f64 = amounts.values().sum();
    let part = |(region, amount): (&RegionId, &f64)| (*region, amount / sum);
    if sum > 0.0 { amounts.iter().map(part).collect() } else { Parts::new() }
}
