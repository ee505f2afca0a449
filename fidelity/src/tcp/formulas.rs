//! What the literature says about TCP's throughput and windows, and what follows from counting.

/// Segments per second of a long transfer whose losses are 1/p segments apart and never cost a
/// timeout (Mathis, Semke, Mahdavi, Ott: "The macroscopic behavior of the TCP congestion avoidance
/// algorithm", CCR 1997, equation 3). `b` is the number of segments per acknowledgement.
pub fn mathis(loss: f64, b: f64, round_trip: f64) -> f64 {
    libm::sqrt(3.0 / (2.0 * b * loss)) / round_trip
}

/// The same where losses are independent: windows of more different sizes, and another constant
/// (Ott, Kemperman, Mathis: "The stationary behavior of ideal TCP congestion avoidance", 1996).
pub fn ott(loss: f64, b: f64, round_trip: f64) -> f64 {
    1.309_8 / libm::sqrt(b * loss) / round_trip
}

/// Segments per second with timeouts that begin at `t0` seconds (Padhye, Firoiu, Towsley, Kurose:
/// "Modeling TCP throughput: a simple model and its empirical validation", SIGCOMM 1998, equation
/// 30).
pub fn pftk(loss: f64, b: f64, round_trip: f64, t0: f64) -> f64 {
    let timeouts = (3.0 * libm::sqrt(3.0 * b * loss / 8.0)).min(1.0);
    let recovering = t0 * timeouts * loss * (1.0 + 32.0 * loss * loss);
    1.0 / (round_trip * libm::sqrt(2.0 * b * loss / 3.0) + recovering)
}

/// CUBIC's mean window in segments, with losses 1/p segments apart (RFC 9438, equation 6 with C of
/// 0.4 and β of 0.7).
pub fn cubic_mean_window(loss: f64, round_trip: f64) -> f64 {
    1.054 * libm::pow(round_trip / loss, 0.75)
}

/// CUBIC's window so many seconds after a loss at `plateau` segments (RFC 9438, equations 1 and 2).
pub fn cubic_window(seconds: f64, plateau: f64) -> f64 {
    let k = libm::cbrt(plateau * (1.0 - 0.7) / 0.4);
    0.4 * libm::pow(seconds - k, 3.0) + plateau
}

/// How evenly a link is shared: 1 for all the same, 1/n if one has it all (Jain, Chiu, Hawe: "A
/// quantitative measure of fairness", 1984).
pub fn jain(shares: &[f64]) -> f64 {
    let sum: f64 = shares.iter().sum();
    let squares: f64 = shares.iter().map(|share| share * share).sum();
    sum * sum / (shares.len() as f64 * squares)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_timeouts_pftk_is_mathis() {
        let (with, without) = (pftk(1e-8, 2.0, 0.1, 1.0), mathis(1e-8, 2.0, 0.1));

        assert!((with / without - 1.0).abs() < 1e-3, "{with} {without}");
    }

    #[test]
    fn pftk_is_the_figure_that_its_terms_give_by_hand() {
        // p = 0.01, b = 2, RTT 0.1 s, T0 1 s: 0.1 × 0.11547 + 0.25981 × 0.01 × 1.0032 = 0.014153.
        assert!((pftk(0.01, 2.0, 0.1, 1.0) - 70.65).abs() < 0.01);
    }

    #[test]
    fn the_curve_begins_at_seven_tenths_and_is_back_on_the_plateau_after_k() {
        assert!((cubic_window(0.0, 100.0) - 70.0).abs() < 1e-9);
        assert!((cubic_window(libm::cbrt(75.0), 100.0) - 100.0).abs() < 1e-9);
    }

    #[test]
    fn fairness_is_one_for_equals_and_a_share_for_a_winner_who_takes_all() {
        assert!((jain(&[3.0, 3.0, 3.0, 3.0]) - 1.0).abs() < 1e-12);
        assert!((jain(&[8.0, 0.0, 0.0, 0.0]) - 0.25).abs() < 1e-12);
    }
}
