//! A handful of outputs that wait to be polled, without an allocation.

use super::Output;

/// No input leads to more.
const MOST: usize = 4;

/// First in, first out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outputs {
    slots: [Option<Output>; MOST],
}

impl Outputs {
    pub(super) fn push(&mut self, output: Output) {
        let free = self.slots.iter_mut().find(|slot| slot.is_none());
        debug_assert!(free.is_some(), "polled after each input, no input gives more");
        if let Some(free) = free {
            *free = Some(output);
        }
    }

    pub(super) fn extend(&mut self, output: Option<Output>) {
        if let Some(output) = output {
            self.push(output);
        }
    }

    pub(super) fn pop(&mut self) -> Option<Output> {
        let first = self.slots[0].take();
        self.slots.rotate_left(1);
        first
    }
}
