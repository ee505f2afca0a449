//! Calls: whose tables lie over whose, what is spoken, and then the rules.

use std::collections::BTreeMap;

use base::{CallId, NodeId};
use engine::Carrier;

use crate::codes::{
    CONTRADICTION, NEVER_MADE, SAME_ONLY, SHADOWED_ROUTE, UNKNOWN_NAME, WRONG_END, WRONG_PROTOCOL,
};
use crate::defaults;
use crate::design::{Answer, Answers, Call, Node, NodeKind, Only, Protocol, Source};
use crate::index::{CallHead, Index, Kind};
use crate::matching;
use crate::names::{meant, one_of, shown};
use crate::path;
use crate::read::{Layers, Table, Value};
use crate::report::Report;
use crate::rules::{self, KEYS, PROTOCOLS, Reading, Said};
use crate::span::Span;

const CALL_KEYS: &[&str] = &["rules", "protocol", "loss", "carried_by", "only"];
const ONLY_KEYS: &[&str] = &["rules", "method", "path"];

/// Rules that no call has to take: `plimsoll demo` asks for them itself.
const OF_THE_DEMO: &str = "naive";

/// The named rules of a file.
struct Named<'t> {
    tables: BTreeMap<&'t str, Table<'t>>,
    taken: BTreeMap<&'t str, bool>,
}

/// Reads every call.
pub(crate) fn read(
    root: &Table<'_>,
    index: &Index<'_>,
    nodes: &[Node],
    report: &mut Report,
) -> Vec<Call> {
    let mut named = Named::read(root, report);
    let mut calls = Vec::with_capacity(index.calls.len());
    for (at, head) in index.calls.iter().enumerate() {
        calls.push(one(CallId::from_index(at), head, &mut named, index, nodes, report));
    }
    named.report_idle(report);
    report_same_only(index, &calls, report);
    calls
}

fn one<'t>(
    id: CallId,
    head: &CallHead<'t>,
    named: &mut Named<'t>,
    index: &Index<'t>,
    nodes: &[Node],
    report: &mut Report,
) -> Call {
    let (from, to) = (&nodes[head.from.index()], &nodes[head.to.index()]);
    check_ends(head, index, report);
    let span = head.only.map_or(head.table.span, |only| only.span);
    let layers = named.layers(head, index, report);
    let carrier = carrier(head, index, report);
    let (protocol, spoken) = protocol(id, head, &layers, index, nodes, report);
    let mut reading = Reading {
        id,
        from: head.from,
        from_instances: from.instance_count(),
        to_regions: to.instances.iter().map(|&(region, _)| region).collect(),
        protocol,
        carrier,
        layers,
        index,
        answers: vec![spoken],
        report,
        span,
    };
    let said = rules::read(&mut reading);
    let answers = Answers { values: reading.answers };
    let only = head.only.map(|only| read_only(&only, protocol, report));
    assemble(head, only, protocol, said, answers, span)
}

fn assemble(
    head: &CallHead<'_>,
    only: Option<Only>,
    protocol: Protocol,
    said: Said,
    answers: Answers,
    span: Span,
) -> Call {
    Call {
        from: head.from,
        to: head.to,
        only,
        protocol,
        rules: said.rules,
        answers,
        on_failure: said.on_failure,
        cancel: said.cancel,
        stream: said.stream,
        connections: said.connections,
        health_path: said.health_path,
        spill: said.spill,
        stuck_timeout: said.stuck_timeout,
        span,
    }
}

impl<'t> Named<'t> {
    fn read(root: &Table<'t>, report: &mut Report) -> Self {
        let tables: BTreeMap<_, _> =
            root.section("rules", report).into_iter().map(|table| (table.name, table)).collect();
        for table in tables.values() {
            table.allow(&[KEYS, &["protocol"]], report);
        }
        let taken = tables.keys().map(|name| (*name, false)).collect();
        Self { tables, taken }
    }

    /// The tables of a call, the nearest first.
    fn layers(
        &mut self,
        head: &CallHead<'t>,
        index: &Index<'_>,
        report: &mut Report,
    ) -> Layers<'t> {
        let name = format!("call.{}.{}", index.name(head.from), head.table.name);
        let mut layers = Vec::new();
        if let Some(only) = head.only {
            let name = format!("{name}.only.{}", only.name);
            only.allow_in(&name, &[KEYS, ONLY_KEYS], report);
            layers.push(only);
            layers.extend(self.named_by(&only, report));
        } else {
            head.table.allow_in(&name, &[KEYS, CALL_KEYS], report);
        }
        layers.push(head.table);
        layers.extend(self.named_by(&head.table, report));
        Layers::new(layers)
    }

    fn named_by(&mut self, table: &Table<'t>, report: &mut Report) -> Option<Table<'t>> {
        let value = table.get("rules")?;
        let name = value.text(report)?;
        let Some(rules) = self.tables.get(name) else {
            let known = self.tables.keys().copied();
            let way_out = match meant(name, known.clone()) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None if self.tables.is_empty() => {
                    format!("write a table `[rules.{}]`", shown(name))
                }
                None => format!("the design has {}", one_of(known)),
            };
            let message = format!("there are no rules `{}`", shown(name));
            report.push(UNKNOWN_NAME.at(value.span, message).instead(way_out));
            return None;
        };
        self.taken.insert(rules.name, true);
        Some(*rules)
    }

    fn report_idle(&self, report: &mut Report) {
        for (name, table) in &self.tables {
            if self.taken.get(name) == Some(&false) && *name != OF_THE_DEMO {
                let message = format!("no call takes the rules `{}`", shown(name));
                let way_out =
                    format!("write `rules = \"{}\"` in a call, or remove them", shown(name));
                report.push(NEVER_MADE.at(table.span, message).instead(way_out));
            }
        }
    }
}

