//! What an acknowledgement says: what arrived, what is lost, how long it took, how much may follow.

use base::{Duration, Instant};
use event::{Sink, l4};

use super::endpoint::{Endpoint, wishes};
use super::flight::Sent;
use super::profile::Detection;
use super::recovery::{DUPLICATES, Phase};
use super::sack;
use super::segment::{Flags, Segment};
use super::seq;
use super::tail_probe::Verdict;
use super::timers::Probe;

/// What one acknowledgement has newly acknowledged.
#[derive(Clone, Copy, Debug, Default)]
struct News {
    /// Whether anything arrived that was not known to.
    any: bool,
    /// Whether any of it was sent more than once: its round trip is not known (Karn).
    again: bool,
    /// When the first of it left.
    first: Option<Instant>,
    /// The peer has something twice.
    twice: bool,
}

impl News {
    #[inline]
    fn note(&mut self, sent: Sent) {
        self.any = true;
        self.again |= sent.again;
        self.first = self.first.or(Some(sent.at));
    }
}

impl Endpoint {
    #[inline]
    pub(super) fn on_ack(&mut self, now: Instant, segment: &Segment, sink: &mut impl Sink) {
        let una = self.flight.una;
        let ack = seq::position(una, segment.ack);
        if ack > self.flight.next {
            return self.ack.on_demand();
        }
        let in_flight = self.flight.size();
        let is_duplicate = self.is_duplicate(ack, segment);
        self.take_edge(segment, ack);
        let news = self.take_arrivals(now, ack, segment);
        let acked = u32::try_from(self.flight.una - una).unwrap_or(u32::MAX);
        if acked > 0 {
            self.on_progress(now);
        } else if is_duplicate {
            self.recovery.duplicates = self.recovery.duplicates.saturating_add(1);
        }
        self.measure(now, acked, news, segment);
        if news.twice {
            self.rack.on_twice(self.flight.una, self.flight.next);
            self.emit(now, l4::Event::SentTwice, sink);
        }
        let is_bare = is_duplicate && segment.sack.is_empty();
        if self.tail.is_out() {
            self.judge_tail_probe(ack, news.twice, is_bare);
        }
        self.react(now, acked, in_flight, news.any, sink);
        self.rearm(now, acked > 0);
        if self.is_closing && self.flight.una > self.end {
            self.on_fin_acknowledged(now, sink);
        }
    }

    /// RFC 5681, 2.
    #[inline]
    fn is_duplicate(&self, ack: u64, segment: &Segment) -> bool {
        ack == self.flight.una
            && segment.len == 0
            && !self.flight.is_empty()
            && ack + u64::from(segment.window) == self.edge
            && !segment.flags.has(Flags::FIN)
    }

    #[inline]
    fn take_arrivals(&mut self, now: Instant, ack: u64, segment: &Segment) -> News {
        let mut news = News::default();
        let highest = self.flight.highest_arrived();
        let (flight, rack) = (&mut self.flight, &mut self.rack);
        flight.acknowledge(ack, |sent| {
            news.note(sent);
            rack.on_arrived(now, sent, highest);
        });
        if !segment.sack.is_empty() {
            self.take_blocks(now, ack, segment, highest, &mut news);
        }
        news
    }

    /// RFC 2018, and RFC 2883, 4: the first block may be something that arrived twice.
    fn take_blocks(
        &mut self,
        now: Instant,
        ack: u64,
        segment: &Segment,
        highest: u64,
        news: &mut News,
    ) {
        let near = self.flight.una;
        let mut blocks = segment
            .sack
            .iter()
            .map(|(start, end)| (seq::position(near, start), seq::position(near, end)))
            .peekable();
        let second = segment
            .sack
            .iter()
            .nth(1)
            .map(|(start, end)| (seq::position(near, start), seq::position(near, end)));
        if let Some(&(start, end)) = blocks.peek()
            && (end <= ack || second.is_some_and(|(from, to)| from <= start && end <= to))
        {
            news.twice = true;
            blocks.next();
        }
        let (flight, rack) = (&mut self.flight, &mut self.rack);
        for (start, end) in blocks {
            flight.sack(start, end, |sent| {
                news.note(sent);
                rack.on_arrived(now, sent, highest);
            });
        }
    }

    #[inline]
    fn on_progress(&mut self, now: Instant) {
        self.progress = now;
        self.retries = 0;
        self.recovery.duplicates = 0;
    }

    /// A round trip, from data that left once (Karn), or from the peer's echo.
    #[inline]
    fn measure(&mut self, now: Instant, acked: u32, news: News, segment: &Segment) {
        if let Some(first) = news.first
            && !news.again
        {
            self.rto.measured(now.since(first));
        } else if acked > 0
            && let Some(round_trip) = self.echoed(now, segment)
        {
            self.rto.measured(round_trip);
        }
    }

