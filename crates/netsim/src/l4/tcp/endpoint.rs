//! One end of one connection.

use alloc::sync::Arc;

use base::{Duration, Instant};
use event::{Event, Scope, Sink, l4};

use super::congestion::Congestion;
use super::delayed_ack::DelayedAck;
use super::flight::Flight;
use super::profile::Profile;
use super::rack::Rack;
use super::receive::Receive;
use super::recovery::Recovery;
use super::rto::Rto;
use super::segment::Segment;
use super::tail_probe::TailProbe;
use super::timers::Timers;

/// One end of one connection.
///
/// Drive it in this order: [`Endpoint::handle`] with what happened, then [`Endpoint::poll_output`]
/// until there is nothing more, then look at [`Endpoint::next_deadline`]. A deadline that moved
/// later needs no new timer: an early [`Input::Timer`] does nothing.
///
/// As long as it owes the peer or the application anything, there is an output or a deadline: it
/// never waits for nothing.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub(super) profile: Arc<Profile>,
    pub(super) scope: Scope,
    pub(super) state: State,
    pub(super) news: Bits,
    pub(super) wishes: Bits,
    /// Why it ended, once it has.
    pub(super) why: End,
    /// FIN follows the last byte.
    pub(super) is_closing: bool,
    /// Nobody reads it any more.
    pub(super) is_orphan: bool,
    /// The congestion window was in the way of more.
    pub(super) is_limited: bool,
    /// The most payload that the way to the peer takes.
    pub(super) mss: u16,
    /// Tries in a row that nobody answered.
    pub(super) retries: u8,
    /// The end of what was written.
    pub(super) end: u64,
    /// The first position that the peer does not let us send.
    pub(super) edge: u64,
    /// The segment that moved the edge last: SND.WL1 and SND.WL2.
    pub(super) window_seq: u32,
    pub(super) window_ack: u32,
    /// The widest window that the peer ever offered.
    pub(super) widest: u32,
    pub(super) flight: Flight,
    pub(super) congestion: Congestion,
    pub(super) recovery: Recovery,
    pub(super) rto: Rto,
    pub(super) rack: Rack,
    pub(super) tail: TailProbe,
    pub(super) timers: Timers,
    pub(super) receive: Receive,
    pub(super) ack: DelayedAck,
    /// When the peer last said something; before the connection stands, when our SYN left last.
    pub(super) heard: Instant,
    /// When the peer last acknowledged something new, or something left after silence.
    pub(super) progress: Instant,
}

/// What happens to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Input<'a> {
    /// A segment of its connection arrived.
    Segment(&'a Segment),
    /// It is its deadline, or later.
    Timer,
    /// The application writes so many bytes.
    Write(u64),
    /// The application has read so many bytes.
    Read(u32),
    /// The application writes no more, but still reads: a half close.
    Shutdown,
    /// The application neither writes nor reads any more.
    Close,
    /// The application wants no more of it at all.
    Abort,
    /// A router says that there is no way to the peer (RFC 1122, 4.2.3.9).
    Unreachable,
    /// A router says that its link takes no more than so many bytes at once (RFC 1191). If nobody
    /// says so, what is too big is lost each time: a black hole.
    TooBig(u32),
}

/// What an endpoint wants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Output {
    /// This goes to the peer.
    Send(Segment),
    /// The connection stands.
    Connected,
    /// So many more bytes have arrived in order. They fill the window until [`Input::Read`].
    Delivered(u32),
    /// The peer writes no more.
    PeerClosed,
    /// The connection has ended for the application.
    Ended(End),
    /// The endpoint may be forgotten, and its port used again.
    Gone,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Both sides have closed, and everything has arrived.
    Closed,
    /// Nobody listens there.
    Refused,
    /// The peer reset it.
    Reset,
    /// The peer was silent for too long.
    TimedOut,
    /// There was no way to the peer.
    Unreachable,
    /// We gave it up.
    Aborted,
}

/// RFC 9293, 3.3.2, without LISTEN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits for the answer to SYN.
    SynSent,
    /// Has answered SYN, and waits for the acknowledgement.
    SynReceived,
    /// Data flows.
    Established,
    /// Has closed; the peer has neither acknowledged that nor closed.
    FinWait1,
    /// Has closed; the peer has acknowledged that.
    FinWait2,
    /// The peer has closed.
    CloseWait,
    /// Both have closed at once.
    Closing,
    /// The peer closed first, then we did.
    LastAck,
    /// Answers what the network still holds.
    TimeWait,
    /// It is over.
    Closed,
}

/// A few yes-or-no things in a byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits(u8);

/// What the application is to be told.
pub(super) mod news {
    use super::Bits;

    pub(in super::super) const CONNECTED: Bits = Bits(1);
    pub(in super::super) const PEER_CLOSED: Bits = Bits(2);
    pub(in super::super) const ENDED: Bits = Bits(4);
    pub(in super::super) const GONE: Bits = Bits(8);
}

