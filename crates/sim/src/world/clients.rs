//! Clients: they send when they send, whatever becomes of it.

use base::{Instant, Random};
use config::design::NodeKind;
use model::traffic::Source;

use super::World;
use super::event::Event;
use super::flight::{Parent, Start};
use crate::plan::Plan;
use crate::stats::mix;

/// A client as it goes on.
#[derive(Clone)]
pub(super) struct ClientState {
    source: Source,
    /// How often the pace has changed: an arrival that was planned before is void.
    pace: u32,
    /// Requests so far.
    sent: u64,
    chance: Random,
    /// Tells this client's requests from all others'.
    identity: u64,
}

pub(super) fn start(plan: &Plan<'_>, seed: u64) -> Vec<ClientState> {
    let client = |asker: &crate::plan::Asker| {
        let node = plan.design.node(asker.node);
        let NodeKind::Client(client) = &node.kind else { return None };
        Some(ClientState {
            source: Source::new(&client.arrivals, Random::of(seed, &node.name, "arrivals")),
            pace: 0,
            sent: 0,
            chance: Random::of(seed, &node.name, "requests"),
            identity: base::hash_name(&node.name),
        })
    };
    plan.requests.clients.iter().filter_map(client).collect()
}

impl World<'_> {
    pub(super) fn schedule_arrival(&mut self, client: usize) {
        let state = &mut self.clients[client];
        let (at, pace) = (state.source.next_arrival(), state.pace);
        if at < self.plan.times.end {
            let node = self.plan.requests.clients[client].node;
            let client = u16::try_from(client).unwrap_or(u16::MAX);
            self.push_local(at, self.plan.instance(node, 0), Event::Arrive { client, pace });
        }
    }

    pub(super) fn on_arrive(&mut self, now: Instant, client: u16, pace: u32) {
        let state = &mut self.clients[usize::from(client)];
        if state.pace != pace {
            return;
        }
        state.source.arrived(now);
        state.sent += 1;
        let mut draws = state.chance.child(state.sent);
        let id = mix(state.identity ^ mix(state.sent));
        let asker = &self.plan.requests.clients[usize::from(client)];
        let kind = asker.kind(draws.below(asker.whole()));
        let crowd = u64::from(self.plan.instance_count(asker.node));
        let from = u32::try_from(draws.below(crowd)).unwrap_or(0);
        let chance = draws.bits();
        let item = self.plan.requests.kinds[usize::from(kind)].item(&mut draws);
        let call = self.plan.requests.variant(asker.call, kind);
        let number = self.plan.engine_number(call, kind, 0);
        let engine = self.plan.engine(call, self.plan.instance(asker.node, from), number);
        let start = Start {
            engine,
            parent: Parent::Client { id },
            kind,
            item,
            chance,
            request: self.request_of(kind),
            fallbacks: 0,
            holds: false,
            astray: false,
        };
        self.stats.offered(now);
        self.schedule_arrival(usize::from(client));
        match self.plan.requests.kinds[usize::from(kind)].holds {
            Some(_) => self.ask_session(now, start, client, id),
            None => self.begin(now, start),
        }
    }

    /// From now on a client sends so many times its usual traffic.
    pub(super) fn set_pace(&mut self, now: Instant, client: usize, pace: f64) {
        let state = &mut self.clients[client];
        state.source.set_pace(now, pace);
        state.pace += 1;
        self.schedule_arrival(client);
    }
}
