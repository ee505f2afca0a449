//! When to acknowledge (RFC 5681, 4.2).
//!
//! Every `ack_every`-th full segment at once, anything else after `ack_delay`; at once also when
//! something is missing, so that the sender learns of it. The answer to a request carries the
//! acknowledgement for nothing, which is why it is worth waiting.

use base::Instant;

use super::profile::Profile;
use super::receive::Arrival;

/// What was received and not acknowledged.
#[derive(Clone, Debug)]
pub(super) struct DelayedAck {
    /// When it must be acknowledged at the latest.
    pub(super) due_at: Instant,
    /// In order, without an acknowledgement.
    pending: u32,
    /// How many more segments are acknowledged at once.
    quick: u8,
    /// It must be acknowledged now.
    pub(super) is_due: bool,
}

impl DelayedAck {
    pub(super) const fn new(profile: &Profile) -> Self {
        let quick = profile.quick_acks;
        Self { due_at: Instant::NEVER, pending: 0, quick, is_due: false }
    }

    /// Data arrived.
    #[inline]
    pub(super) fn on_data(
        &mut self,
        now: Instant,
        profile: &Profile,
        bytes: u32,
        arrival: Arrival,
        has_gap: bool,
    ) {
        self.pending = self.pending.saturating_add(bytes);
        let enough = self.pending > (profile.ack_every - 1) * profile.mss;
        if arrival != Arrival::InOrder || has_gap || enough || self.quick > 0 {
            self.quick = self.quick.saturating_sub(1);
            self.is_due = true;
        } else if self.due_at == Instant::NEVER {
            self.due_at = now + profile.ack_delay;
        }
    }

    /// Something else asks for an acknowledgement.
    pub(super) const fn on_demand(&mut self) {
        self.is_due = true;
    }

    /// A segment leaves, and acknowledges everything.
    #[inline]
    pub(super) const fn on_sent(&mut self, with_data: bool) {
        self.due_at = Instant::NEVER;
        self.pending = 0;
        self.is_due = false;
        // Who answers is in a conversation: its answers will carry the acknowledgements.
        if with_data {
            self.quick = 0;
        }
    }

    /// How much was received and not acknowledged.
    pub(super) const fn pending(&self) -> u32 {
        self.pending
    }
}

#[cfg(test)]
mod tests {
    use base::Duration;

    use super::*;

    #[test]
    fn every_second_full_segment_is_acknowledged_at_once() {
        let mut ack = DelayedAck::new(&PROFILE);

        let due = [1_460; 4].map(|bytes| arrive(&mut ack, bytes, Arrival::InOrder));

        assert_eq!(due, [false, true, false, true]);
    }

    #[test]
    fn a_single_segment_waits_for_the_delay_and_one_after_a_gap_does_not() {
        let mut ack = DelayedAck::new(&PROFILE);

        assert!(!arrive(&mut ack, 100, Arrival::InOrder));
        assert_eq!(ack.due_at, Instant::ZERO + Duration::from_millis(200));
        assert!(arrive(&mut ack, 100, Arrival::AfterGap));
        assert_eq!(ack.due_at, Instant::NEVER);
    }

    #[test]
    fn linux_acknowledges_the_first_segments_at_once_until_it_answers() {
        let profile = Profile::linux();
        let mut ack = DelayedAck::new(&profile);
        ack.on_data(Instant::ZERO, &profile, 100, Arrival::InOrder, false);
        assert!(ack.is_due);

        ack.on_sent(true);
        ack.on_data(Instant::ZERO, &profile, 100, Arrival::InOrder, false);
        assert!(!ack.is_due);
    }

    const PROFILE: Profile = Profile::rfc();

    /// Whether it is acknowledged at once.
    fn arrive(ack: &mut DelayedAck, bytes: u32, arrival: Arrival) -> bool {
        ack.on_data(Instant::ZERO, &PROFILE, bytes, arrival, false);
        let is_due = ack.is_due;
        if is_due {
            ack.on_sent(false);
        }
        is_due
    }
}
