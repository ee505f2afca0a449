//! What is asked for, and which call serves it at each node.

use std::iter;

use base::{Bytes, CallId, Duration, NodeId, Random, Rate, Share};
use config::design::{NodeKind, Only};
use config::{Design, path};
use model::traffic::{Holding, Item, RequestKind, Zipf};

use crate::Refusal;

/// One kind of request of one client, known everywhere by its number.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    pub(crate) idempotent: bool,
    /// Only reads.
    pub(crate) is_safe: bool,
    /// Its answer can be kept and given again.
    pub(crate) is_kept: bool,
    /// Bytes of the answer's body.
    pub(crate) response: Bytes,
    /// The number of its path, the same for all kinds that have it.
    path_number: u32,
    keys: Option<Zipf>,
    pub(crate) method: String,
    pub(crate) path: String,
    /// How long a session of this kind stays open; nothing if it is a plain request.
    pub(crate) holds: Option<Holding>,
    /// Messages of a session.
    pub(crate) messages: Rate,
    /// Bytes of the bodies of a request and of its answer.
    bodies: (u64, u64),
}

/// The kinds of all clients, and their ways through the design.
#[derive(Debug)]
pub(crate) struct Requests {
    pub(crate) clients: Vec<Asker>,
    pub(crate) kinds: Vec<Kind>,
    /// By call and kind: the call itself, or its `only` table for this kind.
    variants: Vec<Vec<CallId>>,
    /// By node and kind: where a balancer or a cache sends it.
    routes: Vec<Vec<Option<CallId>>>,
}

/// A client.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    pub(crate) node: NodeId,
    pub(crate) call: CallId,
    /// The kinds it draws from: the end of each one's share, in millionths, and its number.
    pub(crate) mix: Vec<(u64, u16)>,
}

impl Requests {
    pub(super) fn new(design: &Design, refusals: &mut Vec<Refusal>) -> Self {
        let mut requests = Self {
            clients: Vec::new(),
            kinds: Vec::new(),
            variants: Vec::new(),
            routes: Vec::new(),
        };
        for (at, node) in design.nodes.iter().enumerate() {
            if let NodeKind::Client(client) = &node.kind {
                requests.add_client(design, NodeId::from_index(at), &client.requests, refusals);
            }
        }
        if requests.clients.is_empty() && refusals.is_empty() {
            refusals.push(Refusal::new(
                "no client asks for anything",
                "add a `[client.NAME]` with `traffic`, and a `[call.NAME.NODE]`",
            ));
        }
        requests.variants = (0..design.calls.len())
            .map(|call| requests.each_kind(|kind| variant(design, CallId::from_index(call), kind)))
            .collect();
        requests.routes = (0..design.nodes.len())
            .map(|node| requests.each_kind(|kind| route(design, NodeId::from_index(node), kind)))
            .collect();
        requests
    }

    /// The call itself, or its `only` table that is meant for this kind.
    pub(crate) fn variant(&self, call: CallId, kind: u16) -> CallId {
        self.variants[call.index()][usize::from(kind)]
    }

    /// Bytes of the bodies of a request of this kind and of its answer.
    pub(crate) fn bodies(&self, kind: u16) -> (u64, u64) {
        self.kinds[usize::from(kind)].bodies
    }

    /// Where a balancer or a cache sends this kind.
    pub(crate) fn route(&self, node: NodeId, kind: u16) -> Option<CallId> {
        self.routes[node.index()][usize::from(kind)]
    }

    /// Whether a request of this kind that is sent to a node comes to a balancer that has no route
    /// for it.
    pub(crate) fn is_stranded(&self, design: &Design, to: NodeId, kind: u16) -> bool {
        let mut node = to;
        // Longer ways are circles.
        for _ in 0..design.nodes.len() {
            if !matches!(design.node(node).kind, NodeKind::Balancer(_) | NodeKind::Cache(_)) {
                return false;
            }
            let Some(call) = self.route(node, kind) else { return true };
            node = design.call(call).to;
        }
        false
    }

    /// Where a balancer sends this kind when it sends what belongs to a node elsewhere: to the next
    /// of its other upstreams by name. One that has no other finds it itself under a path that
    /// it does not know.
    pub(crate) fn elsewhere(&self, design: &Design, right: CallId, kind: u16) -> CallId {
        let call = design.call(right);
        let name = |id: &CallId| design.node(design.call(*id).to).name.as_str();
        let to = design.node(call.to).name.as_str();
        let mut others: Vec<_> = bases(design, call.from).filter(|id| name(id) != to).collect();
        others.sort_by_key(name);
        let next = others.iter().find(|id| name(id) > to).or(others.first());
        next.map_or(right, |&other| self.variant(other, kind))
    }

