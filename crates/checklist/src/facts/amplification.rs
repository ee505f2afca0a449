//! How far retries multiply along the way from a client.
//!
//! Each layer that retries multiplies what the layers before it send: three layers of three tries
//! are 27 attempts for one request. A budget does not change what one unlucky request may cost,
//! but it bounds what all requests together cost for longer than a moment: to its share of them and
//! its floor.
//!
//! Balancers of ours in a row do better. A try tells the next which one it is, and who is told of a
//! second one does not retry: only what nobody above has retried is tried again. So their tries add
//! up, `1 + Σ (attempts - 1)`, also where no answer comes back, and so do the shares of their
//! budgets. What answers tell on their way back makes fewer of them still, in most cases; not in
//! the worst, where every answer comes too late. A property of `engine` holds this.

use base::{CallId, NodeId};
use config::Design;
use config::design::{Call, NodeKind, Protocol};
use engine::Carrier;

use super::Facts;
use super::budgets;
use super::flow::Flows;
use super::neighbours::Neighbours;

/// The tries along the worst path from a client to the end of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Amplification {
    /// The most attempts of this call that one request can cause.
    pub worst: u64,
    /// How many calls these are attempts of: more than one where a step is repeated.
    pub calls: u64,
    /// The most attempts of each of these calls that last, over many requests: budgets count.
    pub lasting: f64,
    /// The same of the calls before this one.
    pub asked: f64,
}

/// How far retries multiply, for each call of a design.
#[derive(Debug)]
pub(super) struct Amplifications {
    of_calls: Vec<Amplification>,
    /// By which path most attempts come.
    worst: Table,
}

impl Amplifications {
    pub(super) fn of(
        design: &Design,
        neighbours: &Neighbours,
        order: &[NodeId],
        flows: &Flows,
        fanout: &[u64],
    ) -> Self {
        let worst = table(design, neighbours, order, |id, _| {
            (attempts(design.call(id)), fanout[id.index()])
        });
        let lasting = table(design, neighbours, order, |id, asked| {
            (lasting_factor(design, flows, id, asked), 1)
        });
        let mut all = Self { of_calls: Vec::new(), worst };
        let ids = (0..design.calls.len()).map(CallId::from_index);
        all.of_calls = ids
            .map(|id| {
                let way = lasting[id.index()][0];
                let before = way.before.map(|(call, at)| lasting[call.index()][at].tries.all);
                let path = all.worst_path(id);
                Amplification {
                    worst: whole(all.worst[id.index()][0].tries.all),
                    calls: path.iter().fold(1, |all, id| all.saturating_mul(fanout[id.index()])),
                    lasting: way.tries.all,
                    asked: before.unwrap_or(1.0),
                }
            })
            .collect();
        all
    }

    pub(super) fn of_call(&self, call: CallId) -> &Amplification {
        &self.of_calls[call.index()]
    }

    /// The calls of the path on which most attempts of this call come together, this one last.
    pub(super) fn worst_path(&self, call: CallId) -> Vec<CallId> {
        let before = |&(call, at): &(CallId, usize)| self.worst[call.index()][at].before;
        let mut path: Vec<CallId> =
            std::iter::successors(Some((call, 0)), before).map(|(call, _)| call).collect();
        path.reverse();
        path
    }
}

impl Amplification {
    /// The most attempts of one of these calls.
    pub const fn tries(&self) -> u64 {
        self.worst / self.calls
    }

    /// By how much this call multiplies it, over many requests.
    pub fn lasting_factor(&self) -> f64 {
        self.lasting / self.asked
    }
}

/// The attempts that last, for each request of a client, when `asked` arrive for each of them and
/// `traffic` per second of those is known. A floor weighs as much as that traffic is small; where
/// nobody knows the traffic, only the share is counted.
pub(super) fn lasting(design: &Design, call: &Call, asked: f64, traffic: Option<f64>) -> f64 {
    let tries = budgets::Tries::of(design, call);
    match traffic.filter(|traffic| *traffic > 0.0) {
        Some(traffic) => {
            let requests = traffic * asked;
            tries.for_longer_than_a_moment(requests).when_all_fails(requests) / traffic
        }
        None => asked * tries.when_asked_without_end(),
    }
}

/// By how much a call multiplies the `asked` that are not told of a try before.
fn lasting_factor(design: &Design, flows: &Flows, id: CallId, asked: f64) -> f64 {
    lasting(design, design.call(id), asked, flows.traffic(id)) / asked
}

impl Facts<'_> {
    /// The most attempts that one request causes at the end of a path.
    pub(crate) fn worst_along(&self, path: &[CallId]) -> u64 {
        let made = |id: CallId| self.made_for_one(id);
        whole(along(self.design, path, |id, _| (attempts(self.design.call(id)), made(id))))
    }

    /// The most that last over many requests.
    pub(crate) fn lasting_along(&self, path: &[CallId]) -> f64 {
        along(self.design, path, |id, asked| {
            (lasting_factor(self.design, &self.flows, id, asked), self.made_for_one(id))
        })
    }
}

