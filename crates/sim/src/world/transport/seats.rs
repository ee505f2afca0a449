//! How many connections an instance may have to an endpoint, over all its workers:
//! `connections.most` of a design.
//!
//! Who finds none free waits for the next, in order, whichever worker he is of. Meanwhile idle
//! connections give theirs back, whichever worker keeps them.

use std::collections::VecDeque;
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
    /// Whose requests wait for one, an engine for each.
    waiting: VecDeque<u32>,
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

    /// A request of an engine waits.
    pub(super) fn wait(&mut self, to: EndpointId, engine: u32) {
        self.endpoints[to.index()].waiting.push_back(engine);
    }

    /// A request of an engine does not wait any more.
    pub(super) fn left(&mut self, to: EndpointId, engine: u32) {
        let waiting = &mut self.endpoints[to.index()].waiting;
        if let Some(at) = waiting.iter().position(|&other| other == engine) {
            waiting.remove(at);
        }
    }

    /// Whose request has waited longest, if it may have a connection now.
    pub(super) fn next(&self, to: EndpointId) -> Option<u32> {
        let next = self.endpoints[to.index()].waiting.front().copied();
        next.filter(|_| self.may_open(to))
    }

    /// Whether somebody waits.
    pub(super) fn is_wanted(&self, to: EndpointId) -> bool {
        !self.endpoints[to.index()].waiting.is_empty()
    }
}

/// Who waits for a connection, and who gives one up.
impl Net {
    /// Whether an engine may make one more connection.
    pub(super) fn may_open(&self, engine: u32, to: EndpointId) -> bool {
        self.seats[self.desks[engine as usize].seats].may_open(to)
    }

    /// An engine has one more connection.
    pub(super) fn opened(&mut self, engine: u32, to: EndpointId, handle: Handle, is_alone: bool) {
        let desk = &mut self.desks[engine as usize];
        desk.opened(to, handle, is_alone);
        self.seats[desk.seats].opened(to);
    }

    /// A connection is of no more use to its engine.
    pub(super) fn closed(&mut self, engine: u32, to: EndpointId, handle: Handle) {
        let desk = &mut self.desks[engine as usize];
        desk.closed(to, handle);
        self.seats[desk.seats].closed(to);
    }

    pub(super) fn wait(&mut self, engine: u32, to: EndpointId, stream: Stream) {
        let desk = &mut self.desks[engine as usize];
        desk.wait(to, stream);
        self.seats[desk.seats].wait(to, engine);
    }

    /// Whether it waited. It no longer does.
    pub(super) fn stop_waiting(&mut self, engine: u32, to: EndpointId, job: Handle) -> bool {
        let desk = &mut self.desks[engine as usize];
        let waited = desk.stop_waiting(to, job);
        if waited {
            self.seats[desk.seats].left(to, engine);
        }
        waited
    }

    /// The next of an engine's own requests, for a connection that it has.
    pub(super) fn next_waiting(&mut self, engine: u32, to: EndpointId) -> Option<Stream> {
        let desk = &mut self.desks[engine as usize];
        let next = desk.next_waiting(to)?;
        self.seats[desk.seats].left(to, engine);
        Some(next)
    }

    /// The next request of any of an instance's engines, if there may be a connection for it, and
    /// whose it is.
    pub(super) fn next_of_all(&mut self, engine: u32, to: EndpointId) -> Option<(u32, Stream)> {
        let seats = &mut self.seats[self.desks[engine as usize].seats];
        let next = seats.next(to)?;
        seats.left(to, next);
        Some((next, self.desks[next as usize].next_waiting(to)?))
    }

    /// Whether an idle connection has to make room for who waits at another engine.
    pub(super) fn is_wanted_elsewhere(&self, engine: u32, to: EndpointId) -> bool {
        let seats = &self.seats[self.desks[engine as usize].seats];
        seats.is_wanted(to) && !seats.may_open(to)
    }

    /// A connection of another engine of the instance that stands idle.
    pub(super) fn idle_elsewhere(
        &mut self,
        now: Instant,
        engine: u32,
        to: EndpointId,
    ) -> Option<Handle> {
        let engines = self.seats[self.desks[engine as usize].seats].engines.clone();
        let mut others = engines.filter(|&other| other != engine);
        others.find_map(|other| self.desks[other as usize].take_idle(now, to, &self.connections))
    }
}
