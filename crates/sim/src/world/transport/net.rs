//! The transport layer of the world: connections, the datagrams that carry them, and the kernels
//! that know of them.
//!
//! It tells the applications what happened ([`News`]) and never acts for them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use base::{CallId, Duration, EndpointId, Instant};
use config::design::NodeKind;
use event::{Cause, Event as Happened, Scope, Sink, l3, l4};
use netsim::l3::{Change, HOP_LIMIT};
use netsim::l4::tcp::{
    Backlog, End as Why, Endpoint, Flags, Input, Listener, Output, Ports, Profile, Segment, State,
};
use netsim::l4::udp;
use netsim::{Party, Queue};

use super::super::event::Event;
use super::super::slab::{Handle, Slab};
use super::connection::{CALLED, CALLER, Connection, Stage, Turn};
use super::desk::Desk;
use super::grid::{self, Envelope, Grid, Spot, Told};
use super::seats::Seats;
use super::sizes::FRAME;
use crate::plan::Plan;
use crate::stats::{Stats, mix};
use crate::world::tap::packets::{self as captured, Message, Side, Speech};

/// Everything below the messages.
#[derive(Clone, Debug)]
pub(in crate::world) struct Net {
    pub(super) grid: Grid,
    pub(super) connections: Slab<Connection>,
    datagrams: Slab<Datagram>,
    /// Messages without a connection.
    whole: Slab<Whole>,
    announced: Slab<grid::News>,
    pub(super) hosts: Vec<Host>,
    /// Whose the network's own events are.
    own: Party,
    /// Of each engine: its connections.
    pub(super) desks: Vec<Desk>,
    /// What those of an instance share.
    pub(super) seats: Vec<Seats>,
    profiles: Vec<[Arc<Profile>; 2]>,
    ports: BTreeMap<(u32, u32), Ports>,
    pub(super) news: VecDeque<News>,
}

/// What an instance's kernel knows.
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub(super) party: Party,
    /// Of its name.
    identity: u64,
    listener: Listener<Handle>,
    /// The process runs: somebody listens.
    pub(super) runs: bool,
    /// Descriptors in use.
    pub(super) descriptors: u32,
    /// The most there may be.
    pub(super) most_descriptors: Option<u32>,
    /// Connections that the process has accepted and not closed.
    pub(super) accepted: u32,
    /// The most that it accepts; it refuses more.
    most_accepted: Option<u32>,
}

/// What the network needs of the world around it.
pub(super) struct Around<'w> {
    pub(super) queue: &'w mut Queue<Event>,
    pub(super) stats: &'w mut Stats,
}

/// What an application learns of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct News {
    pub(super) connection: Handle,
    pub(super) side: u8,
    pub(super) what: Tidings,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Tidings {
    /// It stands.
    Connected,
    /// The process has taken it.
    Accepted,
    /// A message of the other side has arrived.
    Said(Event),
    /// The other side writes no more.
    PeerClosed,
    Ended(Why),
    /// The kernel has forgotten it.
    Gone,
    /// A message without a connection was lost.
    Lost(Event),
}

/// A message in one or more datagrams.
#[derive(Clone, Copy, Debug)]
struct Whole {
    event: Event,
    /// A bit for each part that has not arrived.
    missing: u64,
    /// Datagrams with parts of it that are under way.
    under_way: u32,
}

/// Something on the network.
#[derive(Clone, Copy, Debug)]
struct Datagram {
    sent: Instant,
    /// When it takes its next step: events of other times are void.
    due: Instant,
    /// The way that it took last, and when its last bit has left for it.
    way: u32,
    leaves: Instant,
    load: Load,
    envelope: Envelope,
    spot: Spot,
    damaged: bool,
    /// What those who capture packets know it by.
    ticket: captured::Ticket,
}

#[derive(Clone, Copy, Debug)]
enum Load {
    Segment {
        connection: Handle,
        to: u8,
        segment: Segment,
    },
    /// A part of a message over UDP: no more is promised.
    Part {
        message: Handle,
        number: u8,
    },
}

/// What a datagram may be on the way out of a host.
const ETHERNET: u32 = 1_500;

/// Bytes that may wait in a connection that several streams share before the next frame is written:
/// more would only stand before what comes later.
const UNSENT: u64 = 2 * FRAME;