fn check_ends(head: &CallHead<'_>, index: &Index<'_>, report: &mut Report) {
    let span = head.table.span;
    let (from, to) = (index.name(head.from), index.name(head.to));
    if head.from == head.to {
        let message = format!("`{from}` would ask itself");
        report.push(
            WRONG_END
                .at(span, message)
                .because("a call goes from one node to another")
                .instead("remove the call, or name another node"),
        );
        return;
    }
    if index.kind(head.to) == Kind::Client {
        let message = format!("`{to}` is a client, and clients are asked by nobody");
        let way_out = match index.kind(head.from) {
            Kind::Client => "call a balancer or a service".to_owned(),
            _ => format!("did you mean `[call.{to}.{from}]`?"),
        };
        report.push(WRONG_END.at(span, message).instead(way_out));
    }
    if index.kind(head.from) == Kind::Database {
        let message = format!("`{from}` is a database, and databases ask nobody");
        let way_out = format!("did you mean `[call.{to}.{from}]`? For copies use `replicas`");
        report.push(WRONG_END.at(span, message).instead(way_out));
    }
}

/// Ours, if a balancer asks or the file says so.
fn carrier(head: &CallHead<'_>, index: &Index<'_>, report: &mut Report) -> Carrier {
    let is_balancer = index.kind(head.from) == Kind::Balancer;
    let implied = if is_balancer { Carrier::Plimsoll } else { Carrier::Others };
    let Some(value) = head.table.get("carried_by") else {
        return implied;
    };
    let choices = [("plimsoll", Carrier::Plimsoll), ("others", Carrier::Others)];
    let stated = value.word(&choices, report).unwrap_or(implied);
    if is_balancer && stated == Carrier::Others {
        report.push(
            value
                .wrong(&CONTRADICTION, "is \"others\", and the one who asks is our balancer")
                .instead("leave it out; a proxy that is not ours is a [service] with one step"),
        );
        return implied;
    }
    stated
}

/// What is said, or what the listener on either side speaks.
fn protocol(
    id: CallId,
    head: &CallHead<'_>,
    layers: &Layers<'_>,
    index: &Index<'_>,
    nodes: &[Node],
    report: &mut Report,
) -> (Protocol, Answer) {
    let base = index.find_call(head.from, head.to);
    let routed = listeners(&nodes[head.from.index()])
        .filter(|(_, routes)| routes.iter().any(|&call| Some(call) == base))
        .map(|(protocol, _)| protocol);
    let listened = listeners(&nodes[head.to.index()]).map(|(protocol, _)| protocol);
    let sides: [Vec<Protocol>; 2] = [routed.collect(), listened.collect()];
    let tolerant = layers.get("loss").filter(|loss| loss.word(&TOLERATED, report).is_some());
    let Some(value) = layers.get("protocol") else {
        if let Some(loss) = tolerant {
            check_sides(&loss, Protocol::Udp, &sides, head, index, nodes, report);
            return (Protocol::Udp, answer(Protocol::Udp, Source::File(loss.span)));
        }
        report.assume(&defaults::CALL_PROTOCOL, Some(id));
        let spoken = sides.iter().flatten().next().copied().unwrap_or(Protocol::Http);
        return (spoken, answer(spoken, Source::Default(defaults::CALL_PROTOCOL.code)));
    };
    let stated = rules::protocol::read(&value, report);
    if let Some(stated) = stated {
        check_sides(&value, stated, &sides, head, index, nodes, report);
    }
    let spoken = stated.unwrap_or(Protocol::Http);
    if let Some(loss) = tolerant.filter(|_| spoken != Protocol::Udp) {
        report.push(
            loss.wrong(&CONTRADICTION, "is \"tolerated\", and the call goes over TCP")
                .see(value.span, "said here")
                .because("over TCP nothing is lost: what was lost is sent again, and all behind it waits")
                .instead("write `protocol = \"udp\"`, or leave `loss` out"),
        );
    }
    (spoken, answer(spoken, Source::File(value.span)))
}

/// What may be said of lost datagrams: that nobody sends them again.
const TOLERATED: [(&str, ()); 1] = [("tolerated", ())];

fn answer(protocol: Protocol, source: Source) -> Answer {
    Answer { key: "protocol", value: word(protocol).to_owned(), source }
}

