//! What is kept, and what goes first when there is no more room: what was not used for longest.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::traffic::Item;

/// Values by item, up to a size. The least recently used goes first.
///
/// The order is a list through the slots; a slot that is free is found again by `free`.
#[derive(Clone, Debug)]
pub(super) struct Lru<V> {
    most: u64,
    held: u64,
    places: BTreeMap<Item, u32>,
    slots: Vec<Slot<V>>,
    free: Vec<u32>,
    newest: u32,
    oldest: u32,
}

#[derive(Clone, Debug)]
struct Slot<V> {
    item: Item,
    bytes: u64,
    value: V,
    newer: u32,
    older: u32,
}

const NOBODY: u32 = u32::MAX;

impl<V: Copy> Lru<V> {
    pub(super) const fn new(most: u64) -> Self {
        Self {
            most,
            held: 0,
            places: BTreeMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            newest: NOBODY,
            oldest: NOBODY,
        }
    }

    pub(super) const fn held(&self) -> u64 {
        self.held
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Without using it.
    pub(super) fn peek(&self, item: Item) -> Option<V> {
        let slot = self.slots.get(*self.places.get(&item)? as usize)?;
        Some(slot.value)
    }

    /// It was used.
    pub(super) fn touch(&mut self, item: Item) {
        if let Some(&at) = self.places.get(&item) {
            self.unlink(at);
            self.link(at);
        }
    }

    /// Keeps a value, and lets go of others until it fits. What could never fit is not kept.
    pub(super) fn keep(&mut self, item: Item, bytes: u64, value: V) {
        self.forget(item);
        if bytes > self.most {
            return;
        }
        while self.held > self.most - bytes {
            let Some(oldest) = self.slots.get(self.oldest as usize) else { return };
            self.forget(oldest.item);
        }
        let slot = Slot { item, bytes, value, newer: NOBODY, older: NOBODY };
        let at = match self.free.pop() {
            Some(at) => {
                self.slots[at as usize] = slot;
                at
            }
            None => {
                self.slots.push(slot);
                u32::try_from(self.slots.len() - 1).unwrap_or(NOBODY)
            }
        };
        self.places.insert(item, at);
        self.held += bytes;
        self.link(at);
    }

    pub(super) fn forget(&mut self, item: Item) {
        if let Some(at) = self.places.remove(&item) {
            self.unlink(at);
            self.held -= self.slots[at as usize].bytes;
            self.free.push(at);
        }
    }

    fn link(&mut self, at: u32) {
        let older = self.newest;
        self.slots[at as usize].older = older;
        self.slots[at as usize].newer = NOBODY;
        match self.slots.get_mut(older as usize) {
            Some(slot) => slot.newer = at,
            None => self.oldest = at,
        }
        self.newest = at;
    }

    fn unlink(&mut self, at: u32) {
        let Slot { newer, older, .. } = self.slots[at as usize];
        match self.slots.get_mut(newer as usize) {
            Some(slot) => slot.older = older,
            None => self.newest = older,
        }
        match self.slots.get_mut(older as usize) {
            Some(slot) => slot.newer = newer,
            None => self.oldest = newer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let mut lru = Lru::new(3);
        for key in 0..3 {
            lru.keep(item(key), 1, key);
        }
        lru.touch(item(0));
        lru.keep(item(3), 1, 3);

        assert_eq!([0, 1, 2, 3].map(|key| lru.peek(item(key))), [Some(0), None, Some(2), Some(3)]);
    }

    #[test]
    fn a_large_one_takes_the_place_of_several_and_one_that_never_fits_takes_none() {
        let mut lru = Lru::new(10);
        for key in 0..5 {
            lru.keep(item(key), 2, key);
        }
        lru.keep(item(7), 11, 7);
        assert_eq!(lru.len(), 5);
        lru.keep(item(8), 7, 8);

        assert_eq!((lru.len(), lru.held()), (2, 9));
        assert_eq!([3, 4, 8].map(|key| lru.peek(item(key))), [None, Some(4), Some(8)]);
    }

    #[test]
    fn what_is_kept_anew_is_held_once() {
        let mut lru = Lru::new(10);
        lru.keep(item(1), 4, 'a');
        lru.keep(item(1), 6, 'b');
        assert_eq!((lru.len(), lru.held(), lru.peek(item(1))), (1, 6, Some('b')));
        lru.forget(item(1));
        lru.forget(item(1));

        assert_eq!((lru.len(), lru.held()), (0, 0));
    }

    fn item(key: u32) -> Item {
        Item::new(0, key)
    }
}
