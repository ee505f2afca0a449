//! Many seeds on all cores, with the same results however many cores there are.

use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// What `run` returns for each of the seeds from 0, in their order.
///
/// # Panics
///
/// If `run` does.
pub fn over_seeds<T: Send>(seeds: u64, run: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let next = AtomicU64::new(0);
    let work = || {
        let mine = std::iter::from_fn(|| {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            (seed < seeds).then(|| (seed, run(seed)))
        });
        mine.collect::<Vec<_>>()
    };
    let mut all: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a run panicked")).collect()
    });
    all.sort_by_key(|(seed, _)| *seed);
    all.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_stand_in_the_order_of_their_seeds() {
        assert_eq!(over_seeds(100, |seed| seed * 2), (0..200).step_by(2).collect::<Vec<_>>());
    }
}
