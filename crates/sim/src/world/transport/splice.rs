//! Balancers that share out connections, not requests.
//!
//! An endpoint is chosen when a client connects, by the same exchange as everywhere, and from then
//! on bytes pass through. So what a client asks over one connection all goes to one endpoint,
//! however unevenly clients ask: a few long-lived connections do not balance.

use base::{CallId, Instant};
use config::design::{NodeKind, Protocol};
use engine::l7::{Body, Input};
use netsim::l4::tcp::Input as Segments;

use super::super::World;
use super::super::event::Event;
use super::super::flight::{Flight, Parent, Start};
use super::super::slab::Handle;
use super::connection::{CALLED, CALLER, Connection};
use super::net::{Net, whose};
use super::sizes::farewell;
use crate::stats::mix;
use crate::world::tap::packets::{Message, Speech};

/// What a balancer that shares out connections knows of one of them.
#[derive(Clone, Debug)]
pub(super) struct Splice {
    /// The side on which the balancer is.
    side: u8,
    /// The connection on the other side of the balancer, once it stands.
    other: Handle,
    /// The exchange that found the endpoint.
    flight: Handle,
    /// What the client said before there was an endpoint.
    held: Vec<(Message, Event)>,
}

impl Connection {
    /// Whether what arrives at this side is passed on.
    fn is_spliced_at(&self, side: u8) -> bool {
        self.splice.as_deref().is_some_and(|splice| splice.side == side)
    }

    /// The client's connection that it was made for, if it was made for one.
    pub(super) fn made_for(&self) -> Option<Handle> {
        self.splice.as_deref().filter(|splice| splice.side == CALLER).map(|splice| splice.other)
    }
}

impl Net {
    fn take_splice(&mut self, handle: Handle, side: u8) -> Option<Box<Splice>> {
        let connection = self.connections.get_mut(handle)?;
        if connection.is_spliced_at(side) { connection.splice.take() } else { None }
    }
}

