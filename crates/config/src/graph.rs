//! The graph of calls: who asks whom, along which ways, and what is reached at all.

use std::collections::{BTreeMap, BTreeSet};

use base::{CallId, NodeId};

use crate::design::{Design, NodeKind, OnFailure};

/// A way through the design: each call begins where the one before it ends.
pub type Path = Vec<CallId>;

/// Ways that are listed, and whether there are more.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    /// From a start to a node that asks nobody further.
    pub paths: Vec<Path>,
    /// Whether these are all of them.
    pub complete: bool,
}

/// The calls that a design makes, by who makes them.
#[derive(Clone, Debug)]
pub struct Graph {
    /// For each node the calls it makes, without exceptions (`only`), with its fallbacks.
    from: Vec<Vec<(CallId, NodeId)>>,
    starts: Vec<NodeId>,
}

/// A design with more ways than this is not looked at way by way.
const MOST_PATHS: usize = 10_000;
/// Where calls run in circles, most ways lead to no end: looking for one ends here.
const MOST_STEPS: usize = 2_000_000;

impl Graph {
    /// Of a design whose routes, steps and fallbacks name existing calls.
    pub fn of(design: &Design) -> Self {
        let made = design.nodes.iter().enumerate().map(|(at, _)| {
            let calls = made_by(design, NodeId::from_index(at));
            calls.into_iter().map(|call| (call, design.call(call).to)).collect()
        });
        Self { from: made.collect(), starts: starts(design) }
    }

    /// Of what is asked instead: here a [`NodeId`] is the position of a call, and what leads from it
    /// to another the call, or its exception, that falls back to that.
    pub(crate) fn of_fallbacks(design: &Design) -> Self {
        let ids = || (0..design.calls.len()).map(CallId::from_index);
        let base = |id: &CallId| design.call(*id).only.is_none();
        let at: BTreeMap<_, _> = ids()
            .filter(base)
            .map(|id| ((design.call(id).from, design.call(id).to), NodeId::from_index(id.index())))
            .collect();
        let mut from = vec![Vec::new(); design.calls.len()];
        for id in ids() {
            let call = design.call(id);
            let OnFailure::Fallback(other) = call.on_failure.value else { continue };
            let ends = [call.to, other].map(|to| at.get(&(call.from, to)).copied());
            if let [Some(first), Some(instead)] = ends {
                from[first.index()].push((id, instead));
            }
        }
        Self { from, starts: Vec::new() }
    }

    /// The calls that a node makes.
    pub fn calls_of(&self, node: NodeId) -> impl Iterator<Item = CallId> {
        self.from[node.index()].iter().map(|&(call, _)| call)
    }

    /// Where traffic comes from: the clients, or without any the balancers.
    pub fn starts(&self) -> &[NodeId] {
        &self.starts
    }

    /// Every node that traffic can reach, the starts included.
    pub fn reached(&self) -> BTreeSet<NodeId> {
        let mut reached: BTreeSet<NodeId> = self.starts.iter().copied().collect();
        let mut waiting = self.starts.clone();
        while let Some(node) = waiting.pop() {
            for &(_, to) in &self.from[node.index()] {
                if reached.insert(to) {
                    waiting.push(to);
                }
            }
        }
        reached
    }

    /// All ways from the starts to the ends that pass no node twice.
    pub fn paths(&self) -> Paths {
        let mut found = Paths { paths: Vec::new(), complete: true };
        let mut steps = 0;
        for &start in &self.starts {
            self.paths_from(start, &mut steps, &mut found);
        }
        found
    }

    /// A circle of calls, if there is one.
    pub fn cycle(&self) -> Option<Path> {
        let mut state = vec![Visit::Not; self.from.len()];
        let nodes = (0..self.from.len()).map(NodeId::from_index);
        nodes.into_iter().find_map(|node| self.cycle_from(node, &mut state))
    }

    fn paths_from(&self, start: NodeId, steps: &mut usize, found: &mut Paths) {
        let mut way = Way::new(start);
        while let Some((node, next)) = way.top() {
            let calls = &self.from[node.index()];
            *steps += 1;
            if found.paths.len() >= MOST_PATHS || *steps >= MOST_STEPS {
                found.complete = false;
                return;
            }
            match calls.get(next) {
                Some(&(call, to)) if !way.passes(to) => way.enter(call, to),
                Some(_) => way.skip(),
                None => {
                    if calls.is_empty() && !way.calls.is_empty() {
                        found.paths.push(way.calls.clone());
                    }
                    way.leave();
                }
            }
        }
    }

