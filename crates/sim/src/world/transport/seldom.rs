//! A queue that takes hardly any room while nothing is in it: of a million connections, few have
//! something under way.

use std::collections::VecDeque;

/// First in, first out.
#[derive(Clone, Debug)]
pub(super) struct Seldom<T>(Option<Box<Room<T>>>);

#[derive(Clone, Debug)]
struct Room<T> {
    queue: VecDeque<T>,
}

impl<T> Default for Seldom<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Seldom<T> {
    pub(super) fn is_empty(&self) -> bool {
        self.front().is_none()
    }

    pub(super) fn front(&self) -> Option<&T> {
        self.0.as_ref()?.queue.front()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flat_map(|room| room.queue.iter())
    }

    pub(super) fn push_back(&mut self, item: T) {
        let room = self.0.get_or_insert_with(|| Box::new(Room { queue: VecDeque::new() }));
        room.queue.push_back(item);
    }

    pub(super) fn pop_front(&mut self) -> Option<T> {
        self.0.as_mut()?.queue.pop_front()
    }

    /// Gives the room back, if nothing is in it.
    pub(super) fn rest(&mut self) {
        if self.is_empty() {
            self.0 = None;
        }
    }
}
