//! The connections of one worker, so that others of its tasks can reach them.
//!
//! A request that waits for its turn is told of it by another connection's task, and all are told
//! when the worker drains. A slot's number is the key that the engine knows an exchange by.

use std::cell::RefCell;
use std::task::Waker;

use engine::l7::Key;

/// All connections of a worker.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    inner: RefCell<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

#[derive(Debug, Default)]
struct Slot {
    waker: Option<Waker>,
    turn: bool,
}

impl Slots {
    /// A place for one more connection.
    pub(crate) fn open(&self) -> Key {
        let mut inner = self.inner.borrow_mut();
        if let Some(free) = inner.free.pop() {
            return Key(free);
        }
        inner.slots.push(Slot::default());
        Key(u32::try_from(inner.slots.len() - 1).unwrap_or(u32::MAX))
    }

    /// The task of a connection, once it runs.
    pub(crate) fn set_waker(&self, key: Key, waker: &Waker) {
        if let Some(slot) = self.inner.borrow_mut().slots.get_mut(key.0 as usize) {
            slot.waker = Some(waker.clone());
        }
    }

    /// A connection is gone.
    pub(crate) fn close(&self, key: Key) {
        let mut inner = self.inner.borrow_mut();
        if let Some(slot) = inner.slots.get_mut(key.0 as usize) {
            *slot = Slot::default();
            inner.free.push(key.0);
        }
    }

    /// How many connections there are.
    pub(crate) fn len(&self) -> usize {
        let inner = self.inner.borrow();
        inner.slots.len() - inner.free.len()
    }

    /// The turn of a connection's request has come.
    pub(crate) fn give_turn(&self, key: Key) {
        if let Some(slot) = self.inner.borrow_mut().slots.get_mut(key.0 as usize) {
            slot.turn = true;
            if let Some(waker) = &slot.waker {
                waker.wake_by_ref();
            }
        }
    }

    /// Whether it has come; says it once.
    pub(crate) fn take_turn(&self, key: Key) -> bool {
        let mut inner = self.inner.borrow_mut();
        inner.slots.get_mut(key.0 as usize).is_some_and(|slot| std::mem::take(&mut slot.turn))
    }

    /// Everybody should look around.
    pub(crate) fn wake_all(&self) {
        for slot in &self.inner.borrow().slots {
            if let Some(waker) = &slot.waker {
                waker.wake_by_ref();
            }
        }
    }
}
