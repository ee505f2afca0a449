//! Balancers: where they listen, and what they speak there.

use std::net::SocketAddr;

use super::{COMMON, Place, Reading, route};
use crate::codes::{BAD_ADDRESS, MISSING_KEY};
use crate::defaults;
use crate::design::{Balancer, Listen, NodeKind, Protocol, Tls};
use crate::names::shown;
use crate::read::{Table, Value};
use crate::report::Report;
use crate::rules::protocol;

const KEYS: &[&str] = &["listen"];
const LISTEN_KEYS: &[&str] = &["address", "protocol", "tls", "routes", "to"];

pub(super) fn read(node: &Reading<'_, '_>, report: &mut Report) -> (NodeKind, Place) {
    node.table.allow(&[COMMON, KEYS], report);
    let example = "[{ address = \"127.0.0.1:8080\", routes = [{ path = \"/\", to = \"NODE\" }] }]";
    let value = node.table.require("listen", example, report);
    let elements = value.and_then(|value| value.list(report)).unwrap_or_default();
    if let Some(value) = value.filter(|value| value.is_list() && elements.is_empty()) {
        report.push(
            MISSING_KEY
                .at(value.span, format!("`{}` listens nowhere", shown(node.table.name)))
                .instead(format!("write for example `listen = {example}`")),
        );
    }
    let listen: Vec<Listen> = elements
        .iter()
        .filter_map(|element| listen(node, &element.table(report)?, report))
        .collect();
    (NodeKind::Balancer(Balancer { listen }), Place::read(node, None, report))
}

fn listen(node: &Reading<'_, '_>, table: &Table<'_>, report: &mut Report) -> Option<Listen> {
    table.allow(&[LISTEN_KEYS], report);
    let protocol = match table.get("protocol") {
        Some(value) => protocol::read(&value, report),
        None => {
            report.assume(&defaults::LISTEN_PROTOCOL, None);
            Some(Protocol::Http)
        }
    };
    let address = table.require("address", "\"127.0.0.1:8080\"", report);
    let address = address.and_then(|value| address_of(&value, report));
    let tls = table.get("tls").and_then(|value| tls(&value, report));
    let routes = route::read(node, table, protocol?, report);
    Some(Listen { address: address?, protocol: protocol?, tls, routes, span: table.span })
}

fn address_of(value: &Value<'_>, report: &mut Report) -> Option<SocketAddr> {
    let text = value.text(report)?;
    let address = text.parse().ok();
    if address.is_none() {
        let message = format!("\"{}\" is no address to listen on", shown(text));
        report.push(
            BAD_ADDRESS
                .at(value.span, message)
                .because("a listener is bound to an IP address and a port; names are not looked up")
                .instead("write \"127.0.0.1:8080\", \"0.0.0.0:80\" or \"[::]:80\""),
        );
    }
    address
}

fn tls(value: &Value<'_>, report: &mut Report) -> Option<Tls> {
    let table = value.table(report)?;
    table.allow(&[&["certificate", "key"]], report);
    let certificate = table.require("certificate", "\"cert.pem\"", report);
    let key = table.require("key", "\"key.pem\"", report);
    Some(Tls {
        certificate: certificate?.text(report)?.to_owned(),
        key: key?.text(report)?.to_owned(),
    })
}
