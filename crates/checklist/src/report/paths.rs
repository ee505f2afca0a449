//! How far retries multiply along every path from a client.

use std::cmp::Reverse;

use base::CallId;
use config::Design;
use config::design::NodeKind;
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
    let passable = found.paths.iter().filter(|path| is_passable(design, path));
    let mut all: Vec<(u64, &Vec<CallId>)> = passable.map(|path| (worst(path), path)).collect();
    let count = all.len();
    all.sort_by_key(|(worst, _)| Reverse(*worst));
    let worst = all.into_iter().take(most).map(|(worst, calls)| path(&facts, worst, calls));
    Paths { worst: worst.collect(), count, complete: found.complete }
}

/// Whether a request can take the whole way: a balancer passes on what one of its listeners took,
/// by a route of that listener.
fn is_passable(design: &Design, path: &[CallId]) -> bool {
    path.windows(2).all(|pair| match pair {
        [into, onward] => passes_on(design, *into, *onward),
        _ => true,
    })
}

fn passes_on(design: &Design, into: CallId, onward: CallId) -> bool {
    let into = design.call(into);
    let NodeKind::Balancer(balancer) = &design.node(into.to).kind else {
        return true;
    };
    let routed = || {
        let with_protocol =
            balancer.listen.iter().flat_map(|at| at.routes.iter().map(|to| (at.protocol, to.call)));
        with_protocol.filter(|(_, call)| *call == onward)
    };
    // What has no route is a fallback of what has one.
    routed().next().is_none() || routed().any(|(protocol, _)| protocol == into.protocol)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spoken_decides_which_way_a_request_can_take() {
        let loaded = config::load("design.toml", TWO_LISTENERS);
        let design = loaded.design.expect("it is a design");

        let listed: Vec<_> = paths(&design, 9).worst.into_iter().map(|path| path.calls).collect();

        assert_eq!(listed, [["phones.edge", "edge.chat"], ["browsers.edge", "edge.shop"]]);
    }

    const TWO_LISTENERS: &str = r#"
[client.phones]
traffic = "1/s"
requests = [{ share = "100%", path = "/chat.v1.Chat/Send" }]

[client.browsers]
traffic = "1/s"
requests = [{ share = "100%", path = "/shop" }]

[balancer.edge]
listen = [
  { address = "127.0.0.1:1", protocol = "grpc", routes = [{ service = "chat.v1.Chat", to = "chat" }] },
  { address = "127.0.0.1:2", protocol = "http", routes = [{ path = "/", to = "shop" }] },
]

[service.chat]
[service.shop]

[call.phones.edge]
protocol = "grpc"
[call.browsers.edge]
protocol = "http"
[call.edge.chat]
[call.edge.shop]
"#;
}
