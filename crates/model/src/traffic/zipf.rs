//! Which key a request is for: some are asked for more often than others.
//!
//! Zipf's law: the key at place `k` is asked for in proportion to `k^-s`. Drawn by
//! rejection-inversion (Hörmann and Derflinger, "Rejection-Inversion to Generate Variates from
//! Monotone Discrete Distributions", ACM TOMACS 6(3), 1996): no table, so a million keys cost no
//! more than ten, and a draw takes little more than one number of the stream.

use base::Random;

use super::Keys;

/// Draws keys by their popularity.
#[derive(Clone, Debug, PartialEq)]
pub struct Zipf {
    count: u64,
    exponent: f64,
    /// The integral of the density up to the first key, less that key's own part.
    low: f64,
    /// The integral up to the end of the last key.
    high: f64,
    /// A key drawn no further from its middle than this is always taken.
    sure: f64,
}

impl Zipf {
    /// Ready to draw from these keys. None at all counts as one.
    pub fn new(keys: &Keys) -> Self {
        let (count, exponent) = (keys.count.max(1), keys.zipf.max(0.0));
        let mut zipf = Self { count, exponent, low: 0.0, high: 0.0, sure: 0.0 };
        zipf.low = zipf.integral(1.5) - 1.0;
        zipf.high = zipf.integral(count as f64 + 0.5);
        zipf.sure = 2.0 - zipf.inverse(zipf.integral(2.5) - zipf.density(2.0));
        zipf
    }

    /// A key: 0 is the most popular.
    pub fn draw(&self, random: &mut Random) -> u64 {
        loop {
            let area = self.high + random.unit() * (self.low - self.high);
            let place = self.inverse(area);
            let key = libm::floor(place + 0.5).clamp(1.0, self.count as f64);
            let is_sure = key - place <= self.sure;
            if is_sure || area >= self.integral(key + 0.5) - self.density(key) {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "between one and the count"
                )]
                return key as u64 - 1;
            }
        }
    }

    fn density(&self, place: f64) -> f64 {
        libm::exp(-self.exponent * libm::log(place))
    }

    /// The integral of the density from 1: of `1/x` where the exponent is 1.
    fn integral(&self, place: f64) -> f64 {
        let (log, rest) = (libm::log(place), 1.0 - self.exponent);
        if rest.abs() < NEAR_ONE { log } else { libm::expm1(rest * log) / rest }
    }

    fn inverse(&self, area: f64) -> f64 {
        let rest = 1.0 - self.exponent;
        if rest.abs() < NEAR_ONE {
            return libm::exp(area);
        }
        // Rounding may ask for a little less than the integral can be.
        libm::exp(libm::log1p((area * rest).max(-1.0)) / rest)
    }
}

/// An exponent this near to 1 is 1: there the two forms of the integral differ by less than an
/// `f64` can tell.
const NEAR_ONE: f64 = 1e-9;

#[cfg(test)]
mod tests {
    use std::vec;
    use std::vec::Vec;

    use super::*;

    #[test]
    fn each_key_comes_in_proportion_to_its_place() {
        for exponent in [0.0, 0.5, 1.0, 1.0 + 1e-7, 1.7, 5.0] {
            let shares = shares(10, exponent);
            let counts = counts(10, exponent, 100_000);

            for (share, count) in shares.iter().zip(counts) {
                let sigma = libm::sqrt(1e5 * share * (1.0 - share));
                let off = (count as f64 - 1e5 * share).abs();
                assert!(off <= 5.0 * sigma + 1.0, "{exponent}: {count} of {}", 1e5 * share);
            }
        }
    }

    #[test]
    fn the_tail_of_a_hundred_thousand_keys_is_as_heavy_as_it_should_be() {
        let shares = shares(100_000, 1.0);
        let counts = counts(100_000, 1.0, 200_000);

        for from in [1, 100, 10_000, 90_000] {
            let expected = shares[from..].iter().sum::<f64>();
            let seen = counts[from..].iter().sum::<u64>() as f64 / 2e5;
            let sigma = libm::sqrt(expected * (1.0 - expected) / 2e5);
            assert!((seen - expected).abs() <= 5.0 * sigma, "{from}: {seen} {expected}");
        }
    }

    #[test]
    fn one_key_is_always_that_one() {
        let zipf = Zipf::new(&Keys { count: 1, zipf: 1.0 });
        let mut random = Random::of(1, "users", "keys");

        assert!((0..100).all(|_| zipf.draw(&mut random) == 0));
    }

    fn counts(count: usize, zipf: f64, draws: u32) -> Vec<u64> {
        let zipf = Zipf::new(&Keys { count: count as u64, zipf });
        let mut random = Random::of(3, "users", "keys");
        let mut counts = vec![0; count];
        for _ in 0..draws {
            counts[usize::try_from(zipf.draw(&mut random)).unwrap()] += 1;
        }
        counts
    }

    fn shares(count: usize, zipf: f64) -> Vec<f64> {
        let weights: Vec<f64> = (1..=count).map(|place| libm::pow(place as f64, -zipf)).collect();
        let whole: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / whole).collect()
    }
}
