//! Datagrams as they left, and what became of each; and what their bytes mean.
//!
//! A segment is a range of its sender's stream, and a stream is a row of messages. With both kept,
//! the writer of a capture can tell every byte, and none has to be kept here.

use std::collections::{BTreeMap, VecDeque};

use base::Instant;
use event::{l3, l4};
use netsim::l3::Address;
use netsim::l4::tcp::Segment;

/// A connection, or two sockets between which datagrams go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Connection {
    /// The end that calls, and the one that is called.
    pub(crate) sockets: [Socket; 2],
    /// Where each end's sequence numbers begin.
    pub(crate) initial: [u32; 2],
    pub(crate) speech: Speech,
}

/// Where an end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Socket {
    pub(crate) instance: u32,
    pub(crate) address: Address,
    pub(crate) port: u16,
}

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speech {
    /// One message each way at a time.
    Http1,
    /// Streams of frames. No design file asks for it yet.
    #[cfg_attr(not(test), allow(dead_code, reason = "what writes it is ready and tested"))]
    Http2,
    /// The same with messages that have a length before them.
    Grpc,
    /// Bytes that only their ends understand.
    Opaque,
}

/// One of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Caller = 0,
    Called = 1,
}

/// A message on a stream: `head + body` bytes of it, frames' own heads included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// Its bytes are a function of this, and of their place in it.
    pub(crate) id: u64,
    pub(crate) part: Part,
    /// The kind of request that it is part of.
    pub(crate) kind: u16,
    /// HTTP/2: the stream, odd numbers from 1.
    pub(crate) stream: u32,
    pub(crate) head: u32,
    pub(crate) body: u32,
    /// HTTP/2: only a part of it, from which of its bytes on and how many; others take turns.
    pub(crate) cut: Option<(u64, u64)>,
}

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// HTTP/2: the first that an end says, of [`Part::opening`] bytes. It has no body.
    Opening,
    /// A request, as this try; 1 where none is told.
    Request { attempt: u8 },
    /// An answer, after so many tries; 1 where none are told.
    Answer { status: u16, tries: u8 },
    /// HTTP/2: a stream that its caller gave up, [`Part::CANCEL`] bytes. It has no body.
    Cancel,
    /// A request that opens a session: a WebSocket, or a stream that stays.
    Upgrade { attempt: u8 },
    /// Its answer: the session stands. It has no body.
    Upgraded,
    /// A message of a session that stands: a head of [`Part::frame`] bytes, and what it says.
    Frame,
    /// The end of a session in good order, [`Part::farewell`] bytes. It has no body.
    Farewell,
}

/// A datagram, and what became of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet {
    pub(crate) left: Instant,
    pub(crate) connection: u64,
    pub(crate) from: Side,
    pub(crate) what: What,
    pub(crate) why: Why,
    /// When it arrived, and when once more.
    pub(crate) arrived: [Option<Instant>; 2],
    pub(crate) dropped: Option<(Instant, l3::Event)>,
}

/// What a datagram holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    Segment(Segment),
    /// A part of a message: its first byte, and how many.
    Datagram {
        message: Message,
        at: u32,
        bytes: u32,
    },
}

/// Why a segment was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Why {
    /// It was its turn.
    #[default]
    First,
    /// It is sent again: acknowledgements of later data said that it is lost.
    LossFound,
    /// It is sent again: nothing came back for a whole retransmission timeout.
    Timeout,
    /// To learn whether the last data arrived (RFC 8985, 7).
    TailProbe,
    /// The same, with data that was sent before.
    TailProbeAgain,
    /// SYN, or the answer to it: nothing came back, or the same SYN once more.
    SynRetry,
    /// To learn whether the peer takes more.
    WindowProbe,
    /// To learn whether the peer is still there.
    Keepalive,
}

/// Which datagram it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(u32);

/// The packets of a stretch of the run.
#[derive(Clone, Debug)]
pub(crate) struct Packets {
    from: Instant,
    until: Instant,
    most: usize,
    pub(crate) packets: Vec<Packet>,
    /// Datagrams for which there was no room.
    pub(crate) left_out: u64,
    pub(crate) connections: BTreeMap<u64, Talk>,
    turn: (u64, Side),
    /// What was just heard of the end whose turn it is.
    pending: Why,
}

