//! Draws from the distributions that models use.
//!
//! All mathematics is `libm`'s, in software: the same bits on every platform, because run hashes
//! hang on them.

use base::Random;

/// The 99th percentile of the standard normal distribution.
pub(crate) const NORMAL_P99: f64 = 2.326_347_874_040_841;

/// Exponential with a mean of 1.
#[inline]
pub(crate) fn exponential(random: &mut Random) -> f64 {
    -libm::log(1.0 - random.unit())
}

/// Standard normal (Box and Muller, 1958). Only one of the pair is used, so that a draw always
/// takes two numbers of the stream.
#[inline]
pub(crate) fn normal(random: &mut Random) -> f64 {
    let radius = libm::sqrt(2.0 * exponential(random));
    radius * libm::cos(core::f64::consts::TAU * random.unit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moments_are_right_within_five_sigma() {
        let mut random = Random::of(1, "test", "moments");
        let draws = f64::from(DRAWS);
        let mean = |draw: fn(&mut Random) -> f64, random: &mut Random| {
            (0..DRAWS).map(|_| draw(random)).sum::<f64>() / draws
        };

        let exponential_mean = mean(exponential, &mut random);
        let normal_mean = mean(normal, &mut random);
        let normal_square = mean(|random| libm::pow(normal(random), 2.0), &mut random);

        let sigma = 1.0 / libm::sqrt(draws);
        assert!((exponential_mean - 1.0).abs() < 5.0 * sigma, "{exponential_mean}");
        assert!(normal_mean.abs() < 5.0 * sigma, "{normal_mean}");
        assert!((normal_square - 1.0).abs() < 5.0 * 1.5 * sigma, "{normal_square}");
    }

    const DRAWS: u32 = 100_000;
}
