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
//!
//! What comes soon is kept in order ([`near`]), the rest only roughly, in a [`ladder`]: an event
//! among a million costs little more than one among a hundred.

mod heap;
mod ladder;
mod near;

use alloc::vec::Vec;

use base::{Instant, hash_name};

use self::ladder::Ladder;
use self::near::Near;

/// Somebody who sends or receives events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Party(u32);

/// Events in the order in which they happen.
#[derive(Clone, Debug)]
pub struct Queue<E> {
    /// What happens until `near_to`, that nanosecond included.
    near: Near<E>,
    near_to: Instant,
    /// What happens after it.
    far: Ladder<E>,
    ties: Ties,
}

/// What decides between events of one nanosecond.
#[derive(Clone, Debug)]
struct Ties {
    parties: Vec<Known>,
    key: u64,
}

/// Of one party.
#[derive(Clone, Copy, Debug)]
struct Known {
    hash: u64,
    sent: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry<E> {
    at: Instant,
    from: Party,
    to: Party,
    /// How much its source had sent with it.
    sent: u64,
    event: E,
}

/// What comes first within a nanosecond, by the first field in which two of them differ. No two are
/// equal: the hashes of two names differ in 64 bits, and one source counts what it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    destination: u64,
    source: u64,
    sent: u64,
}

impl<E: Copy> Queue<E> {
    /// An empty queue. The seed decides ties.
    pub fn new(seed: u64) -> Self {
        Self {
            near: Near::new(),
            near_to: Instant::NEVER,
            far: Ladder::new(),
            ties: Ties { parties: Vec::new(), key: seed },
        }
    }

    /// Makes somebody known by a name that nobody else has.
    pub fn party(&mut self, name: &str) -> Party {
        let number = u32::try_from(self.ties.parties.len()).unwrap_or(u32::MAX);
        self.ties.parties.push(Known { hash: hash_name(name), sent: 0 });
        Party(number)
    }

    /// `event` will happen `at`, to `to`, because of `from`.
    #[inline]
    pub fn push(&mut self, at: Instant, from: Party, to: Party, event: E) {
        let source = &mut self.ties.parties[from.0 as usize];
        source.sent += 1;
        let sent = source.sent;
        self.put(Entry { at, from, to, sent, event });
    }

    /// The next event, with its time. It is lent, not given: a copy of it as a whole costs less than
    /// its parts in an `Option`.
    #[inline]
    pub fn pop(&mut self) -> Option<(Instant, &E)> {
        if self.near.is_row_empty() {
            self.turn_to_rest();
        }
        self.near.pop().map(|next| (next.at, &next.event))
    }

    /// When the next event happens.
    #[inline]
    pub fn next_at(&mut self) -> Option<Instant> {
        if self.near.is_empty() {
            self.come_near();
        }
        self.near.peek().map(|next| next.at)
    }

    /// How many events are to come.
    pub fn len(&self) -> usize {
        self.near.len() + self.far.len()
    }

    /// Whether nothing will happen any more.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    fn put(&mut self, entry: Entry<E>) {
        if entry.at > self.near_to {
            return self.far.push(entry);
        }
        self.near.push(entry, &self.ties);
        if self.near.len() > MOST_NEAR {
            self.thin_out();
        }
    }

    /// The row has passed.
    fn turn_to_rest(&mut self) {
        self.near.refill(&self.ties);
        if self.near.is_row_empty() {
            self.come_near();
        }
    }

    /// Nothing is near: what is next comes near.
    fn come_near(&mut self) {
        self.near_to = Instant::NEVER;
        if self.far.len() > 0 {
            self.fetch();
        }
    }

    #[cold]
    fn fetch(&mut self) {
        let to = self.far.take(COME_NEAR, |entry| self.near.push(entry, &self.ties));
        if let Some(to) = to.filter(|_| self.far.len() > 0) {
            self.near_to = to;
        }
    }

    /// Too much is near for a heap: what is not next goes far.
    #[cold]
    fn thin_out(&mut self) {
        if self.far.len() == 0 {
            let first = self.near.peek().map_or(Instant::ZERO, |first| first.at);
            self.far.start_at(first);
        }
        // What happens in one nanosecond cannot be divided.
        if self.near_to <= self.far.base() {
            return;
        }
        self.near_to = self.far.base();
        for entry in self.near.take_all() {
            self.put(entry);
        }
    }
}