    /// The round trip that a timestamp tells (RFC 7323, 4.1).
    pub(super) fn echoed(&self, now: Instant, segment: &Segment) -> Option<Duration> {
        let passed = self.clock(now).wrapping_sub(segment.echo);
        (segment.echo != 0).then(|| Duration::from_micros(u64::from(passed)))
    }

    /// Our clock for timestamps: microseconds, never 0.
    #[inline]
    pub(super) fn clock(&self, now: Instant) -> u32 {
        if !self.profile.timestamps {
            return 0;
        }
        #[expect(clippy::cast_possible_truncation, reason = "the clock wraps on the wire")]
        let micros = (now.as_nanos() / 1_000) as u32;
        micros.max(1)
    }

    fn judge_tail_probe(&mut self, ack: u64, twice: bool, is_bare: bool) {
        let verdict = self.tail.on_ack(ack, twice, is_bare);
        if verdict == Verdict::Repaired && self.recovery.phase == Phase::Open {
            self.congestion.on_loss(self.congestion.window, self.profile.mss);
        }
    }

    /// Ends recoveries, finds losses, and lets the window grow.
    #[inline]
    fn react(&mut self, now: Instant, acked: u32, in_flight: u32, any: bool, sink: &mut impl Sink) {
        let before = self.recovery.phase;
        if self.recovery.ends(self.flight.una).is_some() {
            self.congestion.on_recovered();
            self.rack.on_recovered();
        }
        if any || self.recovery.duplicates == DUPLICATES {
            self.find_losses(now, sink);
        }
        let is_earned = self.is_limited
            || self.congestion.is_slow_start() && self.congestion.window / 2 < in_flight;
        if acked > 0 && before != Phase::Fast && self.recovery.phase != Phase::Fast && is_earned {
            let round_trip = self.rto.smoothed().unwrap_or(Duration::ZERO);
            self.congestion.on_ack(now, &self.profile, acked, round_trip);
        }
    }

    /// Finds what is lost by now, and begins its repair.
    #[inline]
    pub(super) fn find_losses(&mut self, now: Instant, sink: &mut impl Sink) {
        let mss = self.profile.mss;
        let found = match self.profile.detection {
            Detection::Sack => {
                let is_first = self.recovery.phase == Phase::Open;
                let duplicates = if is_first { self.recovery.duplicates } else { 0 };
                sack::detect(&mut self.flight, duplicates, mss)
            }
            Detection::Rack => self.find_losses_by_time(now),
        };
        if found && self.recovery.phase == Phase::Open {
            self.begin_recovery(now, sink);
        }
    }

    #[inline]
    fn find_losses_by_time(&mut self, now: Instant) -> bool {
        let window = self.reordering_window();
        let found = self.rack.detect(now, window, &mut self.flight);
        if found.again_at != Instant::NEVER {
            self.timers.arm_probe(found.again_at, Probe::Reordering);
        } else if self.timers.is_probe(Probe::Reordering) {
            self.timers.stop_probe();
        }
        found.any
    }

    pub(super) fn reordering_window(&self) -> Duration {
        let three = u32::from(DUPLICATES) - 1;
        let is_urgent =
            self.recovery.phase != Phase::Open || self.flight.sacked() > three * self.profile.mss;
        self.rack.window(self.rto.smoothed().unwrap_or(Duration::ZERO), is_urgent)
    }

    fn begin_recovery(&mut self, now: Instant, sink: &mut impl Sink) {
        self.recovery.begin(Phase::Fast, self.flight.next);
        self.congestion.on_loss(self.flight.size(), self.profile.mss);
        self.tail.clear();
        if self.timers.is_probe(Probe::Tail) {
            self.timers.stop_probe();
        }
        self.wishes.add(wishes::LOST);
        self.emit(now, l4::Event::LossFound, sink);
    }

    /// How much the peer takes, if this segment is the latest to say so (RFC 9293, 3.10.7.4).
    #[inline]
    fn take_edge(&mut self, segment: &Segment, ack: u64) {
        let seq_later = segment.seq.wrapping_sub(self.window_seq).cast_signed();
        let ack_later = segment.ack.wrapping_sub(self.window_ack).cast_signed();
        if ack >= self.flight.una && (seq_later > 0 || seq_later == 0 && ack_later >= 0) {
            self.move_edge(segment, ack);
        }
    }

    #[inline]
    pub(super) fn move_edge(&mut self, segment: &Segment, ack: u64) {
        self.window_seq = segment.seq;
        self.window_ack = segment.ack;
        self.widest = self.widest.max(segment.window);
        self.edge = ack + u64::from(segment.window);
        if self.timers.is_probe(Probe::Window) && self.edge > self.flight.next {
            self.timers.stop_probe();
            self.rto.doublings = 0;
        }
    }
}
