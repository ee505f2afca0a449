//! How a connection ends (RFC 9293, 3.6): in good order, by a reset, or by silence.

use base::Instant;
use event::{Cause, Sink, l4};

use super::endpoint::{End, Endpoint, State, news, wishes};
use super::flight::Flight;
use super::timers::Timers;

impl Endpoint {
    /// FIN after the last byte.
    pub(super) fn shutdown(&mut self) {
        let next = match self.state {
            State::Established => State::FinWait1,
            State::CloseWait => State::LastAck,
            state => state,
        };
        self.state = next;
        self.is_closing = true;
    }

    /// FIN after the last byte, and nobody waits for the peer's data any more.
    pub(super) fn close(&mut self, now: Instant) {
        if self.state == State::SynSent {
            self.state = State::Closed;
            return self.forget(End::Aborted);
        }
        self.shutdown();
        self.is_orphan = true;
        if self.state == State::FinWait2 {
            self.timers.idle = now + self.profile.fin_wait;
        }
    }

    /// RFC 9293, 3.10.5.
    pub(super) fn abort(&mut self, now: Instant, sink: &mut impl Sink) {
        match self.state {
            State::Closed => {}
            State::SynSent | State::TimeWait => self.finish(now, End::Aborted, sink),
            _ => {
                self.wishes.add(wishes::RESET);
                self.finish(now, End::Aborted, sink);
            }
        }
    }

    /// Data for somebody who has left: it is lost, and the peer must know (RFC 1122, 4.2.2.13).
    pub(super) fn refuse_data(&mut self, now: Instant, sink: &mut impl Sink) {
        self.abort(now, sink);
    }

    /// A handshake is given up; a connection that stands goes on (RFC 1122, 4.2.3.9).
    pub(super) fn on_unreachable(&mut self, now: Instant, sink: &mut impl Sink) {
        if matches!(self.state, State::SynSent | State::SynReceived) {
            self.finish(now, End::Unreachable, sink);
        }
    }

    /// Our FIN has arrived.
    pub(super) fn on_fin_acknowledged(&mut self, now: Instant, sink: &mut impl Sink) {
        match self.state {
            State::FinWait1 => {
                self.state = State::FinWait2;
                if self.is_orphan {
                    self.timers.idle = now + self.profile.fin_wait;
                }
            }
            State::Closing => self.wait_out(now, sink),
            State::LastAck => self.finish(now, End::Closed, sink),
            _ => {}
        }
    }

    /// Over for the application; what the network still holds is answered for a while.
    pub(super) fn wait_out(&mut self, now: Instant, sink: &mut impl Sink) {
        self.state = State::TimeWait;
        self.why = End::Closed;
        self.news.add(news::ENDED);
        self.timers = Timers::new();
        self.timers.idle = now + self.profile.time_wait;
        self.flight = Flight::new(self.flight.next);
        self.emit(now, l4::Event::Closed, sink);
    }

    /// The peer has not got our last acknowledgement.
    pub(super) fn wait_again(&mut self, now: Instant) {
        if self.state == State::TimeWait {
            self.timers.idle = now + self.profile.time_wait;
        }
    }

    /// Over.
    pub(super) fn finish(&mut self, now: Instant, why: End, sink: &mut impl Sink) {
        if let Some(event) = ended(why, self.state) {
            self.emit(now, event, sink);
        }
        if self.state == State::TimeWait {
            self.news.add(news::GONE);
        } else {
            self.forget(why);
        }
        self.state = State::Closed;
    }

    fn forget(&mut self, why: End) {
        self.why = why;
        self.news.add(news::ENDED);
        self.news.add(news::GONE);
        self.timers = Timers::new();
        self.ack.on_sent(false);
        self.flight = Flight::new(self.flight.next);
    }
}

/// What to report about an end. Only the caller has failed to connect; who was called has lost
/// nothing that stood.
fn ended(why: End, state: State) -> Option<l4::Event> {
    let failed = |cause| (state == State::SynSent).then_some(l4::Event::ConnectFailed { cause });
    match why {
        End::Closed => Some(l4::Event::Closed),
        End::Refused => failed(Cause::Refused),
        End::Unreachable => failed(Cause::Unreachable),
        End::TimedOut if state == State::SynReceived => None,
        End::TimedOut => failed(Cause::ConnectTimeout).or(Some(l4::Event::GivenUp)),
        End::Reset => Some(l4::Event::Reset),
        End::Aborted => None,
    }
}
