//! What an endpoint sends, and when it may (RFC 9293, 3.8.6; RFC 6675, 5).

use base::Instant;
use event::{Sink, l4};

use super::endpoint::{Endpoint, State, wishes};
use super::recovery::Phase;
use super::segment::{Flags, HEADERS, Segment, TIMESTAMPS};
use super::seq;
use super::timers::Probe;

impl Endpoint {
    #[inline]
    pub(super) fn next_reset(&mut self) -> Option<Segment> {
        if self.wishes.is_empty() {
            return None;
        }
        if self.wishes.take(wishes::STRAY_RESET) {
            return Some(Segment { seq: self.window_ack, flags: Flags::RST, ..Segment::default() });
        }
        self.wishes.take(wishes::RESET).then(|| {
            let (seq, ack) = (seq::wire(self.flight.next), seq::wire(self.receive.next));
            Segment { seq, ack, flags: Flags::RST_ACK, ..Segment::default() }
        })
    }

    #[inline]
    pub(super) fn next_segment(&mut self, now: Instant, sink: &mut impl Sink) -> Option<Segment> {
        match self.state {
            State::Closed => None,
            State::SynSent | State::SynReceived => self.next_handshake(now),
            _ => self
                .next_lost(now, sink)
                .or_else(|| self.next_tail_probe(now, sink))
                .or_else(|| self.next_new(now, false))
                .or_else(|| self.next_question(now))
                .or_else(|| self.next_ack(now)),
        }
    }

    /// What is lost, as far as the window lets it.
    #[inline]
    fn next_lost(&mut self, now: Instant, sink: &mut impl Sink) -> Option<Segment> {
        if self.flight.lost() == 0 {
            return None;
        }
        let room = self.room();
        let is_first = self.wishes.take(wishes::LOST);
        let would_be = self.flight.pipe() + self.flight.lost().min(room);
        if !is_first && would_be > self.congestion.window {
            return None;
        }
        let (start, span) = self.flight.resend_lost(now, room)?;
        self.note_resent(now, span, sink);
        Some(self.data(now, start, span))
    }

    /// One segment that makes the peer say what it has: new data if there is any (RFC 8985, 7.3).
    fn next_tail_probe(&mut self, now: Instant, sink: &mut impl Sink) -> Option<Segment> {
        if self.wishes.is_empty() || !self.wishes.take(wishes::TAIL) || self.flight.is_empty() {
            return None;
        }
        self.emit(now, l4::Event::TailProbed, sink);
        if let Some(segment) = self.next_new(now, true) {
            self.tail.on_sent(self.flight.next, false);
            self.timers.stop_probe();
            return Some(segment);
        }
        let (start, span) = self.flight.resend_last(now, self.room())?;
        self.tail.on_sent(self.flight.next, true);
        self.note_resent(now, span, sink);
        Some(self.data(now, start, span))
    }

    fn note_resent(&mut self, now: Instant, bytes: u32, sink: &mut impl Sink) {
        self.emit(now, l4::Event::Retransmitted { bytes }, sink);
        if self.timers.retransmit == Instant::NEVER {
            self.timers.retransmit = self.patience(now);
        }
    }

