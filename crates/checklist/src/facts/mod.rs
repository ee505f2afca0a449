//! What follows from a design without running it: who asks whom in what order, how much traffic
//! gets where, how far retries multiply, what a node can do, how far regions are apart.
//!
//! Computed once for all rules. Every part takes time in proportion to the design, not to the
//! number of paths through it: a design file may come from anybody.

mod amplification;
mod budgets;
mod capacity;
mod distance;
mod fanout;
mod flow;
mod homes;
mod neighbours;
mod order;
mod pools;
mod sessions;
mod trouble;

pub use amplification::Amplification;
pub(crate) use amplification::in_words;
pub(crate) use budgets::{A_MOMENT, HARMLESS_BURST, Tries};
pub(crate) use capacity::{mean_of_lognormal, p99};
pub(crate) use distance::light_time;
pub use flow::Arrival;
pub(crate) use flow::routed;
pub use trouble::{Left, Places, Trouble};

use std::collections::BTreeSet;

use base::{CallId, Duration, NodeId, RegionId};
use config::design::{Call, Node, OnFailure, Source};
use config::{Design, Span};

use crate::question;
use amplification::Amplifications;
use capacity::Paces;
use distance::Delays;
use flow::Flows;
use homes::Homes;
use neighbours::Neighbours;

/// A design, with what follows from it.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The design itself.
    pub design: &'a Design,
    neighbours: Neighbours,
    order: Vec<NodeId>,
    delays: Delays,
    flows: Flows,
    homes: Homes,
    fanout: Vec<u64>,
    amplifications: Amplifications,
    paces: Paces,
}

impl<'a> Facts<'a> {
    /// Works them out.
    pub fn of(design: &'a Design) -> Self {
        let neighbours = Neighbours::of(design);
        let order = order::of(design, &neighbours);
        let flows = Flows::of(design, &neighbours, &order);
        let fanout = fanout::of(design, &neighbours);
        Self {
            design,
            delays: Delays::of(design),
            homes: Homes::of(design, &neighbours, &order, &flows),
            amplifications: Amplifications::of(design, &neighbours, &order, &flows, &fanout),
            fanout,
            flows,
            paces: Paces::of(design, &neighbours, &order, |_| 1.0),
            neighbours,
            order,
        }
    }

    /// Every call with its number.
    pub fn calls(&self) -> impl Iterator<Item = (CallId, &'a Call)> + use<'a> {
        self.design.calls.iter().enumerate().map(|(at, call)| (CallId::from_index(at), call))
    }

    /// Every node with its number.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &'a Node)> + use<'a> {
        self.design.nodes.iter().enumerate().map(|(at, node)| (NodeId::from_index(at), node))
    }

    /// The calls that ask a node.
    pub fn calls_to(&self, to: NodeId) -> impl Iterator<Item = (CallId, &'a Call)> {
        self.neighbours.to(to).iter().map(|&id| (id, self.design.call(id)))
    }

    /// The calls that a node makes.
    pub fn calls_from(&self, from: NodeId) -> impl Iterator<Item = (CallId, &'a Call)> {
        self.neighbours.from(from).iter().map(|&id| (id, self.design.call(id)))
    }

    /// The calls that wait for this one: those that ask the node that makes it.
    pub fn callers_of(&self, call: CallId) -> impl Iterator<Item = CallId> {
        self.calls_to(self.design.call(call).from).map(|(id, _)| id)
    }

    /// The calls that are made to answer this one.
    pub fn calls_behind(&self, call: CallId) -> impl Iterator<Item = CallId> {
        self.calls_from(self.design.call(call).to).map(|(id, _)| id)
    }

    /// The calls behind which there are no more.
    pub fn ends_of_paths(&self) -> impl Iterator<Item = CallId> {
        let ends = |id: &CallId| self.calls_behind(*id).next().is_none();
        self.calls().map(|(id, _)| id).filter(ends)
    }

