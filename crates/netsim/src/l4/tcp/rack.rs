//! Losses found by time: RACK (RFC 8985, 6).
//!
//! If something that left later has arrived, what left earlier should have arrived too; give it a
//! part of a round trip more, in case the network reorders, and then it is lost. That finds lost
//! retransmissions and losses in small flights, which counting to three cannot.

use base::{Duration, Instant};

use super::flight::{Flight, Sent};
use super::rto::micros;
use super::seq;

/// What is known of the latest delivery.
#[derive(Clone, Debug)]
pub(super) struct Rack {
    /// When the latest segment that arrived had left: RACK.xmit_ts.
    sent: Instant,
    /// And where it ends: RACK.end_seq.
    end: u64,
    /// And how long it took, in microseconds: RACK.rtt.
    round_trip: u32,
    /// The shortest round trip of the connection, in microseconds: RACK.min_RTT.
    shortest: u32,
    /// The window is not widened again before this is acknowledged: RACK.dsack_round.
    round: u32,
    /// RACK.reo_wnd_mult.
    quarters: u8,
    /// Recoveries until the window is narrow again: RACK.reo_wnd_persist.
    persist: u8,
    /// RACK.reordering_seen.
    reordering: bool,
    /// Whether the latest segment that arrived had left more than once.
    again: bool,
}

impl Rack {
    pub(super) const fn new() -> Self {
        Self {
            sent: Instant::ZERO,
            end: 0,
            round_trip: 0,
            shortest: u32::MAX,
            round: 0,
            quarters: 1,
            persist: 0,
            reordering: false,
            again: false,
        }
    }

    /// Something arrived; before it, `highest` was the highest that had (steps 1 to 3).
    #[inline]
    pub(super) fn on_arrived(&mut self, now: Instant, sent: Sent, highest: u64) {
        let round_trip = micros(now.since(sent.at));
        if sent.again {
            // It answers the first try, most likely (step 2).
            if round_trip < self.shortest {
                return;
            }
        } else {
            self.shortest = self.shortest.min(round_trip);
            self.reordering |= sent.end < highest;
        }
        self.round_trip = round_trip;
        if (sent.at, sent.end) > (self.sent, self.end) {
            (self.sent, self.end, self.again) = (sent.at, sent.end, sent.again);
        }
    }

    /// The peer has received something twice: the window was too narrow (step 4).
    pub(super) fn on_twice(&mut self, una: u64, next: u64) {
        let is_over = seq::wire(una).wrapping_sub(self.round).cast_signed() >= 0;
        if is_over || self.persist == 0 {
            self.round = seq::wire(next);
            self.quarters = self.quarters.saturating_add(1);
            self.persist = 16;
        }
    }

    /// A recovery ended (step 4).
    pub(super) fn on_recovered(&mut self) {
        self.persist = self.persist.saturating_sub(1);
        if self.persist == 0 {
            self.quarters = 1;
        }
    }

    /// How much later than what left after it something may arrive (step 4). `is_urgent` in a
    /// recovery, or when three segments have arrived after a gap.
    pub(super) fn window(&self, smoothed: Duration, is_urgent: bool) -> Duration {
        if !self.reordering && is_urgent {
            return Duration::ZERO;
        }
        let quarters = u64::from(self.shortest) * u64::from(self.quarters);
        Duration::from_nanos(quarters * 1_000 / 4).min(smoothed)
    }

    /// Finds what is lost by now (step 5): whether anything is, and when to look again.
    pub(super) fn detect(&self, now: Instant, window: Duration, flight: &mut Flight) -> Found {
        let (mut again_at, patience) = (Instant::NEVER, self.patience(window));
        if flight.in_order() && flight.oldest().is_none_or(|oldest| oldest > self.sent) {
            return Found { any: false, again_at };
        }
        let any = flight.lose_if(|sent| {
            let lost_at = sent.at + patience;
            let is_overtaken = self.is_later_than(sent);
            if is_overtaken && lost_at > now {
                again_at = again_at.min(lost_at);
            }
            is_overtaken && lost_at <= now
        });
        Found { any, again_at }
    }

