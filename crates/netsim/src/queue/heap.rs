//! What comes soon, in order: a heap whose nodes have four children (LaMarca and Ladner, "The
//! influence of caches on the performance of heaps", ACM JEA 1, 1996).
//!
//! Most events lead to another one. So the place of the event that was taken out last stays open,
//! at the top, until the next one is put in: both together are one way down the heap instead of a
//! way down and a way up.

use alloc::vec::Vec;

use super::{Entry, Ties};

/// Events in order, the next at the top.
#[derive(Clone, Debug)]
pub(super) struct Heap<E> {
    entries: Vec<Entry<E>>,
    /// The top is an event that was taken out.
    is_open: bool,
}

/// Of a node.
const CHILDREN: usize = 4;

impl<E: Copy> Heap<E> {
    pub(super) const fn new() -> Self {
        Self { entries: Vec::new(), is_open: false }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len() - usize::from(self.is_open)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next event.
    pub(super) fn peek(&self, ties: &Ties) -> Option<&Entry<E>> {
        let at = if self.is_open { first_child(&self.entries, 0, ties)? } else { 0 };
        self.entries.get(at)
    }

    #[inline]
    pub(super) fn push(&mut self, entry: Entry<E>, ties: &Ties) {
        if self.is_open {
            self.is_open = false;
            self.sink(entry, ties);
        } else {
            self.entries.push(entry);
            self.rise(entry, ties);
        }
    }

    /// Takes the next event out; it can be read until something else is done.
    #[inline]
    pub(super) fn pop(&mut self, ties: &Ties) -> Option<&Entry<E>> {
        if self.is_open {
            self.is_open = false;
            let last = self.entries.pop()?;
            if !self.entries.is_empty() {
                self.sink(last, ties);
            }
        }
        self.is_open = !self.entries.is_empty();
        self.entries.first()
    }

    /// Takes out all, in no order.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Entry<E>> + use<E> {
        let taken = usize::from(core::mem::take(&mut self.is_open));
        core::mem::take(&mut self.entries).into_iter().skip(taken)
    }

    /// Puts an entry in the place of the top, and then where it belongs.
    #[inline]
    fn sink(&mut self, entry: Entry<E>, ties: &Ties) {
        let mut at = 0;
        while let Some(child) = first_child(&self.entries, at, ties) {
            if !ties.is_before(&self.entries[child], &entry) {
                break;
            }
            self.entries[at] = self.entries[child];
            at = child;
        }
        self.entries[at] = entry;
    }

    /// Brings the last entry where it belongs.
    #[inline]
    fn rise(&mut self, entry: Entry<E>, ties: &Ties) {
        let mut at = self.entries.len() - 1;
        while at > 0 {
            let parent = (at - 1) / CHILDREN;
            if !ties.is_before(&entry, &self.entries[parent]) {
                break;
            }
            self.entries[at] = self.entries[parent];
            at = parent;
        }
        self.entries[at] = entry;
    }
}

/// The child that comes first. Which of them it is cannot be foreseen, so nothing is left to the
/// processor's guess: one pass without a branch, and another one in the rare case of a tie.
#[inline]
fn first_child<E>(entries: &[Entry<E>], of: usize, ties: &Ties) -> Option<usize> {
    let eldest = of * CHILDREN + 1;
    let mut time = entries.get(eldest)?.at;
    let (mut first, mut is_tied) = (eldest, false);
    for (number, child) in entries.iter().enumerate().take(eldest + CHILDREN).skip(eldest + 1) {
        is_tied |= child.at == time;
        let is_sooner = child.at < time;
        first = if is_sooner { number } else { first };
        time = if is_sooner { child.at } else { time };
    }
    Some(if is_tied { first_of_tied(entries, eldest, ties) } else { first })
}

#[cold]
fn first_of_tied<E>(entries: &[Entry<E>], eldest: usize, ties: &Ties) -> usize {
    let last = (eldest + CHILDREN).min(entries.len());
    let sooner =
        |one, other| if ties.is_before(&entries[other], &entries[one]) { other } else { one };
    (eldest + 1..last).fold(eldest, sooner)
}
