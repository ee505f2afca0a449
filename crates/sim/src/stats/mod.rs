//! What a run counts while it goes on.

mod caches;
mod calls;
mod histogram;
pub(crate) mod interval;
pub(crate) mod layers;
mod ruler;
mod series;
mod sessions;
mod spread;

pub(crate) use caches::CacheStats;
pub(crate) use calls::CallStats;
pub(crate) use calls::add;
pub(crate) use histogram::Histogram;
pub(crate) use series::{Series, Window};
pub(crate) use sessions::SessionStats;
pub(crate) use spread::Spread;

use base::{CallId, Duration, Instant, NodeId, Rate};
use config::Design;
use event::{Cause, Event, Scope, Sink, l7, policy};
use model::cache::Found;
use model::quality::Quality;

use crate::plan::Times;

/// Everything that is counted; it listens to the same events as the live plane's metrics.
#[derive(Clone, Debug)]
pub(crate) struct Stats {
    times: Times,
    pub(crate) calls: Vec<CallStats>,
    /// By node; nothing is counted for those that are no caches.
    pub(crate) caches: Vec<CacheStats>,
    pub(crate) sessions: SessionStats,
    pub(crate) edge: Edge,
    pub(crate) series: Series,
    /// What happened below the messages.
    pub(crate) layers: layers::Layers,
    /// How the exchange that was last handled ended, until somebody takes it.
    ended: Option<Ended>,
    /// The exchange that is handled stands open: its caller has had its answer.
    is_open: bool,
}

/// What the clients saw: requests that arrived after the warm-up.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Edge {
    /// Requests.
    pub(crate) offered: u64,
    /// Answered, by [`Quality::index`].
    pub(crate) answers: [u64; Quality::ALL.len()],
    /// Writes that were acknowledged and then lost.
    pub(crate) lost_writes: u64,
    /// Failed, by [`Cause::index`].
    pub(crate) failed: [u64; Cause::ALL.len()],
    /// Still waiting when the run ended.
    pub(crate) unanswered: u64,
    /// How long clients waited for an answer that was good.
    pub(crate) latency: Spread,
    /// Requests that arrived while recovery was judged.
    pub(crate) judged_offered: u64,
    /// Those of them with a good answer.
    pub(crate) judged_good: u64,
    /// Those of them that ended without one.
    pub(crate) judged_failed: u64,
    /// Of all outcomes, in no order: equal when every request ended the same way at the same time.
    pub(crate) hash: u64,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub(crate) status: u16,
    pub(crate) cause: Option<Cause>,
}

/// How a client's request ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Outcome {
    Answered(Quality),
    Failed(Cause),
}

impl Stats {
    pub(crate) fn new(times: Times, design: &Design) -> Self {
        Self {
            times,
            calls: vec![CallStats::default(); design.calls.len()],
            caches: vec![CacheStats::default(); design.nodes.len()],
            sessions: SessionStats::default(),
            edge: Edge { latency: Spread::new(times.warm_up, times.end), ..Edge::default() },
            series: Series::new(times.end),
            layers: layers::Layers::new(times, design.calls.len(), design.regions.len().max(1)),
            ended: None,
            is_open: false,
        }
    }

    /// From now on the run is divided like this. Only what is still to come may change.
    pub(crate) fn set_times(&mut self, times: Times) {
        self.times = times;
        self.series.set_end(times.end);
    }

    /// A client's request arrived.
    pub(crate) fn offered(&mut self, now: Instant) {
        self.series.at(now).offered += 1;
        if now >= self.times.warm_up {
            self.edge.offered += 1;
            self.edge.judged_offered += u64::from(now >= self.times.judged_from());
        }
    }

    /// A client's request ended.
    pub(crate) fn answered(&mut self, now: Instant, arrived: Instant, id: u64, outcome: Outcome) {
        let (good, took) = (outcome.is_good(), now.since(arrived));
        self.series.answered(now, arrived, took, outcome);
        let word = mix(now.as_nanos() ^ mix(id ^ mix(outcome.code())));
        self.edge.hash = self.edge.hash.wrapping_add(word);
        if arrived < self.times.warm_up {
            return;
        }
        match outcome {
            Outcome::Answered(quality) => self.edge.answers[quality.index()] += 1,
            Outcome::Failed(cause) => self.edge.failed[cause.index()] += 1,
        }
        let is_judged = u64::from(arrived >= self.times.judged_from());
        if good {
            self.edge.latency.record(arrived, took);
            self.edge.judged_good += is_judged;
        } else {
            self.edge.judged_failed += is_judged;
        }
    }

    /// A session stands; `is_new` if its client has just asked for it.
    pub(crate) fn session_stands(&mut self, now: Instant, is_new: bool) {
        self.sessions.stands(now, is_new);
        // What stands when the run begins was opened long ago.
        if now > Instant::ZERO {
            self.series.opened(now, true);
        }
    }

    /// A session could not be opened; `is_first` if it never stood.
    pub(crate) fn session_refused(&mut self, now: Instant, is_first: bool) {
        self.sessions.refused += u64::from(is_first);
        self.series.opened(now, false);
    }

    /// A session that stood is over, whatever the reason.
    pub(crate) fn session_over(&mut self, stood: Duration, messages: Rate) {
        self.sessions.over(stood, messages);
    }