impl Net {
    pub(in crate::world) fn new(plan: &Plan<'_>, seed: u64, own: Party, parties: &[Party]) -> Self {
        let host = |(at, &party): (usize, &Party)| {
            let node = plan.design.node(plan.instances[at].node);
            let most_accepted = match &node.kind {
                NodeKind::Database(database) => database.connections,
                _ => None,
            };
            let name = format!("{}/{}", node.name, plan.instances[at].number);
            Host {
                party,
                identity: base::hash_name(&name),
                listener: Listener::new(Backlog::default()),
                runs: true,
                descriptors: 0,
                most_descriptors: node.descriptors,
                accepted: 0,
                most_accepted,
            }
        };
        let (desks, seats) = super::desk::desks(plan);
        Self {
            grid: Grid::new(plan, seed),
            connections: Slab::new(),
            datagrams: Slab::new(),
            whole: Slab::new(),
            announced: Slab::new(),
            hosts: parties.iter().enumerate().map(host).collect(),
            own,
            desks,
            seats,
            profiles: plan.design.calls.iter().map(|call| profiles(plan.design, call)).collect(),
            ports: BTreeMap::new(),
            news: VecDeque::new(),
        }
    }

    /// A new connection for an engine: the handshake begins.
    ///
    /// # Errors
    /// There is no port or no descriptor left to call from.
    pub(super) fn connect(
        &mut self,
        now: Instant,
        engine: u32,
        endpoint: EndpointId,
        (from, to): (u32, u32),
        around: &mut Around<'_>,
    ) -> Result<Handle, Cause> {
        let (handle, profile, scope) =
            self.new_connection(now, engine, endpoint, (from, to), around)?;
        let Some(connection) = self.connections.get_mut(handle) else { return Ok(handle) };
        let first = initial(connection.id);
        connection.end(CALLER).tcp = Some(Endpoint::connect(now, profile, scope, first));
        self.drive(now, handle, CALLER, around);
        Ok(handle)
    }

    /// A connection that stands, as if it had been made long ago.
    ///
    /// # Errors
    /// There is no port or no descriptor left to call from, or to accept with.
    pub(super) fn stand(
        &mut self,
        now: Instant,
        engine: u32,
        endpoint: EndpointId,
        (from, to): (u32, u32),
        way: Duration,
        around: &mut Around<'_>,
    ) -> Result<Handle, Cause> {
        if self.hosts[to as usize].is_out_of_descriptors() {
            return Err(Cause::Exhausted);
        }
        let (handle, profile, scope) =
            self.new_connection(now, engine, endpoint, (from, to), around)?;
        let called = &mut self.hosts[to as usize];
        (called.descriptors, called.accepted) = (called.descriptors + 1, called.accepted + 1);
        let Some(connection) = self.connections.get_mut(handle) else { return Ok(handle) };
        let first = [initial(connection.id), initial(mix(connection.id))];
        let caller = Endpoint::connect(now, profile, scope, first[0]);
        let profile = Arc::clone(&self.profiles[scope.call.index()][1]);
        let accept = |at, syn: &Segment| Endpoint::accept(at, profile, scope, first[1], syn);
        for (end, tcp) in connection.ends.iter_mut().zip(shake_hands(now, way, caller, accept)) {
            (end.tcp, end.stood, end.is_taken, end.has_descriptor) = (tcp, true, true, true);
        }
        connection.stage = Stage::Busy;
        connection.rest();
        for side in [CALLER, CALLED] {
            self.set_timer(now, handle, side, around);
        }
        Ok(handle)
    }

    /// A place for a connection, with what it takes to call from: and how the caller's end is set.
    fn new_connection(
        &mut self,
        now: Instant,
        engine: u32,
        endpoint: EndpointId,
        (from, to): (u32, u32),
        around: &mut Around<'_>,
    ) -> Result<(Handle, Arc<Profile>, Scope), Cause> {
        let desk = &mut self.desks[engine as usize];
        let scope = Scope { call: desk.call, endpoint: Some(endpoint) };
        if self.hosts[from as usize].is_out_of_descriptors() {
            let cause = Cause::Exhausted;
            around.emit(now, scope, l4::Event::ConnectFailed { cause });
            return Err(cause);
        }
        let port = match self.ports.entry((from, to)).or_default().take(now) {
            Ok(port) => port,
            Err(event) => {
                around.emit(now, scope, event);
                return Err(Cause::Exhausted);
            }
        };
        let id = desk.next_id();
        let mut connection = Connection::new(id, engine, endpoint, [from, to]);
        connection.port = port;
        let profile = Arc::clone(&self.profiles[scope.call.index()][0]);
        let end = connection.end(CALLER);
        (end.is_taken, end.has_descriptor) = (true, true);
        self.hosts[from as usize].descriptors += 1;
        self.introduce(&connection, around);
        Ok((self.connections.insert(connection), profile, scope))
    }

    /// Tells those who capture packets of a new connection.
    fn introduce(&self, connection: &Connection, around: &mut Around<'_>) {
        let desk = &self.desks[connection.engine as usize];
        let socket = |side: u8, port| {
            let instance = connection.instances[usize::from(side)];
            captured::Socket { instance, address: self.grid.address(instance), port }
        };
        around.stats.tap.opened(
            connection.id,
            captured::Connection {
                sockets: [socket(CALLER, connection.port), socket(CALLED, desk.port)],
                initial: [initial(connection.id), initial(mix(connection.id))],
                speech: desk.speech,
            },
        );
    }

