//! The real clock, as the engine counts time.

use base::{Duration, Instant};
use std::cell::RefCell;
use std::rc::Rc;
use std::time;
use wire::l7::http1;

/// Counts from the start of the process. All workers share one start, so that an instant means
/// the same to each of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: time::Instant,
    /// The time of day then, since the beginning of 1970.
    day: Duration,
}

impl Clock {
    /// Starts at [`Instant::ZERO`], now.
    pub(crate) fn start() -> Self {
        let day = time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().into();
        Self { start: time::Instant::now(), day }
    }

    /// The time of day, for people: since the beginning of 1970, as the machine had it when the
    /// process started.
    pub(crate) fn time_of_day(self, at: Instant) -> Duration {
        self.day + at.since(Instant::ZERO)
    }

    /// Reads it: a call into the kernel's page, some twenty nanoseconds.
    pub(crate) fn now(self) -> Instant {
        Instant::ZERO + Duration::from(self.start.elapsed())
    }
}

/// The date in words, found out once a second.
#[derive(Debug, Default)]
pub(crate) struct Calendar {
    last: RefCell<Option<(u64, Rc<str>)>>,
}

impl Calendar {
    /// As `Date` has it; it may be a second old, which is as exact as it is.
    pub(crate) fn date(&self, now: Instant) -> Rc<str> {
        let second = now.as_nanos() / 1_000_000_000;
        let mut last = self.last.borrow_mut();
        match &*last {
            Some((known, date)) if *known == second => Rc::clone(date),
            _ => {
                let date: Rc<str> = http1::date(seconds_since_1970()).into();
                *last = Some((second, Rc::clone(&date)));
                date
            }
        }
    }
}

/// The wall clock, for what others say in dates: whatever was done to it since we started.
pub(crate) fn seconds_since_1970() -> u64 {
    time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs()
}
