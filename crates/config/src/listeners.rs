//! Where balancers listen, seen over the whole design: no address twice, and nothing that leads
//! back to itself.
//!
//! The graph of calls has no circles, but addresses can close one behind its back: an endpoint of
//! a service may be the listener of the balancer that asks it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use base::NodeId;

use crate::codes::{LOOP, SAME_ADDRESS};
use crate::design::{Balancer, Design, Listen, Node, NodeKind, Protocol};
use crate::report::Report;
use crate::span::Span;

/// Looks at all balancers together.
pub(crate) fn check(design: &Design, report: &mut Report) {
    report_doubles(design, report);
    report_loops(design, report);
}

/// Port 0 asks the system for any free port, and cannot be taken twice. UDP has its own ports.
/// In different regions two balancers are on different machines.
fn report_doubles(design: &Design, report: &mut Report) {
    let mut taken: BTreeMap<(SocketAddr, bool), Vec<(NodeId, Span)>> = BTreeMap::new();
    for (id, balancer) in balancers(design) {
        for listen in balancer.listen.iter().filter(|listen| listen.address.port() != 0) {
            let others = taken.entry((listen.address, is_udp(listen.protocol))).or_default();
            let same_place = |other: &&(NodeId, Span)| {
                other.0 == id || share_a_region(design.node(other.0), design.node(id))
            };
            if let Some(&(other, first)) = others.iter().find(same_place) {
                report_double(design, listen, (id, other), first, report);
            }
            others.push((id, listen.span));
        }
    }
}

fn report_double(
    design: &Design,
    listen: &Listen,
    (id, other): (NodeId, NodeId),
    first: Span,
    report: &mut Report,
) {
    let [name, other_name] = [id, other].map(|node| design.node(node).name.as_str());
    let (message, way_out) = if id == other {
        (
            format!("{} is listened on twice", listen.address),
            "give one of them another port, or put all routes under one listener".to_owned(),
        )
    } else {
        (
            format!("`{name}` listens on {}, and so does `{other_name}`", listen.address),
            "give one of them another port; if they are on different machines, write the address \
             of each machine"
                .to_owned(),
        )
    };
    report.push(
        SAME_ADDRESS
            .at(listen.span, message)
            .because("only one socket can listen on an address")
            .see(first, "here it is already")
            .instead(way_out),
    );
}

fn share_a_region(one: &Node, other: &Node) -> bool {
    one.instances.iter().any(|(region, _)| other.instances.iter().any(|(at, _)| at == region))
}

/// An endpoint that is in truth the listener of a balancer.
struct Shortcut<'d> {
    asker: NodeId,
    asked: NodeId,
    listener: NodeId,
    address: &'d str,
    endpoint: Span,
    listen: Span,
}

fn report_loops(design: &Design, report: &mut Report) {
    let shortcuts = shortcuts(design);
    let mut told = BTreeSet::new();
    let mut ways: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
    for Shortcut { asker, asked, listener, address, endpoint, listen } in &shortcuts {
        let reached = ways.entry(*listener).or_insert_with(|| reach(design, &shortcuts, *listener));
        if !reached.contains(asker) || !told.insert(endpoint.start) {
            continue;
        }
        let [asker_name, asked_name, listener_name] =
            [asker, asked, listener].map(|node| design.node(*node).name.as_str());
        let message = if asker == listener {
            format!("`{asked_name}` is at {address}, where `{asker_name}` itself listens")
        } else {
            format!(
                "`{asked_name}` is at {address}, where `{listener_name}` listens, and that leads \
                 back to `{asker_name}`"
            )
        };
        report.push(
            LOOP.at(*endpoint, message)
                .see(*listen, "listens here")
                .instead(format!("write the address at which `{asked_name}` itself listens")),
        );
    }
}

/// For each balancer the endpoints it asks that are listeners of the design.
fn shortcuts(design: &Design) -> Vec<Shortcut<'_>> {
    let mut by_port: BTreeMap<u16, Vec<(NodeId, &Listen)>> = BTreeMap::new();
    for (id, balancer) in balancers(design) {
        for listen in &balancer.listen {
            by_port.entry(listen.address.port()).or_default().push((id, listen));
        }
    }
    let mut found = Vec::new();
    for call in design.calls.iter().filter(|call| call.only.is_none()) {
        if !matches!(design.node(call.from).kind, NodeKind::Balancer(_)) {
            continue;
        }
        for endpoint in design.node(call.to).endpoints() {
            let Some((host, port)) = host_and_port(&endpoint.address) else { continue };
            let listening = by_port.get(&port).into_iter().flatten().filter(|(_, listen)| {
                is_udp(listen.protocol) == is_udp(call.protocol)
                    && is_same_host(host, listen.address.ip())
            });
            found.extend(listening.map(|(listener, listen)| Shortcut {
                asker: call.from,
                asked: call.to,
                listener: *listener,
                address: &endpoint.address,
                endpoint: endpoint.span,
                listen: listen.span,
            }));
        }
    }
    found
}

/// All nodes that a request to this one may come to, itself among them.
fn reach(design: &Design, shortcuts: &[Shortcut<'_>], from: NodeId) -> BTreeSet<NodeId> {
    let calls = design.calls.iter().map(|call| (call.from, call.to));
    let shortcuts = shortcuts.iter().map(|shortcut| (shortcut.asker, shortcut.listener));
    let mut ways: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    for (from, to) in calls.chain(shortcuts) {
        ways.entry(from).or_default().push(to);
    }
    let mut reached = BTreeSet::from([from]);
    let mut open = vec![from];
    while let Some(node) = open.pop() {
        let next = ways.get(&node).into_iter().flatten();
        open.extend(next.filter(|&&to| reached.insert(to)));
    }
    reached
}

fn balancers(design: &Design) -> impl Iterator<Item = (NodeId, &Balancer)> {
    design.nodes.iter().enumerate().filter_map(|(at, node)| match &node.kind {
        NodeKind::Balancer(balancer) => Some((NodeId::from_index(at), balancer)),
        _ => None,
    })
}

fn host_and_port(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    Some((host, port.parse().ok()?))
}

/// Whether a host is for certain where something listens. A listener on all addresses of its
/// machine is at that machine's loopback; which other addresses it has, the file does not say.
fn is_same_host(host: &str, listened: IpAddr) -> bool {
    let host_ip: Option<IpAddr> = host.parse().ok();
    let is_loopback = host.eq_ignore_ascii_case("localhost")
        || host_ip.is_some_and(|host_ip| host_ip.is_loopback());
    match host_ip {
        Some(host_ip) if host_ip == listened => true,
        None if is_loopback && listened.is_loopback() => true,
        _ => is_loopback && listened.is_unspecified(),
    }
}

fn is_udp(protocol: Protocol) -> bool {
    protocol == Protocol::Udp
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_all_addresses_is_on_loopback_too() {
        let same = |host, listened: &str| is_same_host(host, listened.parse().unwrap());

        assert!(same("127.0.0.1", "127.0.0.1"));
        assert!(same("127.0.0.1", "0.0.0.0"));
        assert!(same("::1", "::"));
        assert!(same("localhost", "127.0.0.1"));
        assert!(!same("127.0.0.2", "127.0.0.1"));
        assert!(!same("10.0.0.1", "0.0.0.0"));
        assert!(!same("svc.internal", "0.0.0.0"));
    }

    #[test]
    fn hosts_are_told_from_ports() {
        assert_eq!(host_and_port("[::1]:80"), Some(("::1", 80)));
        assert_eq!(host_and_port("svc:9001"), Some(("svc", 9_001)));
    }
}
