//! Faults that something could come of, but not where they stand.

use base::{NodeId, RegionId};
use model::card;
use model::fault::{Fault, LAME_DUCK};
use model::traffic::Arrivals;

use super::crossings::Crossings;
use crate::design::{Design, Entry, Node, NodeKind, OnFailure, Target};

/// Why a fault changes nothing where it stands, if it does not: a sentence without its end.
pub fn idle_fault(design: &Design, entry: &Entry) -> Option<String> {
    let crossings = Crossings::of(design);
    let by_place = match entry.on {
        Target::Node(node) => not_asked(design, &crossings, node),
        Target::Region(region) => {
            empty(design, region).or_else(|| untouched(design, &crossings, region, &entry.fault))
        }
        Target::Link(from, to) => not_crossed(design, &crossings, from, to),
        Target::Call(_) => None,
    };
    by_place.or_else(|| by_kind(design, entry))
}

fn by_kind(design: &Design, entry: &Entry) -> Option<String> {
    match entry.fault {
        Fault::Slow { .. } | Fault::Error { .. } | Fault::Hang => without_work(design, &entry.on),
        Fault::Spike { .. } => replayed(design, &entry.on),
        Fault::Drain => too_short(design, entry),
        Fault::ClockJump { .. } => unread_clock(design),
        Fault::Descriptors { left } => enough_descriptors(design, &entry.on, left),
        Fault::Bandwidth { bits_per_sec } => wide_enough(design, &entry.on, bits_per_sec),
        _ => None,
    }
}

fn not_asked(design: &Design, crossings: &Crossings, node: NodeId) -> Option<String> {
    let name = &design.node(node).name;
    (!crossings.is_reached(node)).then(|| format!("no traffic reaches `{name}`"))
}

fn empty(design: &Design, region: RegionId) -> Option<String> {
    let is_there = design.nodes.iter().any(|node| regions_of(node).contains(&region));
    (!is_there).then(|| format!("nothing is in region `{}`", design.regions[region.index()].name))
}

/// Everything in a region that a fault could hit may be where no request ever gets.
fn untouched(
    design: &Design,
    crossings: &Crossings,
    region: RegionId,
    fault: &Fault,
) -> Option<String> {
    let name = &design.regions[region.index()].name;
    if is_of_borders(design, fault) {
        return (!crossings.touch(region))
            .then(|| format!("no request crosses the border of `{name}`"));
    }
    let is_client = |node: NodeId| matches!(design.node(node).kind, NodeKind::Client(_));
    let is_hit = |node: NodeId| !is_client(node) || fault.is_of_network();
    (!crossings.is_reached_in(region, is_hit))
        .then(|| format!("no request reaches anything in region `{name}`"))
}

/// What happens to a region at its borders alone.
fn is_of_borders(design: &Design, fault: &Fault) -> bool {
    let has_others = design.regions.len() > 1;
    match fault {
        Fault::Partition { .. } | Fault::LinkDown | Fault::Firewall { .. } => true,
        Fault::Route(_) => has_others,
        _ => false,
    }
}

/// By the way that datagrams take unless another one is down.
fn not_crossed(
    design: &Design,
    crossings: &Crossings,
    from: RegionId,
    to: RegionId,
) -> Option<String> {
    let name = |region: RegionId| &design.regions[region.index()].name;
    (!crossings.join(from, to))
        .then(|| format!("no call goes between `{}` and `{}`", name(from), name(to)))
}

/// The times of a replay are those of the file.
fn replayed(design: &Design, on: &Target) -> Option<String> {
    let &Target::Node(id) = on else { return None };
    let node = design.node(id);
    let NodeKind::Client(client) = &node.kind else { return None };
    matches!(client.arrivals, Arrivals::Replayed(_)).then(|| {
        format!("the traffic of `{}` is replayed, and comes when the file says", node.name)
    })
}