    /// The application at one side writes a message.
    pub(super) fn write(
        &mut self,
        now: Instant,
        handle: Handle,
        side: u8,
        (message, event): (Message, Event),
        around: &mut Around<'_>,
    ) {
        let Some(connection) = self.connections.get_mut(handle) else { return };
        let shared = self.desks[connection.engine as usize].is_shared();
        let (id, bytes) = (connection.id, message.bytes());
        let end = connection.end(side);
        let Some(tcp) = &mut end.tcp else { return };
        if shared && (bytes > FRAME || !end.in_turns.is_empty()) {
            end.in_turns.push_back(Turn { event, message, left: bytes });
        } else {
            end.written += bytes;
            end.said.push_back((end.written, event));
            around.stats.tap.wrote(id, whose(side), message);
            around.turn(id, side);
            tcp.handle(now, Input::Write(bytes), around.stats);
        }
        self.drive(now, handle, side, around);
    }

    /// What an end says first where streams share a connection.
    pub(super) fn open_frames(
        &mut self,
        now: Instant,
        handle: Handle,
        side: u8,
        around: &mut Around<'_>,
    ) {
        let Some(connection) = self.connections.get_mut(handle) else { return };
        if self.desks[connection.engine as usize].speech != Speech::Grpc {
            return;
        }
        let id = connection.id;
        let end = connection.end(side);
        let Some(tcp) = &mut end.tcp else { return };
        let message = super::sizes::opening(whose(side));
        end.written += message.bytes();
        around.stats.tap.wrote(id, whose(side), message);
        around.turn(id, side);
        tcp.handle(now, Input::Write(message.bytes()), around.stats);
        self.drive(now, handle, side, around);
    }

    /// The application at one side wants something of its endpoint.
    pub(super) fn ask(
        &mut self,
        now: Instant,
        handle: Handle,
        side: u8,
        input: Input<'_>,
        around: &mut Around<'_>,
    ) {
        let Some(connection) = self.connections.get_mut(handle) else { return };
        around.turn(connection.id, side);
        if let Some(tcp) = &mut connection.end(side).tcp {
            tcp.handle(now, input, around.stats);
            self.drive(now, handle, side, around);
        }
    }

    /// The application that is called closes a connection: it has its descriptor back.
    pub(super) fn close_called(&mut self, now: Instant, handle: Handle, around: &mut Around<'_>) {
        let Some(connection) = self.connections.get(handle) else { return };
        let instance = connection.instances[usize::from(CALLED)];
        self.ask(now, handle, CALLED, Input::Close, around);
        self.release(handle, CALLED);
        self.accept(now, instance, around);
    }

    /// The application at one side has closed it, well or not.
    pub(super) fn release(&mut self, handle: Handle, side: u8) {
        let Some(connection) = self.connections.get_mut(handle) else { return };
        let host = &mut self.hosts[connection.instances[usize::from(side)] as usize];
        let end = connection.end(side);
        if std::mem::take(&mut end.has_descriptor) {
            host.descriptors -= 1;
            host.accepted -= u32::from(side == CALLED);
        }
    }

    /// Takes what waits to be accepted, as far as there are descriptors.
    pub(super) fn accept(&mut self, now: Instant, instance: u32, around: &mut Around<'_>) {
        loop {
            let host = &mut self.hosts[instance as usize];
            if !host.runs || host.is_out_of_descriptors() {
                return;
            }
            let Some(handle) = host.listener.accept() else { return };
            let Some(connection) = self.connections.get_mut(handle) else { continue };
            let end = connection.end(CALLED);
            if end.tcp.as_ref().is_none_or(|tcp| tcp.state() == State::Closed) {
                continue;
            }
            (end.is_taken, end.has_descriptor) = (true, true);
            (host.descriptors, host.accepted) = (host.descriptors + 1, host.accepted + 1);
            let bytes = u32::try_from(end.arrived).unwrap_or(u32::MAX);
            let what = Tidings::Accepted;
            self.news.push_back(News { connection: handle, side: CALLED, what });
            self.open_frames(now, handle, CALLED, around);
            if bytes > 0
                && let Some(connection) = self.connections.get_mut(handle)
                && let Some(tcp) = &mut connection.end(CALLED).tcp
            {
                tcp.handle(now, Input::Read(bytes), around.stats);
                self.read(handle, CALLED);
                self.drive(now, handle, CALLED, around);
            }
        }
    }

    pub(super) fn on_timer(
        &mut self,
        now: Instant,
        handle: Handle,
        side: u8,
        around: &mut Around<'_>,
    ) {
        let Some(connection) = self.connections.get_mut(handle) else { return };
        around.turn(connection.id, side);
        let end = connection.end(side);
        if end.timer <= now {
            end.timer = Instant::NEVER;
        }
        let Some(tcp) = &mut end.tcp else { return };
        if tcp.next_deadline() <= now {
            tcp.handle(now, Input::Timer, around.stats);
        }
        self.drive(now, handle, side, around);
        self.rest_if_quiet(handle);
    }

