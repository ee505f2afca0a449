//! From a loss to its repair (RFC 6675, 5; RFC 6582; RFC 5681, 3.1).
//!
//! One loss event lowers the window once, however many segments it took: until everything that
//! was under way when it was found is acknowledged, further losses belong to it.

use super::seq;

/// Whether losses are being repaired.
#[derive(Clone, Debug)]
pub(super) struct Recovery {
    pub(super) phase: Phase,
    /// Duplicate acknowledgements in a row, without selective ones.
    pub(super) duplicates: u8,
    /// The sequence number after what was sent when it began: RecoveryPoint.
    point: u32,
}

/// What an endpoint is doing about losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing is known to be lost.
    Open,
    /// Losses were found by what arrived after them.
    Fast,
    /// A timeout: everything waits, and it begins slowly again.
    Timeout,
}

/// Duplicate acknowledgements that mean a loss: DupThresh (RFC 5681, 3.2).
pub(super) const DUPLICATES: u8 = 3;

impl Recovery {
    pub(super) const fn new() -> Self {
        Self { phase: Phase::Open, duplicates: 0, point: 0 }
    }

    /// It begins, with so much sent.
    pub(super) const fn begin(&mut self, phase: Phase, next: u64) {
        self.phase = phase;
        self.point = seq::wire(next);
        self.duplicates = 0;
    }

    /// Whether it ends with everything before `una` acknowledged. Ends it.
    #[inline]
    pub(super) fn ends(&mut self, una: u64) -> Option<Phase> {
        let phase = self.phase;
        let beyond = seq::wire(una).wrapping_sub(self.point).cast_signed();
        let ends = phase != Phase::Open && beyond >= 0;
        if ends {
            self.phase = Phase::Open;
        }
        ends.then_some(phase)
    }
}
