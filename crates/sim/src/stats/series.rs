//! The course of a run, window by window.

use std::ops::Range;

use base::{Duration, Instant};

use super::ruler::Ruler;
use super::{Histogram, Outcome};

/// The windows of a run, each of the same width.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    ruler: Ruler,
    /// One more than there are: the last one takes what comes after the end of traffic.
    windows: Vec<Window>,
}

/// What happened in one window. Counts are of the whole window.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    /// Requests of clients that arrived.
    pub(crate) offered: u64,
    /// Those that arrived in this window and got a good answer, then or later.
    pub(crate) kept: u64,
    /// Those of them whose answer was partial or stale.
    pub(crate) degraded: u64,
    /// Answers that came to clients, good or bad.
    pub(crate) answered: u64,
    /// How long clients waited for the answers that came.
    pub(crate) latency: Histogram,
    /// Tries, anywhere, that ran out of time.
    pub(crate) timeouts: u64,
    /// Retries, anywhere, that were decided.
    pub(crate) retries: u64,
    /// Tries, anywhere, that left.
    pub(crate) attempts: u64,
    /// Requests, anywhere, that those tries served.
    pub(crate) requests: u64,
    /// Sessions that clients opened anew.
    pub(crate) reconnects: u64,
    /// Openings of sessions, the first or anew, after which the session stood.
    stood: u32,
    /// Those after which it did not.
    refused: u32,
    /// The sum, over samples, of the sessions that stood.
    sessions: f64,
    /// Requests that caches could have answered.
    asked_caches: u32,
    /// Those that they did.
    hits: u32,
    /// The sum, over samples, of the share of busy workers of the busiest node.
    busy: f64,
    /// The sum, over samples, of requests that waited at the node where most did.
    queued: f64,
    samples: u32,
}

/// Wide enough for percentiles at a few hundred requests per second, narrow enough to see which
/// phase came first.
const WIDTH: Duration = Duration::from_secs(1);
/// The most windows that are kept; in a run that needs more they are wider.
const MOST: u64 = 4_000;

impl Series {
    pub(crate) fn new(end: Instant) -> Self {
        let least = Duration::from_nanos(end.as_nanos() / MOST);
        let width = WIDTH.max(least);
        Self::of_width(width, end)
    }

    fn of_width(width: Duration, end: Instant) -> Self {
        let count = end.as_nanos().div_ceil(width.as_nanos()).max(1);
        let count = usize::try_from(count).unwrap_or(1) + 1;
        let ruler = Ruler::new(Instant::ZERO, width, count);
        Self { ruler, windows: vec![Window::default(); count] }
    }

    /// The run ends at another time than was said; its windows stay as wide as they are.
    pub(crate) fn set_end(&mut self, end: Instant) {
        let mut windows = std::mem::take(&mut self.windows);
        *self = Self::of_width(self.width(), end);
        windows.resize_with(self.windows.len(), Window::default);
        self.windows = windows;
    }

    /// How wide each window is.
    pub(crate) const fn width(&self) -> Duration {
        self.ruler.width()
    }

    /// The windows, the first from the start of the run.
    pub(crate) fn windows(&self) -> &[Window] {
        &self.windows[..self.windows.len() - 1]
    }

    /// When a window begins.
    pub(crate) fn start(&self, index: usize) -> Instant {
        self.ruler.start(index)
    }

    /// The window of this moment; one that nobody looks at for what comes after the end of
    /// traffic.
    #[inline]
    pub(crate) fn at(&mut self, now: Instant) -> &mut Window {
        let at = self.ruler.at(now);
        &mut self.windows[at]
    }

    pub(crate) fn answered(
        &mut self,
        now: Instant,
        arrived: Instant,
        took: Duration,
        outcome: Outcome,
    ) {
        let window = self.at(now);
        window.answered += 1;
        window.latency.record(took);
        let began = &mut self.windows[self.ruler.look_up(arrived)];
        began.kept += u64::from(outcome.is_good());
        began.degraded += u64::from(outcome.is_degraded());
    }

    /// A session was to be opened.
    pub(crate) fn opened(&mut self, now: Instant, stands: bool) {
        let window = self.at(now);
        window.stood += u32::from(stands);
        window.refused += u32::from(!stands);
    }

    /// How many openings of sessions succeeded and failed in the windows from a moment on.
    pub(crate) fn openings(&self, from: Instant) -> (u64, u64) {
        let windows = self.windows().iter().enumerate();
        let since = windows.filter(|(at, _)| self.start(*at) >= from);
        since.fold((0, 0), |(stood, refused), (_, window)| {
            (stood + u64::from(window.stood), refused + u64::from(window.refused))
        })
    }

    /// The sessions that stood on average in the windows that begin within this time; nothing if
    /// nobody looked.
    pub(crate) fn standing(&self, within: &Range<Instant>) -> Option<f64> {
        let windows = self.windows().iter().enumerate();
        let looked_at = windows.filter(|(at, _)| within.contains(&self.start(*at)));
        let (sum, samples) = looked_at.fold((0.0, 0), |(sum, samples), (_, window)| {
            (sum + window.sessions, samples + window.samples)
        });
        (samples > 0).then(|| sum / f64::from(samples))
    }

    /// The state of the nodes: the share of busy workers of the busiest, and how many requests
    /// wait where most do.
    pub(crate) fn sample(&mut self, now: Instant, busy: f64, queued: u64, sessions: u64) {
        let window = self.at(now);
        window.busy += busy;
        window.queued += queued as f64;
        window.sessions += sessions as f64;
        window.samples += 1;
    }
}

impl Window {
    pub(super) fn asked_cache(&mut self, is_hit: bool) {
        self.asked_caches += 1;
        self.hits += u32::from(is_hit);
    }

    /// Of what caches could have answered, the share that they did; nothing if nobody asked.
    pub(crate) fn hit_ratio(&self) -> Option<f64> {
        (self.asked_caches > 0).then(|| f64::from(self.hits) / f64::from(self.asked_caches))
    }

    /// The share of busy workers of the busiest node.
    pub(crate) fn utilisation(&self) -> f64 {
        self.busy / f64::from(self.samples.max(1))
    }

    /// Openings of sessions that succeeded.
    pub(crate) fn opened(&self) -> u64 {
        self.stood.into()
    }

    /// Openings of sessions that did not.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.into()
    }

    /// Sessions that stood.
    pub(crate) fn sessions(&self) -> f64 {
        self.sessions / f64::from(self.samples.max(1))
    }

    /// Requests that waited at the node where most did.
    pub(crate) fn queue(&self) -> f64 {
        self.queued / f64::from(self.samples.max(1))
    }

    /// The share of the requests of this window that got a good answer.
    pub(crate) fn goodput(&self) -> f64 {
        if self.offered == 0 { 1.0 } else { self.kept as f64 / self.offered as f64 }
    }

    /// Tries for each request, all calls together.
    pub(crate) fn amplification(&self) -> f64 {
        if self.requests == 0 { 1.0 } else { self.attempts as f64 / self.requests as f64 }
    }
}
