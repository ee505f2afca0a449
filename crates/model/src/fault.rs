//! What can go wrong: one closed enum, so that the compiler shows who has to deal with a new kind.

use base::{Duration, Share};

/// Something that goes wrong in a system.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// Work takes so many times as long.
    Slow {
        /// 1.4 for two fifths slower.
        times: f64,
    },
    /// This share of answers is an error of this status.
    Error {
        /// Of all answers.
        rate: Share,
        /// 500 if nothing is said.
        status: u16,
    },
    /// Accepts and never answers.
    Hang,
    /// The process is gone: connections are refused.
    Crash,
    /// Gone for a moment, and back without anything it knew.
    Restart {
        /// How long until it is back.
        takes: Duration,
    },
    /// So many times the usual traffic.
    Spike {
        /// 3.0 for three times.
        times: f64,
    },
    /// Taken out in good order.
    Drain,
    /// This share of packets is lost.
    Loss {
        /// Of all packets.
        loss: Share,
    },
    /// This much is added to the delay.
    Delay {
        /// One way.
        by: Duration,
    },
    /// The delay varies by this much.
    Jitter {
        /// One way.
        by: Duration,
    },
    /// No more than this gets through.
    Bandwidth {
        /// Bits per second.
        bits_per_sec: u64,
    },
    /// This share of packets arrives twice.
    Duplicate {
        /// Of all packets.
        rate: Share,
    },
    /// This share of packets is overtaken.
    Reorder {
        /// Of all packets.
        rate: Share,
        /// By this much.
        by: Duration,
    },
    /// This share of packets arrives damaged, and is dropped by its checksum.
    Corrupt {
        /// Of all packets.
        rate: Share,
    },
    /// Packets larger than this are dropped.
    Mtu {
        /// Bytes.
        bytes: u32,
    },
    /// Nothing gets through.
    Partition {
        /// Only in the direction of the call.
        one_way: bool,
    },
    /// The link is down, and its ends know it.
    LinkDown,
    /// The network card of the node works at this share of its speed.
    Nic {
        /// Of its speed.
        speed: Share,
    },
    /// A rule in between keeps new connections out.
    Firewall {
        /// Answered with a reset, instead of silently dropped.
        reject: bool,
    },
    /// A router believes something that is not so.
    Route(RouteFault),
    /// The balancer sends to the wrong service.
    Misroute,
    /// A whole region is gone.
    RegionLoss,
    /// No more than this many descriptors are left.
    Descriptors {
        /// So many.
        left: u32,
    },
    /// The node's clock jumps.
    ClockJump {
        /// Forwards, or backwards if negative; in nanoseconds.
        by_nanos: i64,
    },
}

/// How a route can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteFault {
    /// It leads elsewhere.
    Wrong,
    /// It is gone.
    Withdrawn,
    /// It leads back.
    Loop,
}

impl Fault {
    /// The word of the design file.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Slow { .. } => "slow",
            Self::Error { .. } => "error",
            Self::Hang => "hang",
            Self::Crash => "crash",
            Self::Restart { .. } => "restart",
            Self::Spike { .. } => "spike",
            Self::Drain => "drain",
            Self::Loss { .. } => "loss",
            Self::Delay { .. } => "delay",
            Self::Jitter { .. } => "jitter",
            Self::Bandwidth { .. } => "bandwidth",
            Self::Duplicate { .. } => "duplicate",
            Self::Reorder { .. } => "reorder",
            Self::Corrupt { .. } => "corrupt",
            Self::Mtu { .. } => "mtu",
            Self::Partition { .. } => "partition",
            Self::LinkDown => "link-down",
            Self::Nic { .. } => "nic",
            Self::Firewall { .. } => "firewall",
            Self::Route(_) => "route",
            Self::Misroute => "misroute",
            Self::RegionLoss => "region-loss",
            Self::Descriptors { .. } => "descriptors",
            Self::ClockJump { .. } => "clock-jump",
        }
    }

    /// Whether the simulator of messages plays it. The others need packets.
    pub const fn is_message_level(&self) -> bool {
        matches!(
            self,
            Self::Slow { .. }
                | Self::Error { .. }
                | Self::Hang
                | Self::Crash
                | Self::Restart { .. }
                | Self::Spike { .. }
        )
    }
}