/// `users -> lb 2 x (lb -> hub 3 + hub -> svc 2 more)`: the tries of those calls of a path that are
/// `shown`.
pub(crate) fn in_words(
    facts: &Facts<'_>,
    path: &[CallId],
    shown: impl Fn(CallId) -> bool,
) -> String {
    let design = facts.design;
    let mut factors: Vec<(usize, Vec<String>)> = Vec::new();
    let mut row = 0;
    for (at, &id) in path.iter().enumerate() {
        let adds = at > 0 && tells(design.call(path[at - 1])) && heeds(design, design.call(id));
        row += usize::from(!adds);
        if !shown(id) {
            continue;
        }
        match factors.last_mut().filter(|(last, _)| *last == row) {
            Some((_, terms)) => {
                let more = design.call(id).rules.retry.attempts.saturating_sub(1);
                terms.push(format!("{} {more} more", design.call_in_words(id)));
            }
            None => factors.push((row, vec![facts.call_with_tries(id)])),
        }
    }
    let factors = factors.iter().map(|(_, terms)| match &terms[..] {
        [term] => term.clone(),
        terms => format!("({})", terms.join(" + ")),
    });
    factors.collect::<Vec<_>>().join(" x ")
}

/// What becomes of one request on its way.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Tries {
    /// So many arrive.
    all: f64,
    /// Of so many of them who gets them is not told that anybody has tried before.
    firsts: f64,
}

impl Tries {
    const ONE: Self = Self { all: 1.0, firsts: 1.0 };

    /// After one more call, `made` so often for each that arrives. Each time the first tries of those
    /// that nobody has tried before come to be `factor` times as many.
    fn through(
        self,
        design: &Design,
        id: CallId,
        factor: impl Fn(CallId, f64) -> (f64, u64),
    ) -> Self {
        let call = design.call(id);
        let firsts = if heeds(design, call) { self.firsts } else { self.all };
        let (factor, made) = factor(id, firsts);
        let made = made as f64;
        let all = (made * (self.all + firsts * (factor - 1.0))).min(f64::MAX);
        Self { all, firsts: if tells(call) { made * firsts } else { all } }
    }
}

fn along(design: &Design, path: &[CallId], factor: impl Fn(CallId, f64) -> (f64, u64)) -> f64 {
    path.iter().fold(Tries::ONE, |tries, &id| tries.through(design, id, &factor)).all
}

/// Whether its tries say which they are, in the heads of messages.
fn tells(call: &Call) -> bool {
    let has_heads = matches!(call.protocol, Protocol::Http | Protocol::Grpc);
    has_heads && call.rules.carrier == Carrier::Plimsoll
}

/// Whether it is not retried where its caller was told of a second try: by who passes requests on.
/// A service makes requests of its own.
fn heeds(design: &Design, call: &Call) -> bool {
    let passes_on =
        matches!(design.node(call.from).kind, NodeKind::Balancer(_) | NodeKind::Cache(_));
    passes_on && call.rules.carrier == Carrier::Plimsoll
}

/// A path to the end of a call.
#[derive(Clone, Copy, Debug)]
struct Way {
    tries: Tries,
    /// The call before, and which of its ways.
    before: Option<(CallId, usize)>,
}

/// The ways to the end of each call that can be part of the worst path to another, the worst first.
/// More tries that the next balancer is told of can make less of themselves than fewer that it takes
/// for first ones.
type Table = Vec<Vec<Way>>;

fn table(
    design: &Design,
    neighbours: &Neighbours,
    order: &[NodeId],
    factor: impl Fn(CallId, f64) -> (f64, u64),
) -> Table {
    let through = |way: &Way, id: CallId| Way {
        tries: way.tries.through(design, id, &factor),
        before: way.before,
    };
    let start = Way { tries: Tries::ONE, before: None };
    let ids = (0..design.calls.len()).map(CallId::from_index);
    let mut table: Table = ids.map(|id| vec![through(&start, id)]).collect();
    for &node in order {
        let to_node = neighbours.to(node).iter().flat_map(|&call| {
            let ways = table[call.index()].iter().enumerate();
            ways.map(move |(at, way)| Way { before: Some((call, at)), ..*way })
        });
        let to_node = worth_keeping(to_node.collect());
        for &call in neighbours.from(node).iter().filter(|_| !to_node.is_empty()) {
            let ways = to_node.iter().map(|way| through(way, call));
            table[call.index()] = worth_keeping(ways.collect());
        }
    }
    table
}

/// Those that none of the others is worse than in both regards. In a design that has a great many
/// of them, the first stands for all, no better than any.
fn worth_keeping(mut ways: Vec<Way>) -> Vec<Way> {
    let by_worst = |a: &Way, b: &Way| {
        let firsts = || b.tries.firsts.total_cmp(&a.tries.firsts);
        b.tries.all.total_cmp(&a.tries.all).then_with(firsts)
    };
    ways.sort_by(by_worst);
    let mut firsts = 0.0;
    ways.retain(|way| {
        let is_worse = way.tries.firsts > firsts;
        firsts = way.tries.firsts.max(firsts);
        is_worse
    });
    if ways.len() > MOST_WAYS {
        ways.truncate(1);
        ways[0].tries.firsts = firsts;
    }
    ways
}

fn attempts(call: &Call) -> f64 {
    f64::from(call.rules.retry.attempts)
}

/// Beyond counting it is the largest number there is.
#[expect(clippy::cast_possible_truncation, reason = "a whole number, and the cast saturates")]
fn whole(tries: f64) -> u64 {
    tries.round() as u64
}

/// More than any design has that somebody thought about.
const MOST_WAYS: usize = 8;
