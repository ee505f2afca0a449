//! How a connection begins (RFC 9293, 3.5), and how long that is tried.

use alloc::sync::Arc;

use base::Instant;
use event::{Scope, Sink, l4};

use super::congestion::Congestion;
use super::delayed_ack::DelayedAck;
use super::endpoint::{Bits, End, Endpoint, State, news, wishes};
use super::flight::Flight;
use super::profile::Profile;
use super::rack::Rack;
use super::receive::Receive;
use super::recovery::Recovery;
use super::rto::Rto;
use super::segment::{Flags, Segment};
use super::seq;
use super::tail_probe::TailProbe;
use super::timers::Timers;

impl Endpoint {
    /// Wants to connect. `initial` is its initial sequence number: who draws it decides how hard it
    /// is to guess (RFC 6528).
    pub fn connect(now: Instant, profile: Arc<Profile>, scope: Scope, initial: u32) -> Self {
        Self::new(now, profile, scope, initial, State::SynSent)
    }

    /// Answers a SYN.
    pub fn accept(
        now: Instant,
        profile: Arc<Profile>,
        scope: Scope,
        initial: u32,
        syn: &Segment,
    ) -> Self {
        let mut endpoint = Self::new(now, profile, scope, initial, State::SynReceived);
        endpoint.meet(syn);
        endpoint
    }

    fn new(now: Instant, profile: Arc<Profile>, scope: Scope, initial: u32, state: State) -> Self {
        let first = seq::origin(initial) + 1;
        let mut endpoint = Self {
            scope,
            state,
            news: Bits::default(),
            wishes: wishes::SYN,
            why: End::Closed,
            is_closing: false,
            is_orphan: false,
            is_limited: false,
            mss: u16::try_from(profile.mss).unwrap_or(u16::MAX),
            retries: 0,
            end: first,
            edge: first,
            window_seq: 0,
            window_ack: 0,
            widest: 0,
            flight: Flight::new(first),
            congestion: Congestion::new(&profile),
            recovery: Recovery::new(),
            rto: Rto::default(),
            rack: Rack::new(),
            tail: TailProbe::default(),
            timers: Timers::new(),
            receive: Receive::new(0),
            ack: DelayedAck::new(&profile),
            heard: now,
            progress: now,
            profile,
        };
        endpoint.timers.retransmit = now + endpoint.rto.timeout(&endpoint.profile);
        endpoint
    }

    /// The SYN, or the answer to it, if it is to be sent.
    pub(super) fn next_handshake(&mut self, now: Instant) -> Option<Segment> {
        self.wishes.take(wishes::SYN).then(|| {
            let seq = seq::wire(self.flight.una - 1);
            let flags = match self.state {
                State::SynSent => Flags::SYN,
                _ => Flags::SYN_ACK,
            };
            Segment { seq, flags, ..self.blank(now) }
        })
    }

    /// A segment in answer to SYN (RFC 9293, 3.10.7.3).
    pub(super) fn on_answer(&mut self, now: Instant, segment: &Segment, sink: &mut impl Sink) {
        let has_ack = segment.flags.has(Flags::ACK);
        let is_ours = has_ack && segment.ack == seq::wire(self.flight.una);
        if has_ack && !is_ours {
            return self.reset_stray(segment);
        }
        if segment.flags.has(Flags::RST) {
            if is_ours {
                self.finish(now, End::Refused, sink);
            }
            return;
        }
        if !segment.flags.has(Flags::SYN) {
            return;
        }
        self.meet(segment);
        if is_ours {
            self.establish(now, segment, sink);
            self.ack.on_demand();
        } else {
            // Both have called each other at once.
            self.state = State::SynReceived;
            self.wishes.add(wishes::SYN);
        }
    }

    /// The handshake is complete.
    pub(super) fn establish(&mut self, now: Instant, segment: &Segment, sink: &mut impl Sink) {
        let took = now.since(self.progress);
        let is_client = self.state == State::SynSent;
        if self.retries == 0 {
            self.rto.measured(took);
        } else {
            self.forget_syn_loss(now, segment);
        }
        self.retries = 0;
        self.heard = now;
        self.progress = now;
        self.timers.retransmit = Instant::NEVER;
        self.move_edge(segment, self.flight.una);
        self.state = if self.is_closing { State::FinWait1 } else { State::Established };
        self.watch_idleness(now);
        self.news.add(news::CONNECTED);
        let event = if is_client { l4::Event::Connected { took } } else { l4::Event::Accepted };
        self.emit(now, event, sink);
    }

    /// Nobody answered in time.
    pub(super) fn on_handshake_timeout(&mut self, now: Instant, sink: &mut impl Sink) {
        let most = match self.state {
            State::SynSent => self.profile.syn_retries,
            _ => self.profile.syn_ack_retries,
        };
        if self.retries >= most || self.is_user_timeout(now) {
            return self.finish(now, End::TimedOut, sink);
        }
        self.retry_handshake(now, sink);
    }

    /// The peer calls once more: our answer has not arrived, or not yet. If it has just left, for a
    /// timeout or for another SYN, no second one is needed.
    pub(super) fn on_repeated_syn(&mut self, now: Instant, sink: &mut impl Sink) {
        if self.heard != now {
            self.retry_handshake(now, sink);
        }
    }

    fn retry_handshake(&mut self, now: Instant, sink: &mut impl Sink) {
        self.heard = now;
        self.retries = self.retries.saturating_add(1);
        self.rto.doublings = self.rto.doublings.saturating_add(1);
        self.timers.retransmit = self.patience(now);
        self.wishes.add(wishes::SYN);
        self.emit(now, l4::Event::SynRetried { retry: self.retries }, sink);
    }

    /// The peer has said where its sequence begins.
    fn meet(&mut self, segment: &Segment) {
        self.receive = Receive::new(seq::origin(segment.seq) + 1);
        self.receive.window(self.profile.receive_buffer);
        self.receive.timestamp = segment.timestamp;
        self.window_seq = segment.seq;
    }

    /// What is left of a lost SYN: a shorter beginning (RFC 5681, 3.1), a longer timeout (RFC
    /// 6298, 5.7), unless a timestamp says how long the round trip was.
    fn forget_syn_loss(&mut self, now: Instant, segment: &Segment) {
        if self.retries > self.profile.syn_losses_forgiven {
            self.congestion.window = self.profile.mss;
        }
        self.rto.doublings = 0;
        self.rto.syn_was_lost = true;
        if let Some(round_trip) = self.echoed(now, segment) {
            self.rto.measured(round_trip);
        }
    }

    fn reset_stray(&mut self, segment: &Segment) {
        if !segment.flags.has(Flags::RST) {
            self.window_ack = segment.ack;
            self.wishes.add(wishes::STRAY_RESET);
        }
    }
}
