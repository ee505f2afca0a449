//! Amounts with units, as whole numbers, so that they are equal on every platform.

use core::fmt;

use crate::Duration;

/// Events per second, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(u64);

/// A part of a whole, in millionths. More than one whole is allowed ("120 %").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(u32);

/// An amount of data in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

impl Rate {
    /// So many thousandths of an event per second.
    pub const fn from_millis_per_sec(millis: u64) -> Self {
        Self(millis)
    }

    /// So many events per second.
    pub const fn per_sec(events: u64) -> Self {
        Self(events.saturating_mul(1_000))
    }

    /// Thousandths of an event per second.
    pub const fn as_millis_per_sec(self) -> u64 {
        self.0
    }

    /// Events per second.
    pub fn as_per_sec_f64(self) -> f64 {
        self.0 as f64 / 1e3
    }

    /// The mean time between two events; [`Duration::MAX`] when there are none.
    pub fn interval(self) -> Duration {
        1_000_000_000_000_u64.checked_div(self.0).map_or(Duration::MAX, Duration::from_nanos)
    }
}

impl Share {
    /// Nothing of it.
    pub const NONE: Self = Self(0);
    /// All of it.
    pub const WHOLE: Self = Self(1_000_000);

    /// So many millionths.
    pub const fn from_millionths(millionths: u32) -> Self {
        Self(millionths)
    }

    /// So many hundredths.
    pub const fn percent(percent: u32) -> Self {
        Self(percent.saturating_mul(10_000))
    }

    /// Millionths of the whole.
    pub const fn as_millionths(self) -> u32 {
        self.0
    }

    /// As a fraction: 0.1 for ten percent.
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / 1e6
    }

    /// This share of a count, rounded down.
    pub fn of(self, count: u64) -> u64 {
        u64::try_from(u128::from(count) * u128::from(self.0) / 1_000_000).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.as_per_sec_f64())
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.0) / 1e4)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        match UNITS.iter().find(|(unit, _)| self.0 >= *unit && self.0.is_multiple_of(*unit)) {
            Some((unit, name)) => write!(f, "{}{name}", self.0 / unit),
            None => write!(f, "{}B", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn amounts_read_as_they_are_written_in_a_design() {
        assert_eq!(Rate::per_sec(300).to_string(), "300/s");
        assert_eq!(Rate::from_millis_per_sec(500).to_string(), "0.5/s");
        assert_eq!(Share::percent(10).to_string(), "10%");
        assert_eq!(Share::from_millionths(500).to_string(), "0.05%");
        assert_eq!(Bytes(64 << 10).to_string(), "64KiB");
        assert_eq!(Bytes(1_500).to_string(), "1500B");
    }

    #[test]
    fn a_share_of_a_count_rounds_down() {
        assert_eq!(Share::percent(33).of(3), 0);
        assert_eq!(Share::percent(34).of(3), 1);
        assert_eq!(Share::WHOLE.of(u64::MAX), u64::MAX);
    }

    #[test]
    fn no_rate_means_an_endless_interval() {
        assert_eq!(Rate::default().interval(), Duration::MAX);
        assert_eq!(Rate::per_sec(4).interval(), Duration::from_millis(250));
    }
}