/// More are never near, but for those of one nanosecond: a heap of them fits into a core's own cache.
const MOST_NEAR: usize = 256;
/// About so many come near at once.
const COME_NEAR: usize = 64;

impl Ties {
    #[inline]
    fn is_before<E>(&self, one: &Entry<E>, other: &Entry<E>) -> bool {
        if one.at == other.at { self.turn(one) < self.turn(other) } else { one.at < other.at }
    }

    #[cold]
    fn turn<E>(&self, entry: &Entry<E>) -> Turn {
        let hash = |party: Party| self.parties[party.0 as usize].hash;
        // Turned, so that the bits that are mixed best come first.
        let destination = hash(entry.to).rotate_right(16);
        let source = scramble(hash(entry.from) ^ entry.at.as_nanos() ^ self.key).rotate_right(16);
        Turn { destination, source, sent: entry.sent }
    }
}

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

        while let (Some((_, one)), Some(_)) = (queue.pop().map(owned), queue.pop()) {
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

    /// What a sorted list of all that is to come gives out.
    #[derive(Default)]
    struct Sorted {
        queue: std::collections::BTreeMap<(Instant, Turn), u64>,
    }

    impl Sorted {
        fn push(&mut self, entry: Entry<u64>, ties: &Ties) {
            let place = (entry.at, ties.turn(&entry));
            assert!(self.queue.insert(place, entry.event).is_none(), "two of them are equal");
        }

        fn pop(&mut self) -> Option<(Instant, u64)> {
            self.queue.pop_first().map(|((at, _), event)| (at, event))
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Crowds of one nanosecond, crowds that lie close and crowds that lie far apart, some until
        /// the end of time, while others are taken out.
        #[test]
        fn it_gives_out_what_a_sorted_list_would(
            crowds in prop::collection::vec(
                (prop_oneof![Just(0), Just(8), 0_u32..=64], 0_u64..2_000, any::<u64>(), 0_usize..2_500, any::<bool>()),
                1..8,
            )
        ) {
            let (mut queue, mut sorted) = (Queue::new(5), Sorted::default());
            let parties = ["a", "b", "c"].map(|name| queue.party(name));
            let (mut now, mut number) = (Instant::ZERO, 0_u64);
            for (bits, count, chance, taken, from_now) in crowds {
                let mut random = base::Random::of(chance, "crowd", "times");
                let from = if from_now { now } else { Instant::ZERO };
                for _ in 0..count {
                    number += 1;
                    let ahead = random.bits().checked_shr(64 - bits).unwrap_or(0);
                    let at = from + base::Duration::from_nanos(ahead);
                    let party = |bits: u64| parties[usize::try_from(bits % 3).unwrap()];
                    let (from, to) = (party(random.bits()), party(random.bits()));
                    let sent = queue.ties.parties[from.0 as usize].sent + 1;
                    sorted.push(Entry { at, from, to, sent, event: number }, &queue.ties);
                    queue.push(at, from, to, number);
                }
                for _ in 0..taken {
                    prop_assert_eq!(queue.next_at(), sorted.queue.keys().next().map(|it| it.0));
                    let (ours, theirs) = (queue.pop().map(owned), sorted.pop());
                    prop_assert_eq!(ours, theirs);
                    now = ours.map_or(now, |(at, _)| at);
                }
                prop_assert_eq!(queue.len(), sorted.queue.len());
            }
            while let Some(theirs) = sorted.pop() {
                prop_assert_eq!(queue.pop().map(owned), Some(theirs));
            }
            prop_assert!(queue.is_empty() && queue.pop().is_none());
        }
    }

    fn drain<E: Copy>(queue: &mut Queue<E>) -> Vec<E> {
        std::iter::from_fn(|| queue.pop().map(|(_, event)| *event)).collect()
    }

    fn owned<E: Copy>((at, event): (Instant, &E)) -> (Instant, E) {
        (at, *event)
    }
}
