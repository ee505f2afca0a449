//! What it brings to look at two before choosing.

use super::{PATIENT, Shop, mean_time, play};
use crate::interval::{joint, mean};
use crate::row::{Criterion, Row, Section, Unit};
use crate::{Effort, Interval, Missing, over_seeds};

/// Two choices against one, at several loads.
///
/// # Errors
///
/// None: nothing else is needed.
pub fn section(effort: Effort) -> Result<Section, Missing> {
    let (seeds, secs) = effort.choose((20, 120), (4, 30));
    let loads: &[f64] = effort.choose(&[0.5, 0.7, 0.9], &[0.7]);
    let level = joint(loads.len());
    Ok(Section {
        name: "two-choices",
        title: "The less loaded of two",
        about: format!(
            "`balance = \"least-of-two\"` before {ENDPOINTS} endpoints of one worker each, exponential service of 100 ms; \
             {seeds} seeds of {secs} s a row. The expectation is the limit for endlessly many endpoints \
             (Mitzenmacher 1996, \"The Power of Two Choices\"; Vvedenskaya et al. 1996): the mean time is the sum over i of \
             load^(2^i - 2), in units of the service time. One choice alone would take 1 / (1 - load)."
        ),
        rows: loads.iter().map(|&load| row(load, seeds, secs, level)).collect(),
        remarks: vec![
            "The limit is met within a few percent: the endpoints are many, not endlessly many, and the \
             caller still counts a request while its answer is on the way."
                .to_owned(),
        ],
    })
}

const ENDPOINTS: u32 = 200;
/// In seconds.
const SERVICE_TIME: f64 = 0.1;

fn row(load: f64, seeds: u64, secs: u64, level: f64) -> Row {
    let traffic = format!("{:.3}/s", load * f64::from(ENDPOINTS) / SERVICE_TIME);
    let service = format!(
        "instances = {ENDPOINTS}\nmodel = {{ workers = 1, queue = \"none\", \
         service_time = {{ mean = \"100ms\", shape = \"exponential\" }} }}"
    );
    let rules = format!("{PATIENT}balance = \"least-of-two\"\n");
    let design =
        Shop { traffic: &traffic, service: &service, rules: &rules, incidents: "" }.design();
    let figures = over_seeds(seeds, |seed| mean_time(&play(&design, seed, secs)));
    Row {
        what: format!("load {load}: mean time"),
        expected: SERVICE_TIME * in_the_limit(load),
        source: "Mitzenmacher",
        simulated: mean(&figures),
        interval: Interval::of_mean(&figures, level),
        unit: Unit::Millis,
        criterion: Criterion::Within(0.03),
    }
}

/// In units of the service time.
fn in_the_limit(load: f64) -> f64 {
    (1..12).map(|i| libm::pow(load, f64::from((1_u32 << i) - 2))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_the_published_one() {
        // Mitzenmacher's table: two choices, loads 0.5 and 0.9.
        assert!((in_the_limit(0.5) - 1.2657).abs() < 1e-3, "{}", in_the_limit(0.5));
        assert!((in_the_limit(0.9) - 2.6141).abs() < 1e-3, "{}", in_the_limit(0.9));
    }
}
