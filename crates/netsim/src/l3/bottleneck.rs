//! A link that takes time for every bit, and the bounded queue before it.
//!
//! The queue is drop-tail: who comes when it is full is dropped, whoever it is. Nothing has to
//! happen when a datagram leaves: its turn is known the moment it arrives, so a queue is a list of
//! turns, and looking at it forgets those that have begun.

use alloc::collections::VecDeque;

use base::{Duration, Instant};

use super::link::Change;

/// How much may wait before a link, without what is being sent. Both bounds hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Bytes.
    pub bytes: u64,
    /// Datagrams.
    pub packets: u32,
}

impl Default for Bound {
    /// A thousand datagrams, the `txqueuelen` of Linux's Ethernet devices.
    fn default() -> Self {
        Self { bytes: u64::MAX, packets: 1_000 }
    }
}

/// The turns of the datagrams that wait.
#[derive(Clone, Debug, Default)]
pub(super) struct Bottleneck {
    waiting: VecDeque<Turn>,
    bytes: u64,
    free_at: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Turn {
    begins: Instant,
    bytes: u32,
}

impl Bottleneck {
    /// When the last bit of a datagram has left, or nothing if there is no room for it.
    #[inline]
    pub(super) fn pass(
        &mut self,
        now: Instant,
        bytes: u32,
        bits_per_sec: u64,
        bound: Bound,
    ) -> Option<Instant> {
        let begins = self.free_at.max(now);
        if begins > now {
            self.forget_begun(now);
            if self.is_full(bytes, bound) {
                return None;
            }
            self.waiting.push_back(Turn { begins, bytes });
            self.bytes += u64::from(bytes);
        }
        self.free_at = begins + serialisation(bytes, bits_per_sec);
        Some(self.free_at)
    }

    /// What waits takes its turn at another speed. When the last of it was to leave.
    pub(super) fn change(&mut self, change: &Change) -> Instant {
        for turn in &mut self.waiting {
            turn.begins = change.leaves(turn.begins);
        }
        let last = self.free_at;
        self.free_at = change.leaves(last);
        last
    }

    /// How many bytes wait, and how many datagrams.
    pub(super) fn backlog(&mut self, now: Instant) -> (u64, usize) {
        self.forget_begun(now);
        (self.bytes, self.waiting.len())
    }

    fn is_full(&self, bytes: u32, bound: Bound) -> bool {
        self.bytes + u64::from(bytes) > bound.bytes || self.waiting.len() >= bound.packets as usize
    }

    fn forget_begun(&mut self, now: Instant) {
        while let Some(turn) = self.waiting.front()
            && turn.begins <= now
        {
            self.bytes -= u64::from(turn.bytes);
            self.waiting.pop_front();
        }
    }
}

/// How long the bits take to leave, rounded down to nanoseconds.
#[inline]
fn serialisation(bytes: u32, bits_per_sec: u64) -> Duration {
    let bit_nanos = u64::from(bytes) * 8_000_000_000;
    Duration::from_nanos(bit_nanos.checked_div(bits_per_sec).unwrap_or(u64::MAX))
}
