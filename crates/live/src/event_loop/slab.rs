//! Things under small numbers that are given out again.

/// Keeps each thing under a number of its own.
#[derive(Debug)]
pub(super) struct Slab<T> {
    places: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    /// Keeps what is made of the number that it gets.
    pub(super) fn insert_with(&mut self, make: impl FnOnce(u32) -> T) -> u32 {
        if let Some(key) = self.free.pop() {
            self.places[key as usize] = Some(make(key));
            return key;
        }
        let key = u32::try_from(self.places.len()).expect("fewer than descriptors");
        self.places.push(Some(make(key)));
        key
    }

    pub(super) fn get_mut(&mut self, key: u32) -> Option<&mut T> {
        self.places.get_mut(key as usize)?.as_mut()
    }

    /// Takes it out for a while; its number stays its own.
    pub(super) fn lend(&mut self, key: u32) -> Option<T> {
        self.places.get_mut(key as usize)?.take()
    }

    /// What was lent is there again.
    pub(super) fn give_back(&mut self, key: u32, thing: T) {
        self.places[key as usize] = Some(thing);
    }

    /// Its number may be given out again.
    pub(super) fn remove(&mut self, key: u32) -> Option<T> {
        let thing = self.lend(key);
        self.free.push(key);
        thing
    }

    pub(super) fn into_all(self) -> impl Iterator<Item = T> {
        self.places.into_iter().flatten()
    }
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }
}
