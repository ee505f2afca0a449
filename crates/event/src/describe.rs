//! The one place where a series gets its name.

/// A series of events: what metrics, logs and timelines call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Description {
    /// Without the `plimsoll_` prefix and without a suffix for unit or total.
    pub name: &'static str,
    /// How it is kept.
    pub kind: Kind,
    /// What is counted or measured.
    pub unit: Unit,
    /// One sentence for the person who reads the dashboard.
    pub help: &'static str,
}

/// How a series is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Only ever grows.
    Counter,
    /// A distribution of amounts.
    Histogram,
    /// A value that stands until the next one.
    Gauge,
}

/// What a series is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Things.
    Count,
    /// Time; exported in seconds.
    Seconds,
    /// Data.
    Bytes,
}

impl Description {
    pub(crate) const fn counter(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Counter, unit: Unit::Count, help }
    }

    pub(crate) const fn seconds(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Histogram, unit: Unit::Seconds, help }
    }

    pub(crate) const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Gauge, unit: Unit::Count, help }
    }
}