    /// New data, as far as both windows let it. `is_probe` goes beyond the congestion window.
    #[inline]
    fn next_new(&mut self, now: Instant, is_probe: bool) -> Option<Segment> {
        let next = self.flight.next;
        let unsent = self.end.saturating_sub(next);
        let wants_fin = self.is_closing && next <= self.end;
        if unsent == 0 && !wants_fin {
            self.is_limited = false;
            return None;
        }
        if self.flight.lost() > 0 && !is_probe {
            self.is_limited = true;
            return None;
        }
        if self.flight.is_empty() {
            self.on_leaving_silence(now);
        }
        let room = u64::from(self.room());
        let allowed = self.edge.saturating_sub(next);
        let len = unsent.min(room).min(allowed);
        let has_fin = wants_fin && len == unsent && allowed > len;
        if !self.is_worth_sending(len, unsent.min(room), has_fin) {
            self.is_limited = false;
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most a segment")]
        let len = len as u32;
        self.is_limited = !is_probe && self.flight.pipe() + len > self.congestion.window;
        if self.is_limited {
            return None;
        }
        let span = len + u32::from(has_fin);
        self.flight.send(now, span);
        self.on_new_sent(now);
        Some(self.data(now, next, span))
    }

    /// Small segments wait: for the window to open (RFC 9293, 3.8.6.2.1), or with Nagle for
    /// acknowledgements (RFC 896).
    #[inline]
    fn is_worth_sending(&mut self, len: u64, wanted: u64, has_fin: bool) -> bool {
        if len == 0 && !has_fin {
            self.await_window();
            return false;
        }
        if len == wanted && !self.profile.nagle {
            return true;
        }
        if len < wanted {
            let is_enough = len * 2 >= u64::from(self.widest);
            let is_overdue = self.wishes.take(wishes::SMALL);
            if !is_enough && !is_overdue {
                self.await_window();
            }
            return is_enough || is_overdue;
        }
        len >= u64::from(self.mss) || self.flight.is_empty() || has_fin
    }

    /// A question that the peer has to answer: it was acknowledged already (RFC 9293, 3.8.4 and
    /// 3.8.6.1).
    fn next_question(&mut self, now: Instant) -> Option<Segment> {
        if self.wishes.is_empty() || !self.wishes.take(wishes::ANSWER) {
            return None;
        }
        self.ack.on_sent(false);
        Some(Segment { seq: seq::wire(self.flight.una - 1), ..self.blank(now) })
    }

    #[inline]
    fn next_ack(&mut self, now: Instant) -> Option<Segment> {
        if !self.ack.is_due {
            return None;
        }
        self.ack.on_sent(false);
        Some(self.blank(now))
    }

    #[inline]
    fn on_new_sent(&mut self, now: Instant) {
        if self.timers.retransmit == Instant::NEVER {
            self.timers.retransmit = self.patience(now);
        }
        self.arm_tail_probe(now);
    }

    /// A range of what was written. FIN is its last position, if it reaches so far.
    #[inline]
    fn data(&mut self, now: Instant, start: u64, span: u32) -> Segment {
        self.ack.on_sent(true);
        let end = start + u64::from(span);
        let has_fin = end > self.end;
        let fin = if has_fin { Flags::FIN } else { Flags::default() };
        let push = if end >= self.end { Flags::PSH } else { Flags::default() };
        Segment {
            seq: seq::wire(start),
            len: span - u32::from(has_fin),
            flags: Flags::ACK | push | fin,
            ..self.blank(now)
        }
    }

    /// An acknowledgement and no more.
    #[inline]
    pub(super) fn blank(&mut self, now: Instant) -> Segment {
        let mut segment = Segment {
            seq: seq::wire(self.flight.next),
            ack: seq::wire(self.receive.next),
            window: self.receive.window(self.profile.receive_buffer),
            timestamp: self.clock(now),
            echo: if self.profile.timestamps { self.receive.timestamp } else { 0 },
            flags: Flags::ACK,
            ..Segment::default()
        };
        if self.receive.has_blocks() {
            segment.sack = self.receive.blocks();
        }
        segment
    }

    /// The most payload of the next segment: selective acknowledgements take from it.
    #[inline]
    fn room(&self) -> u32 {
        let blocks = if self.receive.has_blocks() { 28 } else { 0 };
        u32::from(self.mss).saturating_sub(blocks).max(1)
    }

    /// Smaller segments from now on; those under way were too big, which is no congestion (RFC
    /// 1191, 6.4).
    pub(super) fn on_too_big(&mut self, mtu: u32) {
        let options = if self.profile.timestamps { TIMESTAMPS } else { 0 };
        let most = mtu.saturating_sub(HEADERS + options).max(LEAST);
        let most = u16::try_from(most).unwrap_or(u16::MAX);
        if most < self.mss {
            self.mss = most;
            self.flight.lose_if(|_| true);
            self.wishes.add(wishes::LOST);
        }
    }

    fn on_leaving_silence(&mut self, now: Instant) {
        let (idle, timeout) = (now.since(self.progress), self.rto.timeout(&self.profile));
        if self.profile.idle_restart && idle > timeout && self.recovery.phase == Phase::Open {
            self.congestion.on_idle(idle, timeout, &self.profile);
        }
        if !self.timers.is_probe(Probe::Window) {
            self.progress = now;
        }
    }
}

/// Linux believes nobody who says less than 552 bytes (`min_pmtu`): it would be an easy attack.
const LEAST: u32 = 552 - HEADERS - TIMESTAMPS;
