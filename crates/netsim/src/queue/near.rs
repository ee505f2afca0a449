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
    /// From the latest to the next. All of them come before anything in the heap.
    row: Vec<Entry<E>>,
    /// The last of the row was taken out, and stays until something else is done.
    is_lent: bool,
    heap: Heap<E>,
}

/// The longest that the row may be.
const ROW: usize = 16;
/// So many come from the heap when the row is empty.
const REFILL: usize = 4;

impl<E: Copy> Near<E> {
    pub(super) const fn new() -> Self {
        Self { row: Vec::new(), is_lent: false, heap: Heap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.row.len() - usize::from(self.is_lent) + self.heap.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next event.
    pub(super) fn peek(&self) -> Option<&Entry<E>> {
        let taken = usize::from(self.is_lent);
        self.row.iter().nth_back(taken).or_else(|| self.heap.peek())
    }

    /// Takes the next event out; it can be read until something else is done.
    #[inline]
    pub(super) fn pop(&mut self, ties: &Ties) -> Option<&Entry<E>> {
        self.end_loan();
        if self.row.is_empty() {
            self.refill(ties);
        }
        self.is_lent = !self.row.is_empty();
        self.row.last()
    }

    #[inline]
    pub(super) fn push(&mut self, entry: Entry<E>, ties: &Ties) {
        self.end_loan();
        let sooner = self.row.iter().rev().take_while(|next| ties.is_before(next, &entry)).count();
        let comes_last = sooner == self.row.len();
        if comes_last && (sooner == ROW || !self.heap.is_empty()) {
            return self.heap.push(entry, ties);
        }
        if self.row.len() == ROW {
            let latest = self.row.remove(0);
            self.heap.push(latest, ties);
        }
        self.row.insert(self.row.len() - sooner, entry);
    }

    /// Takes out all, in no order.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Entry<E>> + use<E> {
        self.end_loan();
        core::mem::take(&mut self.row).into_iter().chain(self.heap.take_all())
    }

    #[inline]
    fn end_loan(&mut self) {
        if core::mem::take(&mut self.is_lent) {
            self.row.pop();
        }
    }

    fn refill(&mut self, ties: &Ties) {
        self.row.extend(core::iter::from_fn(|| self.heap.pop(ties)).take(REFILL));
        self.row.reverse();
    }
}
