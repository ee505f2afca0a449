//! Stops asking a service that fails too often, and finds out carefully when it is well again.
//!
//! A breaker does not prevent the failure; it stops its spread: callers get a quick answer
//! instead of waiting, and the service gets room. It belongs to a call, not to an endpoint (see
//! [`crate::health::ejection`] for that).
//!
//! While half-open, only a bounded number of probes is under way at once. Without that bound, one
//! timeout's worth of traffic would rush into a service that hangs. Each worker opens on its own
//! evidence; the probes of all of them count together ([`Trial`]).

mod trial;
mod window;

pub use event::policy::BreakerState as State;
pub use trial::Trial;

use base::{Duration, Instant, Share};
use window::Window;

use crate::Invalid;

/// What an operator may set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Params {
    error_rate: Share,
    window: Duration,
    min_calls: u32,
    cooldown: Duration,
    probes: u32,
}

impl Params {
    /// Opens when at least `error_rate` of the attempts within `window` failed and there were
    /// `min_calls` of them; stays open for `cooldown`; closes after `probes` successes, with as
    /// many under way at once.
    ///
    /// # Errors
    /// Any of them nothing, or an error rate above the whole.
    pub fn new(
        error_rate: Share,
        window: Duration,
        min_calls: u32,
        cooldown: Duration,
        probes: u32,
    ) -> Result<Self, Invalid> {
        if error_rate == Share::NONE {
            return Err(Invalid::Zero("breaker.error_rate"));
        }
        if error_rate > Share::WHOLE {
            return Err(Invalid::OverWhole("breaker.error_rate"));
        }
        if window.is_zero() {
            return Err(Invalid::Zero("breaker.window"));
        }
        if min_calls == 0 {
            return Err(Invalid::Zero("breaker.min_calls"));
        }
        if cooldown.is_zero() {
            return Err(Invalid::Zero("breaker.cooldown"));
        }
        if probes == 0 {
            return Err(Invalid::Zero("breaker.probes"));
        }
        let probes = probes.min(trial::MOST_PROBES);
        Ok(Self { error_rate, window, min_calls, cooldown, probes })
    }

    /// How many probes may be under way at once, and how many successes close the breaker.
    pub const fn probes(&self) -> u32 {
        self.probes
    }

    /// How long it stays open.
    pub const fn cooldown(&self) -> Duration {
        self.cooldown
    }

    /// The share of failures that opens it.
    pub const fn error_rate(&self) -> Share {
        self.error_rate
    }

    /// How far back it looks.
    pub const fn window(&self) -> Duration {
        self.window
    }

    /// How many attempts it takes to judge.
    pub const fn min_calls(&self) -> u32 {
        self.min_calls
    }
}

/// The answer to "may this attempt leave?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Report its end with this pass.
    Pass(Pass),
    /// As a probe, if there is still room for one in the [`Trial`].
    Probe,
    /// Not now.
    Refuse {
        /// When it is worth asking again.
        until: Instant,
    },
}

/// How an attempt got past the breaker, and in which round of the [`Trial`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// While it was closed.
    Regular {
        /// The round in which it had closed.
        round: u32,
    },
    /// As one of the probes of a half-open time.
    Probe {
        /// The round in which it left.
        round: u32,
    },
    /// What it proved was told before it ended.
    Told,
}

impl Pass {
    /// Where there is no breaker.
    pub const FREE: Self = Self::Regular { round: 0 };
}

/// How an attempt ended, as far as it tells something about the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The service did its work, whatever it said.
    Success,
    /// The service did not do its work.
    Failure,
    /// It tells nothing: the client left, or we gave up for a reason of our own.
    Unknown,
}

/// One worker's belief about the service of a call.
#[derive(Clone, Debug)]
pub struct Breaker {
    params: Params,
    state: Inner,
}

#[derive(Clone, Debug)]
enum Inner {
    Closed {
        window: Window,
        /// In which it closed.
        round: u32,
    },
    Open {
        until: Instant,
    },
    HalfOpen {
        /// In which it became so.
        since: u32,
    },
}

impl Breaker {
    /// Starts closed.
    pub fn new(now: Instant, params: Params) -> Self {
        let state = Inner::Closed { window: Window::new(now, params.window), round: 0 };
        Self { params, state }
    }

    /// Its state as of the last question or report.
    pub const fn state(&self) -> State {
        match self.state {
            Inner::Closed { .. } => State::Closed,
            Inner::Open { .. } => State::Open,
            Inner::HalfOpen { .. } => State::HalfOpen,
        }
    }

    /// May one more attempt leave? `trial` is what all workers know.
    pub fn ask(&mut self, now: Instant, trial: Trial) -> Verdict {
        if matches!(self.state, Inner::Open { until } if now >= until) {
            self.state = Inner::HalfOpen { since: trial.round() };
        }
        self.close_if_passed(now, trial);
        match self.state {
            Inner::Closed { round, .. } => Verdict::Pass(Pass::Regular { round }),
            Inner::Open { until } => Verdict::Refuse { until },
            Inner::HalfOpen { .. } if trial.with_probe(&self.params).is_some() => Verdict::Probe,
            Inner::HalfOpen { .. } => Verdict::Refuse { until: now + self.params.cooldown },
        }
    }

    /// An attempt that passed has ended; `trial` knows of it already. If this opens the breaker,
    /// let the trial know ([`Trial::relapsed`]).
    ///
    /// What left before the last half-open time says nothing about now: else those that hung when
    /// it opened would open it again as they time out.
    pub fn on_end(&mut self, now: Instant, pass: Pass, outcome: Outcome, trial: Trial) {
        match (&mut self.state, pass, outcome) {
            (_, _, Outcome::Unknown) => {}
            (Inner::Closed { window, round }, Pass::Regular { round: left }, _)
                if *round == left =>
            {
                window.count(now, outcome == Outcome::Failure);
                if window.total() >= self.params.min_calls
                    && window.failures_reach(self.params.error_rate)
                {
                    self.open(now);
                }
            }
            (Inner::HalfOpen { since }, Pass::Probe { round }, Outcome::Failure)
                if trial::is_since(round, *since) =>
            {
                self.open(now);
            }
            (Inner::HalfOpen { .. }, Pass::Probe { .. }, Outcome::Success) => {
                self.close_if_passed(now, trial);
            }
            _ => {}
        }
    }

    /// Whoever's probes they were: since it opened, enough of them went well.
    fn close_if_passed(&mut self, now: Instant, trial: Trial) {
        if matches!(self.state, Inner::HalfOpen { .. }) && trial.is_passed(&self.params) {
            let window = Window::new(now, self.params.window);
            self.state = Inner::Closed { window, round: trial.round() };
        }
    }

    /// When its state changes by itself.
    pub const fn next_deadline(&self) -> Option<Instant> {
        match self.state {
            Inner::Open { until } => Some(until),
            Inner::Closed { .. } | Inner::HalfOpen { .. } => None,
        }
    }

    fn open(&mut self, now: Instant) {
        self.state = Inner::Open { until: now + self.params.cooldown };
    }
}

#[cfg(test)]
mod tests;
