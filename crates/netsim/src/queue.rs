//! What happens next.
//!
//! Two things can happen in the same nanosecond, and then somebody goes first. If that were always
//! the one who was pushed first, or who stands first in the file, the run would favour it. So ties
//! are broken by the destination, then by a keyed hash of the source and the time, which is fair
//! over many ties and the same in every run; and what one source sends stays in its order. All of
//! it hangs on names: another idle node changes nothing.
//!
//! A timer is never taken out of the queue. Who set it looks whether it still matters when it
//! comes: that costs one comparison, a removal would cost a search.

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Ordering;

use base::{Instant, hash_name};

/// Somebody who sends or receives events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Party(u32);

/// Events in the order in which they happen.
#[derive(Clone, Debug)]
pub struct Queue<E> {
    heap: BinaryHeap<Entry<E>>,
    parties: Vec<Known>,
    key: u64,
}

/// What breaks ties for one party.
#[derive(Clone, Copy, Debug)]
struct Known {
    hash: u64,
    sent: u64,
}

#[derive(Clone, Debug)]
struct Entry<E> {
    order: Order,
    event: E,
}

/// What comes first, by the first field in which two of them differ. No two are equal: the hashes of
/// two names differ in 64 bits, and one source counts what it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Order {
    at: Instant,
    destination: u64,
    turn: u64,
    sent: u64,
}

impl<E> Queue<E> {
    /// An empty queue. The seed decides ties.
    pub fn new(seed: u64) -> Self {
        Self { heap: BinaryHeap::new(), parties: Vec::new(), key: seed }
    }

    /// Makes somebody known by name.
    pub fn party(&mut self, name: &str) -> Party {
        let number = u32::try_from(self.parties.len()).unwrap_or(u32::MAX);
        self.parties.push(Known { hash: hash_name(name), sent: 0 });
        Party(number)
    }

    /// `event` will happen `at`, to `to`, because of `from`.
    #[inline]
    pub fn push(&mut self, at: Instant, from: Party, to: Party, event: E) {
        // Turned, so that the bits that are mixed best come first.
        let destination = self.parties[to.0 as usize].hash.rotate_right(16);
        let source = &mut self.parties[from.0 as usize];
        source.sent += 1;
        let turn = scramble(source.hash ^ at.as_nanos() ^ self.key).rotate_right(16);
        let order = Order { at, destination, turn, sent: source.sent };
        self.heap.push(Entry { order, event });
    }

    /// The next event, with its time.
    #[inline]
    pub fn pop(&mut self) -> Option<(Instant, E)> {
        let next = self.heap.pop()?;
        Some((next.at(), next.event))
    }

    /// When the next event happens.
    #[inline]
    pub fn next_at(&self) -> Option<Instant> {
        self.heap.peek().map(Entry::at)
    }

    /// How many events are to come.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether nothing will happen any more.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

impl<E> Entry<E> {
    #[inline]
    const fn at(&self) -> Instant {
        self.order.at
    }
}

/// The heap gives out its largest first, so the earliest is the largest.
impl<E> Ord for Entry<E> {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        other.order.cmp(&self.order)
    }
}

impl<E> PartialOrd for Entry<E> {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl<E> Eq for Entry<E> {}

/// A multiplication and a fold: enough to make the order of sources differ from tie to tie.
#[inline]
const fn scramble(bits: u64) -> u64 {
    let folded = (bits ^ (bits >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    folded ^ (folded >> 29)
}

#[cfg(test)]
mod tests {
    use std::string::ToString;
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_one_source_sends_to_one_place_at_one_time_stays_in_order() {
        let mut queue = Queue::new(1);
        let (a, b) = (queue.party("a"), queue.party("b"));
        for number in 0..100 {
            queue.push(Instant::from_secs(1), a, b, number);
        }

        assert_eq!(drain(&mut queue), (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn over_many_ties_each_of_two_sources_goes_first_about_half_of_the_time() {
        let mut queue = Queue::new(1);
        let (a, b, to) = (queue.party("a"), queue.party("b"), queue.party("to"));
        let mut first = 0;
        for nanos in 0..10_000 {
            queue.push(Instant::from_nanos(nanos), a, to, 'a');
            queue.push(Instant::from_nanos(nanos), b, to, 'b');
        }

        while let (Some((_, one)), Some(_)) = (queue.pop(), queue.pop()) {
            first += usize::from(one == 'a');
        }

        assert!((4_750..5_250).contains(&first), "{first} of 10000 within five sigma of half");
    }

    /// Two names whose hashes begin alike are still two: who of them goes first hangs on neither the
    /// order in which they were made known nor on that in which they send.
    #[test]
    fn a_thousand_parties_at_one_time_come_in_one_order_however_they_are_made_known() {
        let order = |turned: bool| {
            let mut queue = Queue::new(7);
            let mut names: Vec<u32> = (0..1_000).collect();
            if turned {
                names.reverse();
            }
            let parties: Vec<_> = names.iter().map(|n| (*n, queue.party(&n.to_string()))).collect();
            for &(name, party) in &parties {
                queue.push(Instant::from_secs(1), party, party, name);
                queue.push(Instant::from_secs(1), party, parties[0].1, 1_000 + name);
            }
            drain(&mut queue).into_iter().filter(|&name| name < 1_000).collect::<Vec<_>>()
        };

        assert_eq!(order(false), order(true));
    }

    #[test]
    fn a_party_that_nobody_hears_of_changes_no_order() {
        let order = |bystanders: usize| {
            let mut queue = Queue::new(7);
            for bystander in 0..bystanders {
                queue.party(&bystander.to_string());
            }
            let parties = ["a", "b", "c", "d"].map(|name| queue.party(name));
            for (at, &from) in parties.iter().enumerate() {
                queue.push(Instant::from_secs(1), from, parties[(at + 1) % 4], at);
                queue.push(Instant::from_secs(1), from, parties[0], at + 10);
            }
            drain(&mut queue)
        };

        assert_eq!(order(0), order(5));
    }

    proptest! {
        #[test]
        fn time_never_runs_backwards(times in prop::collection::vec(0_u64..1_000, 0..200)) {
            let mut queue = Queue::new(3);
            let party = queue.party("somebody");
            for &nanos in &times {
                queue.push(Instant::from_nanos(nanos), party, party, nanos);
            }

            let mut sorted = times;
            sorted.sort_unstable();
            prop_assert_eq!(drain(&mut queue), sorted);
        }
    }

    fn drain<E>(queue: &mut Queue<E>) -> Vec<E> {
        std::iter::from_fn(|| queue.pop().map(|(_, event)| event)).collect()
    }
}
