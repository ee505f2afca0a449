//! How much may be under way (RFC 5681).

use base::{Duration, Instant};

use super::cubic::Cubic;
use super::newreno::NewReno;
use super::profile::{Algorithm, Counting, Profile};

/// The congestion window and its threshold, in bytes.
#[derive(Clone, Debug)]
pub(super) struct Congestion {
    pub(super) window: u32,
    threshold: u32,
    algorithm: Control,
}

#[derive(Clone, Debug)]
enum Control {
    NewReno(NewReno),
    Cubic(Cubic),
}

impl Congestion {
    pub(super) const fn new(profile: &Profile) -> Self {
        let algorithm = match profile.algorithm {
            Algorithm::NewReno => Control::NewReno(NewReno::new()),
            Algorithm::Cubic => Control::Cubic(Cubic::new()),
        };
        Self { window: profile.initial_window * profile.mss, threshold: u32::MAX, algorithm }
    }

    /// So many bytes were acknowledged, and the window was in the way of more.
    #[inline]
    pub(super) fn on_ack(
        &mut self,
        now: Instant,
        profile: &Profile,
        acked: u32,
        round_trip: Duration,
    ) {
        let mss = profile.mss;
        let counted = match profile.counting {
            Counting::Acks => acked.min(mss),
            Counting::Bytes => acked,
        };
        let growth = if self.is_slow_start() {
            counted.min(self.threshold - self.window)
        } else {
            match &mut self.algorithm {
                Control::NewReno(newreno) => newreno.growth(self.window, counted, mss),
                Control::Cubic(cubic) => cubic.growth(now, self.window, counted, round_trip, mss),
            }
        };
        self.window = self.window.saturating_add(growth).min(LARGEST);
    }

    /// Whether the window doubles every round trip.
    #[inline]
    pub(super) const fn is_slow_start(&self) -> bool {
        self.window < self.threshold
    }

    /// A loss was found, with so much under way.
    pub(super) fn on_loss(&mut self, in_flight: u32, mss: u32) {
        self.shrink(in_flight, mss);
        self.window = self.threshold;
    }

    /// A timeout. Only the first in a row lowers the threshold (RFC 5681, 3.1).
    pub(super) fn on_timeout(&mut self, in_flight: u32, mss: u32, is_first: bool) {
        if is_first {
            self.shrink(in_flight, mss);
        }
        if let Control::Cubic(cubic) = &mut self.algorithm {
            cubic.on_timeout();
        }
        self.window = mss;
    }

    /// A recovery ended. What the timeout took away has grown back already.
    pub(super) fn on_recovered(&mut self) {
        self.window = self.window.min(self.threshold);
    }

    /// Nothing was sent for so long: half the window for every timeout, down to the initial one
    /// (RFC 5681, 4.1 would take it all at once; Linux and RFC 2861 do this).
    pub(super) fn on_idle(&mut self, idle: Duration, timeout: Duration, profile: &Profile) {
        let least = self.window.min(profile.initial_window * profile.mss);
        self.threshold = self.threshold.max(self.window / 4 * 3);
        let timeouts = idle.as_nanos() / timeout.as_nanos().max(1);
        self.window =
            self.window.checked_shr(u32::try_from(timeouts).unwrap_or(u32::MAX)).unwrap_or(0);
        self.window = self.window.max(least);
        if let Control::Cubic(cubic) = &mut self.algorithm {
            cubic.on_idle(idle);
        }
    }

    fn shrink(&mut self, in_flight: u32, mss: u32) {
        self.threshold = match &mut self.algorithm {
            Control::NewReno(_) => NewReno::threshold(in_flight.min(self.window), mss),
            Control::Cubic(cubic) => cubic.threshold(self.window, mss),
        };
    }
}

/// No window is larger than a gibibyte (RFC 7323, 2.3).
const LARGEST: u32 = 1 << 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_start_doubles_in_a_round_trip_and_ends_at_the_threshold() {
        let mut congestion = Congestion::new(&RENO);
        acknowledge(&mut congestion, 10);
        assert_eq!(congestion.window, 20 * MSS);

        congestion.on_loss(20 * MSS, MSS);
        assert_eq!(congestion.window, 10 * MSS);
        acknowledge(&mut congestion, 10);
        assert_eq!(congestion.window, 11 * MSS, "one segment a round trip");
    }

    #[test]
    fn fewer_acknowledgements_grow_the_window_more_slowly_when_they_are_what_counts() {
        let mut congestion = Congestion::new(&RENO);
        for _ in 0..5 {
            congestion.on_ack(Instant::ZERO, &RENO, 2 * MSS, Duration::ZERO);
        }
        assert_eq!(congestion.window, 15 * MSS);
    }

    #[test]
    fn a_timeout_leaves_one_segment_and_only_the_first_lowers_the_threshold() {
        let mut congestion = Congestion::new(&RENO);
        congestion.on_timeout(20 * MSS, MSS, true);
        congestion.on_timeout(MSS, MSS, false);

        assert_eq!((congestion.window, congestion.threshold), (MSS, 5 * MSS));
    }

    #[test]
    fn idleness_halves_the_window_down_to_the_initial_one() {
        let mut congestion = Congestion::new(&RENO);
        acknowledge(&mut congestion, 90);
        assert_eq!(congestion.window, 100 * MSS);

        congestion.on_idle(Duration::from_secs(2), Duration::from_secs(1), &RENO);
        assert_eq!(congestion.window, 25 * MSS);
        congestion.on_idle(Duration::from_secs(99), Duration::from_secs(1), &RENO);
        assert_eq!(congestion.window, 10 * MSS);
    }

    const RENO: Profile = Profile::rfc();
    const MSS: u32 = RENO.mss;

    fn acknowledge(congestion: &mut Congestion, segments: u32) {
        for _ in 0..segments {
            congestion.on_ack(Instant::ZERO, &RENO, MSS, Duration::ZERO);
        }
    }
}
