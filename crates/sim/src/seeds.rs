//! Many runs of one design, on all cores.

use std::num::NonZero;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use crate::judge::{Judged, play};
use crate::plan::Plan;

/// Plays each seed from `first` on. The results are in the order of the seeds, whatever thread had
/// which.
pub(crate) fn play_all(
    plan: &Plan<'_>,
    first: u64,
    count: u32,
    threads: Option<usize>,
) -> Vec<Judged> {
    let cores = || thread::available_parallelism().map_or(1, NonZero::get);
    let threads = threads.unwrap_or_else(cores).clamp(1, count.max(1) as usize);
    let next = AtomicU32::new(0);
    let mut runs: Vec<(u32, Judged)> = thread::scope(|scope| {
        let worker = || {
            let numbers = std::iter::from_fn(|| {
                Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&number| number < count)
            });
            numbers
                .map(|number| (number, play(plan, first + u64::from(number))))
                .collect::<Vec<_>>()
        };
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(worker)).collect();
        let mut all = worker();
        for other in others {
            match other.join() {
                Ok(runs) => all.extend(runs),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    runs.sort_by_key(|(number, _)| *number);
    runs.into_iter().map(|(_, run)| run).collect()
}
