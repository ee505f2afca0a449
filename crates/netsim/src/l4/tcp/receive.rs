//! What has arrived: in order, and after gaps.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::segment::SackBlocks;
use super::seq;

/// The receiving half of an endpoint.
#[derive(Clone, Debug)]
pub(super) struct Receive {
    /// The next position that is expected: RCV.NXT.
    pub(super) next: u64,
    /// How many bytes after it the peer was allowed to send.
    allowed: u32,
    /// Ranges after gaps. None were needed before the first gap.
    islands: Option<Box<Islands>>,
    /// In order, and not read.
    unread: u32,
    /// In order, and the application was not told.
    untold: u32,
    /// What arrived twice, until it was reported (RFC 2883); its length is 0 for none.
    twice: (u32, u32),
    /// The sequence number of the peer's FIN, once it is known.
    fin: Option<u32>,
    /// The peer's timestamp to echo (RFC 7323, 4.3).
    pub(super) timestamp: u32,
}

/// The latest first (RFC 2018, 4). Disjoint, and never touching.
type Islands = Vec<Island>;

#[derive(Clone, Copy, Debug)]
struct Island {
    start: u64,
    end: u64,
}

/// What became of a range that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It was the next, and nothing is missing.
    InOrder,
    /// It was the next; something after it had arrived already.
    FilledGap,
    /// Something before it is missing.
    AfterGap,
    /// All of it had arrived before, or lies outside the window.
    Nothing,
}

impl Receive {
    /// The peer's next position is `next`.
    pub(super) const fn new(next: u64) -> Self {
        Self {
            next,
            allowed: 0,
            islands: None,
            unread: 0,
            untold: 0,
            twice: (0, 0),
            fin: None,
            timestamp: 0,
        }
    }

    /// How much the peer may send after `next`. It never takes back what it allowed before
    /// (RFC 9293, 3.8.6.2.2).
    #[inline]
    pub(super) fn window(&mut self, buffer: u32) -> u32 {
        let free = buffer.saturating_sub(self.unread);
        self.allowed = self.allowed.max(free);
        self.allowed
    }

    /// Whether the peer should be told that there is room again: it knows of less than half of it.
    pub(super) fn is_window_worth_telling(&self, buffer: u32) -> bool {
        let free = buffer.saturating_sub(self.unread);
        self.allowed <= buffer / 2 && free / 2 >= self.allowed
    }

    /// A range arrived.
    #[inline]
    pub(super) fn arrive(&mut self, start: u64, end: u64) -> Arrival {
        let end_in_window = end.min(self.edge());
        if end <= self.next {
            self.twice = (seq::wire(start), seq::wire(end));
            return Arrival::Nothing;
        }
        if start >= end_in_window {
            return Arrival::Nothing;
        }
        if start > self.next {
            return self.arrive_after_gap(start, end_in_window);
        }
        let filled = self.has_gap();
        self.advance(end_in_window);
        if filled { Arrival::FilledGap } else { Arrival::InOrder }
    }

    /// The peer's FIN stands at this position.
    pub(super) fn on_fin(&mut self, position: u64) {
        if (self.next..=self.edge()).contains(&position) {
            self.fin = Some(seq::wire(position));
        }
    }

    /// Whether everything up to the peer's FIN has arrived, and FIN was not taken yet. Takes it.
    pub(super) fn take_fin(&mut self) -> bool {
        let is_next = self.fin == Some(seq::wire(self.next));
        if is_next {
            self.next += 1;
            self.allowed = self.allowed.saturating_sub(1);
            self.fin = None;
        }
        is_next
    }

    /// How much there is to tell the application.
    #[inline]
    pub(super) const fn take_untold(&mut self) -> u32 {
        core::mem::replace(&mut self.untold, 0)
    }

    /// The application has read so much.
    #[inline]
    pub(super) const fn read(&mut self, bytes: u32) {
        self.unread = self.unread.saturating_sub(bytes);
    }

    /// Whether something is missing before what has arrived.
    #[inline]
    pub(super) fn has_gap(&self) -> bool {
        self.islands.as_ref().is_some_and(|islands| !islands.is_empty())
    }

