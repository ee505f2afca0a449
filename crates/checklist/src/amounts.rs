//! How many, and how many per second, in words.

/// `1 instance`, `2 instances`.
pub(crate) fn counted(count: impl Into<u64>, what: &str) -> String {
    let count = count.into();
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// `1400/s`, `1.5/s`, `0.04/s`: so exact that something is left of it.
pub(crate) fn per_second(rate: f64) -> String {
    if rate >= 10.0 || rate <= 0.0 || !rate.is_finite() {
        return format!("{rate:.0}/s");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 1, and not above the 324 of the smallest number there is"
    )]
    let decimals = (-rate.log10()).ceil().max(1.0) as usize;
    let rate = format!("{rate:.decimals$}");
    format!("{}/s", rate.strip_suffix(".0").unwrap_or(&rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_rate_is_not_rounded_to_nothing() {
        let told = [1_400.4, 25.5, 9.96, 3.0, 1.25, 0.44, 0.04, 0.001, 0.0].map(per_second);

        assert_eq!(
            told,
            ["1400/s", "26/s", "10/s", "3/s", "1.2/s", "0.4/s", "0.04/s", "0.001/s", "0/s"]
        );
    }

    #[test]
    fn one_is_not_many() {
        let told = [0_u32, 1, 2].map(|count| counted(count, "instance"));

        assert_eq!(told, ["0 instances", "1 instance", "2 instances"]);
    }
}
