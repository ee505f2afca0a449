//! Who was woken by another thread.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::event::{EventfdFlags, eventfd};

/// One event loop's, for all other threads.
#[derive(Debug)]
pub(super) struct WakeQueue {
    /// Of the event loop; no other of this process has it.
    pub(super) id: u64,
    keys: Mutex<Vec<u32>>,
    /// Wakes the loop.
    event: OwnedFd,
}

impl WakeQueue {
    pub(super) fn new() -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let event = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Ok(Self { id, keys: Mutex::default(), event })
    }

    /// A task is to be polled.
    pub(super) fn post(&self, key: u32) {
        let mut keys = self.keys();
        keys.push(key);
        if keys.len() == 1 {
            // It fails only when it was written more often than can be counted: then it is readable.
            let _ = rustix::io::write(&self.event, &1_u64.to_ne_bytes());
        }
    }

    /// Takes out what there is. The event is read first: who posts behind that writes anew.
    pub(super) fn empty(&self, into: &mut Vec<u32>) {
        let _ = rustix::io::read(&self.event, &mut [0; 8]);
        into.append(&mut self.keys());
    }

    fn keys(&self) -> MutexGuard<'_, Vec<u32>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsFd for WakeQueue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}
