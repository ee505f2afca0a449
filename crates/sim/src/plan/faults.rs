//! The faults of an incident, and whom they hit.

use base::{Instant, NodeId, RegionId};
use config::Design;
use config::design::{Entry, NodeKind, Part, Target};
use model::fault::{Course, Fault};

use super::{Instance, Times, network};
use crate::{Options, Refusal};

/// A fault with its time and its victims.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub(crate) course: Course,
    pub(crate) fault: Fault,
    pub(crate) what: What,
    /// For people: `db` or `svc (1 of 3)`.
    pub(crate) on: String,
}

/// Whom a fault hits.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// These instances.
    Instances(Vec<u32>),
    /// The traffic of this client.
    Traffic(NodeId),
    /// A part of the network.
    Network(network::Place),
    /// Where these balancers send requests: all of them, or those for this node.
    Routes { instances: Vec<u32>, to: Option<NodeId> },
}

impl What {
    /// Whether it is where this instance sends what it has for this node.
    pub(crate) fn is_route(&self, instance: u32, node: NodeId) -> bool {
        let Self::Routes { instances, to } = self else { return false };
        instances.contains(&instance) && to.is_none_or(|to| to == node)
    }
}

/// The incident that was asked for, or the only one there is.
pub(super) fn plan(
    design: &Design,
    options: &Options,
    instances: &[Instance],
    refusals: &mut Vec<Refusal>,
) -> (Option<String>, Vec<Planned>) {
    let names =
        || design.incidents.iter().map(|incident| incident.name.as_str()).collect::<Vec<_>>();
    let incident = match (&options.incident, design.incidents.as_slice()) {
        (Some(name), _) if name == ORDINARY => return (None, Vec::new()),
        (None, []) => return (None, Vec::new()),
        (None, [only]) => only,
        (None, _) => {
            refusals.push(Refusal::new(
                format!("the file has several incidents: {}", names().join(", ")),
                "choose one with `--incident`, or `--incident none` for an ordinary day",
            ));
            return (None, Vec::new());
        }
        (Some(name), all) => match all.iter().find(|incident| incident.name == *name) {
            Some(found) => found,
            None => {
                let there_are = if all.is_empty() { "none".to_owned() } else { names().join(", ") };
                refusals.push(Refusal::new(
                    format!("the file has no incident `{name}`"),
                    format!("there are: {there_are}"),
                ));
                return (None, Vec::new());
            }
        },
    };
    let planned = incident.entries.iter().zip(1..);
    let faults = planned.filter_map(|(entry, number)| {
        let place = format!("incident {}, fault {number} ({})", incident.name, entry.fault.kind());
        one(design, entry, instances, &place).map_err(|refusal| refusals.push(refusal)).ok()
    });
    (Some(incident.name.clone()), faults.collect())
}

/// Faults that change nothing: where they stand, or because the run ends before.
pub(super) fn not_played(design: &Design, incident: Option<&str>, times: Times) -> Vec<String> {
    let chosen = design.incidents.iter().filter(|other| Some(other.name.as_str()) == incident);
    let entries = chosen.flat_map(|incident| incident.entries.iter().zip(1..));
    let told = entries.filter_map(|(entry, number)| {
        let kind = entry.fault.kind();
        if Instant::ZERO + entry.at >= times.end {
            return Some(format!("fault {number} (`{kind}`) begins after the end of the run"));
        }
        let why = config::idle_fault(design, entry)?;
        Some(format!("fault {number} (`{kind}`) changes nothing: {why}"))
    });
    told.collect()
}

/// The name of no incident.
const ORDINARY: &str = "none";

fn one(
    design: &Design,
    entry: &Entry,
    instances: &[Instance],
    place: &str,
) -> Result<Planned, Refusal> {
    if let Err(way_out) = config::can_happen(design, entry) {
        let on = design.target_in_words(&entry.on);
        return Err(Refusal::new(format!("{place}: cannot happen to {on}"), way_out));
    }
    let (what, on) = if entry.fault.is_of_network() {
        let of_node = |node| share_of(design, node, entry, instances, place);
        let (hit, on) = network::place(design, entry, of_node)?;
        (What::Network(hit), on)
    } else {
        victims(design, entry, instances, place)?
    };
    let lasts = match entry.fault {
        Fault::Restart { takes } => Some(takes),
        _ => entry.lasts,
    };
    let course = Course { at: Instant::ZERO + entry.at, ramp: entry.ramp, lasts };
    if lasts.is_some_and(base::Duration::is_zero) {
        return Err(Refusal::new(
            format!("{place}: lasts no time at all"),
            "give it a time, or leave `lasts` out for a fault that stays",
        ));
    }
    Ok(Planned { course, fault: entry.fault.clone(), what, on })
}

