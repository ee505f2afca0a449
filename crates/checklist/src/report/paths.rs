//! How far retries multiply along every path from a client.

use std::cmp::Reverse;

use base::CallId;
use config::Design;
use config::design::NodeKind;
use config::graph::Graph;
use serde::Serialize;

use crate::Facts;
use crate::facts::routed;

/// A way from a client to a node that asks nobody further.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Path {
    /// The calls on the way, in the order in which they are made.
    pub calls: Vec<String>,
    /// Their numbers in the design.
    #[serde(skip)]
    pub ids: Vec<CallId>,
    /// The tries of each.
    pub tries: Vec<u8>,
    /// The most attempts that one request can cause at the end: the product of the tries, but that
    /// those of our balancers in a row add up, and of how often each call is made.
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
    let passable = found.paths.iter().filter(|path| is_passable(design, path));
    let mut all: Vec<(u64, &Vec<CallId>)> =
        passable.map(|path| (facts.worst_along(path), path)).collect();
    let count = all.len();
    all.sort_by_key(|(worst, _)| Reverse(*worst));
    let worst = all.into_iter().take(most).map(|(worst, calls)| path(&facts, worst, calls));
    Paths { worst: worst.collect(), count, complete: found.complete }
}

/// Whether a request can take this way: a balancer that a client asks passes each of its requests on
/// by the route that takes it. Where none takes any, nobody can tell.
fn is_passable(design: &Design, path: &[CallId]) -> bool {
    let [first, second, ..] = path else { return true };
    let (client, asked) = (design.call(*first).from, design.call(*first).to);
    let (NodeKind::Client(client), NodeKind::Balancer(balancer)) =
        (&design.node(client).kind, &design.node(asked).kind)
    else {
        return true;
    };
    let mut routes = balancer.listen.iter().flat_map(|listen| &listen.routes);
    let mut taken = client.requests.iter().filter_map(|request| routed(balancer, request));
    let is_fallback = routes.all(|route| route.call != *second);
    is_fallback || taken.clone().next().is_none() || taken.any(|call| call == *second)
}

fn path(facts: &Facts<'_>, worst: u64, calls: &[CallId]) -> Path {
    let design = facts.design;
    Path {
        calls: calls.iter().map(|&id| design.call_name(id)).collect(),
        ids: calls.to_vec(),
        tries: calls.iter().map(|&id| design.call(id).rules.retry.attempts).collect(),
        worst,
        lasting: super::rounded(facts.lasting_along(calls)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_that_no_request_takes_is_not_listed() {
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
[call.browsers.edge]
[call.edge.chat]
[call.edge.shop]
"#;
}