    /// A connection on which nothing is to happen holds no room for what may.
    fn rest_if_quiet(&mut self, handle: Handle) {
        let Some(connection) = self.connections.get_mut(handle) else { return };
        if connection.is_quiet() {
            connection.rest();
        }
    }

    /// A datagram has come as far as this: it goes on, or it is there.
    pub(super) fn on_datagram(&mut self, now: Instant, handle: Handle, around: &mut Around<'_>) {
        let Some(datagram) = self.datagrams.get(handle) else { return };
        if datagram.due != now {
            return;
        }
        if datagram.spot != Spot::Host {
            return self.carry(now, handle, around);
        }
        let Some(datagram) = self.datagrams.remove(handle) else { return };
        let row = self.grid.row(datagram.envelope.from, datagram.envelope.to);
        if datagram.damaged {
            let scope = Scope { call: CallId(datagram.envelope.call), endpoint: None };
            around.stats.tap.dropped(now, datagram.ticket, l3::Event::Corrupted);
            around.drop(now, scope, row, l3::Event::Corrupted);
            return self.lose_part(datagram.load);
        }
        around.stats.tap.arrived(now, datagram.ticket);
        around.stats.layers.arrived(now, row, now.since(datagram.sent));
        match datagram.load {
            Load::Segment { connection, to, segment } => {
                self.deliver(now, connection, to, &segment, around);
            }
            Load::Part { message, number } => self.put_together(message, number),
        }
    }

    /// A part of a message has arrived.
    fn put_together(&mut self, message: Handle, number: u8) {
        let Some(whole) = self.whole.get_mut(message) else { return };
        whole.missing &= !(1 << number);
        whole.under_way = whole.under_way.saturating_sub(1);
        if whole.missing == 0 {
            let what = Tidings::Said(whole.event);
            self.news.push_back(News { connection: Handle::NOBODY, side: CALLED, what });
            self.whole.remove(message);
        } else if whole.under_way == 0 {
            self.lose_message(message);
        }
    }

    /// A datagram has not arrived. If it was part of a message, that is lost once nothing more of it
    /// is under way: a twin may still bring what is missing.
    fn lose_part(&mut self, load: Load) {
        let Load::Part { message, .. } = load else { return };
        let Some(whole) = self.whole.get_mut(message) else { return };
        whole.under_way = whole.under_way.saturating_sub(1);
        if whole.under_way == 0 {
            self.lose_message(message);
        }
    }

    /// A router hears what another said.
    pub(super) fn on_announced(&mut self, now: Instant, handle: Handle, around: &mut Around<'_>) {
        if let Some(news) = self.announced.remove(handle) {
            self.grid.hear(&news);
            self.spread(now, around);
        }
    }

    /// The incident has changed something.
    pub(super) fn refresh(&mut self, now: Instant, plan: &Plan<'_>, around: &mut Around<'_>) {
        let changes = self.grid.refresh(now, plan);
        self.reschedule(now, &changes, around);
        self.spread(now, around);
    }

    /// Who waits before a way that has changed leaves, and arrives, at another time.
    fn reschedule(&mut self, now: Instant, changes: &[(u32, Change)], around: &mut Around<'_>) {
        let change_of = |way| changes.iter().find(|(changed, _)| *changed == way);
        let mut waiting: Vec<_> = self
            .datagrams
            .iter()
            .filter(|(_, datagram)| datagram.leaves > now && datagram.due > now)
            .filter_map(|(handle, it)| Some((it.way, it.leaves, handle, change_of(it.way)?.1)))
            .collect();
        waiting.sort_unstable_by_key(|(way, leaves, handle, _)| (*way, *leaves, *handle));
        for (_, leaves, handle, change) in waiting {
            let Some(datagram) = self.datagrams.get_mut(handle) else { continue };
            let due = change.arrives(leaves, datagram.due);
            datagram.leaves = change.leaves(leaves);
            self.await_arrival(due.max(now), handle, around);
        }
    }

    /// What routers have to say goes on its way.
    fn spread(&mut self, now: Instant, around: &mut Around<'_>) {
        let party = self.own;
        for news in self.grid.announcements() {
            if let Some(at) = self.grid.tell(now, &news) {
                let announcement = self.announced.insert(news);
                around.queue.push(at, party, party, Event::Announced { announcement });
            }
        }
    }

