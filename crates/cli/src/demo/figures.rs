//! What a variant comes to, predicted or observed: the same figures, counted the same way.

use std::collections::BTreeMap;

use ::sim::Report;
use base::{Duration, Instant, NodeId, Share};
use config::Design;
use config::design::NodeKind;
use event::Cause;

use super::observed::Observed;

/// What callers saw of one variant.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Figures {
    /// Requests in one run.
    pub(super) offered: u64,
    /// The share of them with a good answer.
    pub(super) good: f64,
    /// The same of those that arrived while recovery was judged; nothing if it was not.
    pub(super) good_after: Option<f64>,
    /// Whether that is as much as the objective asks for: a share of runs where there were many.
    pub(super) recovered: Option<f64>,
    /// 50, 90, 99 and 99.9 percent of the good answers came within so many milliseconds.
    pub(super) latency_ms: Option<[f64; 4]>,
    /// Tries that reached the service, for each request of a client.
    pub(super) amplification: f64,
    /// The share of requests that failed, by cause.
    pub(super) failures: BTreeMap<&'static str, f64>,
    /// When each phase of the incident began, in seconds.
    pub(super) phases: Vec<(&'static str, f64, Option<f64>)>,
}

/// How a run is divided: the simulator says it, and both are counted by it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Times {
    /// Nothing before this is counted.
    pub(super) warm_up: Instant,
    /// When the incident begins.
    pub(super) fault: Option<Instant>,
    /// Recovery is judged from here to the end.
    pub(super) judged_from: Instant,
    /// Traffic ends.
    pub(super) end: Instant,
}

impl Times {
    /// How long before its end recovery is judged.
    pub(super) fn judged(&self) -> Duration {
        self.end.since(self.judged_from)
    }

    pub(super) fn of(report: &Report) -> Self {
        let at = |secs: f64| Instant::ZERO + Duration::from_secs_f64(secs);
        Self {
            warm_up: at(report.times.warm_up_s),
            fault: report.faults.iter().map(|fault| at(fault.at_s)).min(),
            judged_from: at(report.times.judged_from_s),
            end: at(report.times.end_s),
        }
    }
}

impl Figures {
    /// What the simulator says. `watched` is the service whose load is looked at.
    pub(super) fn predicted(design: &Design, watched: NodeId, report: &Report) -> Self {
        let name = &design.node(watched).name;
        let reaching = report.calls.iter().filter(|call| call.to == *name);
        let attempts: u64 = reaching.map(|call| call.attempts).sum();
        let share = |count: u64| count as f64 / report.offered.max(1) as f64;
        Self {
            offered: report.offered / u64::from(report.recovered.seeds.max(1)),
            good: share(report.answers.complete + report.answers.partial),
            good_after: report.goodput.map(|goodput| goodput.value),
            recovered: report.recovered.probability,
            latency_ms: report.latency_ms.map(|at| [at.p50, at.p90, at.p99, at.p999]),
            amplification: share(attempts),
            failures: predicted_failures(design, report)
                .into_iter()
                .map(|(cause, count)| (cause, share(count)))
                .collect(),
            phases: report
                .phases
                .iter()
                .map(|phase| (phase.phase, phase.begin_s, phase.end_s))
                .collect(),
        }
    }

    /// What really happened.
    pub(super) fn observed(observed: &Observed, times: &Times, objective: Share) -> Self {
        let counted: Vec<_> =
            observed.seen.iter().filter(|seen| seen.intended >= times.warm_up).collect();
        let late: Vec<_> =
            counted.iter().filter(|seen| seen.intended >= times.judged_from).collect();
        let offered = counted.len() as u64;
        let good = |count: usize, of: usize| count as f64 / of.max(1) as f64;
        let after = good(late.iter().filter(|seen| seen.is_good()).count(), late.len());
        let whole = observed.lasted() >= times.end;
        let mut failures = BTreeMap::new();
        for cause in counted.iter().filter_map(|seen| seen.told.or(seen.cause)) {
            *failures.entry(cause.name()).or_insert(0.0) += 1.0 / offered.max(1) as f64;
        }
        let mut took: Vec<_> =
            counted.iter().filter(|seen| seen.is_good()).map(|seen| seen.took).collect();
        took.sort_unstable();
        Self {
            offered,
            good: good(took.len(), counted.len()),
            good_after: whole.then_some(after),
            recovered: whole.then(|| f64::from(u8::from(after >= objective.as_f64()))),
            latency_ms: (!took.is_empty())
                .then(|| [0.5, 0.9, 0.99, 0.999].map(|share| quantile(&took, share))),
            amplification: observed.amplification(times.warm_up),
            failures,
            phases: times.fault.map(|at| observed.phases(at, objective)).unwrap_or_default(),
        }
    }
}

/// A client that asks a balancer sees only that it failed; the balancer knows why.
fn predicted_failures(design: &Design, report: &Report) -> BTreeMap<&'static str, u64> {
    let is_balancer = |name: &str| {
        let node = design.node_named(name).map(|id| &design.node(id).kind);
        matches!(node, Some(NodeKind::Balancer(_)))
    };
    let status = Cause::Status(500).name();
    let mut failures = report.failed_by_cause.clone();
    let known: BTreeMap<_, u64> = report
        .calls
        .iter()
        .filter(|call| is_balancer(&call.from))
        .flat_map(|call| call.failed_by_cause.iter().map(|(cause, count)| (*cause, *count)))
        .filter(|(cause, _)| *cause != Cause::ClientLeft.name())
        .collect();
    if !known.is_empty() {
        failures.remove(status);
        for (cause, count) in known {
            *failures.entry(cause).or_default() += count;
        }
    }
    failures
}

/// Of sorted durations, in milliseconds: the smallest that is not exceeded by this share.
pub(super) fn quantile(sorted: &[Duration], share: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a length"
    )]
    let at = (share * sorted.len() as f64).ceil() as usize;
    let at = at.clamp(1, sorted.len().max(1)) - 1;
    sorted.get(at).map_or(0.0, |took| took.as_millis_f64())
}
