//! What became of sessions, and whether one instance less could hold them.

use base::NodeId;
use config::design::NodeKind;

use super::{Holder, Sessions};
use crate::judge::Judged;
use crate::plan::Plan;

/// Memory of a session in a balancer of ours, both of its connections: a WebSocket that stands, as
/// measured (`docs/performance.md`, "Memory of a tunnel that stands").
const BYTES_OF_OURS: u64 = 4_922;
/// Memory of a session in other people's service: 83 GB for two million WebSockets (Rennie, "The
/// Road to 2 Million Websocket Connections in Phoenix", 2015).
const BYTES_OF_OTHERS: u64 = 41_500;

/// Nothing if no client asks for any.
pub(super) fn build(plan: &Plan<'_>, runs: &[Judged]) -> Option<Sessions> {
    plan.requests.kinds.iter().find(|kind| kind.holds.is_some())?;
    let sum = |of: fn(&Judged) -> u64| runs.iter().map(of).sum::<u64>();
    let mean = |of: fn(&Judged) -> u64| sum(of) as f64 / runs.len().max(1) as f64;
    let peak = runs.iter().map(|run| run.sessions.peak).max().unwrap_or(0);
    let first = runs.first();
    let width = first.map_or(1.0, |run| run.series.width().as_secs_f64());
    let most =
        first.and_then(|run| run.series.windows().iter().map(|window| window.reconnects).max());
    Some(Sessions {
        open_at_start: mean(|run| run.sessions.at_start),
        opened: sum(|run| run.sessions.opened),
        refused: sum(|run| run.sessions.refused),
        opened_when_judged: opened_when_judged(runs),
        peak,
        open_at_end: mean(|run| run.sessions.at_end),
        lost: sum(|run| run.sessions.lost),
        reconnects: sum(|run| run.sessions.reconnects),
        peak_reconnects_per_s: most.unwrap_or(0) as f64 / width,
        messages: whole(runs.iter().map(|run| run.sessions.messages).sum()),
        nodes: holders(plan, peak),
    })
}

/// Of messages there are only whole ones.
fn whole(messages: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    let whole = messages.round() as u64;
    whole
}

/// Of the openings in the windows that are judged.
fn opened_when_judged(runs: &[Judged]) -> Option<f64> {
    let openings = runs.iter().map(|run| run.openings);
    let (stood, refused) = openings.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
    (stood + refused > 0).then(|| stood as f64 / (stood + refused) as f64)
}

/// Every node that a session passes through, each once, from the client's first call.
fn holders(plan: &Plan<'_>, peak: u64) -> Vec<Holder> {
    let mut holders: Vec<Holder> = Vec::new();
    let kinds = (0_u16..).zip(&plan.requests.kinds).filter(|(_, kind)| kind.holds.is_some());
    for (kind, _) in kinds {
        let asker = plan
            .requests
            .clients
            .iter()
            .find(|asker| asker.mix.iter().any(|(_, asked)| *asked == kind));
        let mut next = asker.map(|asker| plan.design.call(asker.call).to);
        // A circle of balancers has no end.
        for _ in 0..plan.design.nodes.len() {
            let Some(node) = next else { break };
            let is_known = holders.iter().any(|known| known.node == plan.design.node(node).name);
            if !is_known {
                holders.push(holder(plan, node, kind, peak));
            }
            next = passes_on(plan, node, kind);
        }
    }
    holders
}

fn passes_on(plan: &Plan<'_>, node: NodeId, kind: u16) -> Option<NodeId> {
    match plan.design.node(node).kind {
        NodeKind::Balancer(_) | NodeKind::Cache(_) => {
            plan.requests.route(node, kind).map(|call| plan.design.call(call).to)
        }
        NodeKind::Client(_) | NodeKind::Service(_) | NodeKind::Database(_) => None,
    }
}

fn holder(plan: &Plan<'_>, id: NodeId, kind: u16, peak: u64) -> Holder {
    let node = plan.design.node(id);
    let onwards = passes_on(plan, id, kind).and_then(|_| plan.requests.route(id, kind));
    let onwards = onwards.map(|call| plan.design.call(call));
    let in_flight = onwards.and_then(|call| call.rules.admission.in_flight).map(u64::from);
    // One descriptor towards the client, and a part of one onwards.
    let streams = onwards.map(|call| u64::from(call.connections.streams.max(1)));
    let by_descriptors = node.descriptors.map(|most| {
        streams.map_or(u64::from(most), |streams| u64::from(most) * streams / (streams + 1))
    });
    let most = in_flight.into_iter().chain(by_descriptors).min();
    let instances = plan.instance_count(id);
    let is_ours = matches!(node.kind, NodeKind::Balancer(_));
    let each = if is_ours { BYTES_OF_OURS } else { BYTES_OF_OTHERS };
    Holder {
        node: node.name.clone(),
        instances,
        most,
        holds_with_one_less: most.map(|most| u64::from(instances.saturating_sub(1)) * most >= peak),
        bytes: peak * each,
    }
}
