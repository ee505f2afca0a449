//! How many connections an endpoint may have, over all workers: `connections.most` of a design.
//!
//! Who finds none free waits for the next, no longer than for a connection that does not come
//! about. Meanwhile idle connections give theirs back, whichever worker keeps them, and so does one
//! that has just served its request. Who gets a place connects anew: a socket stays with the event
//! loop of its worker, and only a place can be passed on among all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::Notify;

/// The connections of one endpoint. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seats(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    free: AtomicU32,
    waiting: AtomicU32,
    bell: Notify,
}

/// A place for one connection. Given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat(Option<Arc<Inner>>);

/// Somebody waits, for as long as this lives.
struct Waiting<'a>(&'a AtomicU32);

impl Seats {
    /// At most so many; no end if `None`.
    pub(crate) fn new(most: Option<u32>) -> Self {
        Self(most.map(|most| {
            let (free, waiting) = (AtomicU32::new(most), AtomicU32::new(0));
            Arc::new(Inner { free, waiting, bell: Notify::new() })
        }))
    }

    /// Waits for a place. If there is none now, `ask` is called, once: whoever hears it finds out
    /// from [`Seats::missing`] how many idle connections are wanted back.
    pub(crate) async fn take(&self, ask: impl FnOnce()) -> Seat {
        let Some(inner) = &self.0 else {
            return Seat(None);
        };
        let _waiting = Waiting::new(&inner.waiting);
        if !inner.take() {
            ask();
            while !inner.take() {
                inner.bell.notified().await;
            }
        }
        // The bell keeps one stroke for those who are about to wait, however often it was rung: who
        // finds more places than one rings again.
        if self.are_wanted() && !self.are_taken() {
            inner.bell.notify_one();
        }
        Seat(Some(Arc::clone(inner)))
    }

    /// Whether there is none now.
    pub(crate) fn are_taken(&self) -> bool {
        self.0.as_ref().is_some_and(|inner| inner.free.load(Ordering::SeqCst) == 0)
    }

    /// Whether somebody waits for one.
    pub(crate) fn are_wanted(&self) -> bool {
        self.0.as_ref().is_some_and(|inner| inner.waiting.load(Ordering::SeqCst) > 0)
    }

    /// How many more wait than there are places.
    pub(crate) fn missing(&self) -> u32 {
        self.0.as_ref().map_or(0, |inner| {
            let waiting = inner.waiting.load(Ordering::SeqCst);
            waiting.saturating_sub(inner.free.load(Ordering::SeqCst))
        })
    }
}

impl Inner {
    fn take(&self) -> bool {
        let one_less = |free: u32| free.checked_sub(1);
        self.free.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(inner) = &self.0 {
            inner.free.fetch_add(1, Ordering::SeqCst);
            // Kept for whoever comes next if nobody waits: they look first, so it does no harm.
            inner.bell.notify_one();
        }
    }
}

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_workers_that_take_and_give_back_at_once_leave_nobody_waiting() {
        let seats = Seats::new(Some(3));
        let (tell, told) = std::sync::mpsc::channel();
        for _ in 0..4 {
            let (seats, tell) = (seats.clone(), tell.clone());
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(async {
                    let taking = (0..200).map(|_| {
                        let seats = seats.clone();
                        tokio::spawn(async move {
                            let seat = seats.take(|| ()).await;
                            tokio::task::yield_now().await;
                            drop(seat);
                        })
                    });
                    for one in taking.collect::<Vec<_>>() {
                        one.await.unwrap();
                    }
                });
                tell.send(()).unwrap();
            });
        }

        for _ in 0..4 {
            told.recv_timeout(std::time::Duration::from_secs(20)).unwrap();
        }

        assert!(!seats.are_wanted() && !seats.are_taken());
    }

    #[test]
    fn who_waits_gets_the_place_that_is_given_back_and_nobody_gets_one_too_many() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let seats = Seats::new(Some(1));
            let first = seats.take(|| ()).await;
            assert!(seats.are_taken() && !seats.are_wanted());

            let waits = tokio::spawn({
                let seats = seats.clone();
                async move { seats.take(|| ()).await }
            });
            tokio::task::yield_now().await;
            assert!(seats.are_wanted());
            assert_eq!(seats.missing(), 1);
            drop(first);
            assert_eq!(seats.missing(), 0, "it is free, though not yet taken");
            let second = waits.await.unwrap();

            assert!(seats.are_taken() && !seats.are_wanted());
            drop(second);
            assert!(!seats.are_taken());
        });
    }
}
