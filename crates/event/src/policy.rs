//! What the rules decided, and the reasons they gave.

use base::Duration;

use crate::{Cause, Description};

/// A decision of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A request has to wait for its turn.
    Queued {
        /// How many wait now, this one included.
        waiting: u32,
    },
    /// A request may go.
    Admitted {
        /// How long it waited.
        waited: Duration,
    },
    /// A request was turned away.
    Shed(Cause),
    /// A retry was decided and charged.
    RetryGranted {
        /// What failed.
        after: Cause,
        /// Why sending again is safe.
        grounds: Grounds,
    },
    /// A failed attempt is not retried.
    RetryRefused {
        /// What failed.
        after: Cause,
        /// Why not.
        reason: NoRetry,
    },
    /// The breaker changed its state.
    BreakerMoved {
        /// Its new state.
        to: BreakerState,
    },
    /// An endpoint failed too often and is left out.
    Ejected,
    /// An ejected endpoint may be picked again.
    Returned,
    /// An active check changed the belief about an endpoint.
    HealthChanged {
        /// Whether it is believed to be up.
        up: bool,
    },
    /// No endpoint of the own region was fit; another region's was picked.
    Spilled,
    /// Checks would leave no endpoint to pick, so they were not believed.
    FailedOpen,
}

/// Why sending a request again is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Grounds {
    /// No byte of it reached the kernel.
    NotSent,
    /// The peer said that it did not process it.
    RefusedByPeer,
    /// Its method is idempotent (RFC 9110, 9.2.2).
    IdempotentMethod,
    /// The design, or an `Idempotency-Key`, declares it.
    Declared,
    /// It is not: the code of others does it all the same. Only in models.
    OtherPeoplesCode,
}

/// Why a failed attempt was not retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoRetry {
    /// `attempts` is used up.
    AttemptsUsedUp,
    /// The design does not retry after this cause.
    CauseNotListed,
    /// It may have been processed, and doing it twice may do harm.
    NoGrounds,
    /// Its body was too large to keep.
    BodyGone,
    /// After the wait before another try, an answer would typically come too late for `timeout`.
    NoTimeLeft,
    /// The budget has not earned it.
    BudgetSpent,
    /// Too many retries are under way.
    BudgetInFlight,
    /// The breaker is open.
    BreakerOpen,
    /// There is no endpoint to send it to.
    NoEndpoint,
    /// A head of an answer has left already.
    AnswerBegun,
    /// The peer, or the client, forbids it.
    Forbidden,
    /// A layer below has retried it already.
    RetriedBelow,
}

/// The states of a breaker, by the field's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// Everything passes.
    Closed,
    /// Nothing passes until the cooldown is over.
    Open,
    /// A bounded number of probes passes.
    HalfOpen,
}

impl Event {
    /// The series this belongs to.
    pub const fn describe(&self) -> &'static Description {
        match self {
            Self::Queued { .. } => {
                const { &Description::counter("queued", "Requests that had to wait for their turn.") }
            }
            Self::Admitted { .. } => {
                const { &Description::seconds("queue_wait", "Time that a request waited for its turn.") }
            }
            Self::Shed(_) => {
                const { &Description::counter("shed", "Requests turned away by a rule, by cause.") }
            }
            Self::RetryGranted { .. } => {
                const { &Description::counter("retries", "Retries that were decided, by cause.") }
            }
            Self::RetryRefused { .. } => {
                const {
                    &Description::counter(
                        "retries_refused",
                        "Failed tries that were not retried, by reason.",
                    )
                }
            }
            Self::BreakerMoved { .. } => {
                const { &Description::gauge("breaker_state", "0 closed, 1 open, 2 half-open.") }
            }
            Self::Ejected => {
                const {
                    &Description::counter(
                        "ejections",
                        "Endpoints left out because they failed too often.",
                    )
                }
            }
            Self::Returned => {
                const { &Description::counter("returns", "Ejected endpoints that may be picked again.") }
            }
            Self::HealthChanged { .. } => {
                const {
                    &Description::gauge(
                        "endpoint_up",
                        "1 when active checks believe the endpoint to be up.",
                    )
                }
            }
            Self::Spilled => {
                const { &Description::counter("spilled", "Requests sent to another region.") }
            }
            Self::FailedOpen => {
                const {
                    &Description::counter(
                        "failed_open",
                        "Tries sent although checks call every endpoint down.",
                    )
                }
            }
        }
    }
}

impl NoRetry {
    /// Every reason once, in the order of the enum, for tables of counters.
    pub const ALL: [Self; 12] = [
        Self::AttemptsUsedUp,
        Self::CauseNotListed,
        Self::NoGrounds,
        Self::BodyGone,
        Self::NoTimeLeft,
        Self::BudgetSpent,
        Self::BudgetInFlight,
        Self::BreakerOpen,
        Self::NoEndpoint,
        Self::AnswerBegun,
        Self::Forbidden,
        Self::RetriedBelow,
    ];

    /// Its position in [`NoRetry::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The word for metrics, logs and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AttemptsUsedUp => "attempts_used_up",
            Self::CauseNotListed => "cause_not_listed",
            Self::NoGrounds => "no_grounds",
            Self::BodyGone => "body_gone",
            Self::NoTimeLeft => "no_time_left",
            Self::BudgetSpent => "budget_spent",
            Self::BudgetInFlight => "budget_in_flight",
            Self::BreakerOpen => "breaker_open",
            Self::NoEndpoint => "no_endpoint",
            Self::AnswerBegun => "answer_begun",
            Self::Forbidden => "forbidden",
            Self::RetriedBelow => "retried_below",
        }
    }
}

impl BreakerState {
    /// The word for metrics, logs and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }

    /// The value of its gauge.
    pub const fn gauge(self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Open => 1,
            Self::HalfOpen => 2,
        }
    }
}

impl Grounds {
    /// All grounds once, in the order of the enum, for tables of counters.
    pub const ALL: [Self; 5] = [
        Self::NotSent,
        Self::RefusedByPeer,
        Self::IdempotentMethod,
        Self::Declared,
        Self::OtherPeoplesCode,
    ];

    /// Their position in [`Grounds::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The word for metrics, logs and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotSent => "not_sent",
            Self::RefusedByPeer => "refused_by_peer",
            Self::IdempotentMethod => "idempotent_method",
            Self::Declared => "declared",
            Self::OtherPeoplesCode => "other_peoples_code",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_and_grounds_stand_where_their_index_says() {
        assert!(NoRetry::ALL.into_iter().enumerate().all(|(at, reason)| reason.index() == at));
        assert!(Grounds::ALL.into_iter().enumerate().all(|(at, grounds)| grounds.index() == at));
    }
}
