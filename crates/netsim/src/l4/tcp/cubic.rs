//! The window that grows by the clock: CUBIC (RFC 9438).
//!
//! After a loss it returns quickly towards the window at which it happened, lingers there, and then
//! probes beyond: a cubic of the time since the loss, whatever the round trip. Where NewReno would
//! be faster, it is as fast as that. Windows are in segments.

use base::{Duration, Instant};

/// Where on the curve a connection is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cubic {
    /// When this curve began, if it has.
    began: Instant,
    has_begun: bool,
    /// The window at the last loss: `W_max`.
    plateau: f32,
    /// When the curve is back there, in seconds: `K`.
    k: f32,
    /// What NewReno would have: `W_est`.
    estimate: f32,
    /// The window just before the last loss: `cwnd_prior`.
    prior: f32,
    /// What the window has grown in parts of a byte.
    fraction: f32,
}

/// The scaling constant (4.1).
const C: f64 = 0.4;
/// What is left of the window after a loss (4.6).
const BETA: f64 = 0.7;
/// The growth that is as fast as NewReno's with half (4.3).
const ALPHA: f64 = 3.0 * (1.0 - BETA) / (1.0 + BETA);

impl Cubic {
    pub(super) const fn new() -> Self {
        Self {
            began: Instant::ZERO,
            has_begun: false,
            plateau: 0.0,
            k: 0.0,
            estimate: 0.0,
            prior: 0.0,
            fraction: 0.0,
        }
    }

    /// How many bytes the window grows by an acknowledgement (4.2 to 4.5).
    pub(super) fn growth(
        &mut self,
        now: Instant,
        window: u32,
        acked: u32,
        round_trip: Duration,
        mss: u32,
    ) -> u32 {
        let (cwnd, acked) = (segments(window, mss), segments(acked, mss));
        if !self.has_begun {
            self.begin(now, cwnd);
        }
        let elapsed = now.since(self.began).as_secs_f64();
        let alpha = if self.estimate >= self.prior { 1.0 } else { ALPHA };
        self.estimate += single(alpha * acked / cwnd);
        let estimate = f64::from(self.estimate);
        let grown = if self.at(elapsed) < estimate {
            estimate - cwnd
        } else {
            let target = self.at(elapsed + round_trip.as_secs_f64()).clamp(cwnd, 1.5 * cwnd);
            (target - cwnd) / cwnd * acked
        };
        self.whole_bytes(grown * f64::from(mss))
    }

    /// A loss was found: what is left of the window (4.6), and the plateau to return to (4.7).
    pub(super) fn threshold(&mut self, window: u32, mss: u32) -> u32 {
        let cwnd = single(segments(window, mss));
        let shrinks = cwnd < self.plateau;
        self.plateau = if shrinks { cwnd * single((1.0 + BETA) / 2.0) } else { cwnd };
        self.prior = cwnd;
        self.has_begun = false;
        self.fraction = 0.0;
        #[expect(clippy::cast_possible_truncation, reason = "a part of the window")]
        let left = (f64::from(window) * BETA) as u32;
        left.max(2 * mss)
    }

    /// A timeout: the next curve begins at its own plateau (4.8).
    pub(super) fn on_timeout(&mut self) {
        self.plateau = 0.0;
    }

    /// Nothing was sent for so long: the curve waits (5.8).
    pub(super) fn on_idle(&mut self, idle: Duration) {
        self.began += idle;
    }

    fn begin(&mut self, now: Instant, cwnd: f64) {
        self.began = now;
        self.has_begun = true;
        self.estimate = single(cwnd);
        let short = f64::from(self.plateau) - cwnd;
        if short > 0.0 {
            self.k = single(libm::cbrt(short / C));
        } else {
            self.k = 0.0;
            self.plateau = single(cwnd);
        }
    }

    /// `W_cubic(t)` (equation 1).
    fn at(&self, seconds: f64) -> f64 {
        let from_plateau = seconds - f64::from(self.k);
        C * from_plateau * from_plateau * from_plateau + f64::from(self.plateau)
    }

    fn whole_bytes(&mut self, bytes: f64) -> u32 {
        let sum = f64::from(self.fraction) + bytes.max(0.0);
        #[expect(clippy::cast_possible_truncation, reason = "a float cast stops at both ends")]
        let whole = sum as u32;
        self.fraction = single(sum - f64::from(whole));
        whole
    }
}

/// Kept in half the room: 24 bits are enough for what is estimated.
#[expect(clippy::cast_possible_truncation, reason = "rounded")]
fn single(number: f64) -> f32 {
    number as f32
}

fn segments(bytes: u32, mss: u32) -> f64 {
    f64::from(bytes) / f64::from(mss)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_loss_the_window_follows_the_curve_of_the_standard() {
        let rtt = Duration::from_millis(100);
        let mut cubic = Cubic::new();
        let mut window = cubic.threshold(1_000 * MSS, MSS);
        let k = libm::cbrt(1_000.0 * (1.0 - BETA) / C);

        // Acknowledgements evenly over each round trip, as many as the window has segments.
        let mut now = Instant::ZERO;
        while now < Instant::from_secs(15) {
            let segments = u64::from(window / MSS);
            for _ in 0..segments {
                window += cubic.growth(now, window, MSS, rtt, MSS);
                now += Duration::from_nanos(rtt.as_nanos() / segments);
            }
            let seconds = now.as_secs_f64();
            let exact = C * (seconds - k) * (seconds - k) * (seconds - k) + 1_000.0;
            let error = segments_of(window) / exact - 1.0;
            assert!(error.abs() < 0.01, "{error} at {seconds} s");
        }
        assert!(segments_of(window) > 1_000.0, "past the plateau at K = {k} s");
    }

    #[test]
    fn in_a_small_window_it_grows_as_newreno_with_its_own_factor_would() {
        let rtt = Duration::from_millis(10);
        let mut cubic = Cubic::new();
        let mut window = cubic.threshold(20 * MSS, MSS);
        let before = segments_of(window);
        let mut now = Instant::ZERO;
        for _ in 0..10 {
            for _ in 0..window / MSS {
                window += cubic.growth(now, window, MSS, rtt, MSS);
            }
            now += rtt;
        }

        let per_round_trip = (segments_of(window) - before) / 10.0;
        assert!((per_round_trip / ALPHA - 1.0).abs() < 0.1, "{per_round_trip}");
    }

    #[test]
    fn a_smaller_window_at_the_next_loss_makes_room_for_others() {
        let mut cubic = Cubic::new();
        cubic.threshold(100 * MSS, MSS);
        assert!((cubic.plateau - 100.0).abs() < 1e-3);

        cubic.threshold(80 * MSS, MSS);
        assert!((cubic.plateau - 68.0).abs() < 1e-3, "fast convergence: {}", cubic.plateau);
    }

    const MSS: u32 = 1_448;

    fn segments_of(window: u32) -> f64 {
        segments(window, MSS)
    }
}