    /// The longest that a client's request may take. Who waits for ever waits for nothing, as to
    /// this.
    pub(super) fn patience(&self, design: &Design) -> Duration {
        let calls = self
            .clients
            .iter()
            .flat_map(|asker| asker.mix.iter().map(|&(_, kind)| self.variant(asker.call, kind)));
        let timeouts = calls.filter_map(|call| design.call(call).rules.deadline.timeout);
        timeouts.max().unwrap_or(Duration::ZERO)
    }

    /// What a kind is called among those of its client: by method and path, and where several have
    /// both in common, by which of them it is.
    pub(crate) fn name(&self, asker: &Asker, kind: u16) -> String {
        let Kind { method, path, .. } = &self.kinds[usize::from(kind)];
        let before = asker.mix.iter().map(|(_, other)| *other).take_while(|&other| other != kind);
        let alike = before.filter(|&other| {
            let other = &self.kinds[usize::from(other)];
            (&other.method, &other.path) == (method, path)
        });
        format!("{method} {path} {}", alike.count())
    }

    /// The kinds that stay open, and how many of each are open on average: how often one is asked
    /// for, times how long it is held (Little, 1961).
    pub(crate) fn open_sessions(&self, design: &Design) -> impl Iterator<Item = (u16, f64)> {
        let rates = self.clients.iter().flat_map(|asker| asker.rates(design));
        let open = |kind: u16, rate| Some(self.kinds[usize::from(kind)].holds?.open(rate));
        rates.filter_map(move |(kind, rate)| Some((kind, open(kind, rate)?)))
    }

    /// Calls of the file that no request takes, and requests that are more than messages.
    pub(super) fn not_played(&self, design: &Design) -> Vec<String> {
        let mut left_out = Vec::new();
        for client in &self.clients {
            for call in bases(design, client.node).filter(|&call| call != client.call) {
                left_out.push(format!(
                    "call {}: the client's requests all go to {}",
                    design.call_in_words(call),
                    design.node(design.call(client.call).to).name
                ));
            }
        }
        for (at, node) in design.nodes.iter().enumerate() {
            if let NodeKind::Service(service) = &node.kind {
                let made = |call: &CallId| service.steps.iter().any(|step| step.contains(call));
                let fallback = |call: &CallId| is_fallback(design, *call);
                let unused = bases(design, NodeId::from_index(at))
                    .filter(|call| !made(call) && !fallback(call));
                left_out.extend(unused.map(|call| {
                    format!(
                        "call {}: stands in no `steps` of {}",
                        design.call_in_words(call),
                        node.name
                    )
                }));
            }
        }
        left_out
    }

    fn add_client(
        &mut self,
        design: &Design,
        node: NodeId,
        asks: &[RequestKind],
        refusals: &mut Vec<Refusal>,
    ) {
        let name = &design.node(node).name;
        let Some(call) = bases(design, node).next() else {
            refusals.push(Refusal::new(
                format!("client {name} calls nobody"),
                format!("add a `[call.{name}.NODE]`"),
            ));
            return;
        };
        let mut end = 0;
        let mut mix = Vec::new();
        for ask in asks.iter().filter(|ask| ask.share > Share::NONE) {
            end += u64::from(ask.share.as_millionths());
            mix.push((end, u16::try_from(self.kinds.len()).unwrap_or(u16::MAX)));
            let path_number = self.path_number(&ask.path);
            self.kinds.push(Kind {
                idempotent: ask.is_idempotent(),
                is_safe: ask.is_safe(),
                is_kept: ask.is_safe() && ask.holds.is_none(),
                response: ask.response,
                path_number,
                keys: ask.keys.as_ref().map(Zipf::new),
                method: ask.method.clone(),
                path: ask.path.clone(),
                holds: ask.holds.map(|(median, p99)| Holding::new(median, p99)),
                messages: ask.messages.unwrap_or_default(),
                bodies: (ask.request.0, ask.response.0),
            });
        }
        if mix.is_empty() {
            refusals.push(Refusal::new(
                format!("client {name} asks for nothing"),
                "add `requests` with a share above nothing",
            ));
            return;
        }
        self.clients.push(Asker { node, call, mix });
    }

