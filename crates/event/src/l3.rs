//! The network layer: datagrams that were lost, doubled or overtaken on the way.
//!
//! Best effort means that nobody is told. Every datagram that did not arrive has its reason here,
//! one variant each: the simulator knows them all. The live plane sees `Lost` alone, through what
//! the kernel had to send again.

use crate::Description;

/// Something that happened to a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// It did not arrive: chance on a link, or a cause that nobody saw.
    Lost,
    /// The queue before a link was full.
    QueueFull,
    /// It arrived damaged, and its checksum said so.
    Corrupted,
    /// It is larger than the link takes.
    TooBig,
    /// It passed as many routers as it was allowed to: it went round in a circle.
    HopLimit,
    /// A router knows no way to its destination.
    NoRoute,
    /// A partition lies in between.
    Partitioned,
    /// The link is down, and its ends know it.
    LinkDown,
    /// A firewall dropped it.
    Filtered,
    /// It arrived twice.
    Duplicated,
    /// Later ones overtook it.
    Reordered,
}

impl Event {
    /// Every event once, for tables of counters.
    pub const ALL: [Self; 11] = [
        Self::Lost,
        Self::QueueFull,
        Self::Corrupted,
        Self::TooBig,
        Self::HopLimit,
        Self::NoRoute,
        Self::Partitioned,
        Self::LinkDown,
        Self::Filtered,
        Self::Duplicated,
        Self::Reordered,
    ];

    /// Its position in [`Event::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Whether the datagram did not arrive.
    pub const fn is_drop(self) -> bool {
        !matches!(self, Self::Duplicated | Self::Reordered)
    }

    /// The series this belongs to.
    #[rustfmt::skip]
    pub const fn describe(&self) -> &'static Description {
        match self {
            Self::Lost => const { &Description::counter("packets_lost", "Datagrams lost on the way, by chance or for a reason that nobody saw.") },
            Self::QueueFull => const { &Description::counter("packets_queue_full", "Datagrams dropped before a link whose queue was full.") },
            Self::Corrupted => const { &Description::counter("packets_corrupted", "Datagrams dropped by their checksum.") },
            Self::TooBig => const { &Description::counter("packets_too_big", "Datagrams larger than a link takes.") },
            Self::HopLimit => const { &Description::counter("packets_hop_limit", "Datagrams that went round in a circle until their hop limit.") },
            Self::NoRoute => const { &Description::counter("packets_no_route", "Datagrams for which a router knew no way.") },
            Self::Partitioned => const { &Description::counter("packets_partitioned", "Datagrams that met a partition.") },
            Self::LinkDown => const { &Description::counter("packets_link_down", "Datagrams for a link that was down.") },
            Self::Filtered => const { &Description::counter("packets_filtered", "Datagrams that a firewall dropped.") },
            Self::Duplicated => const { &Description::counter("packets_duplicated", "Datagrams that arrived twice.") },
            Self::Reordered => const { &Description::counter("packets_reordered", "Datagrams that later ones overtook.") },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_stands_at_its_own_place() {
        for (at, event) in Event::ALL.into_iter().enumerate() {
            assert_eq!(event.index(), at, "{event:?}");
        }
    }
}
