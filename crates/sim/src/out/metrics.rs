//! `metrics.txt`: the live plane's series over the run, as OpenMetrics with times.
//!
//! Series that never left zero are not written.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base::{CallId, Duration, Instant};
use event::policy::{BreakerState, Event as Decision};
use event::{Description, Kind, Unit};
use observe::metrics::text::{Format, Text};

use super::{EPOCH_S, Told, instance_name};
use crate::world::tap::measured::{Family, Sample};

/// The whole file.
pub(super) fn text(told: &Told<'_>) -> String {
    let measured = &told.recorder.measured;
    let stamps: Vec<String> = measured.times.iter().map(|at| stamp(*at)).collect();
    let mut out = String::new();
    for family in measured.families.iter().filter(|family| !is_state(family)) {
        write_family(&mut out, family, &stamps);
    }
    // These end with the mark that ends it all.
    out.push_str(&states(told));
    out
}

/// States are told apart by instance, below.
fn is_state(family: &Family) -> bool {
    let breaker = Decision::BreakerMoved { to: BreakerState::Closed }.describe().name;
    let up = Decision::HealthChanged { up: true }.describe().name;
    let levels = ["in_flight", "queue", "breaker_probes", "retries_in_flight", "retry_budget"];
    let mut names = levels.into_iter().chain([breaker, up, "amplification"]);
    names.any(|name| family.name.strip_prefix("plimsoll_") == Some(name))
}

/// All samples of a metric stand together, and within it those of one time.
fn write_family(out: &mut String, family: &Family, stamps: &[String]) {
    let mut metrics: Vec<(String, Vec<&Sample>)> = Vec::new();
    let mut places = BTreeMap::new();
    let is_worth = |values: &[(u32, String)]| values.iter().any(|(_, value)| !is_zero(value));
    for sample in family.samples.iter().filter(|(_, values)| is_worth(values)) {
        let metric = metric_of(&sample.0);
        let place = *places.entry(metric.clone()).or_insert_with(|| {
            metrics.push((metric, Vec::new()));
            metrics.len() - 1
        });
        metrics[place].1.push(sample);
    }
    if metrics.is_empty() {
        return;
    }
    out.push_str(&family.head);
    for (_, samples) in &metrics {
        let first = samples.iter().filter_map(|(_, values)| values.first()).map(|(at, _)| *at);
        let first = first.min().unwrap_or(0) as usize;
        for (reading, stamp) in stamps.iter().enumerate().skip(first) {
            for (name, values) in samples {
                let at = values.partition_point(|(at, _)| *at as usize <= reading);
                let value = at.checked_sub(1).map_or("0", |at| values[at].1.as_str());
                let _never_fails = writeln!(out, "{name} {value} {stamp}");
            }
        }
    }
}

/// The labels without the bound of a bucket: what the samples of a histogram have in common.
fn metric_of(sample: &str) -> String {
    let labels = sample.split_once('{').map_or("", |(_, labels)| labels);
    let bound = labels.find(",le=\"").or_else(|| labels.find("le=\""));
    labels[..bound.unwrap_or(labels.len())].trim_end_matches('}').to_owned()
}

fn is_zero(value: &str) -> bool {
    value.bytes().all(|byte| matches!(byte, b'0' | b'.'))
}

fn stamp(at: Instant) -> String {
    let millis = at.as_nanos() / 1_000_000;
    format!("{}.{:03}", EPOCH_S + millis / 1_000, millis % 1_000)
}

/// Breakers and nodes.
fn states(told: &Told<'_>) -> String {
    let mut text = Text::new(Format::OpenMetrics);
    breakers(told, &mut text);
    let nodes = &told.plan.design.nodes;
    let mut family = |description: &Description, of: fn(&((u32, u32), u64)) -> f64| {
        text.family(description);
        for (at, node) in nodes.iter().enumerate() {
            let states = told.recorder.measured.node_states.iter().map(|states| &states[at]);
            if states.clone().all(|((_, workers), _)| *workers == 0) {
                continue;
            }
            for (state, time) in states.zip(&told.recorder.measured.times) {
                text.gauge_at(&[("node", &node.name)], of(state), since_1970(*time));
            }
        }
    };
    family(&WORKERS, |((_, workers), _)| f64::from(*workers));
    family(&BUSY, |((busy, _), _)| f64::from(*busy));
    family(&WAITING, |(_, waiting)| *waiting as f64);
    text.finish()
}

fn breakers(told: &Told<'_>, text: &mut Text) {
    let (plan, moves) = (told.plan, &told.recorder.course.moves);
    text.family(Decision::BreakerMoved { to: BreakerState::Closed }.describe());
    let mut by_breaker: BTreeMap<(CallId, u32, u16), Vec<(Instant, BreakerState)>> =
        BTreeMap::new();
    for to in moves {
        let key = (to.call, to.instance, to.worker.0);
        by_breaker.entry(key).or_default().push((to.at, to.to));
    }
    for ((call, instance, worker), moves) in by_breaker {
        let (call, instance) =
            (plan.design.call_name(call), instance_name(plan, instance as usize));
        let worker = worker.to_string();
        let labels = [("call", &*call), ("instance", &*instance), ("worker", &*worker)];
        for &time in &told.recorder.measured.times {
            let at = moves.partition_point(|(at, _)| *at <= time);
            let state = at.checked_sub(1).map_or(BreakerState::Closed, |at| moves[at].1);
            text.gauge_at(&labels, number(state), since_1970(time));
        }
    }
}

/// As the live plane numbers them.
const fn number(state: BreakerState) -> f64 {
    match state {
        BreakerState::Closed => 0.0,
        BreakerState::Open => 1.0,
        BreakerState::HalfOpen => 2.0,
    }
}

fn since_1970(at: Instant) -> Instant {
    at + Duration::from_secs(EPOCH_S)
}

const WORKERS: Description = gauge("node_workers", "Workers of a node, all instances together.");
const BUSY: Description = gauge("node_busy_workers", "Workers of a node that work.");
const WAITING: Description = gauge("node_queue", "Requests that wait for a worker of a node.");

const fn gauge(name: &'static str, help: &'static str) -> Description {
    Description { name, kind: Kind::Gauge, unit: Unit::Count, help }
}