/// Both ends must speak the same.
fn check_sides(
    value: &Value<'_>,
    stated: Protocol,
    sides: &[Vec<Protocol>; 2],
    head: &CallHead<'_>,
    index: &Index<'_>,
    nodes: &[Node],
    report: &mut Report,
) {
    for (side, node) in sides.iter().zip([head.from, head.to]) {
        if !side.is_empty() && !side.contains(&stated) {
            let name = index.name(node);
            let message =
                format!("is \"{}\", and no listener of `{name}` speaks that", word(stated));
            let spoken = one_of(side.iter().map(|&protocol| word(protocol)));
            report.push(
                value
                    .wrong(&WRONG_PROTOCOL, message)
                    .see(nodes[node.index()].span, format!("speaks {spoken}"))
                    .instead(format!("write `protocol` as the listener speaks: {spoken}")),
            );
        }
    }
}

fn listeners(node: &Node) -> impl Iterator<Item = (Protocol, Vec<CallId>)> {
    let listen = match &node.kind {
        NodeKind::Balancer(balancer) => balancer.listen.as_slice(),
        NodeKind::Client(_) | NodeKind::Service(_) | NodeKind::Database(_) | NodeKind::Cache(_) => {
            &[]
        }
    };
    listen
        .iter()
        .map(|listen| (listen.protocol, listen.routes.iter().map(|route| route.call).collect()))
}

fn word(protocol: Protocol) -> &'static str {
    PROTOCOLS.iter().find(|(_, known)| *known == protocol).map_or("http", |(word, _)| word)
}

fn read_only(table: &Table<'_>, protocol: Protocol, report: &mut Report) -> Only {
    let method = table.get("method").and_then(|value| match protocol {
        Protocol::Http => matching::method(&value, report),
        Protocol::Grpc => matching::grpc_method(&value, report).map(str::to_owned),
        Protocol::Tcp | Protocol::Udp => value.text(report).map(str::to_owned),
    });
    let path = table.get("path").and_then(|value| matching::path(&value, report));
    let only = Only { name: shown(table.name), method, path: path.map(str::to_owned) };
    if !table.has("method") && !table.has("path") {
        let message = format!("`only.{}` does not say for which requests it is", shown(table.name));
        report.push(
            SAME_ONLY.at(table.span, message).instead("write `method = …`, `path = …`, or both"),
        );
    }
    only
}

fn report_same_only(index: &Index<'_>, calls: &[Call], report: &mut Report) {
    let mut seen = Seen::default();
    for (head, call) in index.calls.iter().zip(calls) {
        let Some(only) = &call.only else {
            continue;
        };
        if only.method.is_none() && only.path.is_none() {
            continue;
        }
        let path = only.path.as_deref().map(path::as_route).unwrap_or_default();
        let ends = (head.from, head.to);
        match seen.taker(ends, only.method.as_deref(), &path) {
            Some((first, Taker::Same)) => report.push(
                SAME_ONLY
                    .at(
                        call.span,
                        format!("`only.{}` is for the same requests as another", only.name),
                    )
                    .see(first, "this one")
                    .instead("leave one of them out, or give it another `method` or `path`"),
            ),
            Some((first, Taker::Wider)) => report.push(
                SHADOWED_ROUTE
                    .at(call.span, format!("`only.{}` never gets a request", only.name))
                    .because("of tables under `only` the first that takes a request has it")
                    .see(first, "this one takes all of them")
                    .instead("write it before the other, or give it another `method` or `path`"),
            ),
            None => seen.add(ends, only.method.as_deref(), path, call.span),
        }
    }
}

/// How an exception takes the requests of a later one.
enum Taker {
    Same,
    Wider,
}

/// The exceptions so far, with where they stand.
#[derive(Default)]
struct Seen<'d> {
    only: BTreeMap<OfMethod<'d>, BTreeMap<String, Span>>,
}

/// The ends of a call, and a method or every one.
type OfMethod<'d> = ((NodeId, NodeId), Option<&'d str>);

impl<'d> Seen<'d> {
    fn add(&mut self, ends: (NodeId, NodeId), method: Option<&'d str>, path: String, span: Span) {
        self.only.entry((ends, method)).or_default().insert(path, span);
    }

    /// Who takes this path, or one that it is below, with this method or with every.
    fn taker(
        &self,
        ends: (NodeId, NodeId),
        method: Option<&str>,
        path: &str,
    ) -> Option<(Span, Taker)> {
        let same = self.only.get(&(ends, method)).and_then(|paths| paths.get(path));
        if let Some(&first) = same {
            return Some((first, Taker::Same));
        }
        let parents = std::iter::successors(Some(path), |path| Some(&path[..path.rfind('/')?]));
        let takers = [method, None].map(|method| self.only.get(&(ends, method)));
        let takes = |path| takers.iter().flatten().find_map(|paths| paths.get(path));
        parents.into_iter().find_map(takes).map(|&first| (first, Taker::Wider))
    }
}
