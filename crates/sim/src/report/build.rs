//! From runs to a report.

use std::collections::BTreeMap;

use base::{CallId, Duration, Instant};
use config::design::{Node, NodeKind};
use event::Cause as FailureCause;
use model::quality::Quality;

use super::{
    Answers, Cache, Call, Fault, Held, Intervals, Percentiles, Phase, Recovered, Report, Timeline,
    Times, UnderWay,
};
use crate::judge::Judged;
use crate::plan::Plan;
use crate::stats::interval::{Estimate, mean, wilson};
use crate::stats::{CacheStats, CallStats, Edge, Histogram, Series, add, mix};

/// All runs of one plan, together.
pub(crate) fn build(plan: &Plan<'_>, seed: u64, runs: &[Judged]) -> Report {
    let (edge, latency) = (together(runs), latency(runs));
    Report {
        run_hash: format!("{:016x}", run_hash(runs)),
        fidelity: if plan.network.has_packets { "packet" } else { "message" },
        fidelity_reason: plan.network.why.clone(),
        incident: plan.incident.clone(),
        faults: plan.faults.iter().map(fault).collect(),
        seed,
        times: Times {
            warm_up_s: plan.times.warm_up.as_secs_f64(),
            judged_from_s: plan.times.judged_from().as_secs_f64(),
            end_s: plan.times.end.as_secs_f64(),
        },
        objective: plan.design.objective.goodput.as_f64(),
        recovered: recovered(runs),
        goodput: goodput(runs),
        under_way: under_way(runs),
        availability: over_runs(runs, |edge| share(edge.answered(), edge.offered)),
        reliability: over_runs(runs, |edge| share(edge.of(Quality::Complete), edge.answered())),
        offered: edge.offered,
        answers: answers(&edge),
        failed_by_cause: by_cause(&edge.failed),
        unanswered: edge.unanswered,
        latency_ms: percentiles(&latency),
        latency_intervals_ms: intervals(runs),
        held: held(runs),
        calls: calls(plan, runs),
        caches: caches(plan, runs),
        sessions: super::sessions::build(plan, runs),
        layers: super::layers::build(plan, runs),
        phases: runs.first().map(|run| phases(&run.phases)).unwrap_or_default(),
        causes: Vec::new(),
        conclusion: None,
        timeline: runs.first().map(|run| timeline(&run.series)).unwrap_or_default(),
        not_played: plan.not_played.clone(),
        stopped: runs.iter().find_map(|run| run.stopped).map(|at| stopped(plan, at)),
        interrupted: None,
        events: runs.iter().map(|run| run.events).sum(),
    }
}

fn held(runs: &[Judged]) -> Held {
    let sum = |of: fn(&crate::world::Held) -> Option<u64>| -> Option<u64> {
        runs.iter().map(|run| of(&run.held)).sum()
    };
    Held {
        connections: runs.iter().map(|run| run.held.connections).sum(),
        descriptors: sum(|held| held.descriptors),
        bytes: sum(|held| held.bytes),
    }
}

/// One number for all runs; their order counts.
fn run_hash(runs: &[Judged]) -> u64 {
    runs.iter().fold(0, |hash: u64, run| {
        let counts = [run.edge.offered, run.edge.good(), run.edge.unanswered];
        let run = counts.iter().fold(run.edge.hash, |hash, &count| mix(hash ^ mix(count)));
        mix(hash.rotate_left(1) ^ run)
    })
}

fn together(runs: &[Judged]) -> Edge {
    runs.iter().fold(Edge::default(), |mut all, run| {
        all.offered += run.edge.offered;
        add(&mut all.answers, &run.edge.answers);
        all.lost_writes += run.edge.lost_writes;
        all.unanswered += run.edge.unanswered;
        add(&mut all.failed, &run.edge.failed);
        all
    })
}

fn answers(edge: &Edge) -> Answers {
    Answers {
        complete: edge.of(Quality::Complete),
        partial: edge.of(Quality::Partial),
        stale: edge.of(Quality::Stale),
        wrong: edge.of(Quality::Wrong),
        lost_writes: edge.lost_writes,
    }
}

