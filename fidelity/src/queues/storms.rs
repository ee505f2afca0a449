//! Whether a storm of retries ends by itself.

use model::closed;

use super::{Shop, play};
use crate::interval::{joint, mean};
use crate::row::{Criterion, Row, Section, Unit};
use crate::{Effort, Interval, Missing, over_seeds};

/// On both sides of each threshold.
///
/// # Errors
///
/// None: nothing else is needed.
pub fn section(effort: Effort) -> Result<Section, Missing> {
    let seeds = effort.choose(20, 3);
    let cases: Vec<Case> = unbounded().chain(bounded()).collect();
    let level = joint(cases.len());
    Ok(Section {
        name: "storms",
        title: "Whether a storm of retries ends by itself",
        about: format!(
            "A service that hangs for 20 s, callers that retry without a budget; {seeds} seeds a row. *Unbounded queue*: \
             once every try times out, each request brings n tries, whose work is done all the same; the backlog is worked \
             off only below capacity / n (Bronson et al., \"Metastable Failures in Distributed Systems\", 2021). *Short \
             queue*: whoever is let into a queue shorter than timeout x capacity is answered in time, so the storm ends below \
             capacity, whatever the retries; in a longer one everybody waits too long once it is full."
        ),
        rows: cases.iter().map(|case| case.row(seeds, level)).collect(),
        remarks: Vec::new(),
    })
}

/// A shop, and whether it comes back.
struct Case {
    what: String,
    traffic: f64,
    workers: u32,
    queue: String,
    attempts: u32,
    recovers: bool,
}

/// In seconds; workers are chosen for the capacity.
const SERVICE_TIME: f64 = 0.02;
const TIMEOUT: f64 = 0.5;

fn unbounded() -> impl Iterator<Item = Case> {
    let systems = [(4, 2), (4, 3), (10, 4)];
    let sides = [0.8, 1.2];
    systems.into_iter().flat_map(move |(workers, attempts)| {
        sides.into_iter().map(move |side| {
            let capacity = f64::from(workers) / SERVICE_TIME;
            let threshold = closed::storm_threshold(capacity, f64::from(attempts));
            Case {
                what: format!(
                    "unbounded queue, {workers} workers, n = {attempts}, {side} of the threshold"
                ),
                traffic: side * threshold,
                workers,
                queue: "\"none\"".into(),
                attempts,
                recovers: side < 1.0,
            }
        })
    })
}

fn bounded() -> impl Iterator<Item = Case> {
    let systems = [(4, 3), (10, 4)];
    let lengths = [0.5, 2.0];
    systems.into_iter().flat_map(move |(workers, attempts)| {
        lengths.into_iter().map(move |length| {
            let capacity = f64::from(workers) / SERVICE_TIME;
            let safe = closed::safe_queue(TIMEOUT, capacity);
            Case {
                what: format!(
                    "queue of {length} x timeout x capacity, {workers} workers, n = {attempts}, 0.8 of capacity"
                ),
                traffic: 0.8 * capacity,
                workers,
                queue: format!("{:.0}", length * safe),
                attempts,
                recovers: length < 1.0,
            }
        })
    })
}

impl Case {
    fn row(&self, seeds: u64, level: f64) -> Row {
        let Self { traffic, workers, queue, attempts, .. } = self;
        let shop = Shop {
            traffic: &format!("{traffic:.3}/s"),
            service: &format!(
                "model = {{ workers = {workers}, queue = {queue}, \
                 service_time = {{ mean = \"{:.0}ms\", shape = \"exponential\" }} }}",
                SERVICE_TIME * 1e3
            ),
            rules: &format!(
                "timeout = \"{:.0}s\"\nattempt_timeout = \"{:.0}ms\"\n\
                 retry = {{ attempts = {attempts}, backoff = \"1ms..10ms\", budget = \"none\" }}\n",
                TIMEOUT * f64::from(*attempts) + 1.0,
                TIMEOUT * 1e3
            ),
            incidents: "[[incident.pause]]\non = \"shop\"\nkind = \"hang\"\nat = \"20s\"\nlasts = \"20s\"\n",
        };
        let design = shop.design();
        let runs = over_seeds(seeds, |seed| {
            play(&design, seed, SECS).recovered.probability.unwrap_or(0.0)
        });
        let hits = runs.iter().filter(|&&run| run > 0.5).count() as u64;
        Row {
            what: format!("{}: recovers", self.what),
            expected: f64::from(u8::from(self.recovers)),
            source: "Bronson",
            simulated: mean(&runs),
            interval: Interval::of_share(hits, seeds, level),
            unit: Unit::Percent,
            criterion: Criterion::Within(0.0),
        }
    }
}

/// Long enough for a backlog of 20 s at 0.8 of the threshold to be worked off.
const SECS: u64 = 400;
