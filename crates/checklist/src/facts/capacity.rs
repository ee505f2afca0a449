//! What a node can do, in closed form: its workers divided by the time each is held.
//!
//! A worker is held for its own work and for as long as those it asks take to answer. That is the
//! long-run throughput of any queue of this kind whatever the distribution of its work, because a
//! busy worker is always busy (Little's law: workers = throughput × time held).

use base::{Duration, NodeId};
use config::Design;
use config::design::{Node, NodeKind};
use model::service;

use super::neighbours::Neighbours;

/// The mean time in which each node answers when nothing waits.
#[derive(Debug)]
pub(super) struct Paces(Vec<Option<f64>>);

impl Paces {
    /// `slower(node)` times as slow as its model says; 1 in good weather.
    pub(super) fn of(
        design: &Design,
        neighbours: &Neighbours,
        order: &[NodeId],
        slower: impl Fn(NodeId) -> f64,
    ) -> Self {
        let mut paces = Self(vec![None; design.nodes.len()]);
        for &node in order.iter().rev() {
            paces.0[node.index()] = paces.pace(design, neighbours, node, slower(node));
        }
        paces
    }

    pub(super) fn answer_time(&self, node: NodeId) -> Option<Duration> {
        self.0[node.index()].map(Duration::from_secs_f64)
    }

    pub(super) fn capacity(&self, design: &Design, node: NodeId) -> Option<f64> {
        let model = design.node(node).model()?;
        let held = self.0[node.index()].filter(|held| *held > 0.0)?;
        let workers = f64::from(super::instances(design.node(node))) * f64::from(model.workers);
        Some(workers / held)
    }

    fn pace(
        &self,
        design: &Design,
        neighbours: &Neighbours,
        id: NodeId,
        slower: f64,
    ) -> Option<f64> {
        let node = design.node(id);
        match &node.kind {
            NodeKind::Service(service) => {
                let steps = service.steps.iter().map(|step| {
                    let asked =
                        step.iter().filter_map(|&call| self.0[design.call(call).to.index()]);
                    asked.fold(0.0, f64::max)
                });
                Some(own_work(node)? * slower + steps.sum::<f64>())
            }
            NodeKind::Database(_) => Some(own_work(node)? * slower),
            NodeKind::Balancer(_) => {
                let asked = neighbours.from(id).iter();
                asked.filter_map(|&call| self.0[design.call(call).to.index()]).reduce(f64::max)
            }
            NodeKind::Client(_) | NodeKind::Cache(_) => None,
        }
    }
}

/// Seconds that one request takes of a worker when all workers are busy.
fn own_work(node: &Node) -> Option<f64> {
    let model = node.model()?;
    let slower = model.contention.map_or(1.0, |contention| contention.factor(model.workers));
    Some(model.service_time.mean() * slower)
}

/// The mean of a lognormal time that is given by its median and its 99th percentile, in seconds.
pub(crate) fn mean_of_lognormal(median: Duration, p99: Duration) -> f64 {
    service::ServiceTime::Lognormal { median, p99 }.mean()
}

/// The time that one in a hundred requests exceeds.
pub(crate) fn p99(time: &service::ServiceTime) -> Duration {
    match time {
        service::ServiceTime::Constant(always) => *always,
        service::ServiceTime::Lognormal { p99, .. } => *p99,
        service::ServiceTime::Exponential { mean } => {
            Duration::from_secs_f64(mean.as_secs_f64() * 100_f64.ln())
        }
        service::ServiceTime::Empirical(seen) => {
            let mut seen = seen.clone();
            seen.sort_unstable();
            let at = (seen.len() * 99 / 100).min(seen.len().saturating_sub(1));
            seen.get(at).copied().unwrap_or(Duration::ZERO)
        }
    }
}