/// What is to be sent besides data.
pub(super) mod wishes {
    use super::Bits;

    /// SYN, or SYN and ACK.
    pub(in super::super) const SYN: Bits = Bits(1);
    /// A reset.
    pub(in super::super) const RESET: Bits = Bits(2);
    /// A reset for a segment that is not of this connection: at `window_ack`.
    pub(in super::super) const STRAY_RESET: Bits = Bits(4);
    /// A lost segment, whatever the window says.
    pub(in super::super) const LOST: Bits = Bits(8);
    /// A tail loss probe.
    pub(in super::super) const TAIL: Bits = Bits(16);
    /// A segment that the peer has to answer.
    pub(in super::super) const ANSWER: Bits = Bits(32);
    /// What fits in the peer's window, small as it is.
    pub(in super::super) const SMALL: Bits = Bits(64);
}

impl Endpoint {
    /// Something happened. Outputs are due: [`Endpoint::poll_output`].
    #[inline]
    pub fn handle(&mut self, now: Instant, input: Input<'_>, sink: &mut impl Sink) {
        match input {
            Input::Segment(segment) => self.on_segment(now, segment, sink),
            Input::Timer => self.on_timer(now, sink),
            Input::Write(bytes) => self.write(bytes),
            Input::Read(bytes) => self.read(bytes),
            Input::Shutdown => self.shutdown(),
            Input::Close => self.close(now),
            Input::Abort => self.abort(now, sink),
            Input::Unreachable => self.on_unreachable(now, sink),
            Input::TooBig(mtu) => self.on_too_big(mtu),
        }
    }

    /// The next thing it wants, until there is nothing more.
    #[inline]
    pub fn poll_output(&mut self, now: Instant, sink: &mut impl Sink) -> Option<Output> {
        if let Some(reset) = self.next_reset() {
            return Some(Output::Send(reset));
        }
        if let Some(news) = self.next_news() {
            return Some(news);
        }
        self.next_segment(now, sink).map(Output::Send)
    }

    /// When to tell it the time; [`Instant::NEVER`] if it waits for others.
    #[inline]
    pub fn next_deadline(&self) -> Instant {
        self.timers.next().min(self.ack.due_at)
    }

    /// Gives back the room that it keeps for the next data: worth it for a connection that will be
    /// idle for long, one of a million.
    pub fn rest(&mut self) {
        self.flight.rest();
        self.receive.rest();
    }

    /// Where the connection is.
    pub const fn state(&self) -> State {
        self.state
    }

    /// Bytes written that the peer has not acknowledged, sent or not.
    pub const fn unacknowledged(&self) -> u64 {
        self.end.saturating_sub(self.flight.una)
    }

    /// Bytes written and not sent.
    pub const fn unsent(&self) -> u64 {
        self.end.saturating_sub(self.flight.next)
    }

    /// The congestion window in bytes.
    pub const fn congestion_window(&self) -> u32 {
        self.congestion.window
    }

    /// The smoothed round trip, once there is one.
    pub fn round_trip(&self) -> Option<Duration> {
        self.rto.smoothed()
    }

    /// The retransmission timeout as it stands.
    pub fn retransmission_timeout(&self) -> Duration {
        self.rto.timeout(&self.profile)
    }

    pub(super) fn emit(&self, now: Instant, event: l4::Event, sink: &mut impl Sink) {
        sink.emit(now, self.scope, Event::L4(event));
    }

    fn write(&mut self, bytes: u64) {
        if !self.is_closing && self.state != State::Closed {
            self.end += bytes;
        }
    }

    fn read(&mut self, bytes: u32) {
        self.receive.read(bytes);
        if self.receive.is_window_worth_telling(self.profile.receive_buffer) {
            self.ack.on_demand();
        }
    }

    #[inline]
    fn next_news(&mut self) -> Option<Output> {
        if self.news.take(news::CONNECTED) {
            return Some(Output::Connected);
        }
        let delivered = self.receive.take_untold();
        if delivered > 0 {
            return Some(Output::Delivered(delivered));
        }
        if self.news.is_empty() {
            return None;
        }
        if self.news.take(news::PEER_CLOSED) {
            return Some(Output::PeerClosed);
        }
        if self.news.take(news::ENDED) {
            return Some(Output::Ended(self.why));
        }
        self.news.take(news::GONE).then_some(Output::Gone)
    }
}

impl Bits {
    #[inline]
    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[inline]
    pub(super) const fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether it was set. It no longer is.
    #[inline]
    pub(super) const fn take(&mut self, other: Self) -> bool {
        let was = self.0 & other.0 != 0;
        self.0 &= !other.0;
        was
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_connections_with_both_ends_fit_in_a_gibibyte() {
        // Both ends, and nothing else while they rest: 656 bytes of the 1,073 that there are.
        assert!(size_of::<Endpoint>() <= 328, "{} bytes", size_of::<Endpoint>());
    }
}