fn latency(runs: &[Judged]) -> Histogram {
    runs.iter().fold(Histogram::default(), |mut all, run| {
        all.merge(&run.edge.latency.whole());
        all
    })
}

/// A percentile with fewer times beyond it, in any part, is no better than the largest one.
const BEYOND: f64 = 10.0;

/// Over runs, which depend on nothing in common; over the stretches of a run that is alone.
fn intervals(runs: &[Judged]) -> Intervals {
    let parts: Vec<Histogram> = match runs {
        [alone] => alone.edge.latency.stretches().to_vec(),
        runs => runs.iter().map(|run| run.edge.latency.whole()).collect(),
    };
    let over = |of: &dyn Fn(&Histogram) -> Option<f64>| {
        let values: Option<Vec<f64>> = parts.iter().map(of).collect();
        values.filter(|values| values.len() > 1).map(|values| mean(&values, (0.0, f64::MAX)))
    };
    let at = |share: f64| {
        over(&|part: &Histogram| {
            let is_enough = part.total() as f64 * (1.0 - share) >= BEYOND;
            part.quantile(share).filter(|_| is_enough).map(Duration::as_millis_f64)
        })
    };
    Intervals {
        mean: over(&|part: &Histogram| part.mean().map(|secs| secs * 1e3)),
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        p999: at(0.999),
    }
}

fn recovered(runs: &[Judged]) -> Recovered {
    // What had to be stopped did not recover, where others did or did not.
    let judged = runs.iter().filter(|run| run.is_judged() || run.stopped.is_some());
    let hits = runs.iter().filter(|run| run.is_judged() && run.recovered()).count() as u64;
    let is_judged = runs.iter().any(Judged::is_judged);
    let estimate = is_judged.then(|| wilson(hits, judged.count() as u64));
    let mut back: Vec<Duration> =
        runs.iter().filter(|run| run.recovered()).filter_map(|run| run.back_after).collect();
    back.sort_unstable();
    let count = |of: fn(&Judged) -> bool| runs.iter().filter(|run| of(run)).count() as u64;
    Recovered {
        probability: estimate.map(|estimate| estimate.value),
        low: estimate.map(|estimate| estimate.low),
        high: estimate.map(|estimate| estimate.high),
        seeds: u32::try_from(runs.len()).unwrap_or(u32::MAX),
        answered_well: count(|run| run.is_answered_well),
        opened_well: count(|run| run.is_opened_well),
        settled: count(|run| !run.under_way.grows()),
        well_at_last: count(|run| run.is_well_at_last && !run.under_way.grows()),
        after_s: back.get(back.len() / 2).map(|back| back.as_secs_f64()),
    }
}

/// Of the runs in which something was offered in that time.
fn goodput(runs: &[Judged]) -> Option<Estimate> {
    let judged = runs.iter().filter(|run| run.stopped.is_none() && run.edge.judged_offered > 0);
    let values: Vec<f64> =
        judged.map(|run| share(run.edge.judged_good, run.edge.judged_offered)).collect();
    (!values.is_empty()).then(|| mean(&values, (0.0, 1.0)))
}

fn under_way(runs: &[Judged]) -> UnderWay {
    let mean =
        |of: fn(&Judged) -> u64| runs.iter().map(of).sum::<u64>() as f64 / runs.len().max(1) as f64;
    UnderWay {
        at_begin: mean(|run| run.under_way.at_begin),
        at_end: mean(|run| run.under_way.at_end),
    }
}

fn over_runs(runs: &[Judged], of: impl Fn(&Edge) -> f64) -> Estimate {
    let values: Vec<f64> = runs.iter().map(|run| of(&run.edge)).collect();
    mean(&values, (0.0, 1.0))
}

