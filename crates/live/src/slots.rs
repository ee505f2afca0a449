//! The connections of one worker, so that others of its tasks can reach them.
//!
//! A request that waits for its turn is told of it by another connection's task, all are told when
//! the worker drains, and the one that has idled longest is told to go when another client needs
//! its place, or when it has idled long enough: a timer for each would be a tenth of an idle
//! connection's memory. A slot's number is the key that the engine knows an exchange by.

use std::cell::RefCell;
use std::task::Waker;

use base::Instant;
use engine::l7::Key;

/// All connections of a worker.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    inner: RefCell<Inner>,
}

#[derive(Debug)]
struct Inner {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// The ends of the list of idle connections: who has idled longest, and who shortest.
    oldest: u32,
    newest: u32,
}

#[derive(Debug)]
struct Slot {
    waker: Option<Waker>,
    turn: bool,
    ease: Ease,
    /// Since when it idles.
    since: Instant,
    /// Neighbours in the list of idle connections.
    older: u32,
    newer: u32,
}

/// What a connection does between two requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Ease {
    /// It has a request.
    #[default]
    Busy,
    /// It is in the list.
    Idle,
    /// It was in the list, and was told to go.
    Going(Why),
}

/// Why an idle connection has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// Another client needs its place.
    Room,
    /// It has idled for too long.
    Age,
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
        inner.leave_idle(key.0);
        if let Some(slot) = inner.slots.get_mut(key.0 as usize) {
            *slot = Slot::default();
            inner.free.push(key.0);
        }
    }

    /// A connection has no request now.
    pub(crate) fn rest(&self, now: Instant, key: Key) {
        self.inner.borrow_mut().join_idle(now, key.0);
    }

    /// A connection has something to do again, or ends.
    pub(crate) fn stir(&self, key: Key) {
        self.inner.borrow_mut().leave_idle(key.0);
    }

    /// Tells the connection that has idled longest to go. False if none idles.
    pub(crate) fn send_oldest_away(&self) -> bool {
        self.inner.borrow_mut().send_oldest_away(Why::Room)
    }

    /// Tells those to go that were idle before then already.
    pub(crate) fn send_away_before(&self, then: Instant) {
        let mut inner = self.inner.borrow_mut();
        while inner.oldest_since().is_some_and(|since| since < then) {
            inner.send_oldest_away(Why::Age);
        }
    }

    /// Whether an idle connection was told to go, and why.
    pub(crate) fn sent_away(&self, key: Key) -> Option<Why> {
        match self.inner.borrow().slots.get(key.0 as usize)?.ease {
            Ease::Going(why) => Some(why),
            Ease::Busy | Ease::Idle => None,
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

impl Inner {
    fn oldest_since(&self) -> Option<Instant> {
        self.slots.get(self.oldest as usize).map(|slot| slot.since)
    }

    fn send_oldest_away(&mut self, why: Why) -> bool {
        let oldest = self.oldest;
        self.leave_idle(oldest);
        let Some(slot) = self.slots.get_mut(oldest as usize) else {
            return false;
        };
        slot.ease = Ease::Going(why);
        if let Some(waker) = &slot.waker {
            waker.wake_by_ref();
        }
        true
    }

    fn join_idle(&mut self, now: Instant, at: u32) {
        let newest = self.newest;
        let Some(slot) = self.slots.get_mut(at as usize) else {
            return;
        };
        (slot.ease, slot.since) = (Ease::Idle, now);
        (slot.older, slot.newer) = (newest, NOBODY);
        self.newest = at;
        match self.slots.get_mut(newest as usize) {
            Some(before) => before.newer = at,
            None => self.oldest = at,
        }
    }

    fn leave_idle(&mut self, at: u32) {
        let Some(slot) = self.slots.get_mut(at as usize) else {
            return;
        };
        if std::mem::take(&mut slot.ease) != Ease::Idle {
            return;
        }
        let (older, newer) = (slot.older, slot.newer);
        match self.slots.get_mut(older as usize) {
            Some(before) => before.newer = newer,
            None => self.oldest = newer,
        }
        match self.slots.get_mut(newer as usize) {
            Some(behind) => behind.older = older,
            None => self.newest = older,
        }
    }
}

impl Default for Inner {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), oldest: NOBODY, newest: NOBODY }
    }
}

impl Default for Slot {
    fn default() -> Self {
        let since = Instant::ZERO;
        Self { waker: None, turn: false, ease: Ease::Busy, since, older: NOBODY, newer: NOBODY }
    }
}

/// No slot has this number: there are not as many descriptors.
const NOBODY: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_idled_longest_goes_first_and_who_is_busy_stays() {
        let slots = Slots::default();
        let [a, b, c, d] = [(); 4].map(|()| slots.open());
        for key in [a, b, c, d, b] {
            slots.stir(key);
            slots.rest(Instant::ZERO, key);
        }
        slots.stir(c);

        let gone: Vec<_> = (0..3).map(|_| next_gone(&slots, &[a, b, c, d])).collect();

        assert_eq!(gone, [Some(a), Some(d), Some(b)]);
        assert!(!slots.send_oldest_away());
    }

    #[test]
    fn a_place_that_is_taken_again_knows_nothing_of_who_had_it() {
        let slots = Slots::default();
        let first = slots.open();
        slots.rest(Instant::ZERO, first);
        assert!(slots.send_oldest_away());
        slots.close(first);

        let second = slots.open();

        assert_eq!(second, first);
        assert_eq!(slots.sent_away(second), None);
        assert!(!slots.send_oldest_away());
    }

    #[test]
    fn who_has_idled_too_long_goes_and_who_came_later_or_was_busy_since_stays() {
        let slots = Slots::default();
        let [a, b, c] = [1, 2, 3].map(|second| {
            let key = slots.open();
            slots.rest(Instant::from_secs(second), key);
            key
        });
        slots.stir(a);
        slots.rest(Instant::from_secs(4), a);

        slots.send_away_before(Instant::from_secs(3));

        assert_eq!([a, b, c].map(|key| slots.sent_away(key)), [None, Some(Why::Age), None]);
    }

    /// Whom the next call sends away; it is gone then.
    fn next_gone(slots: &Slots, all: &[Key]) -> Option<Key> {
        slots.send_oldest_away();
        let gone = all.iter().copied().find(|&key| slots.sent_away(key) == Some(Why::Room))?;
        slots.stir(gone);
        Some(gone)
    }
}
