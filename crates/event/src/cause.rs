//! Why a request, or one try of it, failed: one cause, and the layer it lives on.
//!
//! The same value goes to the log, to the metrics, out as `Proxy-Status` (RFC 9209), into the
//! simulator's report, and into the rule that decides about a retry.

/// One cause of a failed request or attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// No route to the endpoint's host.
    Unreachable,
    /// The endpoint's name has no address, as far as is known.
    Unresolved,
    /// The endpoint's host answered that nobody listens.
    Refused,
    /// No connection within the connect timeout.
    ConnectTimeout,
    /// The peer reset the connection.
    Reset,
    /// The peer closed the connection before the answer was whole.
    Closed,
    /// No connection may be made: we have no descriptor or port left, or the peer has as many of our
    /// connections as the design allows.
    Exhausted,
    /// The two ends did not agree on keys, or the certificate was not believed.
    Handshake,
    /// An answer came, and it says that it is a failure.
    Status(u16),
    /// What came back is not the protocol.
    Garbage,
    /// One try took longer than `attempt_timeout`.
    AttemptTimeout,
    /// The whole request took longer than `timeout`.
    Timeout,
    /// Nothing moved on an open stream or body for `idle_timeout`.
    IdleTimeout,
    /// No route of the design takes this request.
    NoRoute,
    /// The request has passed this balancer before (RFC 9110, 7.6.3).
    Loop,
    /// The breaker of this call is open.
    BreakerOpen,
    /// The call has as much in flight, and as much waiting, as the design allows.
    QueueFull,
    /// Waited so long that it could no longer have been answered in time.
    QueueExpired,
    /// Every endpoint is down, ejected or draining.
    NoEndpoint,
    /// We are shutting down.
    Draining,
    /// The client left before the answer.
    ClientLeft,
    /// The client's request is malformed or over a limit.
    BadRequest,
    /// The client did not send its request in time, or stopped taking the answer.
    ClientTimeout,
    /// The service says that the request is not for it (RFC 9110, 15.5.20): it was sent to the wrong
    /// place.
    Misrouted,
}

/// The layer a cause lives on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// Addressing and forwarding.
    L3,
    /// Connections.
    L4,
    /// Keys and certificates.
    Tls,
    /// Messages.
    L7,
    /// A rule of the design.
    Policy,
    /// The one who asked.
    Client,
}

impl Layer {
    /// The word for metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::L3 => "l3",
            Self::L4 => "l4",
            Self::Tls => "tls",
            Self::L7 => "l7",
            Self::Policy => "policy",
            Self::Client => "client",
        }
    }
}

/// What everybody needs to know of a cause, one row each.
struct Row {
    name: &'static str,
    layer: Layer,
    /// The status a balancer answers with.
    status: u16,
    /// The error type of RFC 9209, section 2.3.
    proxy_status: &'static str,
    sentence: &'static str,
}

impl Cause {
    /// Every cause once; [`Cause::Status`] stands for all of its kind.
    pub const ALL: [Self; 24] = [
        Self::Unreachable,
        Self::Refused,
        Self::ConnectTimeout,
        Self::Reset,
        Self::Closed,
        Self::Exhausted,
        Self::Handshake,
        Self::Status(500),
        Self::Garbage,
        Self::AttemptTimeout,
        Self::Timeout,
        Self::IdleTimeout,
        Self::NoRoute,
        Self::Loop,
        Self::BreakerOpen,
        Self::QueueFull,
        Self::QueueExpired,
        Self::NoEndpoint,
        Self::Draining,
        Self::ClientLeft,
        Self::BadRequest,
        Self::ClientTimeout,
        Self::Misrouted,
        Self::Unresolved,
    ];

    /// Its position in [`Cause::ALL`], for tables of counters.
    pub const fn index(self) -> usize {
        match self {
            Self::Unreachable => 0,
            Self::Refused => 1,
            Self::ConnectTimeout => 2,
            Self::Reset => 3,
            Self::Closed => 4,
            Self::Exhausted => 5,
            Self::Handshake => 6,
            Self::Status(_) => 7,
            Self::Garbage => 8,
            Self::AttemptTimeout => 9,
            Self::Timeout => 10,
            Self::IdleTimeout => 11,
            Self::NoRoute => 12,
            Self::Loop => 13,
            Self::BreakerOpen => 14,
            Self::QueueFull => 15,
            Self::QueueExpired => 16,
            Self::NoEndpoint => 17,
            Self::Draining => 18,
            Self::ClientLeft => 19,
            Self::BadRequest => 20,
            Self::ClientTimeout => 21,
            Self::Misrouted => 22,
            Self::Unresolved => 23,
        }
    }

    /// What an answer of this status says to who sends the request again or fails with it.
    pub const fn of_status(status: u16) -> Self {
        if status == MISDIRECTED { Self::Misrouted } else { Self::Status(status) }
    }

