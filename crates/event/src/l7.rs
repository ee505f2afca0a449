//! The application layer: requests, the attempts that serve them, and the answers.

use base::Duration;

use crate::{Cause, Description};

/// Something that happened to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A request arrived for this call.
    Requested,
    /// One try left for an endpoint.
    Attempted {
        /// Which try it is, those of the hops before included; 1 for the very first.
        number: u8,
    },
    /// One try ended.
    AttemptEnded {
        /// From leaving to the end of its answer.
        took: Duration,
        /// Nothing, or why it failed.
        cause: Option<Cause>,
    },
    /// The request was answered, by an upstream or by us, or its client left.
    Answered {
        /// From first byte in to last byte out.
        took: Duration,
        /// The status sent; 0 if none was, because the client had left.
        status: u16,
        /// Nothing, or why it failed.
        cause: Option<Cause>,
        /// How many tries it took; 0 when none left.
        attempts: u8,
    },
    /// A request failed before a call of the design took it, or what came was no request.
    Unrouted {
        /// Why.
        cause: Cause,
        /// The status sent.
        status: u16,
    },
}

/// What a request can fail with before a call takes it, and the status it is told: the labels of
/// [`Event::Unrouted`].
pub const UNROUTED: [(Cause, u16); 11] = [
    (Cause::BadRequest, 400),
    (Cause::BadRequest, 405),
    (Cause::BadRequest, 414),
    (Cause::BadRequest, 417),
    (Cause::BadRequest, 431),
    (Cause::BadRequest, 501),
    (Cause::BadRequest, 505),
    (Cause::ClientTimeout, 408),
    (Cause::NoRoute, 404),
    (Cause::Loop, 508),
    (Cause::Draining, 503),
];

impl Event {
    /// The series this belongs to.
    pub const fn describe(&self) -> &'static Description {
        match self {
            Self::Requested => {
                const { &Description::counter("requests", "Requests that arrived for this call.") }
            }
            Self::Attempted { .. } => {
                const { &Description::counter("attempts", "Tries that left for an endpoint.") }
            }
            Self::AttemptEnded { .. } => {
                const {
                    &Description::seconds(
                        "attempt_latency",
                        "From a try's leaving to the end of its answer.",
                    )
                }
            }
            Self::Answered { .. } => {
                const {
                    &Description::seconds(
                        "latency",
                        "All the time the caller waited, queues included.",
                    )
                }
            }
            Self::Unrouted { .. } => {
                const {
                    &Description::counter(
                        "unrouted",
                        "Requests that failed before a call took them, by cause and status.",
                    )
                }
            }
        }
    }
}
