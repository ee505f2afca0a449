//! The turns of an event loop: when it last heard from the kernel.
//!
//! Whoever wants to know whether something came on a socket can ask the kernel, which costs a
//! system call, or the loop, which costs nothing and knows what came before its last turn. Under
//! little load that is a moment ago; in the middle of a long batch it is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base::Instant;

use crate::limits;

/// One worker's. Cheap to clone. The hooks of the event loop have to be `Sync`, so it is made of
/// atomics; only one thread uses them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    count: AtomicU64,
    last: AtomicU64,
}

/// A turn of the event loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turn(u64);

impl Turns {
    /// The loop has waited, and has told everybody what there was.
    pub(crate) fn on_turn(&self, now: Instant) {
        self.0.count.fetch_add(1, Ordering::Relaxed);
        self.0.last.store(now.as_nanos(), Ordering::Relaxed);
    }

    /// The current one.
    pub(crate) fn current(&self) -> Turn {
        Turn(self.0.count.load(Ordering::Relaxed))
    }

    /// Whether the loop would know what has come on a socket that nobody has read since `rests`: it
    /// has turned since, and just now.
    pub(crate) fn know(&self, now: Instant, rests: Turn) -> bool {
        let last = Instant::from_nanos(self.0.last.load(Ordering::Relaxed));
        self.current() != rests && now.since(last) <= limits::HEARSAY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loop_knows_of_what_rested_through_a_turn_and_forgets_within_a_moment() {
        let turns = Turns::default();
        turns.on_turn(at(1_000));
        let rests = turns.current();
        assert!(!turns.know(at(1_001), rests), "no turn since");

        turns.on_turn(at(1_002));

        assert!(turns.know(at(1_003), rests));
        assert!(!turns.know(at(1_500), rests), "too long ago");
    }

    fn at(us: u64) -> Instant {
        Instant::from_nanos(us * 1_000)
    }
}