    /// A message without a connection, in as many datagrams as it needs.
    pub(super) fn send_message(
        &mut self,
        now: Instant,
        (call, forth): (CallId, bool),
        (from, to): (u32, u32),
        (said, event): (Message, Event),
        around: &mut Around<'_>,
    ) {
        self.introduce_sockets((from, to), forth, around);
        let bytes = u32::try_from(said.bytes()).unwrap_or(u32::MAX).min(udp::LARGEST);
        let envelope = Envelope {
            call: call.0,
            forth,
            from,
            to,
            bytes: 0,
            hops_left: HOP_LIMIT,
            is_new: forth,
            flow: mix(self.hosts[from as usize].identity ^ mix(self.hosts[to as usize].identity)),
        };
        let parts: Vec<_> = udp::fragments(bytes, ETHERNET).collect();
        let under_way = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        let missing = (1 << parts.len()) - 1;
        let message = self.whole.insert(Whole { event, missing, under_way });
        let mut at = 0;
        for (bytes, number) in parts.into_iter().zip(0..) {
            let load = Load::Part { message, number };
            let heads = udp::IP_HEADER + if number == 0 { udp::UDP_HEADER } else { 0 };
            let part = (at, bytes - heads);
            at += part.1;
            let ticket = around.stats.tap.datagram_left(now, said, part);
            self.leave(now, load, Envelope { bytes, ..envelope }, ticket, around);
        }
    }

    /// Two sockets that exchange datagrams are known by their ends.
    fn introduce_sockets(&self, (from, to): (u32, u32), forth: bool, around: &mut Around<'_>) {
        let ends = if forth { [from, to] } else { [to, from] };
        let id = mix(u64::from(ends[0]) << 32 | u64::from(ends[1]));
        let ports = [FIRST_PORT, SERVICE_PORT];
        let socket = |at: usize| {
            let address = self.grid.address(ends[at]);
            captured::Socket { instance: ends[at], address, port: ports[at] }
        };
        let sockets = [socket(0), socket(1)];
        let about = captured::Connection { sockets, initial: [0; 2], speech: Speech::Opaque };
        around.stats.tap.met(id, about);
        around.turn(id, if forth { CALLER } else { CALLED });
    }

    /// Everything that an instance had is gone. Its kernel says so, unless it is gone too.
    pub(super) fn crash(
        &mut self,
        now: Instant,
        instance: u32,
        silent: bool,
        around: &mut Around<'_>,
    ) {
        let mut ends: Vec<_> = self
            .connections
            .iter()
            .flat_map(|(handle, connection)| {
                let here = move |side: &u8| connection.instances[usize::from(*side)] == instance;
                [CALLER, CALLED]
                    .into_iter()
                    .filter(here)
                    .map(move |side| (connection.id, side, handle))
            })
            .collect();
        ends.sort_unstable_by_key(|(id, side, _)| (*id, *side));
        for (_, side, handle) in ends {
            if silent {
                self.forget(handle, side);
            } else {
                self.ask(now, handle, side, Input::Abort, around);
            }
        }
        let host = &mut self.hosts[instance as usize];
        host.listener = Listener::new(Backlog::default());
        host.runs = false;
    }

    /// A side of a connection is no more, and nobody is told.
    fn forget(&mut self, handle: Handle, side: u8) {
        self.release(handle, side);
        let Some(connection) = self.connections.get_mut(handle) else { return };
        connection.end(side).tcp = None;
        self.news.push_back(News { connection: handle, side, what: Tidings::Ended(Why::Aborted) });
        self.news.push_back(News { connection: handle, side, what: Tidings::Gone });
    }

    /// The kernel at one side has nothing more to do with it.
    pub(super) fn on_gone(&mut self, handle: Handle, side: u8) -> Option<Connection> {
        let connection = self.connections.get_mut(handle)?;
        connection.end(side).tcp = None;
        let (from, to) = (connection.instances[0], connection.instances[1]);
        if side == CALLER && !connection.lingers {
            self.ports.entry((from, to)).or_default().release(connection.port);
        }
        if connection.is_gone() { self.connections.remove(handle) } else { None }
    }

    /// The address of a connection that its caller closed first stays taken for a while.
    pub(super) fn linger(&mut self, now: Instant, handle: Handle) {
        let Some(connection) = self.connections.get_mut(handle) else { return };
        let waits = |tcp: &Endpoint| tcp.state() == State::TimeWait;
        if connection.ends[0].tcp.as_ref().is_some_and(waits) && !connection.lingers {
            connection.lingers = true;
            let way = (connection.instances[0], connection.instances[1]);
            let until = now + Profile::linux().time_wait;
            self.ports.entry(way).or_default().linger(connection.port, until);
        }
    }

