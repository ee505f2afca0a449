//! What is asked of each node and each call on an ordinary day.

use base::{CallId, Duration, NodeId};
use config::Design;
use config::design::NodeKind;

use crate::judge::Judged;
use crate::plan::Plan;
use crate::stats::Histogram;

/// The design without its incident.
#[derive(Debug)]
pub(super) struct Ordinary<'a> {
    pub(super) plan: &'a Plan<'a>,
    pub(super) runs: &'a [Judged],
    /// With so little traffic that nobody waits for anybody.
    pub(super) quiet: &'a [Judged],
    /// First tries per second, by call.
    rates: Vec<f64>,
}

impl<'a> Ordinary<'a> {
    pub(super) fn new(plan: &'a Plan<'a>, runs: &'a [Judged], quiet: &'a [Judged]) -> Self {
        Self { plan, runs, quiet, rates: Flow::rates(plan, runs) }
    }

    /// What all callers together ask of an instance, per second, tried once.
    pub(super) fn rate_of(&self, node: NodeId) -> f64 {
        let to = calls_to(self.plan.design, node);
        let rate: f64 = to.map(|call| self.rates[call.index()]).sum();
        rate / f64::from(self.plan.instance_count(node).max(1))
    }

    /// What an instance of the caller asks, per second, tried once.
    pub(super) fn rate_from(&self, call: CallId) -> f64 {
        let from = self.plan.design.call(call).from;
        self.rates[call.index()] / f64::from(self.plan.instance_count(from).max(1))
    }

    /// Of what an instance can do, the share that is asked of it; nothing without a model.
    pub(super) fn load(&self, node: NodeId) -> Option<f64> {
        let capacity = self.plan.design.node(node).model()?.capacity();
        (capacity > 0.0).then(|| self.rate_of(node) / capacity)
    }

    /// How long the 99th of a hundred requests of a call took, if there were some.
    pub(super) fn slow_answer(&self, call: CallId) -> Option<Duration> {
        let all = self.runs.iter().fold(Histogram::default(), |mut all, run| {
            all.merge(&run.calls[call.index()].latency);
            all
        });
        all.quantile(0.99)
    }

    /// The least time that any caller gives a node for one try, if any of them gives up at all.
    pub(super) fn patience_with(&self, node: NodeId) -> Option<Duration> {
        calls_to(self.plan.design, node).filter_map(|call| self.patience(call)).min()
    }

    /// How long a caller waits for one try.
    pub(super) fn patience(&self, call: CallId) -> Option<Duration> {
        let deadline = self.plan.design.call(call).rules.deadline;
        deadline.attempt_timeout.or(deadline.timeout)
    }
}

fn calls_to(design: &Design, node: NodeId) -> impl Iterator<Item = CallId> {
    let calls = (0..design.calls.len()).map(CallId::from_index);
    calls.filter(move |&call| design.call(call).to == node)
}

/// Follows requests from the clients to wherever they go.
struct Flow<'a> {
    plan: &'a Plan<'a>,
    rates: Vec<f64>,
    /// What a cache passes on, by node.
    misses: Vec<f64>,
}

impl<'a> Flow<'a> {
    fn rates(plan: &'a Plan<'a>, runs: &[Judged]) -> Vec<f64> {
        let misses = |at: usize| {
            let (hits, asked) = runs.iter().fold((0, 0), |(hits, asked), run| {
                (hits + run.caches[at].hits, asked + run.caches[at].asked)
            });
            1.0 - hits as f64 / asked.max(1) as f64
        };
        let misses = (0..plan.design.nodes.len()).map(misses).collect();
        let mut flow = Self { plan, rates: vec![0.0; plan.design.calls.len()], misses };
        for client in &plan.requests.clients {
            for (kind, rate) in client.rates(plan.design) {
                flow.follow(client.call, kind, rate, 0);
            }
        }
        flow.rates
    }

    fn follow(&mut self, call: CallId, kind: u16, rate: f64, hops: usize) {
        let plan = self.plan;
        // A circle of calls has no end.
        if hops > plan.design.nodes.len() {
            return;
        }
        let call = plan.requests.variant(call, kind);
        self.rates[call.index()] += rate;
        let node = plan.design.call(call).to;
        match &plan.design.node(node).kind {
            NodeKind::Service(service) => {
                for &next in service.steps.iter().flatten() {
                    self.follow(next, kind, rate, hops + 1);
                }
            }
            NodeKind::Balancer(_) | NodeKind::Cache(_) => {
                let rate = rate * self.misses[node.index()];
                if let Some(next) = plan.requests.route(node, kind) {
                    self.follow(next, kind, rate, hops + 1);
                }
            }
            NodeKind::Client(_) | NodeKind::Database(_) => {}
        }
    }
}