/// Who has no model answers at once, whatever happens to its work.
fn without_work(design: &Design, on: &Target) -> Option<String> {
    let works = |node: &Node| node.model().is_some();
    match *on {
        Target::Node(id) => {
            let node = design.node(id);
            let serves = matches!(node.kind, NodeKind::Service(_) | NodeKind::Database(_));
            (serves && !works(node))
                .then(|| format!("`{}` has no `model`, so no work either", node.name))
        }
        Target::Region(region) => {
            let mut here = design.nodes.iter().filter(|node| regions_of(node).contains(&region));
            (!here.any(works)).then(|| {
                format!("nothing in region `{}` has a `model`", design.regions[region.index()].name)
            })
        }
        Target::Call(_) | Target::Link(..) => None,
    }
}

/// An instance that is drained takes what comes for a while. What happens before that is over is
/// that its checks fail, and that it dismisses its sessions.
fn too_short(design: &Design, entry: &Entry) -> Option<String> {
    let lasts = entry.lasts.filter(|&lasts| lasts <= LAME_DUCK)?;
    let is_checked = |node: NodeId| {
        design.calls.iter().any(|call| call.to == node && call.rules.health.is_some())
    };
    let is_noticed = match entry.on {
        Target::Node(node) => is_checked(node),
        _ => design.calls.iter().any(|call| call.rules.health.is_some()),
    };
    (!is_noticed && !has_sessions(design)).then(|| {
        format!(
            "it lasts {lasts}; who is drained takes what comes for {LAME_DUCK} all the same, and nobody \
             checks (`health`)"
        )
    })
}

fn has_sessions(design: &Design) -> bool {
    design.nodes.iter().any(|node| match &node.kind {
        NodeKind::Client(client) => client.requests.iter().any(|kind| kind.holds.is_some()),
        _ => false,
    })
}

/// The age of an answer is all that a clock is asked for.
fn unread_clock(design: &Design) -> Option<String> {
    let keeps = |node: &Node| matches!(node.kind, NodeKind::Cache(_));
    let uses_old =
        |call: &crate::design::Call| matches!(call.on_failure.value, OnFailure::Stale(_));
    let is_read = design.nodes.iter().any(keeps) || design.calls.iter().any(uses_old);
    (!is_read).then(|| "nobody keeps answers, so nobody asks for the time".to_owned())
}

fn enough_descriptors(design: &Design, on: &Target, left: u32) -> Option<String> {
    let &Target::Node(node) = on else { return None };
    let node = design.node(node);
    let has = node.descriptors.filter(|&has| left >= has)?;
    Some(format!("`{}` has {has} anyway", node.name))
}

fn wide_enough(design: &Design, on: &Target, bits_per_sec: u64) -> Option<String> {
    match *on {
        Target::Node(_) if bits_per_sec >= card::BITS_PER_SEC => {
            Some("a network card does 10 Gbit/s anyway".to_owned())
        }
        Target::Link(from, to) => {
            let is_it = |link: &&crate::design::Link| {
                let ends = (link.from, link.to);
                ends == (from, to) || (!link.one_way && ends == (to, from))
            };
            let stated = design.links.iter().find(is_it)?.bandwidth?;
            (bits_per_sec >= stated).then(|| "the `[link]` is no wider anyway".to_owned())
        }
        _ => None,
    }
}

/// Where a node is: where its endpoints are, if it has some.
pub(super) fn regions_of(node: &Node) -> Vec<RegionId> {
    let home = node.instances.first().map_or(RegionId(0), |(region, _)| *region);
    let of_endpoints: Vec<_> =
        node.endpoints().iter().map(|endpoint| endpoint.region.unwrap_or(home)).collect();
    let counted = node.instances.iter().filter(|(_, count)| *count > 0);
    let counted: Vec<_> = counted.map(|(region, _)| *region).collect();
    match (of_endpoints.is_empty(), counted.is_empty()) {
        (false, _) => of_endpoints,
        (true, false) => counted,
        (true, true) => vec![home],
    }
}
