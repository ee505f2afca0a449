//! Points and amounts of time, in whole nanoseconds.
//!
//! An [`Instant`] is counted from a start that its driver chose: the beginning of a simulation, or
//! the start of the process. There is no global clock, so an instant never leaves its node; what
//! travels is a [`Duration`] that remains.

use core::fmt;
use core::ops::{Add, AddAssign, Sub};

/// A point in time on one node's clock, in nanoseconds since that clock's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

/// An amount of time in nanoseconds; the longest is about 584 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(u64);

impl Instant {
    /// The start of the clock.
    pub const ZERO: Self = Self(0);
    /// Later than anything that happens.
    pub const NEVER: Self = Self(u64::MAX);

    /// `nanos` after the start of the clock.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// `millis` after the start of the clock.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// `secs` after the start of the clock.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds since the start of the clock.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the start of the clock, for people to read.
    pub fn as_secs_f64(self) -> f64 {
        Duration(self.0).as_secs_f64()
    }

    /// How long after `earlier` this is; nothing if it is not after it.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Stops at [`Instant::NEVER`].
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(rhs.0))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, rhs: Duration) {
        *self = *self + rhs;
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    /// Stops at the start of the clock.
    fn sub(self, rhs: Duration) -> Self {
        Self(self.0.saturating_sub(rhs.0))
    }
}

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// Longer than anything lasts.
    pub const MAX: Self = Self(u64::MAX);

    /// So many nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// So many microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros.saturating_mul(1_000))
    }

    /// So many milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// So many seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// Seconds with a fraction; negative numbers and NaN are no time at all.
    pub fn from_secs_f64(secs: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "a float cast stops at both ends")]
        Self((secs * 1e9 + 0.5) as u64)
    }

    /// Whole nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole milliseconds, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Milliseconds with a fraction, for people to read.
    pub fn as_millis_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Seconds with a fraction, for people to read.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Whether this is no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// What is left of this after `other`; nothing if `other` is longer.
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// So many times this; stops at [`Duration::MAX`].
    pub const fn saturating_mul(self, times: u64) -> Self {
        Self(self.0.saturating_mul(times))
    }
}

impl Add for Duration {
    type Output = Self;

    /// Stops at [`Duration::MAX`].
    fn add(self, rhs: Self) -> Self {
        Self(self.0.saturating_add(rhs.0))
    }
}

impl AddAssign for Duration {
    fn add_assign(&mut self, rhs: Self) {
        *self = *self + rhs;
    }
}

impl From<Duration> for core::time::Duration {
    fn from(duration: Duration) -> Self {
        Self::from_nanos(duration.0)
    }
}

impl From<core::time::Duration> for Duration {
    fn from(duration: core::time::Duration) -> Self {
        Self(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
    }
}

/// The way a design file writes it: `800ms`, `1.5s`, `2m`.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 6] = [
            (3_600_000_000_000, "h"),
            (60_000_000_000, "m"),
            (1_000_000_000, "s"),
            (1_000_000, "ms"),
            (1_000, "us"),
            (1, "ns"),
        ];
        let whole = UNITS.iter().find(|(unit, _)| self.0 >= *unit && self.0.is_multiple_of(*unit));
        match (self.0, whole) {
            (0, _) => f.write_str("0s"),
            (nanos, Some((unit, name))) if nanos / unit < 1_000 => {
                write!(f, "{}{name}", nanos / unit)
            }
            (nanos, _) if nanos >= 1_000 * UNITS[0].0 => {
                write!(f, "{}d", nanos / (24 * UNITS[0].0))
            }
            (nanos, _) if nanos >= 1_000_000_000 => write!(f, "{}s", nanos as f64 / 1e9),
            (nanos, _) if nanos >= 1_000_000 => write!(f, "{}ms", nanos as f64 / 1e6),
            (nanos, _) => write!(f, "{}us", nanos as f64 / 1e3),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn time_never_runs_backwards_or_wraps() {
        assert_eq!(Instant::from_secs(1).since(Instant::from_secs(2)), Duration::ZERO);
        assert_eq!(Instant::NEVER + Duration::from_secs(1), Instant::NEVER);
    }

    #[test]
    fn durations_read_as_they_are_written_in_a_design() {
        let shown = [800_000_000, 90_000_000_000, 1_500_000_000, 120_000_000_000, 350_000, 0]
            .map(|nanos| Duration::from_nanos(nanos).to_string());

        assert_eq!(shown, ["800ms", "90s", "1.5s", "2m", "350us", "0s"]);
    }

    #[test]
    fn what_nobody_counts_in_seconds_is_told_in_days() {
        let shown = [9_999 * 86_400, u64::MAX / 1_000_000_000, 999 * 3_600]
            .map(|seconds| Duration::from_secs(seconds).to_string());

        assert_eq!(shown, ["9999d", "213503d", "999h"]);
    }

    #[test]
    fn seconds_that_make_no_sense_are_no_time_at_all() {
        assert_eq!(Duration::from_secs_f64(f64::NAN), Duration::ZERO);
        assert_eq!(Duration::from_secs_f64(-1.0), Duration::ZERO);
    }
}