    /// How often a call is made for one request to the node that makes it, at most.
    pub fn made_for_one(&self, call: CallId) -> u64 {
        self.fanout[call.index()]
    }

    /// `a -> db 2`, and of what several steps ask for `a -> db 2 in 5 calls`.
    pub(crate) fn call_with_tries(&self, call: CallId) -> String {
        let attempts = self.design.call(call).rules.retry.attempts;
        let name = self.design.call_in_words(call);
        match self.made_for_one(call) {
            1 => format!("{name} {attempts}"),
            made => format!("{name} {attempts} in {made} calls"),
        }
    }

    /// `users -> lb 2 x lb -> svc 3`: the tries of those calls of a path that are made again. Those of
    /// balancers in a row add up: `(lb -> hub 3 + hub -> svc 2 more)`.
    pub fn tries_in_words(&self, path: &[CallId]) -> String {
        let again = |id| self.design.call(id).rules.retry.attempts > 1 || self.made_for_one(id) > 1;
        in_words(self, path, again)
    }

    /// Whether the file gives a value for this key of a call, or for one below it.
    pub fn says(&self, call: CallId, key: &str) -> bool {
        let source = question::answer(self.design.call(call), key).map(|answer| answer.source);
        matches!(source, Some(Source::File(_)))
    }

    /// Where a value of a call stands; the call itself if there is no such line.
    pub fn span_of(&self, call: CallId, key: &str) -> Span {
        let call = self.design.call(call);
        match question::answer(call, key).map(|answer| answer.source) {
            Some(Source::File(span)) => span,
            _ => call.span,
        }
    }

    /// The kinds of requests that a call carries.
    pub fn arrivals(&self, call: CallId) -> &[Arrival] {
        self.flows.of_call(call)
    }

    /// The requests per second of a call without any retry: nothing if no client sends any, or if
    /// it depends on how many a cache answers.
    pub fn traffic(&self, call: CallId) -> Option<f64> {
        self.flows.traffic(call)
    }

    /// The requests per second that reach a node without any retry.
    pub fn node_traffic(&self, node: NodeId) -> Option<f64> {
        self.sum_over_calls_to(node, |call| self.traffic(call))
    }

    /// The attempts per second that reach a node when every attempt fails, for as long as budgets
    /// allow it.
    pub fn node_load_when_all_fails(&self, node: NodeId) -> Option<f64> {
        self.sum_over_calls_to(node, |call| {
            Some(self.traffic(call)? * self.amplification(call).lasting)
        })
    }

    /// The traffic of a node from which its load is more than it can do once all fails, and so stays
    /// there; nothing if nobody retries. What arrives by the retries of those further up is taken
    /// as at today's traffic, which is exact without a floor there, and too cautious with one.
    pub fn storm_above(&self, node: NodeId, capacity: f64) -> Option<f64> {
        let traffic = self.node_traffic(node).filter(|traffic| *traffic > 0.0)?;
        let load = self.node_load_when_all_fails(node)?;
        let calls: Vec<(Tries, f64)> = self
            .calls_to(node)
            .filter_map(|(id, call)| {
                let requests = self.traffic(id)? * self.amplification(id).asked;
                let tries = Tries::of(self.design, call).for_longer_than_a_moment(requests);
                Some((tries, requests / traffic))
            })
            .collect();
        let load_at = |traffic: f64| -> f64 {
            calls.iter().map(|(tries, asked)| tries.when_all_fails(traffic * asked)).sum()
        };
        (load > traffic).then(|| budgets::where_it_reaches(capacity, load_at))
    }

    /// Whether every request of every client needs this node.
    pub fn is_needed_by_all(&self, node: NodeId) -> bool {
        self.flows.all_need(node)
    }

    /// How far the retries of a call and of those before it multiply.
    pub fn amplification(&self, call: CallId) -> &Amplification {
        self.amplifications.of_call(call)
    }

