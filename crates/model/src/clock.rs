//! What a node believes the time is.
//!
//! There is no global clock. Each node has its own, a little off and a little fast or slow, and
//! whatever compares two readings of different clocks compares more than time. What only measures
//! how long something takes uses a clock that never jumps, and is not concerned.

use base::{Duration, Instant, Random};

/// A reading of one node's clock, in nanoseconds. Readings of different nodes are not of the same
/// time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reading(i64);

/// One node's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// How far ahead it is, in nanoseconds.
    offset: i64,
    /// How much faster it runs, in parts per million.
    drift: i64,
    /// How far it has jumped, in nanoseconds.
    jump: i64,
}

impl Clock {
    /// A clock that is kept by NTP: at most [`MOST_OFFSET`] off, and at most [`MOST_DRIFT`] parts
    /// per million fast or slow.
    pub fn new(random: &mut Random) -> Self {
        let offset = i64::try_from(MOST_OFFSET.as_nanos()).unwrap_or(0);
        Self { offset: even(random, offset), drift: even(random, MOST_DRIFT), jump: 0 }
    }

    /// What it shows.
    pub fn read(&self, now: Instant) -> Reading {
        let now = i64::try_from(now.as_nanos()).unwrap_or(i64::MAX / 2);
        let gained = now / 1_000_000 * self.drift;
        Reading(now.saturating_add(gained).saturating_add(self.offset).saturating_add(self.jump))
    }

    /// From now on it is this far, in nanoseconds, from where it would be.
    pub const fn set_jump(&mut self, by: i64) {
        self.jump = by;
    }
}

impl Reading {
    /// Earlier than any clock shows.
    pub const NONE: Self = Self(i64::MIN);

    /// What passed since another reading; nothing if that one is ahead.
    pub fn since(self, earlier: Self) -> Duration {
        u64::try_from(self.0.saturating_sub(earlier.0)).map_or(Duration::ZERO, Duration::from_nanos)
    }
}

/// NTP keeps clocks within tens of milliseconds of each other over the internet (Mills, "Internet
/// Time Synchronization: the Network Time Protocol", 1991); this is the lower end of it, for
/// machines in data centres.
pub const MOST_OFFSET: Duration = Duration::from_millis(10);
/// The frequency tolerance that NTP reckons with: 15 parts per million (RFC 5905, section 7.2,
/// PHI).
pub const MOST_DRIFT: i64 = 15;

/// Even between minus and plus so much.
fn even(random: &mut Random, most: i64) -> i64 {
    let width = u64::try_from(most).unwrap_or(0) * 2 + 1;
    i64::try_from(random.below(width)).unwrap_or(0) - most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_clocks_differ_by_no_more_than_ntp_lets_them() {
        let hour = Instant::from_secs(3_600);
        for number in 0..200 {
            let mut random = Random::of(number, "svc", "clock");
            let (one, other) = (Clock::new(&mut random), Clock::new(&mut random));
            let apart = one.read(hour).since(other.read(hour));

            // Twice the offset, and an hour of twice the drift.
            assert!(apart <= Duration::from_millis(20 + 108), "{apart:?}");
        }
    }

    #[test]
    fn a_jump_moves_the_reading_and_a_jump_back_is_no_time_at_all() {
        let mut clock = Clock::default();
        let before = clock.read(Instant::from_secs(10));
        clock.set_jump(3_600_000_000_000);
        let ahead = clock.read(Instant::from_secs(11));
        clock.set_jump(-3_600_000_000_000);
        let behind = clock.read(Instant::from_secs(12));

        assert_eq!(ahead.since(before), Duration::from_secs(3_601));
        assert_eq!(behind.since(before), Duration::ZERO);
    }
}
