//! What a segment does to an endpoint (RFC 9293, 3.10.7.4).

use base::Instant;
use event::Sink;

use super::endpoint::{End, Endpoint, State, news, wishes};
use super::segment::{Flags, Segment};
use super::seq;

impl Endpoint {
    #[inline]
    pub(super) fn on_segment(&mut self, now: Instant, segment: &Segment, sink: &mut impl Sink) {
        match self.state {
            State::Closed => {}
            State::SynSent => self.on_answer(now, segment, sink),
            _ => self.on_segment_of_connection(now, segment, sink),
        }
    }

    fn on_segment_of_connection(&mut self, now: Instant, segment: &Segment, sink: &mut impl Sink) {
        let start = seq::position(self.receive.next, segment.seq);
        if segment.flags.has(Flags::RST) {
            return self.on_reset(now, start, sink);
        }
        if segment.flags.has(Flags::SYN) {
            return self.on_late_syn(now, start, segment, sink);
        }
        if !segment.flags.has(Flags::ACK) {
            return;
        }
        self.note_heard(now, start, segment);
        if self.state == State::SynReceived && !self.is_handshake_done(now, segment, sink) {
            return;
        }
        self.on_ack(now, segment, sink);
        if self.state != State::Closed {
            self.on_payload(now, start, segment, sink);
        }
    }

    fn on_payload(&mut self, now: Instant, start: u64, segment: &Segment, sink: &mut impl Sink) {
        let end = start + u64::from(segment.len);
        if segment.len > 0 {
            if self.is_orphan && end > self.receive.next {
                return self.refuse_data(now, sink);
            }
            let arrival = self.receive.arrive(start, end);
            let has_gap = self.receive.has_gap();
            self.ack.on_data(now, &self.profile, segment.len, arrival, has_gap);
        } else if start + u64::from(self.ack.pending()) < self.receive.next {
            // A question: is anybody there, is there room?
            self.ack.on_demand();
        }
        if segment.flags.has(Flags::FIN) {
            self.receive.on_fin(end);
            self.ack.on_demand();
            self.wait_again(now);
        }
        if self.receive.take_fin() {
            self.on_peer_closed(now, sink);
        }
    }

    /// The peer's word counts as a sign of life, and its clock is echoed (RFC 7323, 4.3).
    #[inline]
    fn note_heard(&mut self, now: Instant, start: u64, segment: &Segment) {
        self.heard = now;
        if self.flight.is_empty() {
            self.retries = 0;
        }
        if start + u64::from(self.ack.pending()) <= self.receive.next && segment.timestamp != 0 {
            self.receive.timestamp = segment.timestamp;
        }
    }

    fn is_handshake_done(&mut self, now: Instant, segment: &Segment, sink: &mut impl Sink) -> bool {
        let is_ours = segment.ack == seq::wire(self.flight.una);
        if is_ours {
            self.establish(now, segment, sink);
        } else {
            self.window_ack = segment.ack;
            self.wishes.add(wishes::STRAY_RESET);
        }
        is_ours
    }

    /// Only the exact position resets; one nearby is asked to say it again (RFC 5961, 3.2).
    fn on_reset(&mut self, now: Instant, start: u64, sink: &mut impl Sink) {
        if start == self.receive.next {
            let refused = self.state == State::SynReceived;
            self.finish(now, if refused { End::Refused } else { End::Reset }, sink);
        } else if start > self.receive.next {
            self.ack.on_demand();
        }
    }

    /// Our answer to it was lost, or both have called at once (RFC 9293, 3.5), or it is an old one
    /// (RFC 5961, 4.2).
    fn on_late_syn(&mut self, now: Instant, start: u64, segment: &Segment, sink: &mut impl Sink) {
        if self.state != State::SynReceived || start + 1 != self.receive.next {
            return self.ack.on_demand();
        }
        if segment.flags.has(Flags::ACK) && segment.ack == seq::wire(self.flight.una) {
            self.establish(now, segment, sink);
            self.ack.on_demand();
        } else {
            self.on_repeated_syn(now, sink);
        }
    }

    fn on_peer_closed(&mut self, now: Instant, sink: &mut impl Sink) {
        self.ack.on_demand();
        self.news.add(news::PEER_CLOSED);
        match self.state {
            State::Established => self.state = State::CloseWait,
            State::FinWait1 => self.state = State::Closing,
            State::FinWait2 => self.wait_out(now, sink),
            _ => {}
        }
    }
}