    /// Why an answer of this status is a failure of who passes it on, if it is one. What else blames
    /// the client is the client's affair.
    pub const fn of_passed_on(status: u16) -> Option<Self> {
        match status {
            MISDIRECTED | 500.. => Some(Self::of_status(status)),
            _ => None,
        }
    }

    /// The word for metrics, logs and reports.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The layer it lives on.
    pub const fn layer(self) -> Layer {
        self.row().layer
    }

    /// The HTTP status that a balancer answers with. An upstream's own status is passed on.
    pub const fn status(self) -> u16 {
        match self {
            Self::Status(status) => status,
            other => other.row().status,
        }
    }

    /// The error type for `Proxy-Status` (RFC 9209, section 2.3).
    pub const fn proxy_status(self) -> &'static str {
        self.row().proxy_status
    }

    /// What happened, as a sentence for the one who asked.
    pub const fn sentence(self) -> &'static str {
        self.row().sentence
    }

    #[rustfmt::skip]
    const fn row(self) -> Row {
        use Layer::{Client, L3, L4, L7, Policy, Tls};
        let (name, layer, status, proxy_status, sentence) = match self {
            Self::Unreachable => ("unreachable", L3, 502, "destination_ip_unroutable", "There is no route to the service."),
            Self::Unresolved => ("unresolved", L3, 502, "dns_error", "The name of the service has no address."),
            Self::Refused => ("refused", L4, 502, "connection_refused", "The service refused the connection."),
            Self::ConnectTimeout => ("connect_timeout", L4, 504, "connection_timeout", "The service did not accept a connection in time."),
            Self::Reset => ("reset", L4, 502, "connection_terminated", "The service reset the connection."),
            Self::Closed => ("closed", L4, 502, "connection_terminated", "The service closed the connection before its answer was whole."),
            Self::Exhausted => ("exhausted", L4, 503, "connection_limit_reached", "No connection was left: the balancer had no descriptor or port, or the service had as many as it may have."),
            Self::Handshake => ("handshake", Tls, 502, "tls_protocol_error", "The service and the balancer did not agree on keys."),
            Self::Status(_) => ("status", L7, 502, "http_protocol_error", "The service answered that it failed."),
            Self::Garbage => ("garbage", L7, 502, "http_protocol_error", "The service's answer is not valid HTTP."),
            Self::AttemptTimeout => ("attempt_timeout", L7, 504, "http_response_timeout", "The service did not answer in time."),
            Self::Timeout => ("timeout", L7, 504, "http_response_timeout", "The request was not answered in time."),
            Self::IdleTimeout => ("idle_timeout", L7, 504, "connection_read_timeout", "Nothing moved for too long."),
            Self::NoRoute => ("no_route", L7, 404, "destination_not_found", "No route takes this request."),
            Self::Loop => ("loop", L7, 508, "proxy_loop_detected", "This request has been here before."),
            Self::BreakerOpen => ("breaker_open", Policy, 503, "destination_unavailable", "The service fails too often; it is left alone for a while."),
            Self::QueueFull => ("queue_full", Policy, 503, "connection_limit_reached", "The service has as many requests as it may have."),
            Self::QueueExpired => ("queue_expired", Policy, 503, "connection_limit_reached", "The request waited until it could no longer be answered in time."),
            Self::NoEndpoint => ("no_endpoint", Policy, 503, "destination_unavailable", "No endpoint of the service is fit to be asked."),
            Self::Draining => ("draining", Policy, 503, "destination_unavailable", "The balancer is shutting down."),
            Self::ClientLeft => ("client_left", Client, 499, "http_request_error", "The client left before the answer."),
            Self::BadRequest => ("bad_request", Client, 400, "http_request_error", "The request is not valid HTTP, or over a limit."),
            Self::Misrouted => ("misrouted", L7, MISDIRECTED, "http_request_error", "The request came to a service that it is not for."),
            Self::ClientTimeout => ("client_timeout", Client, 408, "http_request_error", "The client did not send its request, or take its answer, in time."),
        };
        Row { name, layer, status, proxy_status, sentence }
    }
}

/// Misdirected Request (RFC 9110, 15.5.20).
const MISDIRECTED: u16 = 421;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_cause_has_its_own_place_and_its_own_name() {
        for (at, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(cause.index(), at, "{cause:?}");
        }
        let names: BTreeSet<_> = Cause::ALL.map(Cause::name).into_iter().collect();
        assert_eq!(names.len(), Cause::ALL.len());
    }

    #[test]
    fn a_failure_is_answered_with_an_error_status() {
        assert!(Cause::ALL.iter().all(|cause| (400..600).contains(&cause.status())));
        assert_eq!(Cause::Status(503).status(), 503);
    }

    #[test]
    fn a_request_in_the_wrong_place_is_told_from_one_that_is_wrong() {
        let passed_on = [404, 421, 503].map(Cause::of_passed_on);

        assert_eq!(passed_on, [None, Some(Cause::Misrouted), Some(Cause::Status(503))]);
        assert_eq!(Cause::Misrouted.status(), 421);
    }
}
