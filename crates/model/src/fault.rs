//! What can go wrong: one closed enum, so that the compiler shows who has to deal with a new kind.

use base::{Duration, Instant, Share};

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
        /// How many are lost in a row, on average; 1: each is lost by its own chance.
        burst: u32,
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
    /// The balancer sends to the wrong place, which answers that it does not know the request.
    Misroute {
        /// Of the requests.
        rate: Share,
    },
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

/// How long an instance that is taken out in good order still takes what comes, while its checks
/// fail already. As a rule of thumb between 10 s and 150 s, by how quickly clients learn (Beyer et
/// al., "Site Reliability Engineering", 2016, chapter 20, on the lame duck state); this is the least.
pub const LAME_DUCK: Duration = Duration::from_secs(10);

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
            Self::Misroute { .. } => "misroute",
            Self::RegionLoss => "region-loss",
            Self::Descriptors { .. } => "descriptors",
            Self::ClockJump { .. } => "clock-jump",
        }
    }
}

impl Fault {
    /// Whether it happens to datagrams, or to what they go through.
    pub const fn is_of_network(&self) -> bool {
        matches!(
            self,
            Self::Loss { .. }
                | Self::Delay { .. }
                | Self::Jitter { .. }
                | Self::Bandwidth { .. }
                | Self::Duplicate { .. }
                | Self::Reorder { .. }
                | Self::Corrupt { .. }
                | Self::Mtu { .. }
                | Self::Partition { .. }
                | Self::LinkDown
                | Self::Nic { .. }
                | Self::Firewall { .. }
                | Self::Route(_)
        )
    }

    /// Whether it can be there in part, and so grow over a ramp.
    pub const fn has_size(&self) -> bool {
        match self {
            Self::Slow { .. }
            | Self::Error { .. }
            | Self::Spike { .. }
            | Self::Loss { .. }
            | Self::Delay { .. }
            | Self::Jitter { .. }
            | Self::Bandwidth { .. }
            | Self::Duplicate { .. }
            | Self::Reorder { .. }
            | Self::Corrupt { .. }
            | Self::Nic { .. }
            | Self::Misroute { .. } => true,
            Self::Hang
            | Self::Crash
            | Self::Restart { .. }
            | Self::Drain
            | Self::Mtu { .. }
            | Self::Partition { .. }
            | Self::LinkDown
            | Self::Firewall { .. }
            | Self::Route(_)
            | Self::RegionLoss
            | Self::Descriptors { .. }
            | Self::ClockJump { .. } => false,
        }
    }
}

/// When a fault is there, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Course {
    /// When it begins.
    pub at: Instant,
    /// How long it takes to reach its full size.
    pub ramp: Duration,
    /// How long it lasts, the ramp included; `None`: to the end.
    pub lasts: Option<Duration>,
}

impl Course {
    /// When it is over; [`Instant::NEVER`] if it is not.
    pub fn ends(&self) -> Instant {
        self.lasts.map_or(Instant::NEVER, |lasts| self.at + lasts)
    }

    /// Whether it has begun and is not over.
    pub fn is_there(&self, now: Instant) -> bool {
        now >= self.at && now < self.ends()
    }

    /// How much of it is there: 0 nothing, 1 all of it.
    pub fn size(&self, now: Instant) -> f64 {
        if !self.is_there(now) {
            return 0.0;
        }
        let passed = now.since(self.at);
        if passed >= self.ramp { 1.0 } else { passed.as_secs_f64() / self.ramp.as_secs_f64() }
    }

    /// When its size has to be looked at again: where it begins and ends, and often enough in
    /// between while it grows. `None` when it changes no more.
    pub fn next_change(&self, now: Instant) -> Option<Instant> {
        if now < self.at {
            return Some(self.at);
        }
        let full = self.at + self.ramp;
        let end = self.ends();
        let step = Duration::from_nanos(self.ramp.as_nanos() / RAMP_STEPS).max(SHORTEST_STEP);
        let next = if now < full { (now + step).min(full).min(end) } else { end };
        (now < end && next != Instant::NEVER).then_some(next)
    }
}

/// A ramp is climbed in steps of a hundredth: no step of it is seen in a latency percentile.
const RAMP_STEPS: u64 = 100;
const SHORTEST_STEP: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn a_fault_grows_stays_and_goes() {
        let sizes = [59, 60, 65, 70, 89, 90].map(|secs| DRIFT.size(Instant::from_secs(secs)));

        assert_eq!(sizes, [0.0, 0.0, 0.5, 1.0, 1.0, 0.0]);
    }

    #[test]
    fn it_is_looked_at_where_it_begins_while_it_grows_and_where_it_ends() {
        let mut now = Instant::ZERO;
        let mut looks = Vec::new();
        while let Some(next) = DRIFT.next_change(now) {
            assert!(next > now);
            looks.push(next);
            now = next;
        }

        assert_eq!(looks.len(), 102);
        assert_eq!((looks[0], looks[101]), (Instant::from_secs(60), Instant::from_secs(90)));
    }

    #[test]
    fn a_fault_without_an_end_changes_no_more_once_it_is_there() {
        let forever = Course { ramp: Duration::ZERO, lasts: None, ..DRIFT };

        assert_eq!(forever.next_change(Instant::from_secs(60)), None);
        assert_eq!(forever.size(Instant::from_secs(1_000_000)), 1.0);
    }

    const DRIFT: Course = Course {
        at: Instant::from_secs(60),
        ramp: Duration::from_secs(10),
        lasts: Some(Duration::from_secs(30)),
    };
}
