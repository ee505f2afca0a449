//! What is more than can be played: told before the run, not after hours.

use base::CallId;
use config::Design;
use config::design::{NodeKind, OnFailure, Protocol};
use netsim::l4::udp::LARGEST;

use super::Times;
use super::requests::{Kind, Requests, bases};
use crate::{Options, Refusal};

impl Requests {
    /// Time and memory have an end: who asks for more is told before the run, not after hours.
    pub(super) fn refuse_too_many(
        &self,
        design: &Design,
        times: Times,
        has_packets: bool,
        options: &Options,
        refusals: &mut Vec<Refusal>,
    ) {
        self.refuse_too_many_sessions(design, options, refusals);
        let traffic =
            self.clients.iter().filter_map(|client| match &design.node(client.node).kind {
                NodeKind::Client(client) => Some(client.traffic().as_per_sec_f64()),
                _ => None,
            });
        let messages = if has_packets { self.messages_per_sec(design) } else { 0.0 };
        let secs = times.end.as_secs_f64();
        let (requests, messages) = (traffic.sum::<f64>() * secs, messages * secs);
        let expected = requests + messages;
        let (what, fewer) = if messages > 0.0 {
            let what = format!(
                "{requests:.0} requests and {messages:.0} messages of sessions, each counted at each hop"
            );
            (what, "fewer `messages`, less traffic")
        } else {
            (format!("{requests:.0} requests"), "less traffic")
        };
        if expected > options.most_requests as f64 {
            refusals.push(Refusal::new(
                format!(
                    "that would be {what}, and {} are the most for one run",
                    options.most_requests
                ),
                format!(
                    "play a shorter time (`--for`), or {fewer} on proportionally fewer workers"
                ),
            ));
        }
        let (seeds, most) = (f64::from(options.seeds), options.most_requests_in_all as f64);
        if expected <= options.most_requests as f64 && expected * seeds > most {
            refusals.push(Refusal::new(
                format!(
                    "{} seeds of {what} each would be {:.0}, and {} are the most \
                     for all together: they take about an hour of one core",
                    options.seeds,
                    expected * seeds,
                    options.most_requests_in_all
                ),
                format!(
                    "play at most {:.0} seeds (`--seeds`), or a shorter time (`--for`)",
                    (most / expected).floor()
                ),
            ));
        }
    }

    /// What no datagram holds cannot be said over UDP.
    pub(super) fn refuse_too_large(&self, design: &Design, refusals: &mut Vec<Refusal>) {
        for (kind, calls) in (0_u16..).zip(self.ways(design)) {
            let (request, answer) = self.bodies(kind);
            let largest = request.max(answer);
            let is_udp = |call: &&CallId| design.call(**call).protocol == Protocol::Udp;
            let Some(call) = calls.iter().find(is_udp).filter(|_| largest > MOST_OVER_UDP) else {
                continue;
            };
            let Kind { method, path, .. } = &self.kinds[usize::from(kind)];
            refusals.push(Refusal::new(
                format!(
                    "{method} {path} has a body of {largest} bytes, and call {} goes over UDP, where a \
                     message is at most {LARGEST} bytes, its head included",
                    design.call_in_words(*call)
                ),
                "make `request` and `response` smaller, or the protocol another",
            ));
        }
    }

    /// Each session is a request and a try at each hop, for as long as it stands.
    fn refuse_too_many_sessions(
        &self,
        design: &Design,
        options: &Options,
        refusals: &mut Vec<Refusal>,
    ) {
        let standing = self.standing(design);
        let open: f64 = standing.iter().map(|some| some.open).sum();
        let held: f64 = standing.iter().map(|some| some.open * some.hops * 2.0).sum();
        if held > f64::from(options.most_under_way) {
            refusals.push(Refusal::new(
                format!(
                    "{open:.0} sessions would stand at once, which is {held:.0} requests and tries at \
                     all hops together, and {} are the most",
                    options.most_under_way
                ),
                "let fewer open (`traffic`, `share`) or let them stand for a shorter time (`holds`), on \
                 proportionally smaller nodes",
            ));
        }
    }

    /// Messages of sessions that stand. Each is bytes on a connection at each hop.
    fn messages_per_sec(&self, design: &Design) -> f64 {
        let each = |kind: u16| self.kinds[usize::from(kind)].messages.as_per_sec_f64();
        let standing = self.standing(design);
        standing.iter().map(|some| some.open * some.hops * each(some.kind)).sum()
    }

    fn standing(&self, design: &Design) -> Vec<Standing> {
        let ways = self.ways(design);
        let hops = |kind: u16| {
            let way = ways[usize::from(kind)].iter();
            way.filter(|&&call| holds_on(design, call)).count() as f64
        };
        let open = self.open_sessions(design);
        open.map(|(kind, open)| Standing { kind, open, hops: hops(kind) }).collect()
    }

    /// The calls that a request of each kind may take, wherever it is on its way.
    pub(super) fn ways(&self, design: &Design) -> Vec<Vec<CallId>> {
        let mut ways = vec![Vec::new(); self.kinds.len()];
        for asker in &self.clients {
            for &(_, kind) in &asker.mix {
                self.follow(design, kind, asker.call, &mut ways[usize::from(kind)]);
            }
        }
        ways
    }

    fn follow(&self, design: &Design, kind: u16, base: CallId, known: &mut Vec<CallId>) {
        let call = self.variant(base, kind);
        if known.contains(&call) {
            return;
        }
        known.push(call);
        let to = design.call(call).to;
        let next: Vec<CallId> = match &design.node(to).kind {
            NodeKind::Balancer(_) | NodeKind::Cache(_) => {
                self.route(to, kind).into_iter().collect()
            }
            NodeKind::Service(service) => service.steps.iter().flatten().copied().collect(),
            NodeKind::Client(_) | NodeKind::Database(_) => Vec::new(),
        };
        let instead = |next: &CallId| match design.call(*next).on_failure.value {
            OnFailure::Fallback(node) => bases(design, to).find(|&id| design.call(id).to == node),
            _ => None,
        };
        let fallbacks: Vec<_> = next.iter().filter_map(instead).collect();
        for next in next.into_iter().chain(fallbacks) {
            self.follow(design, kind, next, known);
        }
    }
}

/// The sessions of one kind.
struct Standing {
    kind: u16,
    /// How many are open on average.
    open: f64,
    /// How many calls each stands on.
    hops: f64,
}

/// Whether a session stands on this call as long as it stands: what a service asks others is over
/// when it has answered.
pub(super) fn holds_on(design: &Design, call: CallId) -> bool {
    let from = &design.node(design.call(call).from).kind;
    matches!(from, NodeKind::Client(_) | NodeKind::Balancer(_) | NodeKind::Cache(_))
}

/// The head of a request over HTTP/1.1, the most that stands before a body: what was common on the
/// web's wires, cookies included (Google's SPDY white paper, 2009: 700 to 800 bytes).
pub(crate) const REQUEST_HEAD: u32 = 750;

/// The most that a frame carries (RFC 9113, 4.2).
pub(crate) const FRAME_BODY: u32 = 16_384;

/// What a message over UDP has room for beside its head.
const MOST_OVER_UDP: u64 = (LARGEST - REQUEST_HEAD) as u64;
