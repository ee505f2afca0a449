//! What happened below the messages: datagrams by the way that they took, connections by call.

use base::{Duration, Instant};
use event::{Cause, l3, l4};

use super::{Histogram, add};
use crate::plan::Times;

/// The two layers below requests, after the warm-up and while traffic arrived.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layers {
    times: Times,
    /// By call.
    pub(crate) connections: Vec<Connections>,
    /// From region to region, row by row.
    pub(crate) ways: Vec<Datagrams>,
}

/// What became of the connections of a call.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Connections {
    /// Connections that stood.
    pub(crate) connected: u64,
    /// How long that took.
    pub(crate) connect: Histogram,
    /// Those that never stood, by [`Cause::index`].
    pub(crate) failed: [u64; Cause::ALL.len()],
    /// Tries that went over a connection that stood already.
    pub(crate) reused: u64,
    /// Ends that the other side reset.
    pub(crate) resets: u64,
    /// Ends that were given up because the other side was silent.
    pub(crate) given_up: u64,
    /// Segments that were sent again.
    pub(crate) retransmits: u64,
    /// Times that a connection stood still for a whole retransmission timeout.
    pub(crate) timeouts: u64,
    /// Losses found without a timeout.
    pub(crate) recoveries: u64,
    /// Probes for the end of what was sent.
    pub(crate) tail_probes: u64,
    /// Handshakes that were begun again.
    pub(crate) syn_retries: u64,
    /// Handshakes for which there was no room, half-open or whole.
    pub(crate) overflows: u64,
    /// Connections that found no port to leave from.
    pub(crate) ports_exhausted: u64,
}

/// What became of the datagrams of a way.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Datagrams {
    pub(crate) sent: u64,
    pub(crate) bytes: u64,
    /// What happened to them, by [`l3::Event::index`].
    pub(crate) happened: [u64; l3::Event::ALL.len()],
    /// One way, of those that arrived.
    pub(crate) delay: Histogram,
    /// Of those that had to wait for others to leave.
    pub(crate) waited: Histogram,
}

impl Layers {
    pub(super) fn new(times: Times, calls: usize, regions: usize) -> Self {
        Self {
            times,
            connections: vec![Connections::default(); calls],
            ways: vec![Datagrams::default(); regions * regions],
        }
    }

    /// A datagram leaves.
    pub(crate) fn sent(&mut self, now: Instant, way: usize, bytes: u32) {
        if self.counts(now) {
            self.ways[way].sent += 1;
            self.ways[way].bytes += u64::from(bytes);
        }
    }

    /// A datagram has arrived, after so long.
    pub(crate) fn arrived(&mut self, now: Instant, way: usize, took: Duration) {
        if self.counts(now) {
            self.ways[way].delay.record(took);
        }
    }

    /// A datagram waits for others to leave.
    pub(crate) fn waited(&mut self, now: Instant, way: usize, waits: Duration) {
        if self.counts(now) {
            self.ways[way].waited.record(waits);
        }
    }

    /// Something out of the ordinary happened to a datagram.
    pub(crate) fn happened(&mut self, now: Instant, way: usize, event: l3::Event) {
        if self.counts(now) {
            self.ways[way].happened[event.index()] += 1;
        }
    }

    /// Something happened to a connection.
    pub(super) fn on_l4(&mut self, now: Instant, call: usize, event: l4::Event) {
        if self.counts(now) {
            self.connections[call].happened(event);
        }
    }

    /// All of another run's.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.connections.iter_mut().zip(&other.connections) {
            mine.merge(theirs);
        }
        for (mine, theirs) in self.ways.iter_mut().zip(&other.ways) {
            mine.merge(theirs);
        }
    }

    fn counts(&self, now: Instant) -> bool {
        now >= self.times.warm_up && now < self.times.end
    }
}

impl Connections {
    fn happened(&mut self, event: l4::Event) {
        match event {
            l4::Event::Connected { took } => {
                self.connected += 1;
                self.connect.record(took);
            }
            l4::Event::ConnectFailed { cause } => self.failed[cause.index()] += 1,
            l4::Event::Reused => self.reused += 1,
            l4::Event::Reset => self.resets += 1,
            l4::Event::GivenUp => self.given_up += 1,
            l4::Event::Retransmitted { .. } => self.retransmits += 1,
            l4::Event::Stalled { .. } => self.timeouts += 1,
            l4::Event::LossFound => self.recoveries += 1,
            l4::Event::TailProbed => self.tail_probes += 1,
            l4::Event::SynRetried { .. } => self.syn_retries += 1,
            l4::Event::SynOverflow | l4::Event::AcceptOverflow => self.overflows += 1,
            l4::Event::PortsExhausted => self.ports_exhausted += 1,
            l4::Event::Accepted
            | l4::Event::Closed
            | l4::Event::SentTwice
            | l4::Event::WindowProbed
            | l4::Event::KeepaliveProbed
            | l4::Event::TurnedAway { .. }
            | l4::Event::LetGo
            | l4::Event::DatagramDropped => {}
        }
    }

    fn merge(&mut self, other: &Self) {
        self.connected += other.connected;
        self.connect.merge(&other.connect);
        add(&mut self.failed, &other.failed);
        self.reused += other.reused;
        self.resets += other.resets;
        self.given_up += other.given_up;
        self.retransmits += other.retransmits;
        self.timeouts += other.timeouts;
        self.recoveries += other.recoveries;
        self.tail_probes += other.tail_probes;
        self.syn_retries += other.syn_retries;
        self.overflows += other.overflows;
        self.ports_exhausted += other.ports_exhausted;
    }
}

impl Datagrams {
    /// Those that did not arrive.
    pub(crate) fn lost(&self) -> u64 {
        let drops = l3::Event::ALL.iter().zip(&self.happened).filter(|(event, _)| event.is_drop());
        drops.map(|(_, count)| count).sum()
    }

    fn merge(&mut self, other: &Self) {
        self.sent += other.sent;
        self.bytes += other.bytes;
        add(&mut self.happened, &other.happened);
        self.delay.merge(&other.delay);
        self.waited.merge(&other.waited);
    }
}
