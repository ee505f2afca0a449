//! How long to wait for an acknowledgement before data is sent again (RFC 6298).

use base::Duration;

use super::profile::{Floor, Profile};

/// What was learned about the round trip, in microseconds: 71 minutes at most.
#[derive(Clone, Debug, Default)]
pub(super) struct Rto {
    /// 0 until something was measured.
    smoothed: u32,
    variation: u32,
    /// How often the timeout was doubled since the last measurement.
    pub(super) doublings: u8,
    /// Whether the handshake had to be repeated.
    pub(super) syn_was_lost: bool,
}

impl Rto {
    /// A round trip was measured (2.2, 2.3). That ends the doubling (5.7, and Karn's algorithm).
    pub(super) fn measured(&mut self, round_trip: Duration) {
        let sample = micros(round_trip).max(1);
        if self.smoothed == 0 {
            self.smoothed = sample;
            self.variation = sample / 2;
        } else {
            let deviation = self.smoothed.abs_diff(sample);
            self.variation = blend(self.variation, 3, deviation, 4);
            self.smoothed = blend(self.smoothed, 7, sample, 8).max(1);
        }
        self.doublings = 0;
    }

    /// The smoothed round trip, once there is one.
    pub(super) fn smoothed(&self) -> Option<Duration> {
        (self.smoothed > 0).then(|| Duration::from_micros(u64::from(self.smoothed)))
    }

    /// The timeout now, with its doublings (2.3 to 2.5, 5.5).
    pub(super) fn timeout(&self, profile: &Profile) -> Duration {
        let doubled = 1_u64 << self.doublings.min(32);
        self.undoubled(profile).saturating_mul(doubled).min(profile.max_rto)
    }

    fn undoubled(&self, profile: &Profile) -> Duration {
        let Some(smoothed) = self.smoothed() else {
            let lost = self.syn_was_lost;
            return if lost { profile.rto_after_syn_loss } else { profile.initial_rto };
        };
        let variation = Duration::from_micros(4 * u64::from(self.variation));
        match profile.floor {
            Floor::Timeout => (smoothed + variation).max(profile.min_rto),
            Floor::Variation => smoothed + variation.max(profile.min_rto),
        }
    }
}

/// (old × weight + new) / of.
fn blend(old: u32, weight: u64, new: u32, of: u64) -> u32 {
    let sum = u64::from(old) * weight + u64::from(new);
    u32::try_from(sum / of).unwrap_or(u32::MAX)
}

/// Whole microseconds, at most what fits.
pub(super) fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_nanos() / 1_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_anything_is_measured_it_is_a_second_and_doubles_up_to_its_bound() {
        let mut rto = Rto::default();
        let mut waits = [0; 8];
        for wait in &mut waits {
            *wait = rto.timeout(&Profile::linux()).as_millis() / 1_000;
            rto.doublings += 1;
        }

        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 120]);
    }

    #[test]
    fn the_first_round_trip_counts_three_times_and_steady_ones_wear_the_variation_down() {
        let mut rto = Rto::default();
        rto.measured(Duration::from_millis(800));
        assert_eq!(rto.timeout(&Profile::rfc()), Duration::from_millis(2_400));

        for _ in 0..50 {
            rto.measured(Duration::from_millis(800));
        }
        assert_eq!(rto.timeout(&Profile::rfc()), Duration::from_secs(1), "the floor");
        assert_eq!(rto.timeout(&Profile::linux()), Duration::from_secs(1), "0.8 s and 200 ms");
    }

    #[test]
    fn a_measurement_ends_the_doubling() {
        let mut rto = Rto { doublings: 5, ..Rto::default() };
        rto.measured(Duration::from_millis(10));

        assert_eq!(rto.timeout(&Profile::linux()), Duration::from_millis(210));
    }
}
