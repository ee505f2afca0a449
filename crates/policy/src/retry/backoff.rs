//! How long to wait before the next try.
//!
//! Exponential, so that a peer in trouble gets more and more room; with full jitter, so that
//! callers who failed together do not come back together (Brooker, "Exponential Backoff And
//! Jitter", AWS Architecture Blog, 2015: of the variants, full jitter does the least work).

use base::{Duration, Random};

use crate::Invalid;

/// Written `first..most` in a design file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    first: Duration,
    most: Duration,
}

impl Backoff {
    /// # Errors
    /// No time at all, or `first` above `most`.
    pub fn new(first: Duration, most: Duration) -> Result<Self, Invalid> {
        if first.is_zero() {
            return Err(Invalid::Zero("retry.backoff"));
        }
        if first > most {
            return Err(Invalid::Order("retry.backoff", "its end"));
        }
        Ok(Self { first, most })
    }

    /// The longest wait that the first further try can get.
    pub const fn first(&self) -> Duration {
        self.first
    }

    /// The longest wait that any further try can get.
    pub const fn most(&self) -> Duration {
        self.most
    }

    /// The longest wait after so many tries: doubles with each, up to `most`.
    pub fn ceiling(&self, tries: u8) -> Duration {
        let doublings = u32::from(tries.saturating_sub(1)).min(63);
        self.first.saturating_mul(1 << doublings).min(self.most)
    }

    /// A wait after so many tries, even between nothing and the ceiling.
    pub fn draw(&self, tries: u8, random: &mut Random) -> Duration {
        Duration::from_nanos(random.below(self.ceiling(tries).as_nanos().saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_doubles_up_to_the_most() {
        let backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(80)).unwrap();

        let ceilings = [1, 2, 3, 4, 255].map(|tries| backoff.ceiling(tries).as_millis());

        assert_eq!(ceilings, [20, 40, 80, 80, 80]);
    }

    #[test]
    fn callers_who_failed_together_do_not_come_back_together() {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1)).unwrap();
        let mut random = Random::of(1, "callers", "backoff");

        let in_first_half =
            (0..1_000).filter(|_| backoff.draw(1, &mut random) < Duration::from_millis(50)).count();

        assert!(
            (420..580).contains(&in_first_half),
            "{in_first_half} of 1000 within five sigma of half"
        );
    }

    #[test]
    fn a_wait_that_makes_no_sense_is_refused() {
        assert_eq!(
            Backoff::new(Duration::ZERO, Duration::MAX),
            Err(Invalid::Zero("retry.backoff"))
        );
        assert!(Backoff::new(Duration::from_millis(2), Duration::from_millis(1)).is_err());
    }
}