impl World<'_> {
    /// A client's connection was accepted: if it is for a balancer of connections, an endpoint is
    /// looked for.
    pub(super) fn begin_splice(&mut self, now: Instant, handle: Handle) {
        let Some(net) = self.net.as_deref_mut() else { return };
        let Some(connection) = net.connections.get_mut(handle) else { return };
        let (instance, id) = (connection.instances[usize::from(CALLED)], connection.id);
        let spoken = self.plan.design.call(net.channels[connection.engine as usize].call).protocol;
        if spoken != Protocol::Tcp || connection.is_check {
            return;
        }
        let node = self.instances[instance as usize].node;
        let Some(call) = through(&self.plan.design.node(node).kind) else { return };
        let flight = self.flights.next_handle();
        let (side, other) = (CALLED, Handle::NOBODY);
        connection.splice = Some(Box::new(Splice { side, other, flight, held: Vec::new() }));
        // The kernel gives a connection to any of the workers.
        let workers = u64::from(self.plan.workers_of(node));
        let worker = u16::try_from(mix(id) % workers).unwrap_or(0);
        let engine = self.plan.engine(call, instance, self.plan.engine_number(call, 0, worker));
        let parent = Parent::Connection(handle);
        let request = self.request_of(0);
        let item = model::traffic::Item::default();
        self.begin(
            now,
            Start {
                engine,
                parent,
                kind: 0,
                item,
                chance: id,
                request,
                fallbacks: 0,
                holds: false,
                astray: false,
            },
        );
    }

    /// The endpoint's connection stands: from now on it belongs to the client's.
    ///
    /// Whether it was one of these at all.
    pub(super) fn join_splice(&mut self, now: Instant, flight: Handle, attempt: u8) -> bool {
        let Some(state) = self.flights.get(flight) else { return false };
        let (Some(client), other) = (state.spliced(), state.connection) else { return false };
        self.tell_sent(now, flight);
        let held = self.with_net(|net, _| {
            let back = Splice { side: CALLER, other: client, flight, held: Vec::new() };
            net.connections.get_mut(other)?.splice = Some(Box::new(back));
            let splice = net.connections.get_mut(client)?.splice.as_deref_mut()?;
            splice.other = other;
            Some(std::mem::take(&mut splice.held))
        });
        if self.flights.get(flight).is_some_and(|flight| flight.awaits(attempt)) {
            let (status, body) = (200, Body::Gone);
            let head = Input::Head { status, retry_after: None, attempts: 1, body };
            self.tell(now, flight, head);
        }
        for said in held.flatten().unwrap_or_default() {
            self.write_on(now, other, CALLER, said);
        }
        true
    }

    /// Writes what came from the other side. A request will be worked on where it gets to.
    fn write_on(&mut self, now: Instant, other: Handle, side: u8, said: (Message, Event)) {
        let target = self.with_net(|net, around| {
            net.write(now, other, side, said, around);
            Some(net.connections.get(other)?.instances[usize::from(CALLED)])
        });
        if let (Event::Reach { job }, Some(target)) = (said.1, target.flatten())
            && let Some(job) = self.jobs.get_mut(job)
        {
            job.instance = target;
        }
    }

    /// Passes on what one side said, if the connection is one of two that belong together.
    pub(super) fn pass_on(&mut self, now: Instant, handle: Handle, side: u8, event: Event) -> bool {
        let connection = self.net.as_deref().and_then(|net| net.connections.get(handle));
        if !connection.is_some_and(|connection| connection.is_spliced_at(side)) {
            return false;
        }
        let said = match event {
            Event::Reach { job } => Some(self.request_of_job(job, Speech::Opaque, 1)),
            Event::Answer { flight, status, tries, .. } => {
                let kind = self.flights.get(flight).map(Flight::kind);
                kind.map(|kind| self.answer_of_kind(kind, (status, tries), Speech::Opaque))
            }
            Event::Message { job } => {
                let kind = self.jobs.get(job).map(|job| job.kind);
                kind.map(|kind| self.message_of_kind(kind, Speech::Opaque, whose(side ^ 1)))
            }
            Event::Closed { .. } | Event::Broken { .. } => {
                Some(farewell(Speech::Opaque, whose(side ^ 1), 1))
            }
            _ => return false,
        };
        let Some(message) = said else { return true };
        let other = self.with_net(|net, _| {
            let splice = net.connections.get_mut(handle)?.splice.as_deref_mut()?;
            if splice.other == Handle::NOBODY {
                splice.held.push((message, event));
                return None;
            }
            Some(splice.other)
        });
        if let Some(other) = other.flatten() {
            self.write_on(now, other, side ^ 1, (message, event));
        }
        true
    }

    /// A client's connection to a balancer of connections is over: so is the endpoint's.
    pub(super) fn end_splice(&mut self, now: Instant, client: Handle, is_reset: bool) {
        let splice = self.with_net(|net, _| net.take_splice(client, CALLED));
        let Some(splice) = splice.flatten() else { return };
        self.forget_held(&splice);
        let is_whole = !is_reset && splice.other != Handle::NOBODY;
        let last = if is_whole { Input::Finished } else { Input::ClientLeft };
        if is_whole {
            let other = splice.other;
            self.with_net(|net, _| {
                let other = net.connections.get_mut(other)?;
                other.streams.clear();
                other.splice.take()
            });
            self.drop_connection(now, other, Segments::Close);
        }
        self.tell(now, splice.flight, last);
    }

    /// The process of a balancer of connections is gone, and with it what it looked for and passed
    /// on: while its engines are still those that gave the permits.
    pub(in crate::world) fn leave_splices(&mut self, now: Instant, instance: u32) {
        let Some(net) = self.net.as_deref() else { return };
        let here = net.connections.iter().filter(|(_, connection)| {
            connection.instances[usize::from(CALLED)] == instance
                && connection.is_spliced_at(CALLED)
        });
        let mut here: Vec<_> = here
            .map(|(handle, connection)| {
                let flight = connection.splice.as_deref().map(|splice| splice.flight);
                let flight = flight.and_then(|flight| self.flights.get(flight));
                let is_under_way = flight.is_some_and(|it| it.connection != Handle::NOBODY);
                // Who waits for a place goes first: nobody takes those that the others leave.
                (is_under_way, connection.id, handle)
            })
            .collect();
        here.sort_unstable_by_key(|(is_under_way, id, _)| (*is_under_way, *id));
        for (_, _, client) in here {
            self.end_splice(now, client, true);
        }
    }

    /// An exchange for a connection is over. If it was not the client who ended it, it is reset.
    pub(in crate::world) fn on_spliced_end(&mut self, now: Instant, client: Handle, failed: bool) {
        if !failed {
            return;
        }
        let splice = self.with_net(|net, around| {
            let splice = net.take_splice(client, CALLED)?;
            net.ask(now, client, CALLED, Segments::Abort, around);
            Some(splice)
        });
        if let Some(splice) = splice.flatten() {
            self.forget_held(&splice);
        }
    }

    /// Requests that got no further than the balancer.
    fn forget_held(&mut self, splice: &Splice) {
        for (_, event) in &splice.held {
            if let Event::Reach { job } = event {
                self.forget_travelling(*job);
            }
        }
    }

    /// Whether a connection is made for this alone: for a client's connection, or for a session,
    /// which is another device each.
    pub(super) fn is_alone(&self, flight: Handle) -> bool {
        let is_alone = |flight: &Flight| flight.spliced().is_some() || flight.is_of_session();
        self.flights.get(flight).is_some_and(is_alone)
    }
}

/// The call of a balancer that shares out connections.
fn through(kind: &NodeKind) -> Option<CallId> {
    let NodeKind::Balancer(balancer) = kind else { return None };
    let mut listens = balancer.listen.iter().filter(|listen| listen.protocol == Protocol::Tcp);
    listens.next()?.routes.first().map(|route| route.call)
}
