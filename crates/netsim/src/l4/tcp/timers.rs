//! What an endpoint does because time has passed.

use base::{Duration, Instant};
use event::{Sink, l4};

use super::endpoint::{End, Endpoint, State, news, wishes};
use super::profile::Detection;
use super::recovery::Phase;
use super::tail_probe;

/// When something is due. Delayed acknowledgements keep their own time.
#[derive(Clone, Debug)]
pub(super) struct Timers {
    /// The retransmission timeout, of the handshake too.
    pub(super) retransmit: Instant,
    /// A smaller step before it, one at a time.
    probe: Instant,
    kind: Probe,
    /// Keepalive, TIME_WAIT, or the wait for the peer's FIN: by the state.
    pub(super) idle: Instant,
}

/// What the smaller step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// Is the last data there?
    Tail,
    /// Has what may be late had its time?
    Reordering,
    /// Is there room again?
    Window,
}

impl Timers {
    pub(super) const fn new() -> Self {
        let never = Instant::NEVER;
        Self { retransmit: never, probe: never, kind: Probe::Tail, idle: never }
    }

    #[inline]
    pub(super) fn next(&self) -> Instant {
        self.retransmit.min(self.probe).min(self.idle)
    }

    #[inline]
    pub(super) fn arm_probe(&mut self, at: Instant, kind: Probe) {
        (self.probe, self.kind) = (at, kind);
    }

    #[inline]
    pub(super) fn stop_probe(&mut self) {
        self.probe = Instant::NEVER;
    }

    /// Whether this is what is armed.
    #[inline]
    pub(super) fn is_probe(&self, kind: Probe) -> bool {
        self.probe != Instant::NEVER && self.kind == kind
    }

    fn take_probe(&mut self, now: Instant) -> Option<Probe> {
        let is_due = self.probe <= now;
        if is_due {
            self.stop_probe();
        }
        is_due.then_some(self.kind)
    }
}

impl Endpoint {
    pub(super) fn on_timer(&mut self, now: Instant, sink: &mut impl Sink) {
        if self.ack.due_at <= now {
            self.ack.due_at = Instant::NEVER;
            self.ack.on_demand();
        }
        match self.timers.take_probe(now) {
            Some(Probe::Tail) => self.on_tail_timeout(now),
            Some(Probe::Reordering) => self.find_losses(now, sink),
            Some(Probe::Window) => self.on_window_timeout(now, sink),
            None => {}
        }
        if self.timers.retransmit <= now {
            match self.state {
                State::SynSent | State::SynReceived => self.on_handshake_timeout(now, sink),
                _ => self.on_retransmission_timeout(now, sink),
            }
        }
        if self.timers.idle <= now {
            self.on_idle_timeout(now, sink);
        }
    }

    /// When the next retransmission timeout ends, not later than the user's own.
    pub(super) fn patience(&self, now: Instant) -> Instant {
        let timeout = now + self.rto.timeout(&self.profile);
        match self.profile.user_timeout {
            Some(most) => timeout.min((self.progress + most).max(now)),
            None => timeout,
        }
    }

    pub(super) fn is_user_timeout(&self, now: Instant) -> bool {
        self.profile.user_timeout.is_some_and(|most| now.since(self.progress) >= most)
    }

    /// After an acknowledgement (RFC 6298, 5.2 and 5.3).
    #[inline]
    pub(super) fn rearm(&mut self, now: Instant, has_progress: bool) {
        if self.flight.is_empty() {
            self.timers.retransmit = Instant::NEVER;
            if !self.timers.is_probe(Probe::Window) {
                self.timers.stop_probe();
            }
        } else if has_progress {
            self.timers.retransmit = self.patience(now);
            self.arm_tail_probe(now);
        }
    }

    /// RFC 8985, 7.2: not in a recovery, not after a gap, one at a time, not after the timeout.
    #[inline]
    pub(super) fn arm_tail_probe(&mut self, now: Instant) {
        let is_possible = self.profile.tail_probe
            && self.recovery.phase == Phase::Open
            && self.flight.sacked() == 0
            && !self.tail.is_out();
        if is_possible {
            let is_single = self.flight.size() <= self.profile.mss;
            let wait = tail_probe::wait(self.rto.smoothed(), is_single, &self.profile);
            self.timers.arm_probe((now + wait).min(self.timers.retransmit), Probe::Tail);
        } else if self.timers.is_probe(Probe::Tail) {
            self.timers.stop_probe();
        }
    }