    /// The requests per second that all instances of a node can do; nothing without a model.
    pub fn capacity(&self, node: NodeId) -> Option<f64> {
        self.paces.capacity(self.design, node)
    }

    /// The requests per second that a node can do as they come: less than all its instances can
    /// where calls may not leave their region and some regions get more than their part.
    pub fn capacity_as_asked(&self, node: NodeId) -> Option<f64> {
        Some(self.capacity(node)? * self.reach(node))
    }

    /// Which part of all its instances a node can use before those of the first region are full.
    pub(crate) fn reach(&self, node: NodeId) -> f64 {
        self.homes.reach(self.design, node)
    }

    /// What all instances of every node can do while nodes are `slower(node)` times as slow.
    pub fn capacities_while(&self, slower: impl Fn(NodeId) -> f64) -> Vec<Option<f64>> {
        let paces = Paces::of(self.design, &self.neighbours, &self.order, slower);
        self.nodes().map(|(id, _)| paces.capacity(self.design, id)).collect()
    }

    /// The mean time in which a node answers when nothing waits: its own work and that of those
    /// it asks. Nothing without a model.
    pub fn answer_time(&self, node: NodeId) -> Option<Duration> {
        self.paces.answer_time(node)
    }

    /// The time that one try of a call is given.
    pub fn patience(&self, call: CallId) -> Option<Duration> {
        let deadline = self.design.call(call).rules.deadline;
        deadline.attempt_timeout.or(deadline.timeout)
    }

    /// The time that a health check of a call is given; nothing if it has none.
    pub fn patience_of_checks(&self, call: CallId) -> Option<Duration> {
        let health = self.design.call(call).rules.health?;
        Some(health.timeout())
    }

    /// Instances of a node, by what the file says or by its addresses.
    pub fn instances(&self, node: NodeId) -> u32 {
        instances(self.design.node(node))
    }

    /// Among how many endpoints the instances of a call's caller choose, by region and by what
    /// the call may do with other regions: different numbers if it is in several.
    pub fn pools(&self, call: CallId) -> BTreeSet<u32> {
        pools::of(self.design, self.design.call(call))
    }

    /// The regions a node is in.
    pub fn regions(&self, node: NodeId) -> Vec<RegionId> {
        distance::regions(self.design.node(node))
    }

    /// The shortest round trip between two regions, if the file says enough to know.
    pub fn round_trip(&self, from: RegionId, to: RegionId) -> Option<Duration> {
        self.delays.round_trip(self.design, from, to)
    }

    /// The pairs of different regions between which a call may run.
    pub fn crossings(&self, call: CallId) -> BTreeSet<(RegionId, RegionId)> {
        distance::crossings(self.design, self.design.call(call))
    }

    /// The calls of the path on which most attempts of this call come together, this one last.
    pub fn worst_path(&self, call: CallId) -> Vec<CallId> {
        self.amplifications.worst_path(call)
    }

    fn sum_over_calls_to(
        &self,
        node: NodeId,
        value: impl Fn(CallId) -> Option<f64>,
    ) -> Option<f64> {
        let mut values = self.calls_to(node).filter(|(id, _)| !self.arrivals(*id).is_empty());
        let first = value(values.next()?.0)?;
        values.try_fold(first, |sum, (id, _)| Some(sum + value(id)?))
    }
}

/// Whether the caller's own answer fails when this call does.
pub fn is_needed(call: &Call) -> bool {
    match call.on_failure.value {
        OnFailure::Error | OnFailure::Reset | OnFailure::Missing => true,
        OnFailure::Omit | OnFailure::Stale(_) | OnFailure::Fallback(_) => false,
    }
}

fn instances(node: &Node) -> u32 {
    let addresses = u32::try_from(node.endpoints().len()).unwrap_or(u32::MAX);
    if addresses > 0 { addresses } else { node.instance_count().max(1) }
}
