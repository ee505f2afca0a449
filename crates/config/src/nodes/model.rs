//! How a service or database behaves: workers, queue, service time.

use ::model::service::{Contention, Params, ServiceTime};
use base::Duration;

use super::{Reading, replay};
use crate::codes::CONTRADICTION;
use crate::read::{Table, Value};
use crate::report::Report;

const KEYS: &[&str] = &["workers", "queue", "service_time", "contention"];
const MOST_WORKERS: u32 = 1_000_000;

pub(super) fn read(node: &Reading<'_, '_>, report: &mut Report) -> Option<Params> {
    let table = node.table.get("model")?.table(report)?;
    table.allow(&[KEYS], report);
    let workers = table.require("workers", "16", report);
    let workers = workers.and_then(|value| value.count(1, MOST_WORKERS, report));
    let queue = table.require("queue", "64", report).and_then(|value| bound(&value, report));
    let time = table.require("service_time", "\"8ms\"", report);
    let service_time = time.and_then(|value| service_time_of(node, &value, report));
    let contention = table.get("contention").and_then(|value| contention(&value, report));
    Some(Params { workers: workers?, queue: queue?, service_time: service_time?, contention })
}

/// A number, or "none".
fn bound(value: &Value<'_>, report: &mut Report) -> Option<Option<u32>> {
    if value.is_none() {
        return Some(None);
    }
    value.count(0, u32::MAX, report).map(Some)
}

fn service_time_of(
    node: &Reading<'_, '_>,
    value: &Value<'_>,
    report: &mut Report,
) -> Option<ServiceTime> {
    let Some(table) = value.as_table() else {
        return value.duration(report).map(ServiceTime::Constant);
    };
    if let Some(file) = table.get("file") {
        table.allow(&[&["file"]], report);
        return replay::durations(node.files, &file, report).map(ServiceTime::Empirical);
    }
    if table.has("mean") {
        return exponential(&table, report);
    }
    let (median, p99) = median_and_p99(&table, report)?;
    Some(ServiceTime::Lognormal { median, p99 })
}

fn exponential(table: &Table<'_>, report: &mut Report) -> Option<ServiceTime> {
    table.allow(&[&["mean", "shape"]], report);
    let mean = table.require("mean", "\"2ms\"", report);
    let mean = mean.and_then(|value| value.some_time(report));
    table.require("shape", "\"exponential\"", report)?.word(&[("exponential", ())], report)?;
    mean.map(|mean| ServiceTime::Exponential { mean })
}

fn median_and_p99(table: &Table<'_>, report: &mut Report) -> Option<(Duration, Duration)> {
    table.allow(&[&["median", "p99"]], report);
    let median = table.require("median", "\"8ms\"", report);
    let p99 = table.require("p99", "\"60ms\"", report);
    let (median, p99) = (median?, p99?);
    let (low, high) = (median.some_time(report), p99.some_time(report));
    let (low, high) = (low?, high?);
    if low > high {
        report.push(
            median
                .wrong(&CONTRADICTION, format!("is {low}, more than its `p99` of {high}"))
                .because("half of all are faster than the median, and 99 in a hundred than the p99")
                .see(p99.span, "less than the median")
                .instead("write the smaller time as `median`"),
        );
        return None;
    }
    Some((low, high))
}

/// `{ median, p99 }`, or one time that is always the same.
pub(super) fn spread(value: &Value<'_>, report: &mut Report) -> Option<(Duration, Duration)> {
    match value.as_table() {
        Some(table) => median_and_p99(&table, report),
        None => value.some_time(report).map(|always| (always, always)),
    }
}

fn contention(value: &Value<'_>, report: &mut Report) -> Option<Contention> {
    let table = value.table(report)?;
    table.allow(&[&["sigma", "kappa"]], report);
    let sigma = table.require("sigma", "0.02", report)?.number(0.0, 1.0, report);
    let kappa = table.require("kappa", "0.0001", report)?.number(0.0, 1.0, report);
    sigma.zip(kappa).map(|(sigma, kappa)| Contention { sigma, kappa })
}
