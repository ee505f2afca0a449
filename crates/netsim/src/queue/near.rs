//! What comes soon, in order.
//!
//! The very next events stand in a row, and a new one is put in its place there: where few are to
//! come, that is all there is. What comes after the row is in a heap.

use alloc::vec::Vec;

use super::heap::Heap;
use super::{Entry, Ties};

/// Events in order.
#[derive(Clone, Debug)]
pub(super) struct Near<E> {
    /// From the next to the latest, behind some that were taken out before. All of them come before
    /// anything in the heap.
    row: Vec<Entry<E>>,
    /// How many at the beginning of the row were taken out.
    taken: usize,
    heap: Heap<E>,
}

/// The longest that the row may be.
const ROW: usize = 16;
/// So many come from the heap when the row is empty.
const REFILL: usize = 4;
/// So many that were taken out may stand before the row.
const MOST_TAKEN: usize = 48;

impl<E: Copy> Near<E> {
    pub(super) const fn new() -> Self {
        Self { row: Vec::new(), taken: 0, heap: Heap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.row.len() - self.taken + self.heap.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next event.
    pub(super) fn peek(&self) -> Option<&Entry<E>> {
        self.row.get(self.taken).or_else(|| self.heap.peek())
    }

    /// Nobody stands in the row any more; some may in the heap.
    #[inline]
    pub(super) const fn is_row_empty(&self) -> bool {
        self.taken == self.row.len()
    }

    /// Takes the next event out of the row.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<&Entry<E>> {
        let next = self.row.get(self.taken)?;
        self.taken += 1;
        Some(next)
    }

    #[inline]
    pub(super) fn push(&mut self, entry: Entry<E>, ties: &Ties) {
        let standing = &self.row[self.taken..];
        let comes_last = standing.last().is_none_or(|latest| ties.is_before(latest, &entry));
        if comes_last && (standing.len() == ROW || !self.heap.is_empty()) {
            return self.heap.push(entry, ties);
        }
        if standing.len() == ROW {
            self.shorten(ties);
        }
        if self.taken >= MOST_TAKEN {
            self.row.drain(..core::mem::take(&mut self.taken));
        }
        self.stand_in(entry, ties);
    }

    /// Puts an event in its place in the row. Most come late, and the few that come later step aside
    /// one by one: to move them together would cost more to call than it does.
    #[inline]
    fn stand_in(&mut self, entry: Entry<E>, ties: &Ties) {
        self.row.push(entry);
        let standing = &mut self.row[self.taken..];
        let mut place = standing.len() - 1;
        while place > 0 && ties.is_before(&entry, &standing[place - 1]) {
            standing[place] = standing[place - 1];
            place -= 1;
        }
        standing[place] = entry;
    }

    /// The latest of the row goes to the heap.
    #[cold]
    fn shorten(&mut self, ties: &Ties) {
        if let Some(latest) = self.row.pop() {
            self.heap.push(latest, ties);
        }
    }

    /// Takes out all, in no order.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Entry<E>> + use<E> {
        let taken = core::mem::take(&mut self.taken);
        core::mem::take(&mut self.row).into_iter().skip(taken).chain(self.heap.take_all())
    }

    /// The row is empty: the next of the heap come into it.
    #[cold]
    pub(super) fn refill(&mut self, ties: &Ties) {
        self.row.clear();
        self.taken = 0;
        self.row.extend(core::iter::from_fn(|| self.heap.pop(ties)).take(REFILL));
    }
}
