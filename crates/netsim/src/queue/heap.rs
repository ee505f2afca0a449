//! A heap whose nodes have four children (LaMarca and Ladner, "The influence of caches on the
//! performance of heaps", ACM JEA 1, 1996).

use alloc::vec::Vec;

use super::{Entry, Ties};

/// Events, the next at the top.
#[derive(Clone, Debug)]
pub(super) struct Heap<E> {
    entries: Vec<Entry<E>>,
}

/// Of a node.
const CHILDREN: usize = 4;

impl<E: Copy> Heap<E> {
    pub(super) const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    pub(super) const fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn peek(&self) -> Option<&Entry<E>> {
        self.entries.first()
    }

    pub(super) fn push(&mut self, entry: Entry<E>, ties: &Ties) {
        let mut at = self.entries.len();
        self.entries.push(entry);
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

    pub(super) fn pop(&mut self, ties: &Ties) -> Option<Entry<E>> {
        let last = self.entries.pop()?;
        let Some(&first) = self.entries.first() else { return Some(last) };
        let mut at = 0;
        while let Some(child) = self.first_child(at, ties) {
            if !ties.is_before(&self.entries[child], &last) {
                break;
            }
            self.entries[at] = self.entries[child];
            at = child;
        }
        self.entries[at] = last;
        Some(first)
    }

    /// Takes out all, in no order.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Entry<E>> + use<E> {
        core::mem::take(&mut self.entries).into_iter()
    }

    /// The child that comes first. Which of them it is cannot be foreseen, so nothing is left to the
    /// processor's guess: one pass without a branch, and another one in the rare case of a tie.
    #[inline]
    fn first_child(&self, of: usize, ties: &Ties) -> Option<usize> {
        let eldest = of * CHILDREN + 1;
        let (child, younger) = self.entries.get(eldest..)?.split_first()?;
        let (mut first, mut time, mut is_tied) = (eldest, child.at, false);
        for (number, child) in (eldest + 1..eldest + CHILDREN).zip(younger) {
            is_tied |= child.at == time;
            let is_sooner = child.at < time;
            first = if is_sooner { number } else { first };
            time = if is_sooner { child.at } else { time };
        }
        Some(if is_tied { self.first_of_tied(eldest, ties) } else { first })
    }

    #[cold]
    fn first_of_tied(&self, eldest: usize, ties: &Ties) -> usize {
        let end = (eldest + CHILDREN).min(self.entries.len());
        let sooner = |one: usize, other: usize| {
            if ties.is_before(&self.entries[other], &self.entries[one]) { other } else { one }
        };
        (eldest + 1..end).fold(eldest, sooner)
    }
}
