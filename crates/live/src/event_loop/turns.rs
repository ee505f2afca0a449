//! The turns of an event loop: when it last heard from the kernel, and what time it is.
//!
//! Whoever wants to know whether something came on a socket can ask the kernel, which costs a
//! system call, or the loop, which costs nothing and knows what came before its last turn. Under
//! little load that is a moment ago; in the middle of a long batch it is not.

use std::cell::Cell;

use base::{Duration, Instant};

use crate::clock::Clock;
use crate::limits;

/// One event loop's.
#[derive(Debug)]
pub(crate) struct Turns {
    clock: Clock,
    count: Cell<u64>,
    last: Cell<Instant>,
    /// The clock was read just now.
    fresh: Cell<bool>,
}

/// A turn of the event loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turn(u64);

impl Turns {
    pub(super) fn new(clock: Clock) -> Self {
        let last = Cell::new(clock.now());
        Self { clock, count: Cell::new(0), last, fresh: Cell::new(false) }
    }

    /// The loop has waited, and knows what there was.
    pub(super) fn begin(&self) -> Instant {
        let now = self.clock.now();
        self.count.update(|count| count + 1);
        self.last.set(now);
        self.fresh.set(true);
        now
    }

    /// A task has had its part of the turn, and that took time.
    pub(super) fn wears_on(&self) {
        self.fresh.set(false);
    }

    /// The time. The first in a turn who asks has it from the loop, which has just read the clock; for
    /// all others it is read anew.
    pub(crate) fn now(&self) -> Instant {
        if self.fresh.replace(false) { self.last.get() } else { self.read() }
    }

    /// The time, to the moment.
    pub(super) fn read(&self) -> Instant {
        self.clock.now()
    }

    /// The time of day, for people.
    pub(crate) fn time_of_day(&self, at: Instant) -> Duration {
        self.clock.time_of_day(at)
    }

    /// The current one.
    pub(crate) fn current(&self) -> Turn {
        Turn(self.count.get())
    }

    /// Whether the loop would know what has come on a socket that nobody has read since `rests`: it
    /// has turned since, and just now.
    pub(crate) fn know(&self, now: Instant, rests: Turn) -> bool {
        self.current() != rests && now.since(self.last.get()) <= limits::HEARSAY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loop_knows_of_what_rested_through_a_turn_and_forgets_within_a_moment() {
        let turns = Turns::new(Clock::start());
        turns.begin();
        let rests = turns.current();
        assert!(!turns.know(turns.now(), rests), "no turn since");

        let now = turns.begin();

        assert!(turns.know(now + limits::HEARSAY, rests));
        assert!(!turns.know(now + limits::HEARSAY + limits::HEARSAY, rests), "too long ago");
    }

    #[test]
    fn the_clock_is_read_for_all_but_the_first_who_asks_in_a_turn() {
        let turns = Turns::new(Clock::start());
        let began = turns.begin();
        while turns.clock.now() == began {}
        assert_eq!(turns.now(), began);
        assert!(turns.now() > began);

        let began = turns.begin();
        while turns.clock.now() == began {}
        turns.wears_on();

        assert!(turns.now() > began, "a task that has not asked has taken its time");
    }
}