fn victims(
    design: &Design,
    entry: &Entry,
    instances: &[Instance],
    place: &str,
) -> Result<(What, String), Refusal> {
    if matches!(entry.fault, Fault::Misroute { .. }) {
        return on_routes(design, entry, instances, place);
    }
    Ok(match entry.on {
        Target::Node(node) => return on_node(design, node, entry, instances, place),
        Target::Region(region) => on_region(design, region, entry, instances),
        // Nothing but the network is there.
        Target::Call(_) | Target::Link(..) => {
            (What::Instances(Vec::new()), design.target_in_words(&entry.on))
        }
    })
}

/// The balancers that send requests to the wrong place.
fn on_routes(
    design: &Design,
    entry: &Entry,
    instances: &[Instance],
    place: &str,
) -> Result<(What, String), Refusal> {
    match entry.on {
        Target::Node(node) => {
            let (hit, on) = share_of(design, node, entry, instances, place)?;
            Ok((What::Routes { instances: hit, to: None }, on))
        }
        Target::Call(call) => {
            let call = design.call(call);
            let (hit, from) = share_of(design, call.from, entry, instances, place)?;
            let on = format!("{from} -> {}", design.node(call.to).name);
            Ok((What::Routes { instances: hit, to: Some(call.to) }, on))
        }
        Target::Region(_) | Target::Link(..) => {
            Ok((What::Instances(Vec::new()), design.target_in_words(&entry.on)))
        }
    }
}

fn on_node(
    design: &Design,
    id: NodeId,
    entry: &Entry,
    instances: &[Instance],
    place: &str,
) -> Result<(What, String), Refusal> {
    let node = design.node(id);
    if matches!(entry.fault, Fault::Spike { .. }) {
        return Ok((What::Traffic(id), node.name.clone()));
    }
    let (hit, on) = share_of(design, id, entry, instances, place)?;
    Ok((What::Instances(hit), on))
}

/// The instances of a node that are hit, and a name for them.
fn share_of(
    design: &Design,
    id: NodeId,
    entry: &Entry,
    instances: &[Instance],
    place: &str,
) -> Result<(Vec<u32>, String), Refusal> {
    let node = design.node(id);
    let of_node = (0_u32..).zip(instances).filter(|(_, instance)| instance.node == id);
    let all: Vec<u32> = of_node.map(|(number, _)| number).collect();
    let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
    let (hit, on) = match entry.share {
        Part::Whole => (count, node.name.clone()),
        Part::Of(hit, of) if of == count && hit <= of => {
            (hit, format!("{} ({hit} of {of})", node.name))
        }
        Part::Of(hit, of) => {
            return Err(Refusal::new(
                format!("{place}: {hit} of {of}, but {} has {count} instances", node.name),
                format!("write `share = \"1 of {count}\"`"),
            ));
        }
        Part::Share(share) => {
            let hit = (share.as_f64() * f64::from(count)).ceil().min(f64::from(count));
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "at most count"
            )]
            let hit = hit as u32;
            (hit, format!("{} ({hit} of {count})", node.name))
        }
    };
    Ok((all[..hit as usize].to_vec(), on))
}

fn on_region(
    design: &Design,
    region: RegionId,
    entry: &Entry,
    instances: &[Instance],
) -> (What, String) {
    let name = design.regions[region.index()].name.clone();
    let works = matches!(entry.fault, Fault::Slow { .. } | Fault::Error { .. } | Fault::Hang);
    let here = (0_u32..).zip(instances).filter(|(_, instance)| {
        let fits = match design.node(instance.node).kind {
            NodeKind::Client(_) => false,
            // What slows work or makes it fail happens where there is work.
            NodeKind::Balancer(_) | NodeKind::Cache(_) => !works,
            NodeKind::Service(_) | NodeKind::Database(_) => true,
        };
        instance.region == region && fits
    });
    (What::Instances(here.map(|(number, _)| number).collect()), format!("region {name}"))
}
