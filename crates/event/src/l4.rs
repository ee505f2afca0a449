//! The transport layer: connections made, refused, reset.

use base::Duration;

use crate::{Cause, Description};

/// Something that happened to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A client's connection was accepted.
    Accepted,
    /// A client's connection was closed at once: there was no room for it.
    TurnedAway {
        /// Of what there was too little.
        cause: Cause,
    },
    /// A client's idle connection was closed, to make room for another client.
    LetGo,
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
    /// A connection that stood was given up: the peer was silent for too long.
    GivenUp,
    /// Data was sent again.
    Retransmitted {
        /// How many bytes.
        bytes: u32,
    },
    /// Nothing came back for a whole retransmission timeout, and all of the connection waited.
    Stalled {
        /// The timeout that ran out.
        waited: Duration,
    },
    /// Data was found lost by the acknowledgements of later data, before any timeout.
    LossFound,
    /// A probe asked for the acknowledgement of the last data (RFC 8985, 7).
    TailProbed,
    /// The peer received data twice: it had been sent again for nothing.
    SentTwice,
    /// The first packet of a handshake, or its answer, was sent again.
    SynRetried {
        /// 1 for the first time.
        retry: u8,
    },
    /// A first packet of a handshake was dropped: too many half-open connections.
    SynOverflow,
    /// A whole handshake was not taken: too many connections wait to be accepted.
    AcceptOverflow,
    /// There is no port left to connect from.
    PortsExhausted,
    /// The peer takes no more for now, and is asked whether that is still so.
    WindowProbed,
    /// An idle peer was asked whether it is still there.
    KeepaliveProbed,
    /// A datagram was dropped: the receiver's buffer was full.
    DatagramDropped,
}

impl Event {
    /// The series this belongs to.
    pub const fn describe(&self) -> &'static Description {
        match self {
            Self::Accepted => {
                const { &Description::counter("accepted", "Connections accepted from clients.") }
            }
            Self::TurnedAway { .. } => {
                const {
                    &Description::counter(
                        "clients_turned_away",
                        "Connections of clients closed at once for want of room, by cause.",
                    )
                }
            }
            Self::LetGo => {
                const {
                    &Description::counter(
                        "clients_let_go",
                        "Idle connections of clients closed to make room for others.",
                    )
                }
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
            other => other.describe_trouble(),
        }
    }

    /// What the transport noticed and dealt with.
    #[rustfmt::skip]
    const fn describe_trouble(&self) -> &'static Description {
        match self {
            Self::Retransmitted { .. } => const { &Description::counter("retransmits", "Segments that were sent again.") },
            Self::Stalled { .. } => const { &Description::seconds("rto_stall", "Time that a connection stood still until its retransmission timeout.") },
            Self::LossFound => const { &Description::counter("fast_recoveries", "Losses found without a timeout.") },
            Self::TailProbed => const { &Description::counter("tail_probes", "Probes for the acknowledgement of the last data.") },
            Self::SentTwice => const { &Description::counter("spurious_retransmits", "Segments that the peer received twice.") },
            Self::SynRetried { .. } => const { &Description::counter("syn_retries", "Handshake packets that were sent again.") },
            Self::SynOverflow => const { &Description::counter("syn_overflows", "Handshakes dropped because too many were half-open.") },
            Self::AcceptOverflow => const { &Description::counter("accept_overflows", "Handshakes not taken because too many connections waited to be accepted.") },
            Self::PortsExhausted => const { &Description::counter("ports_exhausted", "Connections that found no port to leave from.") },
            Self::WindowProbed => const { &Description::counter("window_probes", "Questions to a peer that took no more.") },
            Self::KeepaliveProbed => const { &Description::counter("keepalive_probes", "Questions to an idle peer.") },
            Self::DatagramDropped => const { &Description::counter("datagrams_dropped", "Datagrams for which the receiver had no room.") },
            _ => const { &Description::counter("given_up", "Connections given up because the peer was silent.") },
        }
    }
}
