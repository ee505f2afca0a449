//! Who was woken by another thread.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::event::{EventfdFlags, eventfd};

/// One event loop's, for all other threads.
#[derive(Debug)]
pub(super) struct Mailbox {
    /// Of the event loop; no other of this process has it.
    pub(super) id: u64,
    letters: Mutex<Vec<u32>>,
    /// Wakes the loop.
    bell: OwnedFd,
}

impl Mailbox {
    pub(super) fn new() -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let bell = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Ok(Self { id, letters: Mutex::default(), bell })
    }

    /// A task is to be polled.
    pub(super) fn post(&self, key: u32) {
        let mut letters = self.letters();
        letters.push(key);
        if letters.len() == 1 {
            // It fails only when it has been rung more often than can be counted: then it rings.
            let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
        }
    }

    /// Takes out what there is. The bell is silenced first: who posts behind that rings anew.
    pub(super) fn empty(&self, into: &mut Vec<u32>) {
        let _ = rustix::io::read(&self.bell, &mut [0; 8]);
        into.append(&mut self.letters());
    }

    fn letters(&self) -> MutexGuard<'_, Vec<u32>> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsFd for Mailbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}
