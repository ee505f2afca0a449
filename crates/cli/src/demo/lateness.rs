//! How late this machine is: what the demo's own event loops missed.
//!
//! A timer on the loop that plays a variant is due every few milliseconds. How much later it is
//! looked at is what the machine adds to whatever is measured on it. The times are fixed in
//! advance, so that a standstill counts for as long as it lasts, and not as one late timer.

use base::{Duration, Instant};
use config::Design;
use standin::Clock;

use super::figures::quantile;

/// How late the loops of a demo were, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Lateness {
    /// One timer in a hundred was later.
    pub(super) p99: f64,
    /// None was later.
    pub(super) most: f64,
}

/// Tells how late each timer of this loop is, for as long as it is asked.
pub(super) async fn probe(clock: Clock, mut tell: impl FnMut(Duration)) {
    for tick in 1_u64.. {
        let due = Instant::ZERO + EVERY.saturating_mul(tick);
        clock.sleep_until(due).await;
        tell(clock.now().since(due));
    }
}

impl Lateness {
    /// Of all timers; nothing if there were none.
    pub(super) fn of(timers: impl IntoIterator<Item = Duration>) -> Option<Self> {
        let mut timers: Vec<_> = timers.into_iter().collect();
        timers.sort_unstable();
        let most = timers.last()?.as_millis_f64();
        Some(Self { p99: quantile(&timers, 0.99), most })
    }

    /// Whether what was observed shows the machine more than the rules: a try that is late at
    /// every station runs out of time without any fault of the service.
    pub(super) fn hides(self, shortest_try: Duration) -> bool {
        STATIONS * self.p99 >= shortest_try.as_millis_f64()
    }
}

/// The least time that any call of these designs gives a try.
pub(super) fn shortest_try(designs: &[Design]) -> Option<Duration> {
    let deadlines = designs.iter().flat_map(|design| &design.calls).map(|call| call.rules.deadline);
    deadlines.filter_map(|deadline| deadline.attempt_timeout.or(deadline.timeout)).min()
}

/// Often enough for a percentile of a second, seldom enough to be no load.
const EVERY: Duration = Duration::from_millis(5);
/// A try needs the loop when it is sent, when it arrives, when its work is done, and when its
/// answer is read.
pub(super) const STATIONS: f64 = 4.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standstill_is_as_late_as_it_is_long() {
        let standstill = (0..=20).map(|tick| Duration::from_millis(100 - 5 * tick));
        let rest = std::iter::repeat_n(Duration::from_millis(1), 979);

        let late = Lateness::of(standstill.chain(rest));

        assert_eq!(late, Some(Lateness { p99: 50.0, most: 100.0 }));
        assert_eq!(Lateness::of([]), None);
    }

    #[test]
    fn it_hides_the_rules_when_it_takes_the_time_of_a_try() {
        let late = Lateness { p99: 100.0, most: 200.0 };

        assert!(late.hides(Duration::from_millis(400)));
        assert!(!late.hides(Duration::from_millis(401)));
    }
}
