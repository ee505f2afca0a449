//! The transport layer: connections made, refused, reset.

use base::Duration;

use crate::{Cause, Description};

/// Something that happened to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A client's connection was accepted.
    Accepted,
    /// A connection to an endpoint stands.
    Connected {
        /// From the first packet to the last of the handshake.
        took: Duration,
    },
    /// No connection: refused, timed out, unreachable, or out of descriptors.
    ConnectFailed {
        /// Why.
        cause: Cause,
    },
    /// An idle connection to an endpoint was used again.
    Reused,
    /// The peer reset a connection.
    Reset,
    /// A connection ended in good order.
    Closed,
}

impl Event {
    /// The series this belongs to.
    pub const fn describe(&self) -> &'static Description {
        match self {
            Self::Accepted => {
                const { &Description::counter("accepted", "Connections accepted from clients.") }
            }
            Self::Connected { .. } => {
                const {
                    &Description::seconds(
                        "connect",
                        "Time until a connection to an endpoint stood.",
                    )
                }
            }
            Self::ConnectFailed { .. } => {
                const {
                    &Description::counter(
                        "connect_failures",
                        "Connections that never stood, by cause.",
                    )
                }
            }
            Self::Reused => {
                const {
                    &Description::counter(
                        "reused",
                        "Attempts sent on a connection that stood already.",
                    )
                }
            }
            Self::Reset => {
                const { &Description::counter("resets", "Connections that the peer reset.") }
            }
            Self::Closed => {
                const { &Description::counter("closed", "Connections that ended in good order.") }
            }
        }
    }
}
