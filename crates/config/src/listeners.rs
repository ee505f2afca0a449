//! Where balancers listen, seen over the whole design: no address twice, and nothing that leads
//! back to itself.
//!
//! The graph of calls has no circles, but addresses can close one behind its back: an endpoint of
//! a service may be the listener of the balancer that asks it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

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
            } else {
                others.push((id, listen.span));
            }
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
    if shortcuts.is_empty() {
        return;
    }
    let ways = ways(design, &shortcuts);
    let mut told = BTreeSet::new();
    let mut reached: BTreeMap<NodeId, Vec<bool>> = BTreeMap::new();
    for Shortcut { asker, asked, listener, address, endpoint, listen } in &shortcuts {
        let reached = reached.entry(*listener).or_insert_with(|| reach(&ways, *listener));
        if !reached[asker.index()] || !told.insert(endpoint.start) {
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

/// For each balancer the endpoints it asks that are listeners of the design. Of listeners that
/// share an address the first counts: the others were told.
fn shortcuts(design: &Design) -> Vec<Shortcut<'_>> {
    let mut listeners: BTreeMap<(SocketAddr, bool), (NodeId, Span)> = BTreeMap::new();
    for (id, balancer) in balancers(design) {
        for listen in &balancer.listen {
            let key = (listen.address, is_udp(listen.protocol));
            listeners.entry(key).or_insert((id, listen.span));
        }
    }
    let mut found = Vec::new();
    for call in design.calls.iter().filter(|call| call.only.is_none()) {
        if !matches!(design.node(call.from).kind, NodeKind::Balancer(_)) {
            continue;
        }
        for endpoint in design.node(call.to).endpoints() {
            let places = places_of(&endpoint.address);
            let listening = places
                .into_iter()
                .filter_map(|place| listeners.get(&(place, is_udp(call.protocol))));
            found.extend(listening.map(|&(listener, listen)| Shortcut {
                asker: call.from,
                asked: call.to,
                listener,
                address: &endpoint.address,
                endpoint: endpoint.span,
                listen,
            }));
        }
    }
    found
}

/// To whom each node sends requests, by the calls of the file and by addresses.
fn ways(design: &Design, shortcuts: &[Shortcut<'_>]) -> Vec<Vec<NodeId>> {
    let mut ways = vec![Vec::new(); design.nodes.len()];
    let calls = design.calls.iter().map(|call| (call.from, call.to));
    let shortcuts = shortcuts.iter().map(|shortcut| (shortcut.asker, shortcut.listener));
    for (from, to) in calls.chain(shortcuts) {
        ways[from.index()].push(to);
    }
    ways
}

/// The nodes that a request to this one may come to, itself among them.
fn reach(ways: &[Vec<NodeId>], from: NodeId) -> Vec<bool> {
    let mut reached = vec![false; ways.len()];
    reached[from.index()] = true;
    let mut open = vec![from];
    while let Some(node) = open.pop() {
        for &to in &ways[node.index()] {
            if !std::mem::replace(&mut reached[to.index()], true) {
                open.push(to);
            }
        }
    }
    reached
}

fn balancers(design: &Design) -> impl Iterator<Item = (NodeId, &Balancer)> {
    design.nodes.iter().enumerate().filter_map(|(at, node)| match &node.kind {
        NodeKind::Balancer(balancer) => Some((NodeId::from_index(at), balancer)),
        _ => None,
    })
}

/// Where something would have to listen to be reached at this address for certain. A listener on
/// all addresses of its machine is at that machine's loopback; which other addresses it has, the
/// file does not say.
fn places_of(address: &str) -> Vec<SocketAddr> {
    let Some((host, port)) = address.rsplit_once(':') else { return Vec::new() };
    let Ok(port) = port.parse::<u16>() else { return Vec::new() };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let hosts: Vec<IpAddr> = match host.parse::<IpAddr>() {
        Ok(ip) if ip.is_loopback() => vec![ip, ANY_V4, ANY_V6],
        Ok(ip) => vec![ip],
        Err(_) if host.eq_ignore_ascii_case("localhost") => {
            vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into(), ANY_V4, ANY_V6]
        }
        Err(_) => Vec::new(),
    };
    hosts.into_iter().map(|ip| SocketAddr::new(ip, port)).collect()
}

fn is_udp(protocol: Protocol) -> bool {
    protocol == Protocol::Udp
}

const ANY_V4: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
const ANY_V6: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_all_addresses_is_on_loopback_too() {
        assert!(is_at("127.0.0.1:80", "127.0.0.1:80"));
        assert!(is_at("127.0.0.1:80", "0.0.0.0:80"));
        assert!(is_at("[::1]:80", "[::]:80"));
        assert!(is_at("localhost:80", "127.0.0.1:80"));
        assert!(!is_at("127.0.0.1:80", "127.0.0.1:81"));
        assert!(!is_at("127.0.0.2:80", "127.0.0.1:80"));
        assert!(!is_at("10.0.0.1:80", "0.0.0.0:80"));
        assert!(!is_at("svc.internal:80", "0.0.0.0:80"));
    }

    fn is_at(address: &str, listener: &str) -> bool {
        places_of(address).contains(&listener.parse().unwrap())
    }
}
