//! Buffers that are not in use.
//!
//! The one that was given back last is taken first: it is still in the processor's cache. So a
//! worker with a hundred requests under way, all of which wait, reads every answer into the same
//! few kilobytes; and neither an idle connection nor a waiting request holds one.

use std::cell::RefCell;

use crate::limits::{BUFFER, SPARE_BUFFERS};

/// The buffers of a worker.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    spare: RefCell<Vec<Vec<u8>>>,
}

impl Buffers {
    /// One of [`BUFFER`] bytes.
    pub(crate) fn take(&self) -> Vec<u8> {
        self.spare.borrow_mut().pop().unwrap_or_else(|| vec![0; BUFFER])
    }

    /// It is needed no longer. Those that had to grow, and those of a peak, are freed.
    pub(crate) fn give(&self, buffer: Vec<u8>) {
        let mut spare = self.spare.borrow_mut();
        if buffer.len() == BUFFER && spare.len() < SPARE_BUFFERS {
            spare.push(buffer);
        }
    }
}
