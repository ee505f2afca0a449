//! What is seen of a variant while it is played.

use base::{Duration, Instant, Share};
use event::{Cause, Event, Scope, Sink, l7, policy};
use observe::phases::{self, Window};
use standin::Seen;

use super::figures::quantile;

/// All that was seen so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed {
    /// Each request that has ended.
    pub(super) seen: Vec<Seen>,
    /// How it stood, several times a second.
    pub(super) samples: Vec<Sample>,
    /// How late the timers of its loop were.
    pub(super) late: Vec<Duration>,
}

/// How it stood at one time. Counts are since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sample {
    pub(super) at: Instant,
    /// Requests that clients have sent.
    pub(super) offered: u64,
    /// Tries that have reached the service that is watched.
    pub(super) arrived: u64,
    /// What callers have done.
    pub(super) counts: Counts,
    /// The share of busy workers of the busiest node.
    pub(super) busy: f64,
    /// Requests that wait where most do.
    pub(super) queued: f64,
}

/// What callers have done since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Retries that were decided.
    pub(super) retries: u64,
    /// Tries that ran out of time.
    pub(super) timeouts: u64,
}

/// One second of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Second {
    /// Requests that clients sent.
    pub(super) offered: u64,
    /// Answers that came, and how many of them were good.
    pub(super) answered: u64,
    pub(super) good: u64,
    /// Of the answers that came, in milliseconds; nothing if none did.
    pub(super) p50: Option<f64>,
    pub(super) p99: Option<f64>,
    /// The same of the good ones: quick failures would pass for quick answers.
    pub(super) good_p50: Option<f64>,
    pub(super) good_p99: Option<f64>,
    /// Tries that reached the service.
    pub(super) arrived: u64,
}

impl Sink for Counts {
    fn emit(&mut self, _now: Instant, _scope: Scope, event: Event) {
        match event {
            Event::Policy(policy::Event::RetryGranted { .. }) => self.retries += 1,
            Event::L7(l7::Event::AttemptEnded { cause: Some(cause), .. }) => {
                self.timeouts += u64::from(is_timeout(cause));
            }
            _ => {}
        }
    }
}

impl Observed {
    /// What happened in the second that begins then.
    pub(super) fn second(&self, begin: Instant) -> Second {
        let end = begin + SECOND;
        let ended = |seen: &&Seen| (begin..end).contains(&(seen.intended + seen.took));
        let ended: Vec<_> = self.seen.iter().filter(ended).collect();
        let good: Vec<_> = ended.iter().copied().filter(|seen| seen.is_good()).collect();
        let (from, to) = (self.at(begin), self.at(end));
        let [p50, p99] = latency(&ended);
        let [good_p50, good_p99] = latency(&good);
        Second {
            offered: to.offered - from.offered,
            answered: ended.len() as u64,
            good: good.len() as u64,
            p50,
            p99,
            good_p50,
            good_p99,
            arrived: to.arrived - from.arrived,
        }
    }

    /// When it was last looked at.
    pub(super) fn lasted(&self) -> Instant {
        self.samples.last().map_or(Instant::ZERO, |last| last.at)
    }

    /// Tries that reached the service for each request of a client, since then.
    pub(super) fn amplification(&self, since: Instant) -> f64 {
        let (from, to) = (self.at(since), self.at(Instant::NEVER));
        (to.arrived - from.arrived) as f64 / (to.offered - from.offered).max(1) as f64
    }

    /// The phases of the incident that began then.
    pub(super) fn phases(
        &self,
        trigger: Instant,
        objective: Share,
    ) -> Vec<(&'static str, f64, Option<f64>)> {
        let windows: Vec<_> = self.seconds().map(|begin| self.window(begin)).collect();
        let found = phases::detect(&windows, trigger, objective);
        let told = |phase: &phases::Phase| {
            (phase.kind.key(), phase.begin.as_secs_f64(), phase.end.map(Instant::as_secs_f64))
        };
        found.iter().map(told).collect()
    }

    /// The seconds that it lasted, each by its beginning.
    pub(super) fn seconds(&self) -> impl Iterator<Item = Instant> + use<> {
        (0..self.lasted().as_nanos() / SECOND.as_nanos()).map(Instant::from_secs)
    }

