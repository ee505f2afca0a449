//! What the graph of calls shows: circles, nodes without traffic, calls that are never made.

use std::collections::BTreeSet;

use base::{CallId, NodeId};

use crate::codes::{
    BAD_ADDRESS, CYCLE, Code, MANY_WAYS, MISSING_KEY, NEVER_MADE, NO_CALL, ROUTE_FORM, SYNTAX,
    UNKNOWN_KEY, UNKNOWN_NAME, UNKNOWN_WORD, UNREACHABLE, WRONG_TYPE,
};
use crate::design::{Design, NodeKind};
use crate::graph::Graph;
use crate::report::Report;

/// Looks at the whole.
pub(crate) fn check(design: &Design, report: &mut Report) {
    let graph = Graph::of(design);
    report_cycle(design, &graph, report);
    report_fallback_cycle(design, report);
    for (at, node) in design.nodes.iter().enumerate() {
        let id = NodeId::from_index(at);
        if matches!(node.kind, NodeKind::Client(_) | NodeKind::Cache(_)) {
            report_ways(design, &graph, id, report);
        }
    }
    // What the file failed to say is the reason then, and was told.
    if !report.has_any(&LEAVE_HOLES) {
        report_unreached(design, &graph, report);
        report_never_made(design, &graph, report);
    }
}

/// Errors that make a route, a step, a call or a node disappear.
const LEAVE_HOLES: [Code; 9] = [
    SYNTAX,
    UNKNOWN_KEY,
    WRONG_TYPE,
    MISSING_KEY,
    UNKNOWN_NAME,
    UNKNOWN_WORD,
    BAD_ADDRESS,
    ROUTE_FORM,
    NO_CALL,
];

fn report_cycle(design: &Design, graph: &Graph, report: &mut Report) {
    // Who asks itself has been told so already.
    let Some(cycle) = graph.cycle().filter(|cycle| cycle.len() > 1) else {
        return;
    };
    let first = design.call(cycle[0]);
    let mut names: Vec<&str> = vec![&design.node(first.from).name];
    names.extend(cycle.iter().map(|&call| design.node(design.call(call).to).name.as_str()));
    let mut told = CYCLE
        .at(first.span, format!("these calls run in a circle: {}", names.join(" -> ")))
        .instead(
            "take one of the calls out; a balancer before and behind a service is two balancers",
        );
    for &call in &cycle[1..] {
        told = told.see(design.call(call).span, "and on");
    }
    report.push(told);
}

fn report_fallback_cycle(design: &Design, report: &mut Report) {
    let Some(cycle) = Graph::of_fallbacks(design).cycle() else {
        return;
    };
    let first = design.call(cycle[0]);
    let name = |node: NodeId| design.node(node).name.as_str();
    let asked = cycle.iter().map(|&call| name(design.call(call).to)).chain([name(first.to)]);
    let asked: Vec<&str> = asked.collect();
    let (from, asked) = (name(first.from), asked.join(" -> "));
    let mut told = CYCLE
        .at(first.on_failure.span, format!("`{from}` falls back in a circle: {asked}"))
        .because(
            "while they fail, each is asked again on every lap, by rules that say how often it \
             may be asked on one",
        )
        .instead("write `on_failure = \"error\"` where the last of them fails, too");
    for &call in &cycle[1..] {
        told = told.see(design.call(call).on_failure.span, "and on");
    }
    report.push(told);
}

/// A client sends its traffic one way; a cache asks one origin for what it does not have.
fn report_ways(design: &Design, graph: &Graph, node: NodeId, report: &mut Report) {
    let is_fallback = |call: &CallId| {
        let to = design.call(*call).to;
        design.calls.iter().any(|other| {
            other.from == node
                && matches!(other.on_failure.value, crate::design::OnFailure::Fallback(n) if n == to)
        })
    };
    let ways: Vec<CallId> = graph.calls_of(node).filter(|call| !is_fallback(call)).collect();
    let name = &design.node(node).name;
    match ways.as_slice() {
        [] if report.has_any(&LEAVE_HOLES) => {}
        [] => {
            let told = UNREACHABLE
                .at(design.node(node).span, format!("`{name}` asks nobody"))
                .because("its requests go nowhere, so nothing of the design is seen by them")
                .instead(format!("write `[call.{name}.NODE]` with the five answers"));
            report.push(told);
        }
        [_] => {}
        [first, others @ ..] => {
            let mut told = MANY_WAYS
                .at(design.call(others[0]).span, format!("`{name}` asks more than one node"))
                .see(design.call(*first).span, "this is one way already")
                .instead("put a balancer between, or make a node for each way");
            for &other in &others[1..] {
                told = told.see(design.call(other).span, "and another");
            }
            report.push(told);
        }
    }
}

fn report_unreached(design: &Design, graph: &Graph, report: &mut Report) {
    let reached = graph.reached();
    for (at, node) in design.nodes.iter().enumerate() {
        if !reached.contains(&NodeId::from_index(at)) {
            let name = &node.name;
            report.push(
                UNREACHABLE
                    .at(node.span, format!("no traffic reaches `{name}`"))
                    .instead(format!("name it in a route or in `steps`, or remove `{name}`")),
            );
        }
    }
}

fn report_never_made(design: &Design, graph: &Graph, report: &mut Report) {
    let nodes = (0..design.nodes.len()).map(NodeId::from_index);
    let made: BTreeSet<CallId> = nodes.flat_map(|node| graph.calls_of(node)).collect();
    for (at, call) in design.calls.iter().enumerate() {
        let from = design.node(call.from);
        let where_named = match from.kind {
            NodeKind::Balancer(_) => "a route",
            NodeKind::Service(_) => "`steps`",
            NodeKind::Client(_) | NodeKind::Database(_) | NodeKind::Cache(_) => continue,
        };
        let can_be_made = !matches!(design.node(call.to).kind, NodeKind::Client(_));
        if call.only.is_none() && can_be_made && !made.contains(&CallId::from_index(at)) {
            let to = &design.node(call.to).name;
            let message = format!("`{}` never asks `{to}`", from.name);
            let way_out =
                format!("name \"{to}\" in {where_named} of `{}`, or remove the call", from.name);
            report.push(NEVER_MADE.at(call.span, message).instead(way_out));
        }
    }
}