/// A connection with what its ends have said.
#[derive(Clone, Debug)]
pub(crate) struct Talk {
    pub(crate) about: Connection,
    streams: [Stream; 2],
    /// How each end found its last loss.
    losses: [Why; 2],
    /// A packet of it was kept.
    is_kept: bool,
}

/// What one end has written.
#[derive(Clone, Debug, Default)]
struct Stream {
    written: u64,
    /// Where each message begins.
    messages: VecDeque<(u64, Message)>,
}

/// So many messages are remembered of a stream of which no packet was kept yet: what is sent again
/// later may be of one that was written before.
const REMEMBERED: usize = 64;

impl Ticket {
    /// Of a datagram that is not kept.
    pub(crate) const NONE: Self = Self(u32::MAX);
}

impl Side {
    /// The other end.
    pub(crate) const fn peer(self) -> Self {
        match self {
            Self::Caller => Self::Called,
            Self::Called => Self::Caller,
        }
    }
}

impl Part {
    /// Bytes of a cancelled stream's frame (RFC 9113, 6.4).
    pub(crate) const CANCEL: u32 = 13;

    /// Bytes of what an end says first: the caller its preface and its settings, the called one its
    /// settings (RFC 9113, 3.4).
    pub(crate) const fn opening(side: Side) -> u32 {
        match side {
            Side::Caller => 24 + 9,
            Side::Called => 9,
        }
    }

    /// Bytes before a message of a session: a WebSocket frame's head, longer for longer messages and
    /// with a mask from the caller (RFC 6455, 5.2); a frame of HTTP/2 and the length of gRPC.
    pub(crate) const fn frame(speech: Speech, side: Side, body: u32) -> u32 {
        match (speech, side) {
            (Speech::Http2, _) => 9,
            (Speech::Grpc, _) => 9 + 5,
            (Speech::Http1 | Speech::Opaque, Side::Caller) => socket_head(body) + 4,
            (Speech::Http1 | Speech::Opaque, Side::Called) => socket_head(body),
        }
    }

    /// Bytes of the last that an end says of a session: a frame that closes it (RFC 6455, 5.5.1); with
    /// HTTP/2 the caller resets the stream, and the called one ends it with its status.
    pub(crate) const fn farewell(speech: Speech, side: Side) -> u32 {
        match (speech, side) {
            (Speech::Http2 | Speech::Grpc, Side::Caller) => Self::CANCEL,
            (Speech::Http2 | Speech::Grpc, Side::Called) => 9 + 15,
            (Speech::Http1 | Speech::Opaque, Side::Caller) => 8,
            (Speech::Http1 | Speech::Opaque, Side::Called) => 4,
        }
    }
}

const fn socket_head(body: u32) -> u32 {
    match body {
        0..=125 => 2,
        126..=65_535 => 4,
        _ => 10,
    }
}

impl Message {
    /// All that is said at once.
    pub(crate) const fn bytes(&self) -> u64 {
        match self.cut {
            Some((_, bytes)) => bytes,
            None => self.head as u64 + self.body as u64,
        }
    }
}

impl Packets {
    pub(crate) fn new((from, until): (Instant, Instant), most: u32) -> Self {
        Self {
            from,
            until,
            most: most as usize,
            packets: Vec::new(),
            left_out: 0,
            connections: BTreeMap::new(),
            turn: (0, Side::Caller),
            pending: Why::First,
        }
    }

    pub(crate) fn opened(&mut self, connection: u64, about: Connection) {
        if self.from < self.until {
            let talk = Talk {
                about,
                streams: Default::default(),
                losses: [Why::LossFound; 2],
                is_kept: false,
            };
            self.connections.insert(connection, talk);
        }
    }

    pub(crate) fn forgotten(&mut self, connection: u64) {
        if self.connections.get(&connection).is_some_and(|talk| !talk.is_kept) {
            self.connections.remove(&connection);
        }
    }

    pub(crate) fn wrote(&mut self, connection: u64, side: Side, message: Message) {
        let Some(talk) = self.connections.get_mut(&connection) else { return };
        let stream = &mut talk.streams[side as usize];
        stream.messages.push_back((stream.written, message));
        stream.written += message.bytes();
        if !talk.is_kept && stream.messages.len() > REMEMBERED {
            stream.messages.pop_front();
        }
    }