    fn window(&self, begin: Instant) -> Window {
        let second = self.second(begin);
        let (from, to) = (self.at(begin), self.at(begin + SECOND));
        let within = |sample: &&Sample| (begin..begin + SECOND).contains(&sample.at);
        let samples: Vec<_> = self.samples.iter().filter(within).collect();
        let mean = |of: fn(&Sample) -> f64| {
            samples.iter().map(|sample| of(sample)).sum::<f64>() / samples.len().max(1) as f64
        };
        let millis = |value: Option<f64>| Duration::from_secs_f64(value.unwrap_or(0.0) / 1e3);
        Window {
            start: begin,
            offered: second.offered,
            answered: second.answered,
            good: self.kept(begin),
            degraded: 0,
            p50: millis(second.p50),
            p99: millis(second.p99),
            timeouts: to.counts.timeouts - from.counts.timeouts,
            retries: to.counts.retries - from.counts.retries,
            attempts: second.arrived,
            requests: second.offered,
            utilisation: mean(|sample| sample.busy),
            queue: mean(|sample| sample.queued),
        }
    }

    /// The requests that were sent in this second and got a good answer, then or later.
    fn kept(&self, begin: Instant) -> u64 {
        let sent = |seen: &&Seen| (begin..begin + SECOND).contains(&seen.intended);
        self.seen.iter().filter(sent).filter(|seen| seen.is_good()).count() as u64
    }

    /// The last sample up to a time; nothing had happened before the first.
    fn at(&self, time: Instant) -> Sample {
        let after = self.samples.partition_point(|sample| sample.at <= time);
        after.checked_sub(1).map(|last| self.samples[last]).unwrap_or_default()
    }
}

/// In how many milliseconds 50 and 99 percent of these were answered; nothing if none was.
fn latency(answers: &[&Seen]) -> [Option<f64>; 2] {
    let mut took: Vec<_> = answers.iter().map(|seen| seen.took).collect();
    took.sort_unstable();
    [0.5, 0.99].map(|share| (!took.is_empty()).then(|| quantile(&took, share)))
}

const fn is_timeout(cause: Cause) -> bool {
    matches!(cause, Cause::AttemptTimeout | Cause::Timeout | Cause::ConnectTimeout)
}

const SECOND: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_counts_what_was_sent_and_what_came_back_in_it() {
        let observed = Observed {
            seen: vec![seen(100, 200, None), seen(900, 300, None), seen(1_100, 400, FAILED)],
            samples: vec![sample(0, 0, 0), sample(1_000, 2, 2), sample(2_000, 3, 5)],
            late: Vec::new(),
        };

        let seconds: Vec<_> = observed.seconds().map(|begin| observed.second(begin)).collect();

        let first = Second { offered: 2, answered: 1, good: 1, arrived: 2, ..seconds[0] };
        let second = Second { offered: 1, answered: 2, good: 1, arrived: 3, ..seconds[1] };
        assert_eq!(seconds, [first, second]);
        assert_eq!((seconds[1].p50, seconds[1].p99), (Some(300.0), Some(400.0)));
        assert_eq!((seconds[1].good_p50, seconds[1].good_p99), (Some(300.0), Some(300.0)));
        assert_eq!(observed.amplification(Instant::from_secs(1)), 3.0);
        let good = observed.seconds().map(|begin| observed.window(begin).good);
        assert_eq!(good.collect::<Vec<_>>(), [2, 0], "by when they were sent");
    }

    #[test]
    fn before_the_first_look_nothing_has_happened() {
        let observed = Observed::default();

        assert_eq!(observed.second(Instant::ZERO), Second::default());
        assert_eq!(observed.amplification(Instant::ZERO), 0.0);
    }

    const FAILED: Option<Cause> = Some(Cause::Timeout);

    fn seen(at: u64, took: u64, cause: Option<Cause>) -> Seen {
        let (intended, took) = (Instant::from_millis(at), Duration::from_millis(took));
        Seen { intended, took, cause, told: None, attempts: 1 }
    }

    fn sample(at: u64, offered: u64, arrived: u64) -> Sample {
        Sample { at: Instant::from_millis(at), offered, arrived, ..Sample::default() }
    }
}
