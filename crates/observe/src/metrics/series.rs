//! What each series is called.
//!
//! Names, units and help stand on the events. Only what is computed from several events, or tells
//! one event from two sides, has its name here.

use base::Duration;
use event::policy::{BreakerState, Grounds, NoRetry};
use event::{Cause, Description, Kind, Unit, l3, l4, l7, policy, tls};

// Series that are an event each: the event says its name.
pub(super) const REQUESTS: &Description = l7::Event::Requested.describe();
pub(super) const ATTEMPTS: &Description = l7::Event::Attempted { number: 1 }.describe();
pub(super) const ATTEMPT_LATENCY: &Description =
    l7::Event::AttemptEnded { took: Duration::ZERO, cause: None }.describe();
pub(super) const LATENCY: &Description =
    l7::Event::Answered { took: Duration::ZERO, status: 0, cause: None, attempts: 0 }.describe();
pub(super) const UNROUTED: &Description =
    l7::Event::Unrouted { cause: Cause::NoRoute, status: 404 }.describe();
pub(super) const QUEUED: &Description = policy::Event::Queued { waiting: 0 }.describe();
pub(super) const QUEUE_WAIT: &Description =
    policy::Event::Admitted { waited: Duration::ZERO }.describe();
pub(super) const SHED: &Description = policy::Event::Shed(Cause::QueueFull).describe();
pub(super) const RETRIES: &Description =
    policy::Event::RetryGranted { after: Cause::Refused, grounds: Grounds::NotSent }.describe();
pub(super) const REFUSED: &Description =
    policy::Event::RetryRefused { after: Cause::Refused, reason: NoRetry::NoGrounds }.describe();
pub(super) const BREAKER: &Description =
    policy::Event::BreakerMoved { to: BreakerState::Closed }.describe();
pub(super) const EJECTIONS: &Description = policy::Event::Ejected.describe();
pub(super) const RETURNS: &Description = policy::Event::Returned.describe();
pub(super) const UP: &Description = policy::Event::HealthChanged { up: true }.describe();
pub(super) const SPILLED: &Description = policy::Event::Spilled.describe();
pub(super) const FAILED_OPEN: &Description = policy::Event::FailedOpen.describe();
pub(super) const ACCEPTED: &Description = l4::Event::Accepted.describe();
pub(super) const TURNED_AWAY: &Description =
    l4::Event::TurnedAway { cause: Cause::Exhausted }.describe();
pub(super) const LET_GO: &Description = l4::Event::LetGo.describe();
pub(super) const CONNECT: &Description = l4::Event::Connected { took: Duration::ZERO }.describe();
pub(super) const CONNECT_FAILURES: &Description =
    l4::Event::ConnectFailed { cause: Cause::Refused }.describe();
pub(super) const REUSED: &Description = l4::Event::Reused.describe();
pub(super) const RESETS: &Description = l4::Event::Reset.describe();
pub(super) const CLOSED: &Description = l4::Event::Closed.describe();
pub(super) const LOST: &Description = l3::Event::Lost.describe();
pub(super) const AGREED: &Description = tls::Event::Agreed { took: Duration::ZERO }.describe();
pub(super) const DISAGREED: &Description = tls::Event::Failed.describe();

// Series that are computed, or tell one event from another side.
pub(super) const AMPLIFICATION: Description =
    gauge("amplification", "Attempts per request since the start: what retries cost.");
pub(super) const ANSWERS: Description =
    counter("answers", "Answers sent to clients, by class of status.");
pub(super) const FAILURES: Description =
    counter("failures", "Requests that failed, by cause and the layer it lives on.");
pub(super) const ENDPOINT_ATTEMPTS: Description =
    counter("endpoint_attempts", "Tries that left for this endpoint.");
pub(super) const ATTEMPT_FAILURES: Description =
    counter("attempt_failures", "Tries that failed, by cause and the layer it lives on.");
pub(super) const CLIENT_RESETS: Description =
    counter("client_resets", "Connections that the client reset.");
pub(super) const CLIENT_CLOSED: Description =
    counter("client_closed", "Connections from clients that ended in good order.");
pub(super) const IN_FLIGHT: Description = gauge("in_flight", "Requests under way.");
pub(super) const QUEUE: Description = gauge("queue", "Requests waiting for their turn.");
pub(super) const PROBES: Description = gauge("breaker_probes", "Half-open probes under way.");
pub(super) const RETRIES_IN_FLIGHT: Description =
    gauge("retries_in_flight", "Retries decided and not yet answered.");
pub(super) const BUDGET: Description =
    gauge("retry_budget", "Retries that could leave now, by what requests have earned.");

const fn counter(name: &'static str, help: &'static str) -> Description {
    Description { name, kind: Kind::Counter, unit: Unit::Count, help }
}

const fn gauge(name: &'static str, help: &'static str) -> Description {
    Description { name, kind: Kind::Gauge, unit: Unit::Count, help }
}
