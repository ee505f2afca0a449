//! What is usual for a system, learned from a while in which nothing happened.

use base::{Duration, Share};

use super::{Kind, Window};

/// What is usual, and how far something has to be from it.
///
/// Two bounds have to be passed at once:
/// - more than chance: three robust standard deviations (1.4826 times the median absolute
///   deviation, which an outlier in the baseline does not move) of what the windows before
///   showed, and that deviation three standard errors larger than it was seen, since a few windows
///   say little about it; for counts also three times the spread that independent events have
///   (Poisson), since a baseline without a single timeout has a deviation of nothing;
/// - enough to matter to a person: see the constants at the end.
///
/// Latencies are compared by their logarithms: the slowest of a few answers is now and then many
/// times as slow as usual and never many times as fast, which no symmetric spread describes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Baseline {
    p50: Usual,
    p99: Usual,
    timeouts: Usual,
    retries: Usual,
    amplification: Usual,
    utilisation: Usual,
    queue: Usual,
    degraded: Usual,
}

/// A median, and the spread around it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Usual {
    median: f64,
    spread: f64,
}

impl Baseline {
    /// What these windows have in common; nothing if they are fewer than three with any traffic.
    pub fn of(windows: &[Window]) -> Option<Self> {
        let windows: Vec<_> = windows.iter().filter(|window| window.offered > 0).collect();
        if windows.len() < FEWEST {
            return None;
        }
        let usual =
            |value: fn(&Window) -> f64| Usual::of(windows.iter().map(|&window| value(window)));
        Some(Self {
            p50: usual(|window| logarithm(window.p50)),
            p99: usual(|window| logarithm(window.p99)),
            timeouts: usual(timeouts),
            retries: usual(retries),
            amplification: usual(amplification),
            utilisation: usual(|window| window.utilisation),
            queue: usual(|window| window.queue),
            degraded: usual(degraded),
        })
    }

    /// Whether a window shows this phase. [`Kind::Recovery`] is the absence of the others.
    pub(super) fn shows(&self, kind: Kind, window: &Window, objective: Share) -> bool {
        match kind {
            Kind::LatencyDrift => self.is_late(window),
            Kind::Timeouts => self.timeouts.is_passed_by_share(timeouts(window), window.attempts),
            Kind::Retries => self.retries.is_passed_by_share(retries(window), window.requests),
            Kind::Amplification => {
                self.amplification.is_passed(amplification(window), AMPLIFIED, 0.0)
            }
            Kind::Saturation => self.is_saturated(window),
            Kind::DegradedAnswers => {
                self.degraded.is_passed_by_share(degraded(window), window.offered)
            }
            Kind::Cascade => is_below(window, objective),
            Kind::Recovery => false,
        }
    }

    /// The median says that everybody waits longer, the tail that some do. A window in which
    /// nothing at all came back is late as well.
    fn is_late(&self, window: &Window) -> bool {
        let nothing_came = window.answered == 0 && window.offered > 0;
        nothing_came
            || self.p50.is_passed_in_time(window.p50, LATE)
            || self.p99.is_passed_in_time(window.p99, LATE_TAIL)
    }

    /// All workers busy, and more than usual waits. A full house without a queue is well used, and
    /// a queue that was always there is no news.
    fn is_saturated(&self, window: &Window) -> bool {
        let busier = window.utilisation > self.utilisation.median;
        let queue = self.queue.is_passed(window.queue, QUEUED, 1.0);
        window.utilisation >= ALL_BUSY && (busier || queue)
    }
}

impl Usual {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<_> = values.collect();
        let median = median(&mut values);
        let mut distances: Vec<_> = values.iter().map(|value| (value - median).abs()).collect();
        let seen = DEVIATION * self::median(&mut distances);
        let unsure = SIGMAS * ERROR / (distances.len() as f64).sqrt();
        Self { median, spread: seen * (1.0 + unsure) }
    }

    /// Further above than chance explains, by at least so much of the median, and by at least so
    /// much at all.
    fn is_passed(&self, value: f64, relative: f64, absolute: f64) -> bool {
        let matters = (self.median * relative).max(absolute);
        value > self.median + matters.max(SIGMAS * self.spread)
    }

    /// The same for a latency, by at least so much of the median and at least a millisecond.
    fn is_passed_in_time(&self, latency: Duration, relative: f64) -> bool {
        let millisecond = 0.001 / libm::exp(self.median);
        let matters = libm::log1p(relative.max(millisecond));
        logarithm(latency) > self.median + matters.max(SIGMAS * self.spread)
    }

    /// The same for a share of so many events.
    fn is_passed_by_share(&self, share: f64, of: u64) -> bool {
        let count = of.max(1) as f64;
        let chance = (self.median.max(1.0 / count) / count).sqrt();
        share > self.median + (SIGMAS * self.spread.max(chance)).max(MATTERS)
    }
}

/// Fewer of the requests of this window got a good answer than the objective asks, by more than the
/// chance of independent requests.
fn is_below(window: &Window, objective: Share) -> bool {
    let (offered, allowed) = (window.offered as f64, 1.0 - objective.as_f64());
    let missing = window.offered.saturating_sub(window.good) as f64;
    let expected = (offered * allowed).max(0.0);
    missing > expected + SIGMAS * expected.max(1.0).sqrt()
}

/// Of seconds; nothing at all counts as a nanosecond.
fn logarithm(latency: Duration) -> f64 {
    libm::log(latency.max(Duration::from_nanos(1)).as_secs_f64())
}

fn timeouts(window: &Window) -> f64 {
    per(window.timeouts, window.attempts)
}

fn retries(window: &Window) -> f64 {
    per(window.retries, window.requests)
}

fn degraded(window: &Window) -> f64 {
    per(window.degraded, window.offered)
}

/// 1 where nothing was asked for.
fn amplification(window: &Window) -> f64 {
    if window.requests == 0 { 1.0 } else { per(window.attempts, window.requests) }
}

fn per(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    }
}

/// A median of fewer says nothing.
const FEWEST: usize = 3;
/// Makes the median absolute deviation of a normal distribution its standard deviation.
const DEVIATION: f64 = 1.4826;
/// The standard error of that deviation is so much of it, divided by the square root of the number
/// of windows: the square root of 1 / (2 × 0.37), by its efficiency of 37 percent (Rousseeuw and
/// Croux, "Alternatives to the median absolute deviation", 1993).
const ERROR: f64 = 1.16;
/// Three: passed by chance about once in 700 windows, twice in a row practically never.
const SIGMAS: f64 = 3.0;
/// A fifth more in the median: the least slow-down that incidents of real systems are told of.
const LATE: f64 = 0.2;
/// A half more in the tail: of a window of a thousand answers, ten make its p99, so it moves by a
/// third without any cause.
const LATE_TAIL: f64 = 0.5;
/// One in a hundred, by the usual objective of 99 percent.
const MATTERS: f64 = 0.01;
/// A tenth more tries than usual: the most that a sound retry budget usually adds.
const AMPLIFIED: f64 = 0.1;
/// Not quite all: in a window, a worker is idle for a moment between two requests.
const ALL_BUSY: f64 = 0.95;
/// Twice the usual queue.
const QUEUED: f64 = 1.0;
