//! How sure one can be.

/// A value with its 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Estimate {
    /// The best guess.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// The 97.5th percentile of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// A probability from `hits` of `tries` (Wilson's score interval, 1927): sound for few tries and
/// for probabilities near 0 and 1.
pub(crate) fn wilson(hits: u64, tries: u64) -> Estimate {
    if tries == 0 {
        return Estimate { value: 0.0, low: 0.0, high: 1.0 };
    }
    let (tries, share) = (tries as f64, hits as f64 / tries as f64);
    let scale = 1.0 + Z * Z / tries;
    let middle = share + Z * Z / (2.0 * tries);
    let spread = Z * (share * (1.0 - share) / tries + Z * Z / (4.0 * tries * tries)).sqrt();
    let (low, high) = ((middle - spread) / scale, (middle + spread) / scale);
    Estimate { value: share, low: low.clamp(0.0, share), high: high.clamp(share, 1.0) }
}

/// A mean from independent runs (Student's t). One run alone says nothing about its spread: its
/// interval is the whole range that the caller allows.
pub(crate) fn mean(runs: &[f64], range: (f64, f64)) -> Estimate {
    let count = runs.len() as f64;
    let value = if runs.is_empty() { range.0 } else { runs.iter().sum::<f64>() / count };
    if runs.len() < 2 {
        return Estimate { value, low: range.0, high: range.1 };
    }
    let variance =
        runs.iter().map(|run| (run - value) * (run - value)).sum::<f64>() / (count - 1.0);
    let spread = student(runs.len() - 1) * (variance / count).sqrt();
    Estimate { value, low: (value - spread).max(range.0), high: (value + spread).min(range.1) }
}

/// A part of a whole, both summed over independent runs (the ratio estimator and its linearised
/// variance: Cochran, "Sampling Techniques", 1977, 6.4): a run in which little happened weighs
/// little. Nothing of nothing is nothing.
pub(crate) fn ratio(parts: &[f64], wholes: &[f64], range: (f64, f64)) -> Estimate {
    let (part, whole): (f64, f64) = (parts.iter().sum(), wholes.iter().sum());
    if whole <= 0.0 {
        return Estimate { value: 0.0, low: 0.0, high: 0.0 };
    }
    let (value, count) = (part / whole, parts.len() as f64);
    if parts.len() < 2 {
        return Estimate { value, low: range.0, high: range.1 };
    }
    let off = parts.iter().zip(wholes).map(|(part, whole)| part - value * whole);
    let squares: f64 = off.map(|off| off * off).sum();
    let spread = student(parts.len() - 1) * (squares * count / (count - 1.0)).sqrt() / whole;
    Estimate { value, low: (value - spread).max(range.0), high: (value + spread).min(range.1) }
}

/// The 97.5th percentile of Student's t, from its printed table; the next smaller number of degrees
/// of freedom where the table has a gap, which errs on the wide side.
fn student(freedom: usize) -> f64 {
    const TABLE: [(usize, f64); 17] = [
        (1, 12.706),
        (2, 4.303),
        (3, 3.182),
        (4, 2.776),
        (5, 2.571),
        (6, 2.447),
        (7, 2.365),
        (8, 2.306),
        (9, 2.262),
        (10, 2.228),
        (15, 2.131),
        (20, 2.086),
        (30, 2.042),
        (40, 2.021),
        (60, 2.000),
        (120, 1.980),
        (1_000, 1.962),
    ];
    let row = TABLE.iter().rev().find(|(degrees, _)| *degrees <= freedom);
    row.map_or(TABLE[0].1, |(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_run_that_went_well_proves_little() {
        let estimate = wilson(1, 1);

        assert_eq!(estimate.value, 1.0);
        assert!((0.2..0.22).contains(&estimate.low), "{estimate:?}");
    }

    #[test]
    fn five_of_ten_is_the_textbook_interval() {
        let estimate = wilson(5, 10);

        assert!((estimate.low - 0.2366).abs() < 1e-4, "{estimate:?}");
        assert!((estimate.high - 0.7634).abs() < 1e-4, "{estimate:?}");
    }

    #[test]
    fn a_run_in_which_little_happened_says_little_about_a_share() {
        let share = ratio(&[900.0, 0.0, -3.0, 880.0], &[1_000.0, 1.0, 2.0, 1_000.0], (-1.0, 1.0));

        assert!((share.value - 0.887).abs() < 0.001, "{share:?}");
        // Three degrees of freedom: 3.182 times the root of 4/3 of 239.6, of 2,003.
        assert!((share.low - 0.8588).abs() < 5e-4, "{share:?}");
        assert!((share.high - 0.9156).abs() < 5e-4, "{share:?}");
        assert_eq!(ratio(&[0.0; 3], &[0.0; 3], (-1.0, 1.0)).high, 0.0);
    }

    /// Two runs of three went wrong, and with a change that does nothing two others did.
    #[test]
    fn what_is_chance_has_an_interval_with_nothing_in_it() {
        let share = ratio(&[5_000.0, -5_000.0, 0.0], &[5_000.0, 0.0, 5_000.0], (-1.0, 1.0));

        assert!(share.low < 0.0 && share.high > 0.0, "{share:?}");
    }

    #[test]
    fn the_mean_of_two_runs_has_a_wide_interval_and_that_of_one_the_widest() {
        let two = mean(&[0.4, 0.6], (0.0, 1.0));
        let one = mean(&[0.5], (0.0, 1.0));

        assert_eq!((one.low, one.high), (0.0, 1.0));
        assert_eq!((two.low, two.high), (0.0, 1.0), "12.7 times 0.1 is more than the range");
        let many = mean(&[0.4, 0.6, 0.4, 0.6, 0.4, 0.6, 0.4, 0.6], (0.0, 1.0));
        assert!(many.low > 0.4 && many.high < 0.6, "{many:?}");
    }
}