    /// There is data, and the peer takes none of it (RFC 9293, 3.8.6.1).
    pub(super) fn await_window(&mut self) {
        if self.flight.is_empty() && !self.timers.is_probe(Probe::Window) {
            self.timers.arm_probe(self.progress + self.rto.timeout(&self.profile), Probe::Window);
        }
    }

    /// RFC 8985, 7.3: the retransmission timeout begins again.
    fn on_tail_timeout(&mut self, now: Instant) {
        self.wishes.add(wishes::TAIL);
        self.timers.retransmit = self.patience(now);
    }

    fn on_window_timeout(&mut self, now: Instant, sink: &mut impl Sink) {
        let silence = now.since(self.heard);
        let is_over = self.profile.user_timeout.is_some_and(|most| silence >= most);
        if self.retries > self.profile.data_retries || is_over {
            return self.finish(now, End::TimedOut, sink);
        }
        self.retries += 1;
        self.rto.doublings = self.rto.doublings.saturating_add(1);
        self.timers.arm_probe(now + self.rto.timeout(&self.profile), Probe::Window);
        let has_room = self.edge > self.flight.next;
        self.wishes.add(if has_room { wishes::SMALL } else { wishes::ANSWER });
        self.emit(now, l4::Event::WindowProbed, sink);
    }

    /// RFC 6298, 5.4 to 5.6, and RFC 5681, 3.1.
    fn on_retransmission_timeout(&mut self, now: Instant, sink: &mut impl Sink) {
        if self.flight.is_empty() {
            self.timers.retransmit = Instant::NEVER;
            return;
        }
        if self.retries >= self.profile.data_retries || self.is_user_timeout(now) {
            return self.finish(now, End::TimedOut, sink);
        }
        self.emit(now, l4::Event::Stalled { waited: self.rto.timeout(&self.profile) }, sink);
        let (mss, in_flight) = (self.profile.mss, self.flight.size());
        let is_first = self.recovery.phase == Phase::Open;
        self.congestion.on_timeout(in_flight, mss, is_first);
        self.recovery.begin(Phase::Timeout, self.flight.next);
        self.lose_on_timeout(now);
        self.tail.clear();
        self.timers.stop_probe();
        self.retries += 1;
        self.rto.doublings = self.rto.doublings.saturating_add(1);
        self.timers.retransmit = self.patience(now);
        self.wishes.add(wishes::LOST);
    }

    fn lose_on_timeout(&mut self, now: Instant) {
        let mss = self.profile.mss;
        match self.profile.detection {
            Detection::Sack => _ = self.flight.lose_if(|_| true),
            Detection::Rack => {
                let window = self.reordering_window();
                self.rack.lose_on_timeout(now, window, &mut self.flight, mss);
            }
        }
    }

    /// Begins to watch whether the peer is silent, if it is to be watched.
    pub(super) fn watch_idleness(&mut self, now: Instant) {
        if let Some(keepalive) = self.profile.keepalive {
            self.timers.idle = now + keepalive.idle;
        }
    }

    fn on_idle_timeout(&mut self, now: Instant, sink: &mut impl Sink) {
        self.timers.idle = Instant::NEVER;
        match self.state {
            State::TimeWait => {
                self.state = State::Closed;
                self.news.add(news::GONE);
            }
            State::FinWait2 if self.is_orphan => self.finish(now, End::TimedOut, sink),
            _ => self.ask_idle_peer(now, sink),
        }
    }

    /// RFC 9293, 3.8.4. While data is under way, the retransmission timeout does that.
    fn ask_idle_peer(&mut self, now: Instant, sink: &mut impl Sink) {
        let Some(keepalive) = self.profile.keepalive else {
            return;
        };
        let asks_at = self.heard + keepalive.idle;
        if asks_at > now {
            self.timers.idle = asks_at;
            return;
        }
        self.timers.idle = now + keepalive.interval.max(Duration::from_millis(1));
        if !self.flight.is_empty() {
            return;
        }
        if self.retries >= keepalive.probes {
            return self.finish(now, End::TimedOut, sink);
        }
        self.retries += 1;
        self.wishes.add(wishes::ANSWER);
        self.emit(now, l4::Event::KeepaliveProbed, sink);
    }
}