fn calls(plan: &Plan<'_>, runs: &[Judged]) -> Vec<Call> {
    let call = |at: usize| {
        let stats = runs.iter().fold(CallStats::default(), |mut all, run| {
            all.merge(&run.calls[at]);
            all
        });
        let call = plan.design.call(CallId::from_index(at));
        Call {
            from: plan.design.node(call.from).name.clone(),
            to: plan.design.node(call.to).name.clone(),
            only: call.only.as_ref().map(|only| only.name.clone()),
            requests: stats.requests,
            attempts: stats.attempts,
            failed: stats.failures(),
            failed_by_cause: by_cause(&stats.failed),
            attempts_failed_by_cause: by_cause(&stats.attempts_failed),
            amplification: stats.amplification(),
            shed: stats.shed,
            wasted: stats.wasted,
            retries_refused: stats.retries_refused,
            breaker_opened: stats.breaker_opened,
            latency_ms: percentiles(&stats.latency),
        }
    };
    (0..plan.design.calls.len()).map(call).collect()
}

fn caches(plan: &Plan<'_>, runs: &[Judged]) -> Vec<Cache> {
    let cache = |(at, node): (usize, &Node)| {
        let stats = runs.iter().fold(CacheStats::default(), |mut all, run| {
            all.merge(&run.caches[at]);
            all
        });
        matches!(node.kind, NodeKind::Cache(_)).then(|| Cache {
            node: node.name.clone(),
            asked: stats.asked,
            hits: stats.hits,
            hit_ratio: stats.hit_ratio(),
            collapsed: stats.collapsed,
            stale: stats.stale,
        })
    };
    plan.design.nodes.iter().enumerate().filter_map(cache).collect()
}

pub(super) fn by_cause(counts: &[u64]) -> BTreeMap<&'static str, u64> {
    let named = FailureCause::ALL.iter().zip(counts).filter(|(_, count)| **count > 0);
    named.map(|(cause, count)| (cause.name(), *count)).collect()
}

pub(super) fn percentiles(histogram: &Histogram) -> Option<Percentiles> {
    let at = |share| histogram.quantile(share).map(Duration::as_millis_f64);
    let mean = histogram.mean()? * 1e3;
    Some(Percentiles { mean, p50: at(0.5)?, p90: at(0.9)?, p99: at(0.99)?, p999: at(0.999)? })
}

fn fault(planned: &crate::plan::Planned) -> Fault {
    let ends = planned.course.ends();
    Fault {
        kind: planned.fault.kind(),
        on: planned.on.clone(),
        at_s: planned.course.at.as_secs_f64(),
        ends_s: (ends != Instant::NEVER).then(|| ends.as_secs_f64()),
    }
}

fn phases(phases: &[observe::phases::Phase]) -> Vec<Phase> {
    let phase = |phase: &observe::phases::Phase| Phase {
        phase: phase.kind.key(),
        begin_s: phase.begin.as_secs_f64(),
        end_s: phase.end.map(Instant::as_secs_f64),
    };
    phases.iter().map(phase).collect()
}

fn timeline(series: &Series) -> Timeline {
    let width = series.width().as_secs_f64();
    let windows = series.windows();
    let rate = |of: fn(&crate::stats::Window) -> u64| {
        windows.iter().map(|window| of(window) as f64 / width).collect()
    };
    let value = |of: fn(&crate::stats::Window) -> f64| windows.iter().map(of).collect();
    let latency = |share: f64| {
        let at = |window: &crate::stats::Window| {
            window.latency.quantile(share).map(Duration::as_millis_f64)
        };
        windows.iter().map(at).collect()
    };
    Timeline {
        window_s: width,
        offered: rate(|window| window.offered),
        goodput: value(crate::stats::Window::goodput),
        p50_ms: latency(0.5),
        p99_ms: latency(0.99),
        timeouts: rate(|window| window.timeouts),
        retries: rate(|window| window.retries),
        amplification: value(crate::stats::Window::amplification),
        utilisation: value(crate::stats::Window::utilisation),
        queue: value(crate::stats::Window::queue),
        sessions: value(crate::stats::Window::sessions),
        opened: rate(crate::stats::Window::opened),
        refused: rate(crate::stats::Window::refused),
        reconnects: rate(|window| window.reconnects),
        hit_ratio: windows.iter().map(crate::stats::Window::hit_ratio).collect(),
    }
}

fn stopped(plan: &Plan<'_>, at: Instant) -> String {
    format!(
        "stopped at {:.1} s: more than {} requests were under way at once",
        at.as_secs_f64(),
        plan.most_under_way
    )
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}
