//! What can be known of a design without a run: closed forms, where they hold.
//!
//! They are bounds and means, not courses: what an incident makes of them, only a run shows. Each
//! is computed for traffic as the file says it, for answers that do not fail, and for requests that
//! are spread evenly over those instances of a region that may serve them.

use base::{CallId, Duration, NodeId};
use config::design::{Node, NodeKind};
use model::closed;
use model::service::{Params, ServiceTime};
use model::traffic::Arrivals;

use crate::Facts;

/// What can be known of a node that has a model.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeBounds {
    /// The node.
    pub node: NodeId,
    /// Requests per second that it can do as they come: those of all its instances, unless calls may
    /// not leave their region, and the instances of one are full before the others.
    pub capacity: f64,
    /// Requests per second that reach it, without any retry; nothing if a cache decides that.
    pub traffic: Option<f64>,
    /// The mean time that a request waits for a worker, if it settles.
    pub wait: Option<Wait>,
    /// The most attempts that one request of a client can bring here.
    pub worst: u64,
    /// The traffic above which retries alone can keep it overloaded once it has fallen behind: where
    /// the attempts that last when all fail, shares and floors of budgets counted, come to its
    /// capacity. Nothing where nobody retries.
    pub storm_above: Option<f64>,
    /// The longest queue of an instance of which the last can still be answered in time.
    pub useful_queue: Option<UsefulQueue>,
}

/// A mean wait, and the formula that says so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wait {
    /// The mean.
    pub mean: Duration,
    /// By which formula, in Kendall's notation.
    pub by: &'static str,
    /// Whether that is exact for its assumptions.
    pub exact: bool,
}

/// How long a queue is of use, and whose patience says so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UsefulQueue {
    /// Requests, for each instance.
    pub requests: f64,
    /// The time that the least patient caller gives a try.
    pub patience: Duration,
    /// That caller's call.
    pub call: CallId,
}

/// A way between regions that a call may take.
#[derive(Clone, Debug, PartialEq)]
pub struct WayBounds {
    /// The call.
    pub call: CallId,
    /// From this region.
    pub from: String,
    /// To that one.
    pub to: String,
    /// There and back by the straightest fibre: nothing is faster.
    pub light: Duration,
    /// The time that a try is given; nothing if it has no end.
    pub patience: Option<Duration>,
}

/// For each node with a model, in the order of the file.
pub fn of_nodes(facts: &Facts<'_>) -> Vec<NodeBounds> {
    facts.nodes().filter_map(|(id, node)| of_node(facts, id, node)).collect()
}

/// For each call and each pair of regions between which it may run, where the file says how far
/// they are apart.
pub fn of_ways(facts: &Facts<'_>) -> Vec<WayBounds> {
    let name = |region: base::RegionId| facts.design.regions[region.index()].name.clone();
    let ways = facts
        .calls()
        .flat_map(|(call, _)| facts.crossings(call).into_iter().map(move |way| (call, way)));
    let bound = |(call, (from, to))| {
        let one_way = crate::facts::light_time(facts.design, from, to)?;
        let patience = facts.patience(call).filter(|_| !facts.design.call(call).stream);
        let light = one_way + one_way;
        Some(WayBounds { call, from: name(from), to: name(to), light, patience })
    };
    ways.filter_map(bound).collect()
}

fn of_node(facts: &Facts<'_>, id: NodeId, node: &Node) -> Option<NodeBounds> {
    let model = node.model()?;
    let capacity = facts.capacity_as_asked(id)?;
    let traffic = facts.node_traffic(id).filter(|traffic| *traffic > 0.0);
    let asking = facts.calls_to(id).map(|(call, _)| facts.amplification(call).worst);
    Some(NodeBounds {
        node: id,
        capacity,
        traffic,
        wait: traffic.and_then(|traffic| wait(facts, id, model, traffic)),
        worst: asking.max().unwrap_or(1),
        storm_above: facts.storm_above(id, capacity),
        useful_queue: useful_queue(facts, id, facts.capacity(id)?),
    })
}

/// Only where requests arrive at random: for bursts the formulas promise too much.
fn wait(facts: &Facts<'_>, id: NodeId, model: &Params, traffic: f64) -> Option<Wait> {
    if !arrives_at_random(facts, id) {
        return None;
    }
    let instances = f64::from(facts.instances(id));
    let workers = model.workers;
    let pace = facts.capacity(id)? / instances / f64::from(workers);
    // Of the region where most arrives for each instance.
    let arrivals = traffic / instances / facts.reach(id);
    let held_longer = matches!(&facts.design.node(id).kind,
        NodeKind::Service(service) if !service.steps.is_empty());
    // Of a worker that waits for others only the mean time is known: taken as exponential.
    let variation = if held_longer { 1.0 } else { model.service_time.variation() };
    let mean = closed::mgc_wait(arrivals, pace, workers, variation)?;
    let exponential = matches!(model.service_time, ServiceTime::Exponential { .. });
    let (by, exact) = match (&model.service_time, workers) {
        _ if held_longer => ("M/M/c", false),
        _ if exponential => ("M/M/c", true),
        (ServiceTime::Constant(_), 1) => ("M/D/1", true),
        (_, 1) => ("M/G/1", true),
        (ServiceTime::Constant(_), _) => ("M/D/c", false),
        _ => ("M/G/c", false),
    };
    // Of several instances a balancer chooses, and not by lot, as the formulas would have it.
    let exact = exact && model.contention.is_none() && instances <= 1.0;
    Some(Wait { mean: Duration::from_secs_f64(mean), by, exact })
}

fn arrives_at_random(facts: &Facts<'_>, id: NodeId) -> bool {
    let arrivals = facts.calls_to(id).flat_map(|(call, _)| facts.arrivals(call));
    let mut clients = arrivals.map(|arrival| &facts.design.node(arrival.client).kind);
    clients.all(|kind| {
        matches!(kind, NodeKind::Client(client) if matches!(client.arrivals, Arrivals::Poisson(_)))
    })
}

fn useful_queue(facts: &Facts<'_>, id: NodeId, capacity: f64) -> Option<UsefulQueue> {
    let (patience, call) = facts
        .calls_to(id)
        .filter_map(|(call, _)| Some((facts.patience(call)?, call)))
        .min_by_key(|(patience, _)| *patience)?;
    let of_instance = capacity / f64::from(facts.instances(id));
    let requests = closed::safe_queue(patience.as_secs_f64(), of_instance);
    Some(UsefulQueue { requests, patience, call })
}
