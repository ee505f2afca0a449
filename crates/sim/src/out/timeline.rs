//! `timeline.json`: the course of the run, window by window, call by call, node by node.

use config::design::NodeKind;
use serde_json::{Value, json};

use super::{Told, instance_name};
use crate::world::tap::course::{CallWindow, NodeWindow};

/// The whole file. `docs/sim-out.md` says what stands where.
pub(super) fn value(told: &Told<'_>) -> Value {
    let Told { plan, report, recorder, .. } = told;
    let course = &recorder.course;
    json!({
        "design": told.name,
        "incident": report.incident,
        "seed": report.seed,
        "run_hash": report.run_hash,
        "times": report.times,
        "faults": report.faults,
        "phases": report.phases,
        "clients": report.timeline,
        "calls": (0..course.calls.len()).map(|at| call(told, at)).collect::<Vec<_>>(),
        "nodes": (0..course.nodes.len()).filter_map(|at| node(told, at)).collect::<Vec<_>>(),
        "network": network(told),
        "breakers": course.moves.iter().map(|to| json!({
            "at_s": to.at.as_secs_f64(),
            "call": plan.design.call_name(to.call),
            "instance": instance_name(plan, to.instance as usize),
            "worker": to.worker.0,
            "to": to.to.name(),
        })).collect::<Vec<_>>(),
        "breaker_moves_left_out": course.moves_left_out,
    })
}

fn call(told: &Told<'_>, at: usize) -> Value {
    let windows = &told.recorder.course.calls[at];
    let counts = |of: fn(&CallWindow) -> u32| windows.iter().map(of).collect::<Vec<_>>();
    let call = told.plan.design.call(base::CallId::from_index(at));
    let has_breaker = call.rules.breaker.is_some();
    let instances = told.plan.instance_count(call.from) as usize;
    json!({
        "call": told.plan.design.call_name(base::CallId::from_index(at)),
        "breakers": if has_breaker { instances * usize::from(told.plan.workers_of(call.from)) } else { 0 },
        "requests": counts(|window| window.requests),
        "attempts": counts(|window| window.attempts),
        "retries": counts(|window| window.retries),
        "failed": counts(|window| window.failed),
        "shed": counts(|window| window.shed),
    })
}

fn node(told: &Told<'_>, at: usize) -> Option<Value> {
    let node = &told.plan.design.nodes[at];
    let windows = &told.recorder.course.nodes[at];
    windows.iter().any(NodeWindow::has_workers).then(|| {
        json!({
            "node": node.name,
            "kind": kind(&node.kind),
            "busy": windows.iter().map(NodeWindow::busy).collect::<Vec<_>>(),
            "queue": windows.iter().map(NodeWindow::queue).collect::<Vec<_>>(),
        })
    })
}

fn network(told: &Told<'_>) -> Option<Value> {
    let windows = &told.recorder.course.network;
    (told.report.fidelity == "packet").then(|| {
        json!({
            "retransmits": windows.iter().map(|window| window.retransmits).collect::<Vec<_>>(),
            "rtos": windows.iter().map(|window| window.stalls).collect::<Vec<_>>(),
            "resets": windows.iter().map(|window| window.resets).collect::<Vec<_>>(),
            "drops": windows.iter().map(|window| window.drops).collect::<Vec<_>>(),
        })
    })
}

const fn kind(kind: &NodeKind) -> &'static str {
    match kind {
        NodeKind::Client(_) => "client",
        NodeKind::Balancer(_) => "balancer",
        NodeKind::Service(_) => "service",
        NodeKind::Database(_) => "database",
        NodeKind::Cache(_) => "cache",
    }
}
