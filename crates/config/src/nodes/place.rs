//! Where a node is, how many there are of it, and at which addresses.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use base::RegionId;

use super::Reading;
use crate::codes::{BAD_ADDRESS, CONTRADICTION, MISSING_KEY, SAME_ADDRESS, TOO_MANY};
use crate::defaults;
use crate::design::Endpoint;
use crate::names::shown;
use crate::read::Value;
use crate::report::Report;
use crate::span::Span;

/// Where a node is.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// How many there are in each region.
    pub(super) instances: Vec<(RegionId, u32)>,
    /// Its addresses.
    pub(super) endpoints: Vec<Endpoint>,
}

/// Endpoints have numbers of 16 bits, in simulation each instance is one.
const MOST_ENDPOINTS: usize = 10_000;
const MOST_INSTANCES: u32 = 10_000;

impl Place {
    /// Of a node that says it by `region`, `instances` and `endpoints`. `home` is where it is if
    /// it does not say so by them.
    pub(super) fn read(
        node: &Reading<'_, '_>,
        home: Option<RegionId>,
        report: &mut Report,
    ) -> Self {
        let stated = node.table.get("region").map(|value| region(node, &value, report));
        let is_stated_badly = stated == Some(None);
        let home = stated.flatten().or(home).or_else(|| only_region(node, report));
        let endpoints = endpoints(node, home, report);
        let instances = match instances(node, home, &endpoints, report) {
            Some(instances) => instances,
            None if is_stated_badly => Vec::new(),
            None => {
                let message = format!("`{}` does not say where it is", shown(node.table.name));
                let example = &node.index.regions[0].name;
                report.push(
                    MISSING_KEY
                        .at(node.table.span, message)
                        .because("the design has several regions, and distance decides latency")
                        .instead(format!("write `region = \"{example}\"`")),
                );
                Vec::new()
            }
        };
        Self { instances, endpoints }
    }
}

fn region(node: &Reading<'_, '_>, value: &Value<'_>, report: &mut Report) -> Option<RegionId> {
    let name = value.text(report)?;
    node.index.region(name, value.span, report)
}

/// Where everything is, if there is only one place.
fn only_region(node: &Reading<'_, '_>, report: &mut Report) -> Option<RegionId> {
    let is_by_region = ["instances", "endpoints"]
        .iter()
        .any(|key| node.table.get(key).is_some_and(|value| value.as_table().is_some()));
    (node.index.regions.len() == 1 && !is_by_region).then(|| {
        report.assume(&defaults::REGION, None);
        RegionId(0)
    })
}

/// How many in each region; `None` if nobody can tell where.
fn instances(
    node: &Reading<'_, '_>,
    home: Option<RegionId>,
    endpoints: &[Endpoint],
    report: &mut Report,
) -> Option<Vec<(RegionId, u32)>> {
    let value = node.table.get("instances");
    if let Some(table) = value.and_then(|value| value.as_table()) {
        let counts = table.entries().into_iter().filter_map(|entry| {
            let region = node.index.region(entry.key, entry.key_span, report);
            let count = entry.count(1, MOST_INSTANCES, report);
            region.zip(count)
        });
        return Some(counts.collect());
    }
    let count = value.and_then(|value| value.count(1, MOST_INSTANCES, report));
    if !endpoints.is_empty() {
        if let (Some(value), Some(count)) = (value, count) {
            agree(&value, count, endpoints, report);
        }
        return Some(by_region(endpoints));
    }
    let count = match value {
        Some(_) => count.unwrap_or(1),
        None => report.assume(&defaults::INSTANCES, None),
    };
    home.map(|home| vec![(home, count)])
}

/// An endpoint is an instance.
fn agree(value: &Value<'_>, count: u32, endpoints: &[Endpoint], report: &mut Report) {
    if count as usize != endpoints.len() {
        let there_are = match endpoints.len() {
            1 => "there is 1 endpoint".to_owned(),
            more => format!("there are {more} endpoints"),
        };
        let message = format!("says {count}, but {there_are}");
        report.push(
            value
                .wrong(&CONTRADICTION, message)
                .see(endpoints[0].span, "each endpoint is an instance")
                .instead("leave `instances` out: the endpoints are counted"),
        );
    }
}

fn by_region(endpoints: &[Endpoint]) -> Vec<(RegionId, u32)> {
    let mut counts: BTreeMap<RegionId, u32> = BTreeMap::new();
    for region in endpoints.iter().filter_map(|endpoint| endpoint.region) {
        *counts.entry(region).or_default() += 1;
    }
    counts.into_iter().collect()
}

