//! `/design`: what holds for this instance, each value with the line of the file or the default that
//! it came from.

use base::NodeId;
use config::design::{Answer, Design, Listen, NodeKind, Protocol, Route, Source, Takes};
use config::{LineIndex, Span};
use serde_json::{Value, json};

use crate::limits::Limits;
use crate::options::Options;
use crate::plan::{CallPlan, Listener, Place, Plan};

/// The design as this instance understands it, as JSON.
pub(crate) fn describe(design: &Design, place: Place, plan: &Plan, options: &Options) -> String {
    let file = options.file.as_ref();
    let lines = Lines(file.map(|file| LineIndex::new(&file.text)));
    let node = design.node(place.node);
    let region = place.region.map(|region| &design.regions[region.index()].name);
    let listeners = listen(design, place.node).iter().zip(&plan.listeners);
    let listeners = listeners.map(|(listen, bound)| listener(design, listen, bound, &lines));
    let calls = plan.calls.iter().map(|call| describe_call(design, call, &lines));
    let value = json!({
        "file": file.map(|file| &file.name),
        "node": plan.node,
        "line": lines.of(node.span),
        "region": region,
        "instances": node.instance_count(),
        "listeners": listeners.collect::<Vec<_>>(),
        "calls": calls.collect::<Vec<_>>(),
        "limits": limits(&options.limits),
    });
    format!("{value:#}\n")
}

/// Where things stand; nowhere if nobody has the file's text.
struct Lines(Option<LineIndex>);

impl Lines {
    fn of(&self, span: Span) -> Option<usize> {
        self.0.as_ref().map(|lines| lines.line_of(span))
    }
}

fn listen(design: &Design, node: NodeId) -> &[Listen] {
    match &design.node(node).kind {
        NodeKind::Balancer(balancer) => &balancer.listen,
        _ => &[],
    }
}

/// The address with the port that the kernel chose, if the file left it open.
fn listener(design: &Design, listen: &Listen, bound: &Listener, lines: &Lines) -> Value {
    let routes = listen.routes.iter().map(|of| route(design, of, lines));
    json!({
        "address": bound.address.to_string(),
        "protocol": protocol(listen.protocol),
        "line": lines.of(listen.span),
        "routes": routes.collect::<Vec<_>>(),
    })
}

fn route(design: &Design, route: &Route, lines: &Lines) -> Value {
    let mut value = json!({ "call": design.call_name(route.call), "line": lines.of(route.span) });
    if let Some(host) = &route.host {
        value["host"] = json!(host);
    }
    match &route.takes {
        Takes::Path(path) => value["path"] = json!(path),
        Takes::Service(service) => value["service"] = json!(service),
        Takes::All => {}
    }
    value
}

const fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Http => "http",
        Protocol::Grpc => "grpc",
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    }
}

fn describe_call(design: &Design, plan: &CallPlan, lines: &Lines) -> Value {
    let call = design.call(plan.in_design);
    let values = call.answers.values.iter().map(|answer| describe_answer(answer, plan, lines));
    let endpoints = plan.endpoints.iter().map(|endpoint| endpoint.name.as_str());
    json!({
        "call": plan.name,
        "line": lines.of(call.span),
        "endpoints": endpoints.collect::<Vec<_>>(),
        "values": values.collect::<Vec<_>>(),
    })
}

fn describe_answer(answer: &Answer, plan: &CallPlan, lines: &Lines) -> Value {
    let mut value = json!({ "key": answer.key, "value": answer.value });
    match answer.source {
        Source::File(span) => {
            value["from"] = json!("file");
            value["line"] = json!(lines.of(span));
        }
        Source::Default(code) => {
            value["from"] = json!("default");
            value["default"] = json!(code);
        }
        Source::Missing => value["from"] = json!("missing"),
    }
    // The one value that the instances of a node share out among themselves.
    if let ("retry.budget.floor", Some(budget)) = (answer.key, &plan.rules.budget) {
        value["of_this_instance"] = json!(budget.floor().to_string());
    }
    value
}

/// What the design file cannot say: the same for every design.
fn limits(limits: &Limits) -> Vec<Value> {
    let limit = |limit: crate::limits::Limit| json!({ "limit": limit.name, "value": limit.value, "says": limit.says });
    limits.table().into_iter().map(limit).collect()
}