    pub(crate) fn turn_to(&mut self, connection: u64, side: Side) {
        if self.turn != (connection, side) {
            (self.turn, self.pending) = ((connection, side), Why::First);
        }
    }

    /// The end whose turn it is.
    pub(super) const fn turn(&self) -> (u64, Side) {
        self.turn
    }

    pub(crate) fn heard(&mut self, event: l4::Event) {
        match event {
            l4::Event::Stalled { .. } => self.found_loss(Why::Timeout),
            l4::Event::LossFound => self.found_loss(Why::LossFound),
            l4::Event::TailProbed => self.pending = Why::TailProbe,
            l4::Event::Retransmitted { .. } => self.pending = self.why_again(),
            l4::Event::SynRetried { .. } => self.pending = Why::SynRetry,
            l4::Event::WindowProbed => self.pending = Why::WindowProbe,
            l4::Event::KeepaliveProbed => self.pending = Why::Keepalive,
            _ => {}
        }
    }

    pub(crate) fn left(&mut self, now: Instant, segment: &Segment) -> Ticket {
        let why = core::mem::take(&mut self.pending);
        self.keep(now, What::Segment(*segment), why)
    }

    pub(crate) fn datagram_left(
        &mut self,
        now: Instant,
        message: Message,
        (at, bytes): (u32, u32),
    ) -> Ticket {
        self.keep(now, What::Datagram { message, at, bytes }, Why::First)
    }

    pub(crate) fn arrived(&mut self, now: Instant, ticket: Ticket) {
        let Some(packet) = self.packets.get_mut(ticket.0 as usize) else { return };
        let place = packet.arrived.iter_mut().find(|place| place.is_none());
        if let Some(place) = place {
            *place = Some(now);
        }
    }

    pub(crate) fn dropped(&mut self, now: Instant, ticket: Ticket, why: l3::Event) {
        if let Some(packet) = self.packets.get_mut(ticket.0 as usize) {
            packet.dropped = Some((now, why));
        }
    }

    fn keep(&mut self, now: Instant, what: What, why: Why) -> Ticket {
        if now < self.from || now >= self.until {
            return Ticket::NONE;
        }
        let (connection, from) = self.turn;
        let Some(talk) = self.connections.get_mut(&connection) else { return Ticket::NONE };
        if self.packets.len() >= self.most {
            self.left_out += 1;
            return Ticket::NONE;
        }
        talk.is_kept = true;
        let (arrived, dropped) = ([None; 2], None);
        self.packets.push(Packet { left: now, connection, from, what, why, arrived, dropped });
        u32::try_from(self.packets.len() - 1).map_or(Ticket::NONE, Ticket)
    }

    fn found_loss(&mut self, how: Why) {
        let (connection, side) = self.turn;
        if let Some(talk) = self.connections.get_mut(&connection) {
            talk.losses[side as usize] = how;
        }
    }

    fn why_again(&self) -> Why {
        if self.pending == Why::TailProbe {
            return Why::TailProbeAgain;
        }
        let (connection, side) = self.turn;
        self.connections.get(&connection).map_or(Why::LossFound, |talk| talk.losses[side as usize])
    }
}

impl Talk {
    /// The messages of a range of a stream, each with where it stands relative to the range's
    /// first byte. `at` is where the range begins, modulo 2^32.
    pub(crate) fn messages(
        &self,
        side: Side,
        at: u32,
        bytes: u32,
    ) -> impl Iterator<Item = (i64, Message)> {
        let stream = &self.streams[side as usize];
        let begin = stream.position(at);
        let first =
            stream.messages.partition_point(|(start, message)| start + message.bytes() <= begin);
        let overlapping = stream.messages.range(first..);
        overlapping
            .take_while(move |(start, _)| *start < begin + u64::from(bytes))
            .map(move |(start, message)| (start.cast_signed() - begin.cast_signed(), *message))
    }
}

impl Stream {
    /// The last position before the end that has these 32 bits.
    const fn position(&self, at: u32) -> u64 {
        let whole = self.written & !(u32::MAX as u64);
        let position = whole | at as u64;
        if position > self.written && whole > 0 { position - (1 << 32) } else { position }
    }
}

impl Why {
    /// Whether it had been sent before.
    #[cfg(test)]
    pub(crate) const fn is_again(self) -> bool {
        matches!(self, Self::LossFound | Self::Timeout | Self::TailProbeAgain)
    }
}