    /// Does what an endpoint wants, until it wants no more.
    fn drive(&mut self, now: Instant, handle: Handle, side: u8, around: &mut Around<'_>) {
        loop {
            let Some(connection) = self.connections.get_mut(handle) else { return };
            around.turn(connection.id, side);
            let end = connection.end(side);
            let Some(tcp) = &mut end.tcp else { return };
            let what = match tcp.poll_output(now, around.stats) {
                Some(Output::Send(segment)) => {
                    self.transmit(now, handle, side, segment, around);
                    continue;
                }
                Some(Output::Delivered(bytes)) => {
                    end.arrived += u64::from(bytes);
                    if end.is_taken {
                        tcp.handle(now, Input::Read(bytes), around.stats);
                        self.read(handle, side);
                    }
                    continue;
                }
                Some(Output::Connected) => Tidings::Connected,
                Some(Output::PeerClosed) => Tidings::PeerClosed,
                Some(Output::Ended(why)) => Tidings::Ended(why),
                Some(Output::Gone) => Tidings::Gone,
                None if end.in_turns.is_empty() || tcp.unsent() >= UNSENT => break,
                None => {
                    self.next_frame(now, handle, side, around);
                    continue;
                }
            };
            self.news.push_back(News { connection: handle, side, what });
        }
        self.set_timer(now, handle, side, around);
    }

    /// The next stream's turn on a connection that several share.
    fn next_frame(&mut self, now: Instant, handle: Handle, side: u8, around: &mut Around<'_>) {
        let Some(connection) = self.connections.get_mut(handle) else { return };
        let id = connection.id;
        let end = connection.end(side);
        let (Some(mut turn), Some(tcp)) = (end.in_turns.pop_front(), &mut end.tcp) else { return };
        let bytes = turn.left.min(FRAME);
        end.written += bytes;
        around.stats.tap.wrote(id, whose(side), turn.part(bytes));
        tcp.handle(now, Input::Write(bytes), around.stats);
        turn.left -= bytes;
        if turn.left == 0 {
            end.said.push_back((end.written, turn.event));
        } else {
            end.in_turns.push_back(turn);
        }
    }

    /// The application reads what is whole.
    fn read(&mut self, handle: Handle, side: u8) {
        let Some(connection) = self.connections.get_mut(handle) else { return };
        let arrived = connection.end(side).arrived;
        let said = &mut connection.end(side ^ 1).said;
        while let Some(&(end, event)) = said.front()
            && end <= arrived
        {
            said.pop_front();
            self.news.push_back(News { connection: handle, side, what: Tidings::Said(event) });
        }
    }

    /// A deadline that moved later needs no new timer: an early one is looked at and set anew.
    fn set_timer(&mut self, now: Instant, handle: Handle, side: u8, around: &mut Around<'_>) {
        let Some(connection) = self.connections.get_mut(handle) else { return };
        let party = self.hosts[connection.instances[usize::from(side)] as usize].party;
        let end = connection.end(side);
        let Some(tcp) = &end.tcp else { return };
        let deadline = tcp.next_deadline();
        if deadline < end.timer {
            end.timer = deadline;
            let due = Event::Segments { connection: handle, side };
            around.queue.push(deadline.max(now), party, party, due);
        }
    }

    /// A segment leaves.
    fn transmit(
        &mut self,
        now: Instant,
        handle: Handle,
        side: u8,
        segment: Segment,
        around: &mut Around<'_>,
    ) {
        let Some(connection) = self.connections.get(handle) else { return };
        around.turn(connection.id, side);
        let ticket = around.stats.tap.left(now, &segment);
        let (from, to) =
            (connection.instances[usize::from(side)], connection.instances[usize::from(side ^ 1)]);
        let envelope = Envelope {
            call: self.desks[connection.engine as usize].call.0,
            forth: side == CALLER,
            from,
            to,
            bytes: segment.bytes(),
            hops_left: HOP_LIMIT,
            is_new: segment.flags.has(Flags::SYN) && !segment.flags.has(Flags::ACK),
            flow: connection.id,
        };
        let load = Load::Segment { connection: handle, to: side ^ 1, segment };
        self.leave(now, load, envelope, ticket, around);
    }

    fn leave(
        &mut self,
        now: Instant,
        load: Load,
        envelope: Envelope,
        ticket: captured::Ticket,
        around: &mut Around<'_>,
    ) {
        let row = self.grid.row(envelope.from, envelope.to);
        around.stats.layers.sent(now, row, envelope.bytes);
        let spot = self.grid.start(envelope.call);
        let (way, leaves) = (u32::MAX, now);
        let datagram = Datagram {
            sent: now,
            due: now,
            way,
            leaves,
            load,
            envelope,
            spot,
            damaged: false,
            ticket,
        };
        let handle = self.datagrams.insert(datagram);
        self.carry(now, handle, around);
    }

