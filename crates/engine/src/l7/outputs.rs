//! A handful of outputs that wait to be polled, without an allocation.

use super::Output;

/// No input leads to more.
const MOST: u8 = 4;

/// First in, first out; a ring.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outputs {
    slots: [Option<Output>; MOST as usize],
    /// The slot of the oldest.
    first: u8,
}

impl Outputs {
    pub(super) fn push(&mut self, output: Output) {
        let free = (0..MOST).map(|after| self.slot(after)).find(|&slot| self.slots[slot].is_none());
        debug_assert!(free.is_some(), "polled after each input, no input gives more");
        if let Some(free) = free {
            self.slots[free] = Some(output);
        }
    }

    pub(super) fn extend(&mut self, output: Option<Output>) {
        if let Some(output) = output {
            self.push(output);
        }
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<Output> {
        let first = self.slot(0);
        let output = self.slots[first].take();
        self.first = (self.first + u8::from(output.is_some())) % MOST;
        output
    }

    const fn slot(&self, after: u8) -> usize {
        ((self.first + after) % MOST) as usize
    }
}
