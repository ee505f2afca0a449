//! What the two ends of a connection write and read, and the segments that carry it.

use base::Instant;
use event::Scope;
use netsim::l3::HOP_LIMIT;
use netsim::l4::tcp::{Flags, Input, Output, Segment, State};

use super::super::event::Event;
use super::super::slab::Handle;
use super::connection::{CALLED, CALLER, End, Turn};
use super::datagram::Load;
use super::grid::Envelope;
use super::net::{Around, Net, News, Tidings, whose};
use super::sizes::FRAME;
use crate::world::tap::packets::{Message, Speech};

impl Net {
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
        let shared = self.channels[connection.engine as usize].is_shared();
        let (id, bytes) = (connection.id, message.bytes());
        let end = connection.end(side);
        if end.tcp.is_none() {
            return;
        }
        if shared && (bytes > FRAME || !end.in_turns.is_empty()) {
            end.in_turns.push_back(Turn { event, message, left: bytes });
        } else {
            put(now, end, (id, side), message, around);
            end.said.push_back((end.written, event));
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
        if self.channels[connection.engine as usize].speech != Speech::Grpc {
            return;
        }
        let id = connection.id;
        let message = super::sizes::opening(whose(side));
        put(now, connection.end(side), (id, side), message, around);
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
            tcp.handle(now, input, &mut around.ears);
            self.drive(now, handle, side, around);
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
            tcp.handle(now, Input::Timer, &mut around.ears);
        }
        self.drive(now, handle, side, around);
        self.rest_if_quiet(handle);
    }

    /// Does what an endpoint wants, until it wants no more.
    pub(super) fn drive(
        &mut self,
        now: Instant,
        handle: Handle,
        side: u8,
        around: &mut Around<'_>,
    ) {
        loop {
            let Some(connection) = self.connections.get_mut(handle) else { return };
            around.turn(connection.id, side);
            let end = connection.end(side);
            let Some(tcp) = &mut end.tcp else { return };
            let what = match tcp.poll_output(now, &mut around.ears) {
                Some(Output::Send(segment)) => {
                    self.transmit(now, handle, side, segment, around);
                    continue;
                }
                Some(Output::Delivered(bytes)) => {
                    end.arrived += u64::from(bytes);
                    if end.is_taken {
                        tcp.handle(now, Input::Read(bytes), &mut around.ears);
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

    /// The application reads what is whole.
    pub(super) fn read(&mut self, handle: Handle, side: u8) {
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
    pub(super) fn set_timer(
        &mut self,
        now: Instant,
        handle: Handle,
        side: u8,
        around: &mut Around<'_>,
    ) {
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
    pub(super) fn transmit(
        &mut self,
        now: Instant,
        handle: Handle,
        side: u8,
        segment: Segment,
        around: &mut Around<'_>,
    ) {
        let Some(connection) = self.connections.get(handle) else { return };
        around.turn(connection.id, side);
        let ticket = around.ears.tap.left(now, &segment);
        let (from, to) =
            (connection.instances[usize::from(side)], connection.instances[usize::from(side ^ 1)]);
        let envelope = Envelope {
            call: self.channels[connection.engine as usize].call.0,
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

    /// A segment has arrived at its kernel.
    pub(super) fn deliver(
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
                let call = self.channels[engine].call;
                return around.emit(now, Scope { call, endpoint: None }, overflow);
            }
        }
        tcp.handle(now, Input::Segment(segment), &mut around.ears);
        self.drive(now, handle, side, around);
    }

    pub(super) fn answer_as_stranger(
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

    /// A connection on which nothing is to happen holds no room for what may.
    fn rest_if_quiet(&mut self, handle: Handle) {
        let Some(connection) = self.connections.get_mut(handle) else { return };
        if connection.is_quiet() {
            connection.rest();
        }
    }

    /// The next stream's turn on a connection that several share.
    fn next_frame(&mut self, now: Instant, handle: Handle, side: u8, around: &mut Around<'_>) {
        let Some(connection) = self.connections.get_mut(handle) else { return };
        let id = connection.id;
        let end = connection.end(side);
        let Some(mut turn) = end.in_turns.pop_front() else { return };
        let bytes = turn.left.min(FRAME);
        put(now, end, (id, side), turn.part(bytes), around);
        turn.left -= bytes;
        if turn.left == 0 {
            end.said.push_back((end.written, turn.event));
        } else {
            end.in_turns.push_back(turn);
        }
    }
}

/// The bytes of a message leave the application.
fn put(
    now: Instant,
    end: &mut End,
    (id, side): (u64, u8),
    message: Message,
    around: &mut Around<'_>,
) {
    let Some(tcp) = &mut end.tcp else { return };
    end.written += message.bytes();
    around.ears.tap.wrote(id, whose(side), message);
    around.turn(id, side);
    tcp.handle(now, Input::Write(message.bytes()), &mut around.ears);
}

/// Bytes that may wait in a connection that several streams share before the next frame is written:
/// more would only stand before what comes later.
const UNSENT: u64 = 2 * FRAME;
