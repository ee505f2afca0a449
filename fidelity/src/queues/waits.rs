//! How long one waits, and how often one is turned away.

use config::Design;
use model::closed;

use super::{PATIENT, Shop, mean_time, play};
use crate::interval::{joint, mean};
use crate::row::{Criterion, Row, Section, Unit};
use crate::{Effort, Interval, Missing, over_seeds};

/// Every queue at every load.
///
/// # Errors
///
/// None: nothing else is needed.
pub fn section(effort: Effort) -> Result<Section, Missing> {
    let (seeds, secs) = effort.choose((40, 600), (10, 100));
    let cases = cases();
    let level = joint(cases.len());
    Ok(Section {
        name: "queues",
        title: "Queues",
        about: format!(
            "One client (Poisson arrivals), one service, played through the whole simulator; {seeds} seeds of {secs} s a \
             row. Times are means, waiting and service together, without the way there and back. M/M/1 and M/M/c: \
             exponential service; M/D/1: constant; M/G/1: lognormal, of which p99 is five times the median; M/M/1/K: a \
             bounded queue that turns away whoever finds it full."
        ),
        rows: cases.iter().map(|case| case.row(seeds, secs, level)).collect(),
        remarks: Vec::new(),
    })
}

/// One queue.
struct Case {
    what: String,
    design: Design,
    expected: f64,
    source: &'static str,
    asks: Asks,
}

/// What is asked of it.
#[derive(Clone, Copy, PartialEq)]
enum Asks {
    /// The mean time.
    Time,
    /// The share that is turned away.
    Loss,
}

/// Requests a second that one worker serves.
const SERVICE: f64 = 100.0;
const EXPONENTIAL: &str = "{ mean = \"10ms\", shape = \"exponential\" }";
const CONSTANT: &str = "\"10ms\"";

/// The logarithmic deviation of a lognormal time of which p99 is five times the median.
fn sigma() -> f64 {
    libm::log(5.0) / Z99
}

/// The 99th percentile of the standard normal distribution.
const Z99: f64 = 2.326_347_874_040_841;

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for load in [0.5, 0.8, 0.9] {
        let arrivals = load * SERVICE;
        let exact = closed::mm1_time(arrivals, SERVICE);
        cases.push(Case::time(
            &format!("M/M/1, load {load}"),
            arrivals,
            1,
            EXPONENTIAL,
            exact,
            "Kleinrock 3.2",
        ));
    }
    for (workers, load) in [(4, 0.9), (16, 0.9)] {
        let arrivals = f64::from(workers) * SERVICE * load;
        let exact = closed::mmc_wait(arrivals, SERVICE, workers).map(|wait| wait + 1.0 / SERVICE);
        let what = format!("M/M/{workers}, load {load}");
        cases.push(Case::time(&what, arrivals, workers, EXPONENTIAL, exact, "Erlang C"));
    }
    for load in [0.5, 0.9] {
        let arrivals = load * SERVICE;
        let exact = closed::md1_wait(arrivals, SERVICE).map(|wait| wait + 1.0 / SERVICE);
        cases.push(Case::time(
            &format!("M/D/1, load {load}"),
            arrivals,
            1,
            CONSTANT,
            exact,
            POLLACZEK,
        ));
    }
    for load in [0.5, 0.8] {
        cases.push(lognormal(load));
    }
    for (load, queue) in [(0.8, 4), (1.0, 9), (1.5, 9)] {
        cases.push(Case::loss(load, queue));
    }
    cases
}

const POLLACZEK: &str = "Pollaczek-Khinchine";

fn lognormal(load: f64) -> Case {
    let median = 0.005;
    let mean = median * libm::exp(sigma() * sigma() / 2.0);
    let variation = libm::exp(sigma() * sigma()) - 1.0;
    let arrivals = load / mean;
    let exact = closed::mg1_wait(arrivals, 1.0 / mean, variation).map(|wait| wait + mean);
    let time = "{ median = \"5ms\", p99 = \"25ms\" }";
    Case::time(&format!("M/G/1, load {load}"), arrivals, 1, time, exact, POLLACZEK)
}

impl Case {
    fn time(
        what: &str,
        arrivals: f64,
        workers: u32,
        service_time: &str,
        exact: Option<f64>,
        source: &'static str,
    ) -> Self {
        Self {
            what: format!("{what}: mean time"),
            design: shop(arrivals, workers, "\"none\"", service_time),
            expected: exact.expect("the load is below one"),
            source,
            asks: Asks::Time,
        }
    }

    fn loss(load: f64, queue: u32) -> Self {
        let arrivals = load * SERVICE;
        Self {
            what: format!("M/M/1/{}, load {load}: turned away", queue + 1),
            design: shop(arrivals, 1, &queue.to_string(), EXPONENTIAL),
            expected: closed::mm1k_loss(arrivals, SERVICE, queue + 1),
            source: "Kleinrock 3.6",
            asks: Asks::Loss,
        }
    }

    fn row(&self, seeds: u64, secs: u64, level: f64) -> Row {
        let figures = over_seeds(seeds, |seed| {
            let report = play(&self.design, seed, secs);
            match self.asks {
                Asks::Time => mean_time(&report),
                Asks::Loss => 1.0 - report.availability.value,
            }
        });
        Row {
            what: self.what.clone(),
            expected: self.expected,
            source: self.source,
            simulated: mean(&figures),
            interval: Interval::of_mean(&figures, level),
            unit: if self.asks == Asks::Time { Unit::Millis } else { Unit::Percent },
            criterion: Criterion::Covered,
        }
    }
}

fn shop(arrivals: f64, workers: u32, queue: &str, service_time: &str) -> Design {
    let traffic = format!("{arrivals:.6}/s");
    let service = format!(
        "model = {{ workers = {workers}, queue = {queue}, service_time = {service_time} }}"
    );
    Shop { traffic: &traffic, service: &service, rules: PATIENT, incidents: "" }.design()
}
