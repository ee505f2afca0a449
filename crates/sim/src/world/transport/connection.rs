//! A connection between two instances: an endpoint at each side, and what they say to each other.
//!
//! What travels on it are messages as ranges of bytes. A message has arrived when all bytes up to
//! its end have, in order: so a lost segment delays everything behind it, on all streams.

use base::{EndpointId, Instant};
use netsim::l4::tcp::{Endpoint, State};
use smallvec::SmallVec;

use super::super::event::Event;
use super::super::slab::Handle;
use super::seldom::Seldom;
use super::splice::Splice;
use crate::world::tap::packets::Message;

/// The end that calls.
pub(super) const CALLER: u8 = 0;
/// The end that is called.
pub(super) const CALLED: u8 = 1;

/// A connection, or what is left of it.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    /// What its chance and its order among others hang on, from names.
    pub(super) id: u64,
    /// The caller's engine that uses it.
    pub(super) engine: u32,
    pub(super) endpoint: EndpointId,
    /// The instances at its ends.
    pub(super) instances: [u32; 2],
    /// The port that the caller calls from.
    pub(super) port: u16,
    /// What the caller does with it.
    pub(super) stage: Stage,
    /// The address is of no more use to new connections: the caller has said goodbye first.
    pub(super) lingers: bool,
    pub(super) ends: [End; 2],
    /// Requests on it that the caller waits for.
    pub(super) streams: SmallVec<[Stream; 1]>,
    /// Jobs at the called instance that came over it and were not answered.
    pub(super) serving: SmallVec<[Handle; 1]>,
    /// The number of the next stream on it (RFC 9113, 5.1.1).
    pub(super) next_stream: u32,
    /// It is one of two that a balancer of connections made into one.
    pub(super) splice: Option<Box<Splice>>,
    /// It was made to ask an endpoint how it is.
    pub(super) is_check: bool,
    /// It was made for one try alone, and ends with it.
    pub(super) is_alone: bool,
}

/// What the caller does with a connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stage {
    /// Waits for it to stand.
    Connecting,
    /// It stands and carries requests.
    Busy,
    /// It stands and carries nothing, since then.
    Idle(Instant),
    /// It is of no more use to the caller.
    Done,
}

/// One side of a connection.
#[derive(Clone, Debug)]
pub(super) struct End {
    /// Nothing before it was called, and once it is forgotten.
    pub(super) tcp: Option<Endpoint>,
    /// The earliest timer in the event queue.
    pub(super) timer: Instant,
    /// Bytes that the application has written.
    pub(super) written: u64,
    /// Bytes of the other side's that have arrived in order.
    pub(super) arrived: u64,
    /// It stood, once.
    pub(super) stood: bool,
    /// The application has it: what arrives is read.
    pub(super) is_taken: bool,
    /// It costs its instance a descriptor.
    pub(super) has_descriptor: bool,
    /// Messages that are written and have not arrived: where each ends.
    pub(super) said: Seldom<(u64, Event)>,
    /// What is to be said in turns, because it is more than a frame.
    pub(super) in_turns: Seldom<Turn>,
}

/// A long message on a connection that others share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) event: Event,
    pub(super) message: Message,
    pub(super) left: u64,
}

impl Turn {
    /// The next bytes of it, as a message of its own.
    pub(super) fn part(&self, bytes: u64) -> Message {
        Message { cut: Some((self.message.bytes() - self.left, bytes)), ..self.message }
    }
}

/// A request on a connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stream {
    pub(super) job: Handle,
    pub(super) flight: Handle,
    pub(super) attempt: u8,
    /// Which stream it is, once it was said.
    pub(super) number: u32,
}

impl Connection {
    pub(super) fn new(id: u64, engine: u32, endpoint: EndpointId, instances: [u32; 2]) -> Self {
        Self {
            id,
            engine,
            endpoint,
            instances,
            port: 0,
            stage: Stage::Connecting,
            lingers: false,
            ends: [End::new(), End::new()],
            streams: SmallVec::new(),
            serving: SmallVec::new(),
            next_stream: 1,
            splice: None,
            is_check: false,
            is_alone: false,
        }
    }

    pub(super) const fn end(&mut self, side: u8) -> &mut End {
        &mut self.ends[side as usize]
    }

    /// Whether another request may be sent on it.
    pub(super) fn is_usable(&self) -> bool {
        let stands = |tcp: &Endpoint| matches!(tcp.state(), State::SynSent | State::Established);
        self.stage != Stage::Done && self.ends[0].tcp.as_ref().is_some_and(stands)
    }

    /// Takes a request off it.
    pub(super) fn end_stream(&mut self, job: Handle) -> Option<Stream> {
        let at = self.streams.iter().position(|stream| stream.job == job)?;
        Some(self.streams.remove(at))
    }

    /// Nothing is left of it.
    pub(super) fn is_gone(&self) -> bool {
        self.ends.iter().all(|end| end.tcp.is_none())
    }

    /// Nothing is under way on it: whoever waits, waits for an application.
    pub(super) fn is_quiet(&self) -> bool {
        let waits =
            |end: &End| end.tcp.as_ref().is_some_and(|tcp| tcp.next_deadline() != Instant::NEVER);
        !self.ends.iter().any(waits)
    }

    /// Gives back the room for what it may say later.
    pub(super) fn rest(&mut self) {
        for end in &mut self.ends {
            if let Some(tcp) = &mut end.tcp {
                tcp.rest();
            }
            end.said.rest();
            end.in_turns.rest();
        }
        self.streams.shrink_to_fit();
        self.serving.shrink_to_fit();
    }
}

impl End {
    fn new() -> Self {
        Self {
            tcp: None,
            timer: Instant::NEVER,
            written: 0,
            arrived: 0,
            stood: false,
            is_taken: false,
            has_descriptor: false,
            said: Seldom::default(),
            in_turns: Seldom::default(),
        }
    }

    /// Whether it stands: the application can write to it.
    pub(super) fn stands(&self) -> bool {
        let open = |tcp: &Endpoint| matches!(tcp.state(), State::Established | State::CloseWait);
        self.tcp.as_ref().is_some_and(open)
    }

    /// Bytes that were written and not acknowledged.
    pub(super) fn unacknowledged(&self) -> u64 {
        self.tcp.as_ref().map_or(0, Endpoint::unacknowledged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_open_connections_fit_in_a_gibibyte() {
        let bytes = size_of::<Connection>() + size_of::<u64>();

        assert!(bytes <= 1_073, "{bytes} bytes in their place of the list");
    }
}