    /// Takes a datagram as far as it goes without a look at the clock.
    fn carry(&mut self, now: Instant, handle: Handle, around: &mut Around<'_>) {
        let mut at = now;
        while let Some(datagram) = self.datagrams.get_mut(handle) {
            let step = match self.grid.step(at, datagram.spot, &datagram.envelope) {
                Ok(step) => step,
                Err(lost) => return self.lose(at, handle, lost, around),
            };
            datagram.spot = step.spot;
            datagram.damaged |= step.damaged;
            datagram.envelope.hops_left = step.hops_left;
            (datagram.way, datagram.leaves) = (step.way, step.leaves);
            at = step.arrives;
            let copy = *datagram;
            self.note(now, &copy, &step, around);
            if let Some(again) = step.again {
                let twin = self.datagrams.insert(copy);
                self.twin(copy.load);
                self.await_arrival(again, twin, around);
            }
            if !step.is_usual || step.spot == Spot::Host {
                return self.await_arrival(at, handle, around);
            }
        }
    }

    /// One more datagram of a message is under way.
    fn twin(&mut self, load: Load) {
        if let Load::Part { message, .. } = load
            && let Some(whole) = self.whole.get_mut(message)
        {
            whole.under_way += 1;
        }
    }

    fn await_arrival(&mut self, at: Instant, handle: Handle, around: &mut Around<'_>) {
        let Some(datagram) = self.datagrams.get_mut(handle) else { return };
        datagram.due = at;
        let datagram = *datagram;
        let party = |instance: u32| self.hosts[instance as usize].party;
        let (from, to) = (party(datagram.envelope.from), party(datagram.envelope.to));
        around.queue.push(at, from, to, Event::Datagram { datagram: handle });
    }

    fn note(&self, now: Instant, datagram: &Datagram, step: &grid::Step, around: &mut Around<'_>) {
        let row = self.grid.row(datagram.envelope.from, datagram.envelope.to);
        if !step.waited.is_zero() {
            around.stats.layers.waited(now, row, step.waited);
        }
        let scope = Scope { call: CallId(datagram.envelope.call), endpoint: None };
        if step.again.is_some() {
            around.drop(now, scope, row, l3::Event::Duplicated);
        }
        if step.held_back {
            around.drop(now, scope, row, l3::Event::Reordered);
        }
    }

    /// It does not arrive. Its sender may be told, as late as it takes to come back.
    fn lose(&mut self, at: Instant, handle: Handle, lost: grid::Drop, around: &mut Around<'_>) {
        let Some(datagram) = self.datagrams.remove(handle) else { return };
        let envelope = datagram.envelope;
        let row = self.grid.row(envelope.from, envelope.to);
        let scope = Scope { call: CallId(envelope.call), endpoint: None };
        around.drop(at, scope, row, lost.why);
        around.stats.tap.dropped(at, datagram.ticket, lost.why);
        let back = at + at.since(datagram.sent);
        let (connection, to, segment) = match datagram.load {
            Load::Segment { connection, to, segment } => (connection, to, segment),
            part @ Load::Part { .. } => return self.lose_part(part),
        };
        let (party, side) = (self.hosts[envelope.from as usize].party, to ^ 1);
        match (lost.told, segment.answer_of_a_stranger()) {
            (Told::Unreachable, _) => {
                around.queue.push(back, party, party, Event::Unreachable { connection, side });
            }
            (Told::Rejected, Some(answer)) => {
                let load = Load::Segment { connection, to: side, segment: answer };
                let envelope = Envelope { from: envelope.to, to: envelope.from, ..envelope };
                let ticket = captured::Ticket::NONE;
                let (spot, damaged, leaves) = (Spot::Host, false, at);
                let answer = Datagram { load, envelope, spot, damaged, leaves, ticket, ..datagram };
                let handle = self.datagrams.insert(answer);
                self.await_arrival(back, handle, around);
            }
            _ => {}
        }
    }

    /// A message will not arrive: part of it is missing.
    fn lose_message(&mut self, message: Handle) {
        if let Some(whole) = self.whole.remove(message) {
            let what = Tidings::Lost(whole.event);
            self.news.push_back(News { connection: Handle::NOBODY, side: CALLED, what });
        }
    }

    /// A segment has arrived at its kernel.
    fn deliver(
        &mut self,
        now: Instant,
        handle: Handle,
        side: u8,
        segment: &Segment,
        around: &mut Around<'_>,
    ) {
        let Some(connection) = self.connections.get_mut(handle) else { return };
        let instance = connection.instances[usize::from(side)] as usize;
        let is_call = segment.flags.has(Flags::SYN) && !segment.flags.has(Flags::ACK);
        let engine = connection.engine as usize;
        around.turn(connection.id, side);
        let Some(tcp) = &mut connection.end(side).tcp else {
            if side == CALLED && is_call {
                return self.on_call(now, handle, segment, around);
            }
            return self.answer_as_stranger(now, handle, side, segment, around);
        };
        if tcp.state() == State::SynReceived && !is_call && !segment.flags.has(Flags::RST) {
            let taken = self.hosts[instance].listener.on_handshake(handle);
            if let Err(overflow) = taken {
                let call = self.desks[engine].call;
                return around.emit(now, Scope { call, endpoint: None }, overflow);
            }
        }
        tcp.handle(now, Input::Segment(segment), around.stats);
        self.drive(now, handle, side, around);
    }

