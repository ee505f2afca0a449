//! The event queue alone: what one event costs while so many others are to come.
//!
//! The hold model (Jones, "An empirical comparison of priority-queue and event-set
//! implementations", CACM 1986): the next event is taken out, and one is put in an exponential time
//! later, so that the number of those to come stays as it is.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::hint::black_box;

use base::{Duration, Instant, Random};
use netsim::Queue;

use super::processor_secs;

/// What an event of the simulator carries with it.
type Load = [u64; 2];

/// Nanoseconds for each event of `netsim::Queue`.
pub fn of_netsim(pending: usize, events: u32) -> f64 {
    let mut queue = Queue::new(1);
    let parties: Vec<_> = (0..PARTIES).map(|number| queue.party(&number.to_string())).collect();
    let mut random = Random::of(1, "pending", "netsim");
    for number in 0..pending {
        let (from, to) = (parties[number % PARTIES], parties[(number + 1) % PARTIES]);
        queue.push(Instant::from_nanos(ahead(&mut random, pending)), from, to, [0; 2]);
    }
    per_event(pending, events, |number| {
        let (now, load) = queue.pop().map_or((Instant::ZERO, [0; 2]), |(now, load)| (now, *load));
        let at = Instant::from_nanos(now.as_nanos() + ahead(&mut random, pending));
        let from = parties[number as usize % PARTIES];
        queue.push(at, from, parties[0], next(load));
    })
}

/// Nanoseconds for each event of a bare binary heap, which breaks no ties.
pub fn of_heap(pending: usize, events: u32) -> f64 {
    let mut heap = BinaryHeap::new();
    let mut random = Random::of(1, "pending", "heap");
    for _ in 0..pending {
        heap.push(Entry { at: ahead(&mut random, pending), load: [0; 2] });
    }
    per_event(pending, events, |_| {
        let Entry { at, load } = heap.pop().unwrap_or(Entry { at: 0, load: [0; 2] });
        heap.push(Entry { at: at + ahead(&mut random, pending), load: next(load) });
    })
}

/// Once through all that are pending first, so that nothing is left of how they were put in.
fn per_event(pending: usize, events: u32, mut hold: impl FnMut(u32)) -> f64 {
    for number in 0..u32::try_from(2 * pending).unwrap_or(u32::MAX) {
        hold(number);
    }
    let before = processor_secs();
    for number in 0..events {
        hold(number);
    }
    (processor_secs() - before) * 1e9 / f64::from(events)
}

/// Nanoseconds; the mean grows with the number of events, so that their rate stays the same.
fn ahead(random: &mut Random, pending: usize) -> u64 {
    let secs = -libm::log(1.0 - random.unit()) * MEAN_SECS * pending as f64;
    Duration::from_secs_f64(secs).as_nanos()
}

fn next(load: Load) -> Load {
    black_box([load[0].wrapping_add(1), load[1]])
}

struct Entry {
    at: u64,
    load: Load,
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        other.at.cmp(&self.at)
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Entry {}

const PARTIES: usize = 64;

/// Between two events.
const MEAN_SECS: f64 = 1e-6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_queues_take_time() {
        assert!(of_netsim(100, 10_000) > 0.0);
        assert!(of_heap(100, 10_000) > 0.0);
    }
}
