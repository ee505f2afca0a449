//! Whom a fault hits, and whether it can happen there.

use base::NodeId;
use model::fault::Fault;

use crate::codes::{CONTRADICTION, UNKNOWN_NAME, WRONG_TARGET};
use crate::design::{Entry, Listen, Node, NodeKind, Part, Protocol, Target};
use crate::index::{Index, Kind};
use crate::names::{meant, one_of, shown};
use crate::read::{Table, Value};
use crate::report::Report;

/// A node, a region, or `a -> b`: a call by its ends, or the way between two regions.
pub(super) fn read(on: &Value<'_>, index: &Index<'_>, report: &mut Report) -> Option<Target> {
    let text = on.text(report)?;
    if let Some((from, to)) = text.split_once("->") {
        return way(on, from.trim(), to.trim(), index, report);
    }
    if let Some(node) = index.find_node(text) {
        return Some(Target::Node(node));
    }
    if let Some(region) = index.find_region(text) {
        return Some(Target::Region(region));
    }
    if !index.is_unread(text) {
        report.push(unknown(on, text, index));
    }
    None
}

fn way(
    on: &Value<'_>,
    from: &str,
    to: &str,
    index: &Index<'_>,
    report: &mut Report,
) -> Option<Target> {
    if let (Some(from), Some(to)) = (index.find_region(from), index.find_region(to)) {
        return Some(Target::Link(from, to));
    }
    let (Some(from_node), Some(to_node)) = (index.find_node(from), index.find_node(to)) else {
        let is_known =
            |name: &&str| index.find_node(name).is_some() || index.find_region(name).is_some();
        if [from, to].into_iter().any(|name| index.is_unread(name)) {
            return None;
        }
        let told = match [from, to].into_iter().find(|name| !is_known(name)) {
            Some(lost) => unknown(on, lost, index),
            None => UNKNOWN_NAME
                .at(
                    on.span,
                    format!("`{}` joins a node and a region", shown(&format!("{from} -> {to}"))),
                )
                .instead("name two nodes for a call, or two regions for the way between them"),
        };
        report.push(told);
        return None;
    };
    let found = index.find_call(from_node, to_node);
    if found.is_none() {
        let (from, to) = (index.name(from_node), index.name(to_node));
        let way_out = match index.find_call(to_node, from_node) {
            Some(_) => format!("did you mean \"{to} -> {from}\"?"),
            None => format!("write `[call.{from}.{to}]`, or name a call that there is"),
        };
        let message = format!("there is no call from `{from}` to `{to}`");
        report.push(UNKNOWN_NAME.at(on.span, message).instead(way_out));
    }
    found.map(Target::Call)
}

fn unknown(on: &Value<'_>, name: &str, index: &Index<'_>) -> crate::Diagnostic {
    let known = index.node_and_region_names();
    let way_out = match meant(name, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("name one of {}, or a call as \"a -> b\"", one_of(known)),
    };
    let message = format!("there is no node and no region `{}`", shown(name));
    UNKNOWN_NAME.at(on.span, message).instead(way_out)
}

/// Whether this fault can happen to this target, and to this share of it.
pub(super) fn check(
    entry: &Entry,
    table: &Table<'_>,
    index: &Index<'_>,
    nodes: &[Node],
    report: &mut Report,
) {
    if let Some(on) = table.get("on")
        && let Err(way_out) = fits(&entry.fault, &entry.on, index, nodes)
    {
        let target = on.as_text().unwrap_or_default();
        let message = format!("\"{}\" cannot happen to `{}`", entry.fault.kind(), shown(target));
        report.push(WRONG_TARGET.at(on.span, message).instead(way_out));
    }
    if let Some(share) = table.get("share") {
        check_share(entry, &share, nodes, report);
    }
}

/// Or what to write instead.
fn fits(
    fault: &Fault,
    target: &Target,
    index: &Index<'_>,
    nodes: &[Node],
) -> Result<(), &'static str> {
    let kind = match target {
        Target::Node(node) => Some(index.kind(*node)),
        Target::Region(_) | Target::Call(_) | Target::Link(..) => None,
    };
    let is_region = matches!(target, Target::Region(_));
    let works = kind.is_some_and(|kind| kind != Kind::Client);
    let (fits, way_out) = match fault {
        Fault::Slow { .. } | Fault::Error { .. } | Fault::Hang => (
            works || is_region,
            "name a service, database, cache or balancer; for a call use \"delay\" or \"loss\"",
        ),
        Fault::Crash | Fault::Restart { .. } | Fault::Drain | Fault::ClockJump { .. } => {
            (works || is_region, "name a service, database, cache or balancer")
        }
        Fault::Spike { .. } => {
            (kind == Some(Kind::Client) || is_region, "name a client: traffic comes from there")
        }
        Fault::RegionLoss => (is_region, "name a region"),
        Fault::Misroute { .. } => (
            sender(target, index).is_some_and(|node| has_routes(&nodes[node.index()])),
            "name a balancer of requests, or a call of one as \"a -> b\"; connections are led \
             elsewhere by \"route\"",
        ),
        Fault::Descriptors { .. } | Fault::Nic { .. } => (kind.is_some(), "name a node"),
        Fault::Loss { .. }
        | Fault::Delay { .. }
        | Fault::Jitter { .. }
        | Fault::Bandwidth { .. }
        | Fault::Duplicate { .. }
        | Fault::Reorder { .. }
        | Fault::Corrupt { .. }
        | Fault::Mtu { .. }
        | Fault::Partition { .. }
        | Fault::LinkDown
        | Fault::Firewall { .. }
        | Fault::Route(_) => (true, ""),
    };
    if fits { Ok(()) } else { Err(way_out) }
}

/// The node that sends requests on.
fn sender(target: &Target, index: &Index<'_>) -> Option<NodeId> {
    match *target {
        Target::Node(node) => Some(node),
        Target::Call(call) => index.calls.get(call.index()).map(|call| call.from),
        Target::Region(_) | Target::Link(..) => None,
    }
}

/// Whether a node looks at requests to know where they belong: who passes on connections does not.
fn has_routes(node: &Node) -> bool {
    let NodeKind::Balancer(balancer) = &node.kind else { return false };
    let sees = |listen: &Listen| matches!(listen.protocol, Protocol::Http | Protocol::Grpc);
    balancer.listen.iter().any(sees)
}

fn check_share(entry: &Entry, share: &Value<'_>, nodes: &[Node], report: &mut Report) {
    let Target::Node(node) = entry.on else {
        report.push(
            share
                .wrong(&WRONG_TARGET, "is for a node with several instances")
                .instead("leave `share` out, or name a node"),
        );
        return;
    };
    let node = &nodes[node.index()];
    let Part::Of(some, all) = entry.share else {
        return;
    };
    let count = node.instance_count();
    if all != count || some == 0 || some > all {
        let message = format!("is \"{some} of {all}\", and `{}` has {count} instances", node.name);
        report.push(
            share
                .wrong(&CONTRADICTION, message)
                .see(node.span, "counted here")
                .instead(format!("write \"1 of {count}\", or a share such as \"50%\"")),
        );
    }
}
