//! Whether intervals of 95 % hold the true value in 95 of 100 cases.

use config::Design;
use model::closed;
use sim::{Estimate, Report};

use super::{PATIENT, Shop, play_seeds, way};
use crate::row::{Criterion, Row, Section, Unit};
use crate::{Effort, Interval, Missing, joint, over_seeds};

/// Each kind of interval, many times over.
///
/// # Errors
///
/// None: nothing else is needed.
pub fn section(effort: Effort) -> Result<Section, Missing> {
    // So few replications as in a brief run cannot tell 93 from 95 %.
    let (times, criterion) =
        effort.choose((1_000, Criterion::Within(ASKED)), (150, Criterion::Covered));
    let level = joint(CASES.len());
    Ok(Section {
        name: "coverage",
        title: "Whether the intervals cover",
        about: format!(
            "Intervals of 95 % that `plimsoll sim` reports, {times} replications a row, each with other seeds: how many of \
             them cover the exact value. Asked are 93 to 97 %."
        ),
        rows: CASES.iter().map(|case| case.row(times, level, criterion)).collect(),
        remarks: Vec::new(),
    })
}

/// A kind of interval.
struct Case {
    what: &'static str,
    design: fn() -> Design,
    exact: fn() -> f64,
    seeds: u32,
    secs: u64,
    interval: fn(&Report) -> Option<Estimate>,
}

const CASES: &[Case] = &[
    Case {
        what: "M/M/1, load 0.5: mean time over 10 seeds of 30 s (Student)",
        design: || shop("100/s", "\"none\""),
        exact: time,
        seeds: 10,
        secs: 30,
        interval: |report| report.latency_intervals_ms.mean,
    },
    Case {
        what: "M/M/1, load 0.5: mean time over 20 stretches of one run of 300 s (batch means)",
        design: || shop("100/s", "\"none\""),
        exact: time,
        seeds: 1,
        secs: 300,
        interval: |report| report.latency_intervals_ms.mean,
    },
    Case {
        what: "M/M/1, load 0.5: p90 over 10 seeds of 30 s (Student)",
        design: || shop("100/s", "\"none\""),
        exact: ninetieth,
        seeds: 10,
        secs: 30,
        interval: |report| report.latency_intervals_ms.p90,
    },
    Case {
        what: "M/M/1/5, load 0.75: availability over 10 seeds of 30 s (Student)",
        design: || shop("150/s", "4"),
        exact: || 1.0 - closed::mm1k_loss(150.0, SERVICE, 5),
        seeds: 10,
        secs: 30,
        interval: |report| Some(report.availability),
    },
];

/// Requests a second.
const SERVICE: f64 = 200.0;

/// In milliseconds, with the way there and back.
fn time() -> f64 {
    (closed::mm1_time(100.0, SERVICE).unwrap_or(f64::NAN) + way()) * 1e3
}

/// The time in an M/M/1 queue is exponential (Kleinrock, 5.7).
fn ninetieth() -> f64 {
    (closed::mm1_time(100.0, SERVICE).unwrap_or(f64::NAN) * core::f64::consts::LN_10 + way()) * 1e3
}

fn shop(traffic: &str, queue: &str) -> Design {
    let service = format!(
        "model = {{ workers = 1, queue = {queue}, \
         service_time = {{ mean = \"5ms\", shape = \"exponential\" }} }}"
    );
    Shop { traffic, service: &service, rules: PATIENT, incidents: "" }.design()
}

impl Case {
    fn row(&self, times: u64, level: f64, criterion: Criterion) -> Row {
        let (design, exact) = ((self.design)(), (self.exact)());
        let covers = over_seeds(times, |replication| {
            let first = replication * u64::from(self.seeds);
            let report = play_seeds(&design, first, self.seeds, self.secs);
            (self.interval)(&report)
                .is_some_and(|interval| (interval.low..=interval.high).contains(&exact))
        });
        let hits = covers.iter().filter(|covers| **covers).count() as u64;
        Row {
            what: self.what.to_owned(),
            expected: 0.95,
            source: "what 95 % means",
            simulated: hits as f64 / times as f64,
            interval: Interval::of_share(hits, times, level),
            unit: Unit::Percent,
            criterion,
        }
    }
}

/// From 93 to 97 %.
const ASKED: f64 = 0.02 / 0.95 + 1e-9;