    /// A session broke.
    pub(crate) fn session_lost(&mut self, now: Instant, id: u64) {
        self.sessions.lost += 1;
        let word = mix(now.as_nanos() ^ mix(id ^ mix(LOST)));
        self.edge.hash = self.edge.hash.wrapping_add(word);
    }

    /// A client opens a session anew.
    pub(crate) fn reconnects(&mut self, now: Instant) {
        self.sessions.reconnects += 1;
        self.series.at(now).reconnects += 1;
    }

    /// A cache was asked for something that it could have.
    pub(crate) fn asked_cache(&mut self, now: Instant, node: NodeId, found: Found) {
        self.series.at(now).asked_cache(matches!(found, Found::Fresh(_)));
        if self.counts(now) {
            self.caches[node.index()].on_asked(found);
        }
    }

    /// A cache gave so many stale answers because there were no others.
    pub(crate) fn gave_stale(&mut self, now: Instant, node: NodeId, count: u64) {
        if self.counts(now) {
            self.caches[node.index()].stale += count;
        }
    }

    /// The next events are of an exchange that stands open, or that does not.
    #[inline]
    pub(crate) const fn turn_to(&mut self, is_open: bool) {
        self.is_open = is_open;
    }

    /// A stream, a WebSocket or a connection stands: this is what its caller waited for.
    pub(crate) fn opened(&mut self, now: Instant, call: CallId, took: Duration) {
        if self.counts(now) {
            self.calls[call.index()].latency.record(took);
        }
    }

    /// How the exchange that was just handled ended, if it did.
    pub(crate) fn take_ended(&mut self) -> Option<Ended> {
        self.ended.take()
    }

    /// Whether what happens `now` is counted.
    pub(crate) fn counts(&self, now: Instant) -> bool {
        now >= self.times.warm_up && now < self.times.end
    }

    fn on_l7(&mut self, now: Instant, scope: Scope, event: l7::Event) {
        let counts = self.counts(now);
        let (call, window) = (&mut self.calls[scope.call.index()], self.series.at(now));
        match event {
            l7::Event::Requested => {
                call.requests += u64::from(counts);
                window.requests += 1;
            }
            l7::Event::Attempted { .. } => {
                call.attempts += u64::from(counts);
                window.attempts += 1;
            }
            l7::Event::AttemptEnded { took, cause } => {
                window.timeouts += u64::from(cause.is_some_and(is_timeout));
                if counts {
                    call.on_attempt_end(took, cause);
                }
            }
            l7::Event::Answered { took, status, cause, .. } => {
                self.ended = Some(Ended { status, cause });
                if counts {
                    call.on_end((!self.is_open).then_some(took), cause);
                }
            }
            // A modelled request always has its call.
            l7::Event::Unrouted { .. } => {}
        }
    }

    fn on_policy(&mut self, now: Instant, scope: Scope, event: policy::Event) {
        if matches!(event, policy::Event::RetryGranted { .. }) {
            self.series.at(now).retries += 1;
        }
        if self.counts(now) {
            self.calls[scope.call.index()].on_policy(event);
        }
    }
}

impl Sink for Stats {
    #[inline]
    fn emit(&mut self, now: Instant, scope: Scope, event: Event) {
        match event {
            Event::L7(event) => self.on_l7(now, scope, event),
            Event::Policy(event) => self.on_policy(now, scope, event),
            Event::L4(event) => self.layers.on_l4(now, scope.call.index(), event),
            Event::L3(_) | Event::Tls(_) | Event::World(_) => {}
        }
    }
}

impl Edge {
    /// Answers of a quality.
    pub(crate) const fn of(&self, quality: Quality) -> u64 {
        self.answers[quality.index()]
    }

    /// Answered, whatever the answer was worth.
    pub(crate) fn answered(&self) -> u64 {
        self.answers.iter().sum()
    }

    /// Answered in time, and not wrong.
    pub(crate) fn good(&self) -> u64 {
        self.answered() - self.of(Quality::Wrong)
    }
}

impl Outcome {
    /// An answer that its client can work with.
    const fn is_good(self) -> bool {
        match self {
            Self::Answered(quality) => quality.is_good(),
            Self::Failed(_) => false,
        }
    }

    /// One that left something out, or is old, as the design allows.
    const fn is_degraded(self) -> bool {
        matches!(self, Self::Answered(Quality::Partial | Quality::Stale))
    }

    fn code(self) -> u64 {
        match self {
            Self::Answered(quality) => quality.index() as u64 + 1,
            Self::Failed(cause) => (u64::from(cause.status()) << 8) | (cause.index() as u64 + 3),
        }
    }
}

/// A try that ran out of time, its own or the whole request's.
const fn is_timeout(cause: Cause) -> bool {
    matches!(cause, Cause::AttemptTimeout | Cause::Timeout | Cause::ConnectTimeout)
}

/// Spreads the bits of a number over all of it (the finaliser of SplitMix64).
pub(crate) const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The word for a session that broke, apart from those for answers.
const LOST: u64 = 5;

/// The longest that a run goes on after its traffic has ended, for the last answers to come.
pub(crate) const DRAIN: Duration = Duration::from_secs(60);
