//! How many connections an instance may have to an endpoint, over all its workers:
//! `connections.most` of a design.
//!
//! Who finds none free waits. A connection that has room again goes to who has waited longest at the
//! worker that keeps it, and a place for a new one to who has waited longest at any of them. Where
//! somebody waits for a place, idle connections give theirs back, whichever worker keeps them.

use std::ops::Range;

use base::{EndpointId, Instant};

use super::super::slab::Handle;
use super::connection::Stream;
use super::net::Net;

/// The connections of all engines that an instance has for a call.
#[derive(Clone, Debug)]
pub(super) struct Seats {
    /// The most to one endpoint.
    most: u32,
    /// The engines.
    pub(super) engines: Range<u32>,
    endpoints: Vec<Endpoint>,
}

/// What goes to one endpoint.
#[derive(Clone, Debug, Default)]
struct Endpoint {
    /// Connections that are made or stand.
    open: u32,
    /// Requests that had to wait, ever: the turn of the next.
    turns: u64,
}

impl Seats {
    pub(super) fn new(most: Option<u32>, endpoints: usize, engines: Range<u32>) -> Self {
        let most = most.unwrap_or(u32::MAX);
        Self { most, engines, endpoints: vec![Endpoint::default(); endpoints] }
    }

    /// Whether one more connection may be made.
    pub(super) fn may_open(&self, to: EndpointId) -> bool {
        self.endpoints[to.index()].open < self.most
    }

    pub(super) fn opened(&mut self, to: EndpointId) {
        self.endpoints[to.index()].open += 1;
    }

    pub(super) fn closed(&mut self, to: EndpointId) {
        let endpoint = &mut self.endpoints[to.index()];
        endpoint.open = endpoint.open.saturating_sub(1);
    }

    /// The turn of a request that has to wait.
    fn next_turn(&mut self, to: EndpointId) -> u64 {
        let turns = &mut self.endpoints[to.index()].turns;
        *turns += 1;
        *turns
    }
}

/// Who waits for a connection, and who gives one up.
impl Net {
    /// Whether an engine may make one more connection.
    pub(super) fn may_open(&self, engine: u32, to: EndpointId) -> bool {
        self.seats[self.channels[engine as usize].seats].may_open(to)
    }

    /// An engine has one more connection. One that is made for a try alone, nobody else takes.
    pub(super) fn opened(&mut self, engine: u32, to: EndpointId, handle: Handle, is_alone: bool) {
        let channel = &mut self.channels[engine as usize];
        channel.opened(to, handle, is_alone);
        self.seats[channel.seats].opened(to);
        if let Some(connection) = self.connections.get_mut(handle) {
            connection.is_alone = is_alone;
        }
    }

    /// A connection is of no more use to its engine.
    pub(super) fn closed(&mut self, engine: u32, to: EndpointId, handle: Handle) {
        let channel = &mut self.channels[engine as usize];
        channel.closed(to, handle);
        self.seats[channel.seats].closed(to);
    }

    /// A request waits: for a connection of its own, or for any.
    pub(super) fn wait(&mut self, engine: u32, to: EndpointId, stream: Stream, is_alone: bool) {
        let channel = &mut self.channels[engine as usize];
        let turn = self.seats[channel.seats].next_turn(to);
        channel.waiting_mut(to).push(turn, stream, is_alone);
    }

    /// Whether it waited. It no longer does.
    pub(super) fn stop_waiting(&mut self, engine: u32, to: EndpointId, job: Handle) -> bool {
        self.channels[engine as usize].waiting_mut(to).remove(job)
    }

    /// The next of an engine's own requests for a connection that stands, if it has room.
    pub(super) fn next_for(&mut self, handle: Handle) -> Option<Stream> {
        let connection = self.connections.get(handle)?;
        let channel = &mut self.channels[connection.engine as usize];
        let has_room = connection.streams.len() < channel.streams as usize && !connection.is_alone;
        if has_room { channel.waiting_mut(connection.endpoint).pop_sharing() } else { None }
    }

    /// The next request of any of an instance's engines, if there may be a connection for it, and
    /// whose it is.
    pub(super) fn next_of_all(&mut self, engine: u32, to: EndpointId) -> Option<(u32, Stream)> {
        if !self.may_open(engine, to) {
            return None;
        }
        let (_, next) = self.first_of_all(engine, to)?;
        Some((next, self.channels[next as usize].waiting_mut(to).pop()?))
    }

    /// Whether an idle connection has to make room for who waits for a new one.
    pub(super) fn is_wanted(&self, engine: u32, to: EndpointId) -> bool {
        !self.may_open(engine, to) && self.first_of_all(engine, to).is_some()
    }

    /// A connection of the instance that stands idle, whichever engine keeps it.
    pub(super) fn take_idle(
        &mut self,
        now: Instant,
        engine: u32,
        to: EndpointId,
    ) -> Option<Handle> {
        let mut engines = self.engines_with(engine);
        engines
            .find_map(|other| self.channels[other as usize].take_idle(now, to, &self.connections))
    }

    /// Whose request has waited longest, and since which turn.
    fn first_of_all(&self, engine: u32, to: EndpointId) -> Option<(u64, u32)> {
        let first = |other| Some((self.channels[other as usize].waiting(to).first_turn()?, other));
        self.engines_with(engine).filter_map(first).min()
    }

    /// The engines that share their seats with one.
    fn engines_with(&self, engine: u32) -> Range<u32> {
        self.seats[self.channels[engine as usize].seats].engines.clone()
    }
}
