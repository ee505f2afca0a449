//! Losses at the end: the tail loss probe (RFC 8985, 7).
//!
//! When the last segments of a burst are lost, nothing comes after them that could tell. Instead
//! of waiting for the timeout, one segment is sent after two round trips, to provoke an answer.

use base::Duration;

use super::profile::Profile;

/// Whether a probe is under way: SND.NXT when it was sent (TLP.end_seq), doubled, and one more if it
/// was data sent again (TLP.is_retrans). 0 for none.
#[derive(Clone, Debug, Default)]
pub(super) struct TailProbe(u64);

/// What an acknowledgement says about a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing, yet.
    Open,
    /// Nothing was lost.
    NoLoss,
    /// The probe repaired a loss: the network is congested (7.4.2).
    Repaired,
}

impl TailProbe {
    /// The probe left.
    pub(super) fn on_sent(&mut self, next: u64, again: bool) {
        self.0 = (next << 1) | u64::from(again);
    }

    /// Forgets it: a recovery has begun.
    pub(super) fn clear(&mut self) {
        self.0 = 0;
    }

    /// Only one at a time.
    pub(super) const fn is_out(&self) -> bool {
        self.0 != 0
    }

    /// An acknowledgement came (7.4.2).
    #[inline]
    pub(super) fn on_ack(&mut self, ack: u64, twice: bool, is_bare_duplicate: bool) -> Verdict {
        let (end, again) = (self.0 >> 1, self.0 & 1 == 1);
        if self.0 == 0 || ack < end {
            return Verdict::Open;
        }
        let verdict = match () {
            () if !again || twice => Verdict::NoLoss,
            () if ack > end => Verdict::Repaired,
            () if is_bare_duplicate => Verdict::NoLoss,
            () => return Verdict::Open,
        };
        self.0 = 0;
        verdict
    }
}

/// How long to wait before a probe (7.2): two round trips, and for a single segment the time that
/// its acknowledgement may be delayed, which Linux takes to be its shortest timeout.
pub(super) fn wait(smoothed: Option<Duration>, single: bool, profile: &Profile) -> Duration {
    let Some(smoothed) = smoothed else {
        return profile.initial_rto;
    };
    let delay = if single { profile.min_rto } else { Duration::from_millis(2) };
    smoothed.saturating_mul(2) + delay
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_of_new_data_is_no_sign_of_a_loss() {
        let mut probe = TailProbe::default();
        probe.on_sent(100, false);

        assert_eq!(probe.on_ack(50, false, false), Verdict::Open);
        assert_eq!(probe.on_ack(100, false, false), Verdict::NoLoss);
        assert!(!probe.is_out());
    }

    #[test]
    fn a_repeated_segment_that_nobody_had_twice_repaired_a_loss() {
        let repeated = || {
            let mut probe = TailProbe::default();
            probe.on_sent(100, true);
            probe
        };

        assert_eq!(repeated().on_ack(100, true, false), Verdict::NoLoss);
        assert_eq!(repeated().on_ack(100, false, false), Verdict::Open);
        assert_eq!(repeated().on_ack(200, false, false), Verdict::Repaired);
        assert_eq!(repeated().on_ack(100, false, true), Verdict::NoLoss);
    }
}