    /// Somebody wants to connect.
    fn on_call(&mut self, now: Instant, handle: Handle, syn: &Segment, around: &mut Around<'_>) {
        let Some(connection) = self.connections.get_mut(handle) else { return };
        let host = &mut self.hosts[connection.instances[1] as usize];
        let (half_open, whole) = host.listener.waiting();
        let coming = half_open + u32::try_from(whole).unwrap_or(u32::MAX);
        let is_full = host.most_accepted.is_some_and(|most| host.accepted + coming >= most);
        if !host.runs || is_full {
            return self.answer_as_stranger(now, handle, CALLED, syn, around);
        }
        let call = self.desks[connection.engine as usize].call;
        let scope = Scope { call, endpoint: Some(connection.endpoint) };
        if let Err(overflow) = host.listener.on_syn() {
            return around.emit(now, scope, overflow);
        }
        let profile = Arc::clone(&self.profiles[call.index()][1]);
        let first = initial(mix(connection.id));
        let tcp = Endpoint::accept(now, profile, scope, first, syn);
        connection.end(CALLED).tcp = Some(tcp);
        self.drive(now, handle, CALLED, around);
    }

    fn answer_as_stranger(
        &mut self,
        now: Instant,
        handle: Handle,
        side: u8,
        segment: &Segment,
        around: &mut Around<'_>,
    ) {
        if let Some(answer) = segment.answer_of_a_stranger() {
            self.transmit(now, handle, side, answer, around);
        }
    }

    /// A half-open connection has ended without ever having stood.
    pub(super) fn on_given_up(&mut self, instance: u32) {
        self.hosts[instance as usize].listener.on_given_up();
    }
}

impl Host {
    fn is_out_of_descriptors(&self) -> bool {
        self.most_descriptors.is_some_and(|most| self.descriptors >= most)
    }
}

impl Around<'_> {
    /// What happens next is of this end.
    fn turn(&mut self, id: u64, side: u8) {
        self.stats.tap.turn_to_end(id, whose(side));
    }

    pub(super) fn emit(&mut self, now: Instant, scope: Scope, event: l4::Event) {
        self.stats.emit(now, scope, Happened::L4(event));
    }

    /// Something out of the ordinary happened to a datagram on this row.
    fn drop(&mut self, now: Instant, scope: Scope, row: usize, event: l3::Event) {
        self.stats.layers.happened(now, row, event);
        self.stats.emit(now, scope, Happened::L3(event));
    }
}

pub(super) const fn whose(side: u8) -> Side {
    if side == CALLER { Side::Caller } else { Side::Called }
}

/// A handshake over a way on which nothing is lost, of which nobody else learns.
fn shake_hands(
    now: Instant,
    way: Duration,
    mut caller: Endpoint,
    accept: impl FnOnce(Instant, &Segment) -> Endpoint,
) -> [Option<Endpoint>; 2] {
    let said = |tcp: &mut Endpoint, at| {
        let outputs = std::iter::from_fn(|| tcp.poll_output(at, &mut ()));
        let segments = outputs.filter_map(|output| match output {
            Output::Send(segment) => Some(segment),
            _ => None,
        });
        segments.last()
    };
    let Some(syn) = said(&mut caller, now) else { return [Some(caller), None] };
    let mut called = accept(now + way, &syn);
    if let Some(answer) = said(&mut called, now + way) {
        let back = now + way + way;
        caller.handle(back, Input::Segment(&answer), &mut ());
        if let Some(last) = said(&mut caller, back) {
            called.handle(back + way, Input::Segment(&last), &mut ());
            said(&mut called, back + way);
        }
    }
    [Some(caller), Some(called)]
}

/// Where Linux begins with the ports that it calls from.
const FIRST_PORT: u16 = 32_768;
/// Where services listen that do not say where.
pub(super) const SERVICE_PORT: u16 = 8_080;

/// Where sequence numbers begin: hard to guess, and the same in every run.
const fn initial(id: u64) -> u32 {
    (mix(id) >> 32) as u32
}

/// Linux at both ends. A balancer of ours gives up connections on which nothing is acknowledged
/// for half a minute, to its clients and to those it calls, unless the call says otherwise.
fn profiles(design: &config::Design, call: &config::design::Call) -> [Arc<Profile>; 2] {
    let is_ours = |node| matches!(design.node(node).kind, NodeKind::Balancer(_));
    let end = |node, said: Option<Duration>| {
        let usual = is_ours(node).then_some(STUCK);
        Arc::new(Profile { user_timeout: said.or(usual), ..Profile::linux() })
    };
    [end(call.from, call.stuck_timeout), end(call.to, None)]
}

/// `TCP_USER_TIMEOUT` of `plimsoll run`, on both sides.
const STUCK: Duration = Duration::from_secs(30);