fn endpoints(node: &Reading<'_, '_>, home: Option<RegionId>, report: &mut Report) -> Vec<Endpoint> {
    let Some(value) = node.table.get("endpoints") else {
        return Vec::new();
    };
    let mut endpoints = Vec::new();
    if let Some(table) = value.as_table() {
        for entry in table.entries() {
            let region = node.index.region(entry.key, entry.key_span, report);
            endpoints.extend(list(&entry, region, report));
        }
    } else {
        endpoints.extend(list(&value, home, report));
    }
    if endpoints.len() > MOST_ENDPOINTS {
        let message = format!("has {} endpoints; at most {MOST_ENDPOINTS}", endpoints.len());
        report
            .push(value.wrong(&TOO_MANY, message).instead("put a balancer of their own in front"));
        endpoints.truncate(MOST_ENDPOINTS);
    }
    report_doubles(&endpoints, report);
    endpoints
}

fn list(value: &Value<'_>, region: Option<RegionId>, report: &mut Report) -> Vec<Endpoint> {
    let elements = value.list(report).unwrap_or_default();
    elements.iter().filter_map(|element| endpoint(element, region, report)).collect()
}

fn endpoint(value: &Value<'_>, region: Option<RegionId>, report: &mut Report) -> Option<Endpoint> {
    let span = value.span;
    let Some(table) = value.as_table() else {
        let address = address(value, report)?;
        let weight = report.assume(&defaults::WEIGHT, None);
        return Some(Endpoint { address, region, weight, span });
    };
    table.allow(&[&["address", "weight"]], report);
    let address = address(&table.require("address", "\"127.0.0.1:9001\"", report)?, report)?;
    let weight = match table.get("weight") {
        Some(weight) => weight.count(1, 65_535, report)?,
        None => report.assume(&defaults::WEIGHT, None),
    };
    Some(Endpoint { address, region, weight, span })
}

/// A host or an address, and a port.
fn address(value: &Value<'_>, report: &mut Report) -> Option<String> {
    let text = value.text(report)?;
    if is_address(text) {
        return Some(text.to_owned());
    }
    let way_out = match text.parse::<IpAddr>() {
        Ok(IpAddr::V6(_)) => match with_bare_port(text) {
            Some(address) => {
                format!("write \"{address}\", or \"[{text}]:80\" if it has no port yet")
            }
            None => format!("write \"[{text}]:80\": a port must follow"),
        },
        _ if !text.contains(':') && !text.is_empty() => {
            format!("write \"{}:80\": a port must follow", shown(text))
        }
        _ => "write a host or an address and a port: \"127.0.0.1:9001\"".to_owned(),
    };
    let message = format!("\"{}\" is no address", shown(text));
    report.push(BAD_ADDRESS.at(value.span, message).instead(way_out));
    None
}

/// `[::1]:80` for `::1:80`, which is an address as a whole, too: nobody knows which one was meant.
fn with_bare_port(text: &str) -> Option<String> {
    let (host, port) = text.rsplit_once(':')?;
    let host: Ipv6Addr = host.parse().ok()?;
    let port: u16 = port.parse().ok().filter(|&port| port != 0)?;
    Some(SocketAddr::from((host, port)).to_string())
}

fn is_address(text: &str) -> bool {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return address.port() != 0 && !address.ip().is_unspecified();
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    port.parse::<u16>().is_ok_and(|port| port != 0) && is_host(host)
}

/// A host name (RFC 1123, section 2.1), with the underscores that people use. Not digits and dots
/// alone: that is a mistyped address.
fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= 253
        && host.split('.').all(label)
        && !host.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

fn report_doubles(endpoints: &[Endpoint], report: &mut Report) {
    let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
    for endpoint in endpoints {
        if let Some(first) = seen.insert(&endpoint.address, endpoint.span) {
            report.push(
                SAME_ADDRESS
                    .at(endpoint.span, format!("{} is an endpoint twice", endpoint.address))
                    .because("it would get twice the traffic of the others, by accident")
                    .see(first, "here it is already")
                    .instead("write it once; for more traffic give it a `weight`"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port() {
        for good in ["127.0.0.1:9001", "[::1]:80", "db.internal:5432", "my_db-1:1"] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "127.0.0.1",
            "localhost",
            "1.2.3:80",
            "300.1.1.1:80",
            "host:0",
            "host:99999",
            ":80",
            "::1:80",
            "a b:80",
            "http://a:80",
            "0.0.0.0:80",
            "",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
