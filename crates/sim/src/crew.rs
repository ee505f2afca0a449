//! Many runs on all cores, as if they had been played one after the other.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::Watch;

/// The threads that play runs, and who watches them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crew<'a> {
    threads: usize,
    pub(crate) watch: Watch<'a>,
}

/// What has been played and not yet handed over.
struct Ledger<T, F> {
    waiting: BTreeMap<u32, T>,
    next: u32,
    done: u32,
    take: F,
    /// Enough was taken.
    over: bool,
}

impl<'a> Crew<'a> {
    /// One thread a core, if nothing else is said.
    pub(crate) fn new(threads: Option<usize>, watch: Watch<'a>) -> Self {
        let cores = || thread::available_parallelism().map_or(1, NonZero::get);
        Self { threads: threads.unwrap_or_else(cores).max(1), watch }
    }

    /// How many there are.
    pub(crate) fn threads(&self) -> u32 {
        u32::try_from(self.threads).unwrap_or(u32::MAX)
    }

    /// Plays runs 0 to `count`, and hands over what came of them in the order of their numbers,
    /// whichever thread had which, until `take` has enough; who watches is told that it will be so
    /// many `of` them. `play` gives nothing when it was asked to stop; then, and after a stop, what
    /// comes later is not handed over either.
    pub(crate) fn play<T: Send>(
        &self,
        stage: &str,
        count: u32,
        of: Option<u32>,
        play: impl Fn(u32, &dyn Fn() -> bool) -> Option<T> + Sync,
        take: impl FnMut(u32, T) -> ControlFlow<()> + Send,
    ) {
        let (number, enough) = (AtomicU32::new(0), AtomicBool::new(false));
        let ledger = Ledger { waiting: BTreeMap::new(), next: 0, done: 0, take, over: false };
        let ledger = Mutex::new(ledger);
        let stop = || enough.load(Ordering::Relaxed) || self.watch.wants_stop();
        self.watch.tell(stage, 0, of);
        let work = || {
            while !stop() {
                let number = number.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    break;
                }
                let Some(run) = play(number, &stop) else { break };
                let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
                if ledger.enter(number, run).is_break() {
                    enough.store(true, Ordering::Relaxed);
                }
                self.watch.tell(stage, ledger.done, of);
            }
        };
        thread::scope(|scope| {
            let others = self.threads.clamp(1, count.max(1) as usize) - 1;
            let others: Vec<_> = (0..others).map(|_| scope.spawn(work)).collect();
            work();
            for other in others {
                if let Err(panic) = other.join() {
                    std::panic::resume_unwind(panic);
                }
            }
        });
    }
}

impl<T, F: FnMut(u32, T) -> ControlFlow<()>> Ledger<T, F> {
    fn enter(&mut self, number: u32, run: T) -> ControlFlow<()> {
        self.done += 1;
        self.waiting.insert(number, run);
        while !self.over
            && let Some(run) = self.waiting.remove(&self.next)
        {
            self.over = (self.take)(self.next, run).is_break();
            self.next += 1;
        }
        if self.over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_handed_over_in_their_order_and_no_more_of_them_than_are_wanted() {
        for threads in [1, 2, 7] {
            let crew = Crew::new(Some(threads), Watch::nobody());
            let mut taken = Vec::new();

            crew.play(
                "",
                1_000,
                None,
                |number, _| Some(number * 10),
                |number, run| {
                    taken.push((number, run));
                    if number == 20 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                },
            );

            assert_eq!(taken, (0..=20).map(|at| (at, at * 10)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn who_stops_gets_what_there_is() {
        let stop = AtomicBool::new(false);
        let tell = |progress: crate::Progress<'_>| {
            stop.store(progress.done >= 3, Ordering::Relaxed);
        };
        let crew = Crew::new(Some(1), Watch::new(&stop, &tell));
        let mut taken = Vec::new();

        let take = |_, run| {
            taken.push(run);
            ControlFlow::Continue(())
        };
        crew.play("", 1_000, None, |number, _| Some(number), take);

        assert_eq!(taken, [0, 1, 2]);
    }
}
