//! Datagrams on their way, and the messages that go without a connection.
//!
//! A datagram is carried as far as it goes without a look at the clock; where something can wait, be
//! lost or be overtaken, its next step is an event.

use base::{CallId, Instant};
use event::{Scope, l3};
use model::card;
use netsim::l3::{Change, HOP_LIMIT};
use netsim::l4::tcp::Segment;
use netsim::l4::udp;

use super::super::event::Event;
use super::super::slab::Handle;
use super::connection::{CALLED, CALLER};
use super::grid::{self, Envelope, Spot, Told};
use super::handshake::{FIRST_PORT, SERVICE_PORT};
use super::net::{Around, Net, News, Tidings};
use crate::stats::mix;
use crate::world::tap::packets::{self as captured, Message, Speech};

/// A message in one or more datagrams.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole {
    event: Event,
    /// A bit for each part that has not arrived.
    missing: u64,
    /// Datagrams with parts of it that are under way.
    under_way: u32,
}

/// Something on the network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagram {
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
pub(super) enum Load {
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

impl Net {
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
            around.ears.tap.dropped(now, datagram.ticket, l3::Event::Corrupted);
            around.drop(now, scope, row, l3::Event::Corrupted);
            return self.lose_part(datagram.load);
        }
        around.ears.tap.arrived(now, datagram.ticket);
        around.ears.stats.layers.arrived(now, row, now.since(datagram.sent));
        match datagram.load {
            Load::Segment { connection, to, segment } => {
                self.deliver(now, connection, to, &segment, around);
            }
            Load::Part { message, number } => self.put_together(message, number),
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
        let parts: Vec<_> = udp::fragments(bytes, card::MTU).collect();
        let under_way = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        let missing = (1 << parts.len()) - 1;
        let message = self.whole.insert(Whole { event, missing, under_way });
        let mut at = 0;
        for (bytes, number) in parts.into_iter().zip(0..) {
            let load = Load::Part { message, number };
            let heads = udp::IP_HEADER + if number == 0 { udp::UDP_HEADER } else { 0 };
            let part = (at, bytes - heads);
            at += part.1;
            let ticket = around.ears.tap.datagram_left(now, said, part);
            self.leave(now, load, Envelope { bytes, ..envelope }, ticket, around);
        }
    }

    pub(super) fn leave(
        &mut self,
        now: Instant,
        load: Load,
        envelope: Envelope,
        ticket: captured::Ticket,
        around: &mut Around<'_>,
    ) {
        let row = self.grid.row(envelope.from, envelope.to);
        around.ears.stats.layers.sent(now, row, envelope.bytes);
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

    /// Who waits before a way that has changed leaves, and arrives, at another time.
    pub(super) fn reschedule(
        &mut self,
        now: Instant,
        changes: &[(u32, Change)],
        around: &mut Around<'_>,
    ) {
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
        around.ears.tap.met(id, about);
        around.turn(id, if forth { CALLER } else { CALLED });
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
            around.ears.stats.layers.waited(now, row, step.waited);
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
        around.ears.tap.dropped(at, datagram.ticket, lost.why);
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
}
