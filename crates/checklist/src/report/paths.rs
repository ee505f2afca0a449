//! How far retries multiply along every path from a client.

use std::cmp::Reverse;

use base::CallId;
use config::Design;
use config::graph::Graph;
use serde::Serialize;

use crate::Facts;
use crate::facts::lasting_factor;

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

/// The worst paths of a design.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Paths {
    /// At most as many as were asked for, the worst first.
    pub worst: Vec<Path>,
    /// How many paths there are.
    pub count: usize,
    /// Whether that is all: a hostile design can have more than anybody counts.
    pub complete: bool,
}

/// The `most` worst paths of a design.
pub fn paths(design: &Design, most: usize) -> Paths {
    let facts = Facts::of(design);
    let found = Graph::of(design).paths();
    let attempts = |id: &CallId| u64::from(design.call(*id).rules.retry.attempts);
    let worst = |path: &Vec<CallId>| path.iter().map(attempts).fold(1, u64::saturating_mul);
    let mut all: Vec<(u64, &Vec<CallId>)> =
        found.paths.iter().map(|path| (worst(path), path)).collect();
    all.sort_by_key(|(worst, _)| Reverse(*worst));
    let worst = all.into_iter().take(most).map(|(worst, calls)| path(&facts, worst, calls));
    Paths { worst: worst.collect(), count: found.paths.len(), complete: found.complete }
}

fn path(facts: &Facts<'_>, worst: u64, calls: &[CallId]) -> Path {
    let factor = |id: &CallId| lasting_factor(facts.design.call(*id));
    Path {
        calls: calls.iter().map(|&id| facts.design.call_name(id)).collect(),
        tries: calls.iter().map(|&id| facts.design.call(id).rules.retry.attempts).collect(),
        worst,
        lasting: super::rounded(calls.iter().map(factor).product()),
    }
}