    fn cycle_from(&self, start: NodeId, state: &mut [Visit]) -> Option<Path> {
        if state[start.index()] != Visit::Not {
            return None;
        }
        state[start.index()] = Visit::Open;
        let mut way = Way::new(start);
        while let Some((node, next)) = way.top() {
            let Some(&(call, to)) = self.from[node.index()].get(next) else {
                state[node.index()] = Visit::Done;
                way.leave();
                continue;
            };
            match state[to.index()] {
                Visit::Open => return Some(way.circle(call, to)),
                Visit::Done => way.skip(),
                Visit::Not => {
                    state[to.index()] = Visit::Open;
                    way.enter(call, to);
                }
            }
        }
        None
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Visit {
    Not,
    Open,
    Done,
}

/// The way walked so far; a list instead of a recursion, so that a deep design is no deep stack.
struct Way {
    /// Each with the next call of it to walk.
    nodes: Vec<(NodeId, usize)>,
    calls: Vec<CallId>,
}

impl Way {
    fn new(start: NodeId) -> Self {
        Self { nodes: vec![(start, 0)], calls: Vec::new() }
    }

    fn top(&self) -> Option<(NodeId, usize)> {
        self.nodes.last().copied()
    }

    fn passes(&self, node: NodeId) -> bool {
        self.nodes.iter().any(|&(passed, _)| passed == node)
    }

    fn skip(&mut self) {
        if let Some((_, next)) = self.nodes.last_mut() {
            *next += 1;
        }
    }

    fn enter(&mut self, call: CallId, to: NodeId) {
        self.skip();
        self.nodes.push((to, 0));
        self.calls.push(call);
    }

    fn leave(&mut self) {
        self.nodes.pop();
        self.calls.pop();
    }

    /// The part of the way from `to`, closed by a call back to it.
    fn circle(&self, closing: CallId, to: NodeId) -> Path {
        let begin = self.nodes.iter().position(|&(node, _)| node == to).unwrap_or(0);
        self.calls[begin..].iter().copied().chain([closing]).collect()
    }
}

fn starts(design: &Design) -> Vec<NodeId> {
    let of = |wanted: fn(&NodeKind) -> bool| -> Vec<NodeId> {
        let nodes = design.nodes.iter().enumerate();
        nodes.filter(|(_, n)| wanted(&n.kind)).map(|(at, _)| NodeId::from_index(at)).collect()
    };
    let clients = of(|kind| matches!(kind, NodeKind::Client(_)));
    if clients.is_empty() { of(|kind| matches!(kind, NodeKind::Balancer(_))) } else { clients }
}

/// Clients and caches make every call they have; balancers those of their routes, services those
/// of their steps; each also asks where it falls back to.
fn made_by(design: &Design, node: NodeId) -> Vec<CallId> {
    let own = || design.calls_from(node).filter(|&call| design.call(call).only.is_none());
    let mut made: Vec<CallId> = match &design.node(node).kind {
        NodeKind::Client(_) | NodeKind::Cache(_) => own().collect(),
        NodeKind::Balancer(balancer) => {
            balancer.listen.iter().flat_map(|l| l.routes.iter().map(|route| route.call)).collect()
        }
        NodeKind::Service(service) => service.steps.iter().flatten().copied().collect(),
        NodeKind::Database(_) => Vec::new(),
    };
    let mut seen = BTreeSet::new();
    made.retain(|&call| seen.insert(call));
    let instead = instead(design, node);
    let mut next = 0;
    while let Some(call) = made.get(next) {
        next += 1;
        let others = instead.get(&design.call(*call).to).into_iter().flatten();
        let others = others.filter_map(|other| own().find(|&call| design.call(call).to == *other));
        made.extend(others.filter(|&call| seen.insert(call)).collect::<Vec<_>>());
    }
    made
}

/// Whom a node asks instead of another, for each that it asks, exceptions included.
fn instead(design: &Design, node: NodeId) -> BTreeMap<NodeId, BTreeSet<NodeId>> {
    let mut instead: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for call in design.calls_from(node).map(|call| design.call(call)) {
        if let OnFailure::Fallback(other) = call.on_failure.value {
            instead.entry(call.to).or_default().insert(other);
        }
    }
    instead
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::{NoFiles, load_bytes};

    #[test]
    fn every_way_through_a_design_is_found_once() {
        let graph = graph("a: b c\nb: d\nc: d\nd:");

        assert_eq!(graph.paths().paths.len(), 2);
        assert!(graph.paths().complete);
        assert_eq!(graph.cycle(), None);
    }

    #[test]
    fn what_nobody_asks_is_not_reached() {
        let graph = graph("a: b\nb:\nc: b");

        let reached: Vec<_> = graph.reached().iter().map(|node| node.0).collect();

        assert_eq!(reached, [0, 1, 2]);
    }

    #[test]
    fn a_circle_is_named_from_where_it_begins() {
        let cycle = graph("a: b\nb: c\nc: b").cycle();

        assert_eq!(cycle.map(|calls| calls.len()), Some(2));
    }

    #[test]
    fn a_tangle_without_an_end_is_given_up() {
        let names: Vec<String> = (0..30).map(|at| format!("n{at}")).collect();
        let all = names.join(" ");
        let edges: Vec<String> = names.iter().map(|name| format!("{name}: {all}")).collect();

        assert!(!graph(&edges.join("\n")).paths().complete);
    }

    /// Services with whom they ask; a client asks the first.
    fn graph(edges: &str) -> Graph {
        let mut text = String::from("[client.users]\ntraffic = \"1/s\"\n");
        for (at, line) in edges.lines().enumerate() {
            let (from, to) = line.split_once(':').unwrap();
            let to: Vec<&str> = to.split_whitespace().filter(|&to| to != from).collect();
            let _ = writeln!(text, "[service.{from}]\nsteps = {to:?}");
            let calls = to.iter().map(|to| format!("[call.{from}.{to}]\n"));
            text.extend(calls.chain((at == 0).then(|| format!("[call.users.{from}]\n"))));
        }
        let loaded = load_bytes(text.as_bytes(), &NoFiles);
        Graph::of(&loaded.design.or(loaded.sketch).unwrap())
    }
}
