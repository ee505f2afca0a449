//! What is counted for each call.

use base::Duration;
use event::Cause;
use event::policy::{BreakerState, Event};

use super::Histogram;

/// The counts of one call, after the warm-up and while traffic arrived.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct CallStats {
    /// What the caller wanted.
    pub(crate) requests: u64,
    /// Tries that left for it.
    pub(crate) attempts: u64,
    /// Requests that failed, by [`Cause::index`].
    pub(crate) failed: [u64; Cause::ALL.len()],
    /// Tries that failed, by [`Cause::index`].
    pub(crate) attempts_failed: [u64; Cause::ALL.len()],
    /// How long requests took, all their tries and waiting together; of what stays open, how long
    /// it took to open.
    pub(crate) latency: Histogram,
    /// How long single tries took.
    pub(crate) attempt_latency: Histogram,
    /// Retries that were decided.
    pub(crate) retries: u64,
    /// Failures that were not retried, whatever the reason.
    pub(crate) retries_refused: u64,
    /// Requests that a rule turned away.
    pub(crate) shed: u64,
    /// Times that a breaker opened.
    pub(crate) breaker_opened: u64,
    /// Endpoints left out for a while.
    pub(crate) ejections: u64,
    /// Answers that were worked out for nobody: their caller had given up.
    pub(crate) wasted: u64,
}

impl CallStats {
    pub(super) fn on_attempt_end(&mut self, took: Duration, cause: Option<Cause>) {
        self.attempt_latency.record(took);
        if let Some(cause) = cause {
            self.attempts_failed[cause.index()] += 1;
        }
    }

    /// `took` nothing: what its caller waited for has been counted.
    pub(super) fn on_end(&mut self, took: Option<Duration>, cause: Option<Cause>) {
        if let Some(took) = took {
            self.latency.record(took);
        }
        if let Some(cause) = cause {
            self.failed[cause.index()] += 1;
        }
    }

    pub(super) fn on_policy(&mut self, event: Event) {
        match event {
            Event::RetryGranted { .. } => self.retries += 1,
            Event::RetryRefused { .. } => self.retries_refused += 1,
            Event::Shed(_) => self.shed += 1,
            Event::BreakerMoved { to: BreakerState::Open } => self.breaker_opened += 1,
            Event::Ejected => self.ejections += 1,
            Event::BreakerMoved { .. }
            | Event::Queued { .. }
            | Event::Admitted { .. }
            | Event::Returned
            | Event::HealthChanged { .. }
            | Event::Spilled
            | Event::FailedOpen => {}
        }
    }

    /// All of another run's.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.attempts += other.attempts;
        self.retries += other.retries;
        self.retries_refused += other.retries_refused;
        self.shed += other.shed;
        self.breaker_opened += other.breaker_opened;
        self.ejections += other.ejections;
        self.wasted += other.wasted;
        add(&mut self.failed, &other.failed);
        add(&mut self.attempts_failed, &other.attempts_failed);
        self.latency.merge(&other.latency);
        self.attempt_latency.merge(&other.attempt_latency);
    }

    /// Tries for each request.
    pub(crate) fn amplification(&self) -> f64 {
        if self.requests == 0 { 1.0 } else { self.attempts as f64 / self.requests as f64 }
    }

    /// Requests that failed.
    pub(crate) fn failures(&self) -> u64 {
        self.failed.iter().sum()
    }
}

/// Adds counts place by place.
pub(crate) fn add(to: &mut [u64], from: &[u64]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += from;
    }
}
