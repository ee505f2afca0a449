//! All rules of one call, as the design resolved them.
//!
//! Rules can say things that no sound design says, because a simulation must show what those do.
//! Only `checklist::sound` lets a set of rules through to the live plane.

use base::Duration;
use policy::{admission, balance, breaker, deadline, health, region, retry};

/// The rules of one call.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// The whole request and one try of it.
    pub deadline: deadline::Params,
    /// How long a connection may take to stand; the rest of the try if nothing is said.
    pub connect_timeout: Option<Duration>,
    /// How long nothing may move on a stream, a tunnel, or the body of an answer.
    pub idle_timeout: Option<Duration>,
    /// Which requests may be sent twice.
    pub idempotence: Idempotence,
    /// How much may be under way, and how much may wait.
    pub admission: admission::Params,
    /// Whether failed tries are tried again.
    pub retry: retry::Params,
    /// What all retries together may cost; the floor is already this instance's part.
    pub budget: Option<retry::budget::Params>,
    /// Whether the service is left alone when it fails too often.
    pub breaker: Option<breaker::Params>,
    /// Whether an endpoint is left out when it fails and others do not.
    pub ejection: Option<health::ejection::Params>,
    /// Whether endpoints are asked how they are.
    pub health: Option<health::check::Params>,
    /// Who gets the next attempt.
    pub balance: balance::Params,
    /// Whether an endpoint that comes up gets its part of the traffic little by little.
    pub slow_start: Option<balance::SlowStart>,
    /// Whether requests may leave the region.
    pub region: region::Params,
    /// Whose code carries the call.
    pub carrier: Carrier,
}

/// Which requests may be sent twice without harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idempotence {
    /// Those with an idempotent method (RFC 9110, 9.2.2).
    ByMethod,
    /// Those, and whatever carries an `Idempotency-Key`.
    ByKey,
    /// As the schema of the service declares each method.
    BySchema,
    /// Only connecting may be repeated; bytes that left are never sent again.
    ConnectOnly,
    /// All: the design declares it.
    Always,
    /// None.
    Never,
}

/// Whose code carries a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// Ours: a request is sent again only where that is safe.
    Plimsoll,
    /// Somebody else's, which is modelled: it does what it does.
    Others,
}

impl Default for Rules {
    /// One try, no bounds: what a call does that says nothing at all. Never a design's answer.
    fn default() -> Self {
        Self {
            deadline: deadline::Params::default(),
            connect_timeout: None,
            idle_timeout: None,
            idempotence: Idempotence::Never,
            admission: admission::Params::default(),
            retry: retry::Params::NEVER,
            budget: None,
            breaker: None,
            ejection: None,
            health: None,
            balance: balance::Params::default(),
            slow_start: None,
            region: region::Params::default(),
            carrier: Carrier::Plimsoll,
        }
    }
}