    fn path_number(&self, path: &str) -> u32 {
        let known = self.kinds.iter().find(|kind| is_same_place(&kind.path, path));
        let new = || self.kinds.iter().map(|kind| kind.path_number + 1).max().unwrap_or(0);
        known.map_or_else(new, |kind| kind.path_number)
    }

    fn each_kind<T>(&self, of: impl FnMut(&Kind) -> T) -> Vec<T> {
        self.kinds.iter().map(of).collect()
    }
}

impl Kind {
    /// What a request of this kind is about.
    pub(crate) fn item(&self, random: &mut Random) -> Item {
        let key = self.keys.as_ref().map_or(0, |keys| keys.draw(random));
        Item::new(self.path_number, u32::try_from(key).unwrap_or(u32::MAX))
    }
}

impl Asker {
    /// The kind for a number below [`Asker::whole`].
    pub(crate) fn kind(&self, drawn: u64) -> u16 {
        let found = self.mix.iter().find(|(end, _)| drawn < *end);
        found.or(self.mix.last()).map_or(0, |(_, kind)| *kind)
    }

    /// All shares together.
    pub(crate) fn whole(&self) -> u64 {
        self.mix.last().map_or(0, |(end, _)| *end)
    }

    /// The kinds that it draws from, and how many requests of each it sends in a second.
    pub(crate) fn rates(&self, design: &Design) -> impl Iterator<Item = (u16, f64)> {
        let per_sec = match &design.node(self.node).kind {
            NodeKind::Client(client) => client.traffic().as_per_sec_f64(),
            _ => 0.0,
        };
        let each = per_sec / self.whole().max(1) as f64;
        let begins = iter::once(0).chain(self.mix.iter().map(|(end, _)| *end));
        let kinds = self.mix.iter().zip(begins);
        kinds.map(move |(&(end, kind), begin)| (kind, each * (end - begin) as f64))
    }
}

/// The calls of a node without their `only` tables.
pub(super) fn bases(design: &Design, node: NodeId) -> impl Iterator<Item = CallId> {
    design.calls_from(node).filter(|&call| design.call(call).only.is_none())
}

fn is_fallback(design: &Design, call: CallId) -> bool {
    let call = design.call(call);
    design.calls_from(call.from).any(|other| {
        design.call(other).on_failure.value == config::design::OnFailure::Fallback(call.to)
    })
}

fn variant(design: &Design, base: CallId, kind: &Kind) -> CallId {
    let call = design.call(base);
    let Ok(path) = path::asked(&kind.path) else { return base };
    let mut same_ends =
        design.calls_from(call.from).filter(|&other| design.call(other).to == call.to);
    let takes = |only: &Only| only.takes(&kind.method, &path);
    let fits = |other: &CallId| design.call(*other).only.as_ref().is_some_and(takes);
    if call.only.is_some() { base } else { same_ends.find(fits).unwrap_or(base) }
}

fn route(design: &Design, node: NodeId, kind: &Kind) -> Option<CallId> {
    let call = match &design.node(node).kind {
        NodeKind::Balancer(balancer) => balancer.route(&path::asked(&kind.path).ok()?)?.call,
        _ => bases(design, node).next()?,
    };
    Some(variant(design, call, kind))
}

/// Whether two kinds ask for the same thing, as a cache keeps it.
fn is_same_place(one: &str, other: &str) -> bool {
    path::asked(one) == path::asked(other) && query(one) == query(other)
}

fn query(target: &str) -> Option<&str> {
    target.split_once('?').map(|(_, query)| query)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples;

    #[test]
    fn a_request_takes_its_route_and_its_exception_however_each_is_spelled() {
        let design = examples::design(include_str!("../../../config/tests/spellings.toml"));
        let requests = Requests::new(&design, &mut Vec::new());
        let balancer = design.node_named("lb").unwrap();

        let taken = [0, 1, 2, 3].map(|kind| requests.route(balancer, kind));

        let names = taken.map(|call| design.call_name(call.unwrap()));
        assert_eq!(names, ["lb.cafe", "lb.cafe.only.menu", "lb.shop", "lb.shop.only.pay"]);
    }

    #[test]
    fn two_spellings_of_a_path_are_one_place_and_two_queries_are_not() {
        assert!(is_same_place("/caf%c3%a9?at=1", "/%63af%C3%A9?at=1"));
        assert!(!is_same_place("/items?at=1", "/items?at=2"));
        assert!(!is_same_place("/items", "/items?at=1"));
    }
}
