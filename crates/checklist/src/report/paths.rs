//! How far retries multiply along every path from a client.

use config::design::Design;
use config::graph::Graph;
use serde::Serialize;

use crate::{Facts, facts::lasting_factor};

/// A way from a client to a node that asks nobody further.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Path {
    /// The calls on the way, in the order in which they are made.
    pub calls: Vec<String>,
    /// The tries of each.
    pub tries: Vec<u8>,
    /// The product of the tries: the most attempts that one request can cause at the end.
    pub worst: u64,
    /// The most attempts per request that last, over many requests: budgets count.
    pub lasting: f64,
}

/// All paths of a design, the worst first; and whether these are all, for a hostile design can
/// have more than anybody reads.
pub fn paths(design: &Design) -> (Vec<Path>, bool) {
    let facts = Facts::of(design);
    let found = Graph::of(design).paths();
    let mut all: Vec<Path> = found.paths.iter().map(|calls| path(&facts, calls)).collect();
    all.sort_by(|a, b| b.worst.cmp(&a.worst).then(b.lasting.total_cmp(&a.lasting)));
    (all, found.complete)
}

fn path(facts: &Facts<'_>, calls: &[base::CallId]) -> Path {
    let attempts = |id: &base::CallId| facts.design.call(*id).rules.retry.attempts;
    let factor = |id: &base::CallId| lasting_factor(facts.design.call(*id));
    Path {
        calls: calls.iter().map(|&id| facts.design.call_name(id)).collect(),
        tries: calls.iter().map(attempts).collect(),
        worst: calls.iter().map(attempts).map(u64::from).fold(1, u64::saturating_mul),
        lasting: super::rounded(calls.iter().map(factor).product()),
    }
}
