//! Things that come and go by the million, without an allocation each.

/// Where something is, and which of those that were there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Handle {
    slot: u32,
    generation: u32,
}

/// A list with holes that are filled again. A [`Handle`] to something that has gone finds nothing.
#[derive(Clone, Debug)]
pub(crate) struct Slab<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

#[derive(Clone, Debug)]
struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

impl Handle {
    /// Of nothing, ever.
    pub(crate) const NOBODY: Self = Self { slot: u32::MAX, generation: u32::MAX };

    /// The slot alone, for those who can only carry a small number.
    pub(crate) const fn slot(self) -> u32 {
        self.slot
    }
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Where the next one will be.
    pub(crate) fn next_handle(&self) -> Handle {
        match self.free.last() {
            Some(&slot) => Handle { slot, generation: self.slots[slot as usize].generation },
            None => {
                Handle { slot: u32::try_from(self.slots.len()).unwrap_or(u32::MAX), generation: 0 }
            }
        }
    }

    pub(crate) fn insert(&mut self, value: T) -> Handle {
        let handle = self.next_handle();
        if self.free.pop().is_some() {
            self.slots[handle.slot as usize].value = Some(value);
        } else {
            self.slots.push(Slot { generation: 0, value: Some(value) });
        }
        handle
    }

    #[inline]
    pub(crate) fn get(&self, handle: Handle) -> Option<&T> {
        let slot = self.slots.get(handle.slot as usize)?;
        if slot.generation == handle.generation { slot.value.as_ref() } else { None }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, handle: Handle) -> Option<&mut T> {
        let slot = self.slots.get_mut(handle.slot as usize)?;
        if slot.generation == handle.generation { slot.value.as_mut() } else { None }
    }

    pub(crate) fn remove(&mut self, handle: Handle) -> Option<T> {
        let slot = self.slots.get_mut(handle.slot as usize)?;
        if slot.generation != handle.generation {
            return None;
        }
        let value = slot.value.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(handle.slot);
        Some(value)
    }

    /// [`Slab::remove`] for who does not look at what goes: a record is some hundred bytes, and is
    /// not copied out for nobody. That is one instruction in eighty of what a request costs
    /// (counted with callgrind).
    #[inline]
    pub(crate) fn forget(&mut self, handle: Handle) {
        let Some(slot) = self.slots.get_mut(handle.slot as usize) else { return };
        if slot.generation == handle.generation && slot.value.is_some() {
            slot.value = None;
            slot.generation = slot.generation.wrapping_add(1);
            self.free.push(handle.slot);
        }
    }

    /// Who is in this slot now.
    pub(crate) fn at(&self, slot: u32) -> Option<Handle> {
        let generation = self.slots.get(slot as usize)?.generation;
        Some(Handle { slot, generation })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Handle, &T)> {
        self.slots.iter().zip(0_u32..).filter_map(|(slot, number)| {
            let handle = Handle { slot: number, generation: slot.generation };
            slot.value.as_ref().map(|value| (handle, value))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_to_what_has_gone_finds_nothing_even_when_its_place_is_taken_again() {
        let mut slab = Slab::new();
        let old = slab.insert('a');
        slab.remove(old);
        let new = slab.insert('b');

        assert_eq!(old.slot(), new.slot());
        assert_eq!((slab.get(old), slab.get(new)), (None, Some(&'b')));
        assert_eq!(slab.remove(old), None);
        assert_eq!(slab.len(), 1);
    }

    #[test]
    fn the_next_handle_is_the_one_that_is_given() {
        let mut slab = Slab::new();
        let (told, given) = (slab.next_handle(), slab.insert(1));
        slab.remove(given);
        let (told_again, given_again) = (slab.next_handle(), slab.insert(2));

        assert_eq!((told, told_again), (given, given_again));
    }
}
