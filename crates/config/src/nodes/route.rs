//! Routes: which requests of a listener go where.

use std::collections::BTreeMap;

use super::Reading;
use crate::codes::{MISSING_KEY, ROUTE_FORM, SAME_ROUTE, SHADOWED_ROUTE};
use crate::design::{Protocol, Route, Takes};
use crate::matching;
use crate::names::shown;
use crate::path;
use crate::read::{Table, Value};
use crate::report::Report;
use crate::span::Span;

const KEYS: &[&str] = &["host", "path", "service", "to"];

/// The routes of a listener: `routes = […]`, or `to` for everything.
pub(super) fn read(
    node: &Reading<'_, '_>,
    listen: &Table<'_>,
    protocol: Protocol,
    report: &mut Report,
) -> Vec<Route> {
    let (to, routes) = (listen.get("to"), listen.get("routes"));
    match (to, routes) {
        (Some(to), None) => everything(node, &to, protocol, report).into_iter().collect(),
        (None, Some(routes)) if is_l4(protocol) => {
            refuse_routes(&routes, protocol, report);
            Vec::new()
        }
        (None, Some(routes)) => list(node, &routes, protocol, report),
        (Some(to), Some(routes)) => {
            report.push(
                to.wrong(&ROUTE_FORM, "stands beside `routes`")
                    .see(routes.key_span, "these say where requests go already")
                    .instead("make `to` a route: { path = \"/\", to = … }"),
            );
            Vec::new()
        }
        (None, None) => {
            goes_nowhere(listen.span, protocol, report);
            Vec::new()
        }
    }
}

fn goes_nowhere(span: Span, protocol: Protocol, report: &mut Report) {
    let what =
        if is_l4(protocol) { "`to = …`" } else { "`routes = [{ path = \"/\", to = … }]`" };
    report.push(
        MISSING_KEY
            .at(span, "the listener does not say where its traffic goes")
            .instead(format!("write {what}")),
    );
}

const fn is_l4(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::Tcp | Protocol::Udp)
}

fn refuse_routes(routes: &Value<'_>, protocol: Protocol, report: &mut Report) {
    let what = if protocol == Protocol::Tcp { "a stream of bytes" } else { "a datagram" };
    report.push(
        routes
            .wrong(&ROUTE_FORM, format!("cannot be told apart on {what}"))
            .instead("write `to = \"NODE\"` in the listener"),
    );
}

fn everything(
    node: &Reading<'_, '_>,
    to: &Value<'_>,
    protocol: Protocol,
    report: &mut Report,
) -> Option<Route> {
    let call = node.index.call(node.id, to, report)?;
    let takes = if is_l4(protocol) { Takes::All } else { Takes::Path("/".to_owned()) };
    Some(Route { host: None, takes, call, span: to.span })
}

fn list(
    node: &Reading<'_, '_>,
    routes: &Value<'_>,
    protocol: Protocol,
    report: &mut Report,
) -> Vec<Route> {
    let mut seen = Seen::default();
    let elements = routes.list(report).unwrap_or_default();
    if elements.is_empty() && routes.is_list() {
        goes_nowhere(routes.span, protocol, report);
    }
    let read = |element: &Value<'_>| {
        let route = one(node, &element.table(report)?, protocol, report)?;
        seen.add(&route, report);
        Some(route)
    };
    elements.iter().filter_map(read).collect()
}

fn one(
    node: &Reading<'_, '_>,
    table: &Table<'_>,
    protocol: Protocol,
    report: &mut Report,
) -> Option<Route> {
    table.allow(&[KEYS], report);
    let to = table.require("to", "\"NODE\"", report);
    let host = table.get("host").map(|value| matching::host(&value, report));
    let takes = takes(table, protocol, report);
    let call = node.index.call(node.id, &to?, report);
    let host = match host {
        None => None,
        Some(host) => Some(host?),
    };
    Some(Route { host, takes: takes?, call: call?, span: table.span })
}

fn takes(table: &Table<'_>, protocol: Protocol, report: &mut Report) -> Option<Takes> {
    match (table.get("service"), table.get("path")) {
        (Some(service), None) if protocol == Protocol::Grpc => {
            matching::grpc_service(&service, report).map(|name| Takes::Service(name.to_owned()))
        }
        (Some(service), None) => {
            report.push(
                service
                    .wrong(&ROUTE_FORM, "is for gRPC, and this listener speaks HTTP/1.1")
                    .instead("write `path = …`, or `protocol = \"grpc\"` in the listener"),
            );
            None
        }
        (Some(service), Some(path)) => {
            report.push(
                service
                    .wrong(&ROUTE_FORM, "stands beside `path`")
                    .see(path.span, "this says already what the route takes")
                    .instead("make two routes"),
            );
            None
        }
        (None, Some(path)) => {
            matching::path(&path, report).map(|path| Takes::Path(path.to_owned()))
        }
        (None, None) => Some(Takes::Path("/".to_owned())),
    }
}

/// The routes so far, by what they take.
#[derive(Default)]
struct Seen {
    routes: BTreeMap<(Option<String>, String), (String, Span)>,
}

impl Seen {
    fn add(&mut self, route: &Route, report: &mut Report) {
        let written = match &route.takes {
            Takes::Path(path) => path.clone(),
            Takes::Service(service) => format!("/{service}"),
            Takes::All => String::new(),
        };
        // `/a` takes what is below `/a/` too, and both take by whole segments.
        let key = (route.host.clone(), path::as_route(&written));
        let Some((first, span)) = self.routes.get(&key) else {
            self.routes.insert(key, (written, route.span));
            return;
        };
        let told = if *first == written {
            SAME_ROUTE.at(route.span, format!("\"{}\" is routed twice", shown(&written)))
        } else {
            let message = format!("\"{}\" hides behind \"{}\"", shown(&written), shown(first));
            SHADOWED_ROUTE.at(route.span, message)
        };
        report.push(
            told.see(*span, "this takes the same requests")
                .instead("leave one of them out, or give it a path or `host` of its own"),
        );
    }
}