    /// Keeps no room for what is to come.
    pub(super) fn rest(&mut self) {
        if !self.has_gap() {
            self.islands = None;
        }
    }

    /// What to report after gaps, and what arrived twice.
    pub(super) fn blocks(&mut self) -> SackBlocks {
        let mut blocks = SackBlocks::default();
        let (start, end) = core::mem::take(&mut self.twice);
        if start != end {
            blocks.push(start, end);
        }
        for island in self.islands.iter().flat_map(|islands| islands.iter()).take(SackBlocks::MOST)
        {
            blocks.push(seq::wire(island.start), seq::wire(island.end));
        }
        blocks
    }

    /// Whether [`Receive::blocks`] has anything.
    #[inline]
    pub(super) fn has_blocks(&self) -> bool {
        self.twice.0 != self.twice.1 || self.has_gap()
    }

    fn edge(&self) -> u64 {
        self.next + u64::from(self.allowed)
    }

    fn arrive_after_gap(&mut self, start: u64, end: u64) -> Arrival {
        let mut merged = Island { start, end };
        let islands = self.islands.get_or_insert_default();
        let known = islands.iter().find(|island| island.start <= start && end <= island.end);
        if known.is_some() {
            self.twice = (seq::wire(start), seq::wire(end));
        }
        islands.retain(|island| {
            let apart = island.end < merged.start || merged.end < island.start;
            if !apart {
                merged.start = merged.start.min(island.start);
                merged.end = merged.end.max(island.end);
            }
            apart
        });
        islands.insert(0, merged);
        Arrival::AfterGap
    }

    fn advance(&mut self, end: u64) {
        let mut end = end;
        while let Some(islands) = &mut self.islands
            && let Some(at) = islands.iter().position(|island| island.start <= end)
        {
            end = end.max(islands.remove(at).end);
        }
        let bytes = u32::try_from(end - self.next).unwrap_or(u32::MAX);
        self.allowed = self.allowed.saturating_sub(bytes);
        self.unread += bytes;
        self.untold += bytes;
        self.next = end;
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_latest_range_after_a_gap_is_reported_first() {
        let mut receive = receiver();
        for start in [200, 600, 400] {
            assert_eq!(receive.arrive(start, start + 100), Arrival::AfterGap);
        }

        assert_eq!(blocks(&mut receive), [(400, 500), (600, 700), (200, 300)]);
        assert_eq!(receive.arrive(300, 400), Arrival::AfterGap);
        assert_eq!(blocks(&mut receive), [(200, 500), (600, 700)], "neighbours melt");
    }

    #[test]
    fn what_arrived_twice_is_reported_once() {
        let mut receive = receiver();
        assert_eq!(receive.arrive(0, 100), Arrival::InOrder);
        assert_eq!(receive.arrive(0, 100), Arrival::Nothing);

        assert_eq!(blocks(&mut receive), [(0, 100)]);
        assert_eq!(blocks(&mut receive), []);
    }

    #[test]
    fn what_is_not_read_closes_the_window_and_it_never_shrinks() {
        let mut receive = receiver();
        receive.arrive(0, 600);

        assert_eq!(receive.window(1_000), 400);
        assert_eq!(receive.window(100), 400, "promised is promised");
        receive.arrive(600, 2_000);
        assert_eq!((receive.next, receive.window(1_000)), (1_000, 0));
    }

    proptest! {
        #[test]
        fn in_any_order_each_byte_counts_once(
            order in Just((0..20_u64).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let mut receive = receiver();
            let mut told = 0;
            for number in order {
                receive.arrive(number * 50, number * 50 + 50);
                told += receive.take_untold();
            }
            prop_assert_eq!((told, receive.next, receive.has_gap()), (1_000, 1_000, false));
        }
    }

    fn receiver() -> Receive {
        let mut receive = Receive::new(0);
        receive.window(1_000);
        receive
    }

    fn blocks(receive: &mut Receive) -> Vec<(u32, u32)> {
        receive.blocks().iter().collect()
    }
}
