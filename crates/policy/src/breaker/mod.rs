//! Stops asking a service that fails too often, and finds out carefully when it is well again.
//!
//! A breaker does not prevent the failure; it stops its spread: callers get a quick answer
//! instead of waiting, and the service gets room. It belongs to a call, not to an endpoint (see
//! [`crate::health::ejection`] for that).
//!
//! While half-open, only a bounded number of probes is under way at once. Without that bound, one
//! timeout's worth of traffic would rush into a service that hangs.

mod window;

pub use event::policy::BreakerState as State;

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
    /// A probe: report its end with this pass.
    Probe(Pass),
    /// Not now.
    Refuse {
        /// When it is worth asking again.
        until: Instant,
    },
}

/// How an attempt got past the breaker, and when: how often it had been half-open by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// While it was closed.
    Regular {
        /// Half-open times so far.
        round: u32,
    },
    /// As one of the probes of a half-open time.
    Probe {
        /// Half-open times so far, this one included.
        round: u32,
    },
}

impl Pass {
    /// Where there is no breaker.
    pub const FREE: Self = Self::Regular { round: 0 };

    const fn round(self) -> u32 {
        match self {
            Self::Regular { round } | Self::Probe { round } => round,
        }
    }
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
    /// How often it has been half-open.
    round: u32,
}

#[derive(Clone, Debug)]
enum Inner {
    Closed(Window),
    Open { until: Instant },
    HalfOpen { under_way: u32, succeeded: u32 },
}

impl Breaker {
    /// Starts closed.
    pub fn new(now: Instant, params: Params) -> Self {
        Self { params, state: Inner::Closed(Window::new(now, params.window)), round: 0 }
    }

    /// Its state as of the last question or report.
    pub const fn state(&self) -> State {
        match self.state {
            Inner::Closed(_) => State::Closed,
            Inner::Open { .. } => State::Open,
            Inner::HalfOpen { .. } => State::HalfOpen,
        }
    }

    /// May one more attempt leave?
    pub fn ask(&mut self, now: Instant) -> Verdict {
        if let Inner::Open { until } = self.state
            && now >= until
        {
            self.state = Inner::HalfOpen { under_way: 0, succeeded: 0 };
            self.round = self.round.wrapping_add(1);
        }
        match &mut self.state {
            Inner::Closed(_) => Verdict::Pass(Pass::Regular { round: self.round }),
            Inner::Open { until } => Verdict::Refuse { until: *until },
            Inner::HalfOpen { under_way, succeeded }
                if *under_way + *succeeded < self.params.probes =>
            {
                *under_way += 1;
                Verdict::Probe(Pass::Probe { round: self.round })
            }
            Inner::HalfOpen { .. } => Verdict::Refuse { until: now + self.params.cooldown },
        }
    }

    /// An attempt that passed has ended. What left before the last half-open time says nothing
    /// about now: else those that hung when it opened would open it again as they time out.
    pub fn on_end(&mut self, now: Instant, pass: Pass, outcome: Outcome) {
        if pass.round() != self.round {
            return;
        }
        match (&mut self.state, outcome) {
            (Inner::Closed(window), Outcome::Success | Outcome::Failure) => {
                window.count(now, outcome == Outcome::Failure);
                if window.total() >= self.params.min_calls
                    && window.failures_reach(self.params.error_rate)
                {
                    self.open(now);
                }
            }
            (Inner::HalfOpen { .. }, Outcome::Failure) => self.open(now),
            (Inner::HalfOpen { under_way, succeeded }, Outcome::Success) => {
                *under_way -= 1;
                *succeeded += 1;
                if *succeeded >= self.params.probes {
                    self.state = Inner::Closed(Window::new(now, self.params.window));
                }
            }
            (Inner::HalfOpen { under_way, .. }, Outcome::Unknown) => *under_way -= 1,
            (Inner::Closed(_), Outcome::Unknown) | (Inner::Open { .. }, _) => {}
        }
    }

    /// When its state changes by itself.
    pub const fn next_deadline(&self) -> Option<Instant> {
        match self.state {
            Inner::Open { until } => Some(until),
            Inner::Closed(_) | Inner::HalfOpen { .. } => None,
        }
    }

    fn open(&mut self, now: Instant) {
        self.state = Inner::Open { until: now + self.params.cooldown };
    }
}

#[cfg(test)]
mod tests;
