//! What a run keeps for its outputs: examples of requests, the course of every call and node,
//! breakers, metrics, packets.
//!
//! Off unless somebody asks, and then it costs one look at a pointer. It only listens: a run with
//! it and a run without it end the same way, bit for bit.
//!
//! - [`examples`]: requests with all their tries, chosen so that each stretch of the run has some.
//! - [`course`]: what each call and each node did, window by window; breakers as they moved.
//! - [`measured`]: the metrics of the live plane, read at intervals.
//! - [`packets`]: datagrams as they left, arrived or were dropped, and what they carried.

pub(crate) mod course;
pub(crate) mod examples;
pub(crate) mod measured;
pub(crate) mod packets;

use base::{Duration, Instant};
use event::{Event, Scope, l3, l4};
use netsim::l4::tcp::Segment;

use self::course::Course;
use self::examples::{Examples, Period};
use self::measured::Measured;
use self::packets::{Connection, Message, Packets, Side, Ticket};
use super::slab::Handle;
use crate::plan::Plan;
use crate::stats::{Ended, Outcome};

/// Listens to a run, if somebody asked.
///
/// A clone does not listen: of a run that is forked, only the original is kept.
#[derive(Debug, Default)]
pub(crate) struct Tap(Option<Box<Recorder>>);

/// What to keep.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// The stretches of the run that get examples, from the earliest to the latest.
    pub(crate) periods: Vec<Period>,
    /// Packets that leave from here until there; none if it is empty.
    pub(crate) packets: (Instant, Instant),
    /// The most datagrams that are kept.
    pub(crate) most_packets: u32,
    /// How often the metrics are read.
    pub(crate) measure_every: Duration,
}

/// Everything that was kept.
#[derive(Debug)]
pub(crate) struct Recorder {
    pub(crate) examples: Examples,
    pub(crate) course: Course,
    pub(crate) measured: Measured,
    pub(crate) packets: Packets,
    /// Whose turn it is: what is heard next is about it.
    turn: Turn,
}

/// Whom an event is about.
#[derive(Clone, Copy, Debug)]
struct Turn {
    flight: Option<Handle>,
    engine: u32,
}

impl Clone for Tap {
    fn clone(&self) -> Self {
        Self(None)
    }
}

impl Tap {
    pub(crate) fn new(plan: &Plan<'_>, wanted: Wanted) -> Self {
        Self(Some(Box::new(Recorder {
            examples: Examples::new(wanted.periods),
            course: Course::new(plan),
            measured: Measured::new(plan, wanted.measure_every),
            packets: Packets::new(wanted.packets, wanted.most_packets),
            turn: Turn { flight: None, engine: 0 },
        })))
    }

    /// What was kept, once the run is over.
    pub(crate) fn into_recorder(self) -> Option<Recorder> {
        self.0.map(|recorder| *recorder)
    }

    /// Whether anybody listens.
    pub(crate) const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    #[inline]
    fn on(&mut self) -> Option<&mut Recorder> {
        self.0.as_deref_mut()
    }

    /// Something happened; [`Tap::turn_to`] has said to whom.
    #[inline]
    pub(crate) fn heard(&mut self, now: Instant, scope: Scope, event: Event) {
        if let Some(recorder) = self.on() {
            recorder.heard(now, scope, event);
        }
    }

    /// What is heard from now on is about this request, decided by this engine.
    #[inline]
    pub(crate) fn turn_to(&mut self, flight: Handle, engine: u32) {
        if let Some(recorder) = self.on() {
            recorder.turn = Turn { flight: Some(flight), engine };
        }
    }

    /// A client's request begins: the root of an example.
    #[inline]
    pub(crate) fn client_asked(&mut self, now: Instant, flight: Handle, asked: examples::Asked) {
        if let Some(recorder) = self.on() {
            recorder.examples.client_asked(now, flight, asked);
        }
    }

    /// A job asks somebody else.
    #[inline]
    pub(crate) fn job_asked(
        &mut self,
        now: Instant,
        job: Handle,
        flight: Handle,
        asked: examples::Asked,
    ) {
        if let Some(recorder) = self.on() {
            recorder.examples.job_asked(now, job, flight, asked);
        }
    }

    /// A try leaves for an instance.
    #[inline]
    pub(crate) fn tried(
        &mut self,
        now: Instant,
        flight: Handle,
        job: Handle,
        number: u8,
        target: u32,
    ) {
        if let Some(recorder) = self.on() {
            recorder.examples.tried(now, flight, job, number, target);
        }
    }

    /// A try has reached its instance.
    #[inline]
    pub(crate) fn reached(&mut self, now: Instant, job: Handle) {
        if let Some(recorder) = self.on() {
            recorder.examples.reached(now, job);
        }
    }

    /// A worker begins on it.
    #[inline]
    pub(crate) fn work_began(&mut self, now: Instant, job: Handle) {
        if let Some(recorder) = self.on() {
            recorder.examples.note(now, job, examples::Note::WorkBegan);
        }
    }

    /// The work is over: with an answer, broken off, or left because nobody waits any more.
    #[inline]
    pub(crate) fn work_ended(&mut self, now: Instant, job: Handle, end: examples::End) {
        if let Some(recorder) = self.on() {
            recorder.examples.work_ended(now, job, end);
        }
    }