    /// Whether what arrived had left later (RACK_sent_after). The standard lets the sequence decide
    /// between two of the same time, which is right for what leaves in order. Here time stands
    /// still while a burst of acknowledgements is answered: new data may have left at the same time
    /// as a repair that came after it, so it proves nothing about the repair.
    fn is_later_than(&self, sent: Sent) -> bool {
        let is_unclear = sent.at == self.sent && sent.again && !self.again;
        !is_unclear && (sent.at, sent.end) < (self.sent, self.end)
    }

    /// After a timeout: the first, and all that had its time (6.3).
    pub(super) fn lose_on_timeout(
        &self,
        now: Instant,
        window: Duration,
        flight: &mut Flight,
        mss: u32,
    ) {
        let patience = self.patience(window);
        flight.lose_if(|sent| sent.at + patience <= now);
        flight.lose_first(mss);
    }

    fn patience(&self, window: Duration) -> Duration {
        Duration::from_micros(u64::from(self.round_trip)) + window
    }
}

/// What [`Rack::detect`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Whether anything is lost that was not before.
    pub(super) any: bool,
    /// When something else will be.
    pub(super) again_at: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_left_before_something_that_arrived_is_lost_a_quarter_of_a_round_trip_later() {
        let (mut rack, mut flight) = (Rack::new(), Flight::new(0));
        flight.send(at(0), 100);
        flight.send(at(1), 100);
        flight.sack(100, 200, |sent| rack.on_arrived(at(41), sent, 0));
        let window = rack.window(Duration::from_millis(40), false);

        let early = rack.detect(at(41), window, &mut flight);
        assert_eq!(early, Found { any: false, again_at: at(50) });
        assert!(rack.detect(at(50), window, &mut flight).any);
    }

    #[test]
    fn a_lost_retransmission_is_found_too() {
        let (mut rack, mut flight) = (Rack::new(), Flight::new(0));
        flight.send(at(0), 200);
        flight.lose_first(100);
        flight.resend_lost(at(50), 100);
        flight.send(at(60), 100);
        flight.sack(200, 300, |sent| rack.on_arrived(at(100), sent, 0));

        assert!(rack.detect(at(100), Duration::ZERO, &mut flight).any);
        assert_eq!(flight.lost(), 200);
    }

    #[test]
    fn new_data_of_the_same_instant_proves_nothing_about_a_repair() {
        let (mut rack, mut flight) = (Rack::new(), Flight::new(0));
        flight.send(at(0), 100);
        flight.lose_first(100);
        flight.send(at(50), 100);
        flight.resend_lost(at(50), 100);
        flight.sack(100, 200, |sent| rack.on_arrived(at(100), sent, 0));

        assert!(!rack.detect(at(100), Duration::ZERO, &mut flight).any);
        flight.send(at(51), 100);
        flight.sack(200, 300, |sent| rack.on_arrived(at(101), sent, 200));
        assert!(rack.detect(at(101), Duration::ZERO, &mut flight).any, "later data does");
    }

    #[test]
    fn a_network_that_reorders_widens_the_window_and_quiet_recoveries_narrow_it() {
        let mut rack = Rack::new();
        rack.on_arrived(at(40), Sent { end: 100, at: at(0), again: false }, 200);
        assert_eq!(quarter(&rack), 10);

        rack.on_twice(0, 500);
        rack.on_twice(100, 600);
        assert_eq!(quarter(&rack), 20, "once a round trip");
        for _ in 0..16 {
            rack.on_recovered();
        }
        assert_eq!(quarter(&rack), 10);
    }

    fn quarter(rack: &Rack) -> u64 {
        rack.window(Duration::from_secs(1), true).as_millis()
    }

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }
}
