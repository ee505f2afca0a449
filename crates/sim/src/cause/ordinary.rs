//! What is asked of each node and each call on an ordinary day.

use base::{CallId, Duration, NodeId};
use config::Design;
use config::design::NodeKind;
use engine::EndpointSpec;

use crate::judge::Judged;
use crate::plan::{Plan, Planned, What};
use crate::stats::Histogram;

/// How many workers of an instance have a request on a day on which nobody waits for anybody
/// (Little's law).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Held {
    /// Those that work on it themselves.
    pub(super) working: f64,
    /// Those whose request is somewhere else.
    pub(super) waiting: f64,
}

impl Held {
    pub(super) const fn in_all(self) -> f64 {
        self.working + self.waiting
    }
}

/// What comes of a design with so little traffic that nobody waits for anybody.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    /// Without its incident.
    pub(super) well: Vec<Judged>,
    /// With the faults that stay; nothing if none does.
    pub(super) with_fault: Vec<Judged>,
    /// With these, and with far longer timeouts where no client is the caller.
    pub(super) with_fault_and_time: Vec<Judged>,
}

/// The design without its incident.
#[derive(Debug)]
pub(super) struct Ordinary<'a> {
    pub(super) plan: &'a Plan<'a>,
    pub(super) runs: &'a [Judged],
    pub(super) quiet: &'a Quiet,
    /// First tries per second, by call.
    rates: Vec<f64>,
}

impl<'a> Ordinary<'a> {
    pub(super) fn new(plan: &'a Plan<'a>, runs: &'a [Judged], quiet: &'a Quiet) -> Self {
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

    /// What holds the workers of an instance; nothing where they wait for nobody.
    pub(super) fn held(&self, node: NodeId) -> Option<Held> {
        let own = self.plan.design.node(node).model()?.service_time.mean();
        let waiting = self.waiting(node, |call| self.quiet_answer(call).unwrap_or(0.0));
        (waiting > 0.0).then(|| Held { working: self.rate_of(node) * own, waiting })
    }

    /// Whether the workers of a node are busy with its own work rather than with waiting: on an
    /// ordinary day, or because a fault makes its work longer.
    pub(super) fn is_busy_itself(&self, node: NodeId) -> bool {
        let is_hit = |planned: &Planned| {
            let What::Instances(hit) = &planned.what else { return false };
            hit.iter().any(|&at| self.plan.instances[at as usize].node == node)
        };
        self.held(node).is_none_or(|held| held.working >= held.waiting)
            || self.plan.faults.iter().any(is_hit)
    }

    /// How many workers of an instance wait for others when each call takes so many seconds. Of
    /// calls in parallel the longest counts.
    pub(super) fn waiting(&self, node: NodeId, takes: impl Fn(CallId) -> f64) -> f64 {
        let NodeKind::Service(service) = &self.plan.design.node(node).kind else { return 0.0 };
        let held = |&call: &CallId| -> f64 {
            let same_way = calls_to(self.plan.design, self.plan.design.call(call).to)
                .filter(|&other| self.plan.design.call(other).from == node);
            same_way.map(|call| self.rate_from(call) * takes(call)).sum()
        };
        service.steps.iter().map(|calls| calls.iter().map(held).fold(0.0, f64::max)).sum()
    }

    /// Whether an instance of the caller can ask somebody else than one of whom it thinks ill.
    pub(super) fn has_choice(&self, call: CallId) -> bool {
        let plan = self.plan;
        let from = plan.design.call(call).from;
        let callers = (0..plan.instance_count(from)).map(|number| plan.instance(from, number));
        let is_open = |spec: &EndpointSpec| spec.rank != EndpointSpec::OUT_OF_REACH;
        let mut pools = callers.flat_map(|caller| {
            (0..plan.engines_each(call)).map(move |number| plan.choice(call, caller, number).1)
        });
        pools.any(|specs| specs.iter().filter(|spec| is_open(spec) && spec.weight > 0).count() > 1)
    }

    /// How many requests of a call an instance of the caller has under way at most when nobody waits
    /// for anybody: four standard deviations above the mean, of arrivals by chance (Poisson).
    pub(super) fn most_in_flight(&self, call: CallId) -> f64 {
        let mean = self.rate_from(call) * self.quiet_answer(call).unwrap_or(0.0);
        mean + 4.0 * mean.sqrt()
    }

    /// How many seconds a request of a call took on average when nobody waited for anybody.
    pub(super) fn quiet_answer(&self, call: CallId) -> Option<f64> {
        merged(&self.quiet.well, call).mean()
    }

    /// How long the 99th of a hundred requests of a call took, if there were some.
    pub(super) fn slow_answer(&self, call: CallId) -> Option<Duration> {
        merged(self.runs, call).quantile(0.99)
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

/// How long the requests of a call took, in all runs.
fn merged(runs: &[Judged], call: CallId) -> Histogram {
    runs.iter().fold(Histogram::default(), |mut all, run| {
        all.merge(&run.calls[call.index()].latency);
        all
    })
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