    /// An answer is back at its caller, who waits for it.
    #[inline]
    pub(crate) fn answer_came(&mut self, flight: Handle, status: u16) {
        if let Some(recorder) = self.on() {
            recorder.examples.answer_came(flight, status);
        }
    }

    /// A request is over. `outcome` is what it is to a client.
    #[inline]
    pub(crate) fn request_ended(
        &mut self,
        now: Instant,
        flight: Handle,
        ended: Ended,
        outcome: Option<Outcome>,
    ) {
        if let Some(recorder) = self.on() {
            recorder.examples.request_ended(now, flight, ended, outcome);
        }
    }

    /// The state of a node: busy workers of how many, and requests that wait.
    #[inline]
    pub(crate) fn node_sampled(
        &mut self,
        now: Instant,
        node: base::NodeId,
        workers: (u32, u32),
        queued: u64,
    ) {
        if let Some(recorder) = self.on() {
            recorder.course.sample(now, node, workers, queued);
            recorder.measured.node(node, workers, queued);
        }
    }

    /// All nodes have been sampled.
    #[inline]
    pub(crate) fn sampled(&mut self, now: Instant) {
        if let Some(recorder) = self.on() {
            recorder.measured.read_if_due(now);
        }
    }

    /// A connection begins, or two sockets exchange their first datagram. `connection` is its
    /// number in this run; no two have the same.
    #[inline]
    pub(crate) fn opened(&mut self, connection: u64, about: Connection) {
        if let Some(recorder) = self.on() {
            recorder.packets.opened(connection, about);
        }
    }

    /// Two sockets exchange datagrams, perhaps not for the first time.
    #[inline]
    pub(crate) fn met(&mut self, connection: u64, about: Connection) {
        if let Some(recorder) = self.on()
            && !recorder.packets.connections.contains_key(&connection)
        {
            recorder.packets.opened(connection, about);
        }
    }

    /// The try of a job goes by this connection, or waits for it to stand.
    #[inline]
    pub(crate) fn boarded(&mut self, connection: u64, job: Handle) {
        if let Some(recorder) = self.on() {
            recorder.examples.boarded(connection, job);
        }
    }

    /// The connection may be forgotten.
    #[inline]
    pub(crate) fn forgotten(&mut self, connection: u64) {
        if let Some(recorder) = self.on() {
            recorder.examples.forgotten(connection);
            recorder.packets.forgotten(connection);
        }
    }

    /// One end writes a message to its stream, or sends it as a datagram.
    #[inline]
    pub(crate) fn wrote(&mut self, connection: u64, side: Side, message: Message) {
        if let Some(recorder) = self.on() {
            recorder.packets.wrote(connection, side, message);
        }
    }

    /// What is heard from now on, and what leaves, is of this end: say so before each
    /// `Endpoint::handle` and before its outputs are polled.
    #[inline]
    pub(crate) fn turn_to_end(&mut self, connection: u64, side: Side) {
        if let Some(recorder) = self.on() {
            recorder.packets.turn_to(connection, side);
        }
    }

    /// A segment leaves the end whose turn it is. Give the ticket to everything that becomes of
    /// it; a duplicate takes a copy.
    #[inline]
    pub(crate) fn left(&mut self, now: Instant, segment: &Segment) -> Ticket {
        self.on().map_or(Ticket::NONE, |recorder| recorder.packets.left(now, segment))
    }

    /// A UDP message, or `part` of one (its first byte and how many), leaves the end whose turn it
    /// is.
    #[inline]
    pub(crate) fn datagram_left(
        &mut self,
        now: Instant,
        message: Message,
        part: (u32, u32),
    ) -> Ticket {
        self.on().map_or(Ticket::NONE, |on| on.packets.datagram_left(now, message, part))
    }

    /// A datagram arrives, well.
    #[inline]
    pub(crate) fn arrived(&mut self, now: Instant, ticket: Ticket) {
        if let Some(recorder) = self.on() {
            recorder.packets.arrived(now, ticket);
        }
    }

    /// A datagram does not arrive.
    #[inline]
    pub(crate) fn dropped(&mut self, now: Instant, ticket: Ticket, why: l3::Event) {
        if let Some(recorder) = self.on() {
            recorder.packets.dropped(now, ticket, why);
        }
    }
}

impl Recorder {
    fn heard(&mut self, now: Instant, scope: Scope, event: Event) {
        self.measured.heard(now, scope, event);
        self.course.heard(now, scope, event, self.turn.engine);
        match event {
            Event::L4(event) => {
                if is_repair(event) {
                    self.examples.repaired(now, self.packets.turn(), event);
                }
                self.packets.heard(event);
            }
            Event::L7(_) | Event::Policy(_) => {
                if let Some(flight) = self.turn.flight {
                    self.examples.heard(now, flight, scope, event);
                }
            }
            Event::L3(_) | Event::Tls(_) | Event::World(_) => {}
        }
    }
}

/// Whether it tells that something was lost on the way, and sent again or asked for.
const fn is_repair(event: l4::Event) -> bool {
    matches!(
        event,
        l4::Event::SynRetried { .. }
            | l4::Event::Stalled { .. }
            | l4::Event::LossFound
            | l4::Event::TailProbed
    )
}

#[cfg(test)]
mod tests;
