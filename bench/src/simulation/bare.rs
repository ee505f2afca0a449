//! M/M/1 as a loop over a heap: what a simulation costs that knows nothing but its queue.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use base::{Duration, Random};

use super::shop::{ARRIVALS, Played, SERVICE};

/// What becomes of the requests of so many seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bare {
    /// How much was done.
    pub played: Played,
    /// Mean seconds between the arrival of a request and its end.
    pub mean_time: f64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrive,
    Depart,
}

/// Plays so many seconds: the arrivals and the service times of the simulator, drawn alike.
pub fn play(seed: u64, secs: u64) -> Bare {
    let mut arrivals = Random::of(seed, "users", "arrivals");
    let mut services = Random::of(seed, "shop", "work");
    let mut heap = BinaryHeap::new();
    let mut waiting: VecDeque<u64> = VecDeque::new();
    let end = secs * SECOND;
    let mut played = Played { requests: 0, events: 0 };
    let mut time = 0_u64;
    heap.push(Reverse((exponential(&mut arrivals, ARRIVALS), Event::Arrive)));
    while let Some(Reverse((now, event))) = heap.pop() {
        played.events += 1;
        match event {
            Event::Arrive => {
                played.requests += 1;
                let next = now + exponential(&mut arrivals, ARRIVALS);
                if next < end {
                    heap.push(Reverse((next, Event::Arrive)));
                }
                waiting.push_back(now);
                if waiting.len() > 1 {
                    continue;
                }
            }
            Event::Depart => {
                time += waiting.pop_front().map_or(0, |arrived| now - arrived);
                if waiting.is_empty() {
                    continue;
                }
            }
        }
        heap.push(Reverse((now + exponential(&mut services, SERVICE), Event::Depart)));
    }
    let mean_time = time as f64 / SECOND as f64 / played.requests.max(1) as f64;
    Bare { played, mean_time }
}

/// Nanoseconds until the next of so many a second.
fn exponential(random: &mut Random, per_sec: u32) -> u64 {
    Duration::from_secs_f64(-libm::log(1.0 - random.unit()) / f64::from(per_sec)).as_nanos()
}

const SECOND: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loop_is_the_queue_that_it_says_it_is() {
        let bare = play(1, 60);

        let exact = 1.0 / f64::from(SERVICE - ARRIVALS);
        assert!((bare.mean_time / exact - 1.0).abs() < 0.1, "{bare:?}, and {exact} s expected");
        assert_eq!(bare.played.events, 2 * bare.played.requests);
    }
}
