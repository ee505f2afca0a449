//! Where the true value lies, by the scatter of what was seen.
//!
//! A section with many rows would have one outside by bad luck alone if each had an interval of
//! 95 %. So a section's intervals hold together: [`joint`] gives each row a level at which all of
//! them cover with 95 % (Bonferroni).

/// From here to there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// A figure without scatter.
    pub const fn point(value: f64) -> Self {
        Self { low: value, high: value }
    }

    /// Of a share: so many hits of so many tries (Wilson, "Probable inference, the law of
    /// succession, and statistical inference", 1927).
    pub fn of_share(hits: u64, tries: u64, level: f64) -> Self {
        let (hits, tries) = (hits as f64, tries as f64);
        let z = normal_quantile(f64::midpoint(1.0, level));
        let share = hits / tries;
        let middle = (share + z * z / (2.0 * tries)) / (1.0 + z * z / tries);
        let half = z / (1.0 + z * z / tries)
            * libm::sqrt(share * (1.0 - share) / tries + z * z / (4.0 * tries * tries));
        Self { low: middle - half, high: middle + half }
    }

    /// Of the mean of independent figures (Student, "The probable error of a mean", 1908).
    pub fn of_mean(figures: &[f64], level: f64) -> Self {
        let (mean, count) = (mean(figures), figures.len() as f64);
        let squares: f64 = figures.iter().map(|figure| (figure - mean) * (figure - mean)).sum();
        let error = libm::sqrt(squares / (count - 1.0).max(1.0) / count);
        let half = student_quantile(f64::midpoint(1.0, level), count - 1.0) * error;
        Self { low: mean - half, high: mean + half }
    }

    /// Of a share beside another one that is a sample as well: with the scatter of both. It holds
    /// where both have dozens of hits.
    pub fn of_share_beside(this: (u64, u64), other: (u64, u64), level: f64) -> Self {
        let variance = |(hits, tries): (u64, u64)| {
            let share = hits as f64 / tries as f64;
            share * (1.0 - share) / tries as f64
        };
        let share = this.0 as f64 / this.1 as f64;
        let z = normal_quantile(f64::midpoint(1.0, level));
        let half = z * libm::sqrt(variance(this) + variance(other));
        Self { low: share - half, high: share + half }
    }

    /// Of a mean beside another one that is a sample as well: with the scatter of both.
    pub fn of_mean_beside(this: &[f64], other: &[f64], level: f64) -> Self {
        let half = |figures| {
            let alone = Self::of_mean(figures, level);
            (alone.high - alone.low) / 2.0
        };
        let (mean, half) = (mean(this), libm::hypot(half(this), half(other)));
        Self { low: mean - half, high: mean + half }
    }

    /// Whether it covers this value.
    pub fn covers(self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

/// The level of each of so many rows at which all hold together with 95 %.
pub fn joint(rows: usize) -> f64 {
    1.0 - 0.05 / rows as f64
}

/// The arithmetic mean.
pub fn mean(figures: &[f64]) -> f64 {
    figures.iter().sum::<f64>() / figures.len() as f64
}

/// The value that a standard normal variable stays below with this probability, by bisection of
/// the error function: plain, and exact enough.
fn normal_quantile(probability: f64) -> f64 {
    bisect(probability, |x| 0.5 * libm::erfc(-x / core::f64::consts::SQRT_2))
}

/// The same for Student's distribution.
fn student_quantile(probability: f64, freedom: f64) -> f64 {
    bisect(probability, |x| student_below(x, freedom))
}

/// The probability that Student's variable stays below `x` (Abramowitz and Stegun, 26.7.3 and
/// 26.7.4: finite sums for whole degrees of freedom).
fn student_below(x: f64, freedom: f64) -> f64 {
    let angle = libm::atan(x / libm::sqrt(freedom));
    let (sin, cos) = (libm::sin(angle), libm::cos(angle));
    let is_odd = freedom % 2.0 == 1.0;
    let (mut power, mut term) = if is_odd { (1.0, cos) } else { (0.0, 1.0) };
    let mut sum = 0.0;
    while power <= freedom - 2.0 {
        sum += term;
        term *= cos * cos * (power + 1.0) / (power + 2.0);
        power += 2.0;
    }
    let between =
        if is_odd { core::f64::consts::FRAC_2_PI * (angle + sin * sum) } else { sin * sum };
    0.5 + between / 2.0
}

fn bisect(wanted: f64, below: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (-1e3, 1e3);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if below(middle) < wanted {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_agree_with_the_printed_tables() {
        let near = |left: f64, right: f64| assert!((left - right).abs() < 1e-3, "{left} {right}");

        near(normal_quantile(0.975), 1.960);
        near(normal_quantile(0.5), 0.0);
        near(student_quantile(0.975, 1.0), 12.706);
        near(student_quantile(0.975, 2.0), 4.303);
        near(student_quantile(0.975, 3.0), 3.182);
        near(student_quantile(0.975, 4.0), 2.776);
        near(student_quantile(0.975, 19.0), 2.093);
        near(student_quantile(0.995, 20.0), 2.845);
    }

    #[test]
    fn a_share_has_the_interval_of_wilsons_example_and_never_leaves_zero_to_one() {
        let ten_of_twenty = Interval::of_share(10, 20, 0.95);
        assert!((ten_of_twenty.low - 0.2993).abs() < 1e-4, "{ten_of_twenty:?}");

        assert!(Interval::of_share(0, 20, 0.95).low.abs() < 1e-12);
        assert!(Interval::of_share(20, 20, 0.95).high < 1.0 + 1e-12);
    }

    #[test]
    fn a_mean_lies_in_the_middle_of_its_interval_and_more_figures_make_it_narrower() {
        let few = Interval::of_mean(&[9.0, 11.0], 0.95);
        let many = Interval::of_mean(&[9.0, 11.0, 9.0, 11.0, 9.0, 11.0], 0.95);

        assert!((few.low + few.high - 20.0).abs() < 1e-9);
        assert!(many.high - many.low < few.high - few.low);
        assert!((few.high - 10.0 - 12.706).abs() < 1e-2, "one degree of freedom");
    }

    #[test]
    fn beside_another_sample_an_interval_has_the_scatter_of_both() {
        let shares = Interval::of_share_beside((100, 1_000), (100, 1_000), 0.95);
        let half = 1.959_96 * (2.0_f64 * 0.09 / 1_000.0).sqrt();
        assert!((shares.high - 0.1 - half).abs() < 1e-6, "{shares:?}");

        let means = Interval::of_mean_beside(&[9.0, 11.0], &[9.0, 11.0], 0.95);
        assert!((means.high - 10.0 - 12.706 * 2.0_f64.sqrt()).abs() < 1e-2, "{means:?}");
    }

    #[test]
    fn more_rows_need_a_higher_level_each() {
        assert!((joint(1) - 0.95).abs() < 1e-12);
        assert!((joint(10) - 0.995).abs() < 1e-12);
    }
}
