//! Where retries settle.
//!
//! Retries add load, load adds failures, and failures add retries. If that settles at all, it does
//! so where the failures of the load are those that cause it.

use model::closed;
use sim::Report;

use super::{Shop, play};
use crate::interval::{joint, mean};
use crate::row::{Criterion, Row, Section, Unit};
use crate::{Effort, Interval, Missing, over_seeds};

/// Failures by chance, and failures by load.
///
/// # Errors
///
/// None: nothing else is needed.
pub fn section(effort: Effort) -> Result<Section, Missing> {
    let (seeds, secs) = effort.choose((30, 400), (20, 150));
    let formula = Criterion::Within(effort.choose(0.03, 0.1));
    let cases: Vec<Case> = by_chance().chain(by_load(formula)).collect();
    let level = joint(2 * cases.len());
    Ok(Section {
        name: "retries",
        title: "Where retries settle",
        about: format!(
            "{seeds} seeds of {secs} s a row. *By chance*: each try fails with the same probability p, so a request of at \
             most n tries makes (1 - p^n) / (1 - p) of them, and fails with p^n. *By load*: an M/M/1/K queue turns tries \
             away; the share p is where p = loss(traffic x tries(p)), and the retries come so much later (backoff up to \
             10 s) that they are like new requests. That last is a simplification of the formula, hence 3 %."
        ),
        rows: cases.iter().flat_map(|case| case.rows(seeds, secs, level)).collect(),
        remarks: Vec::new(),
    })
}

/// A shop that fails, and what its callers then do.
struct Case {
    what: String,
    traffic: f64,
    queue: String,
    incidents: String,
    attempts: u32,
    backoff: &'static str,
    /// That one try fails.
    failure: f64,
    criterion: Criterion,
}

fn by_chance() -> impl Iterator<Item = Case> {
    let cases = [(0.1, 3), (0.3, 3), (0.3, 5), (0.7, 4)];
    cases.into_iter().map(|(failure, attempts)| Case {
        what: format!("by chance, p = {failure}, n = {attempts}"),
        traffic: 20.0,
        queue: "\"none\"".into(),
        incidents: format!(
            "[[incident.errors]]\non = \"shop\"\nkind = \"error\"\nrate = \"{:.0}%\"\nat = \"0s\"\n",
            failure * 100.0
        ),
        attempts,
        backoff: "1ms..5ms",
        failure,
        criterion: Criterion::Covered,
    })
}

fn by_load(formula: Criterion) -> impl Iterator<Item = Case> {
    let cases = [(70.0, 1, 3), (90.0, 4, 2), (80.0, 2, 3)];
    cases.into_iter().map(move |(traffic, queue, attempts)| Case {
        what: format!("by load, {traffic}/s into M/M/1/{} of 100/s, n = {attempts}", queue + 1),
        traffic,
        queue: queue.to_string(),
        incidents: String::new(),
        attempts,
        backoff: "10s..10s",
        failure: fixed_point(traffic, queue + 1, attempts),
        criterion: formula,
    })
}

/// The failure that causes itself, by iteration from none: where a system ends that began well.
fn fixed_point(traffic: f64, room: u32, attempts: u32) -> f64 {
    (0..1_000).fold(0.0, |failure, _| {
        closed::mm1k_loss(traffic * closed::attempts(failure, attempts), 100.0, room)
    })
}

impl Case {
    fn rows(&self, seeds: u64, secs: u64, level: f64) -> [Row; 2] {
        let Self { attempts, backoff, queue, .. } = self;
        let traffic = format!("{:.3}/s", self.traffic);
        let service = format!(
            "model = {{ workers = 1, queue = {queue}, \
             service_time = {{ mean = \"10ms\", shape = \"exponential\" }} }}"
        );
        let rules = format!(
            "timeout = \"1h\"\nretry = {{ attempts = {attempts}, backoff = \"{backoff}\", budget = \"none\", \
             on = [500, 503] }}\n"
        );
        let shop = Shop {
            traffic: &traffic,
            service: &service,
            rules: &rules,
            incidents: &self.incidents,
        };
        let design = shop.design();
        let seen = over_seeds(seeds, |seed| {
            let report = play(&design, seed, secs);
            (tries(&report), 1.0 - report.availability.value)
        });
        let (tries, failures): (Vec<f64>, Vec<f64>) = seen.into_iter().unzip();
        let row = |what: &str, expected, figures: &[f64], unit| Row {
            what: format!("{}: {what}", self.what),
            expected,
            source: "counting",
            simulated: mean(figures),
            interval: Interval::of_mean(figures, level),
            unit,
            criterion: self.criterion,
        };
        let fails = libm::pow(self.failure, f64::from(*attempts));
        [
            row("tries a request", closed::attempts(self.failure, *attempts), &tries, Unit::Plain),
            row("requests that fail", fails, &failures, Unit::Percent),
        ]
    }
}

fn tries(report: &Report) -> f64 {
    report.calls[0].amplification
}
