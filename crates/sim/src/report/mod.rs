//! What a person, or a program, is told about the runs of a design.
//!
//! The fields are the JSON schema of `docs/sim-json.md`: a name that stands there does not change
//! its meaning.

mod build;
pub mod layers;
mod sessions;
mod text;

pub(crate) use build::build;
pub use text::render;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::stats::interval::Estimate;

/// What became of a design.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Equal when every request of every run ended the same way at the same time.
    pub run_hash: String,
    /// `packet` or `message`: what the run was played with.
    pub fidelity: &'static str,
    /// Why.
    pub fidelity_reason: String,
    /// The incident, if one was played.
    pub incident: Option<String>,
    /// Its faults, as sentences with their times.
    pub faults: Vec<Fault>,
    /// The seeds: the first, and how many.
    pub seed: u64,
    /// How the run is divided.
    pub times: Times,
    /// Of offered traffic, what "recovered" is measured against.
    pub objective: f64,
    /// Whether the design recovers by itself.
    pub recovered: Recovered,
    /// Of offered traffic, answered right and in time while recovery was judged; nothing if none
    /// was offered then, or a run was stopped before its end.
    pub goodput: Option<Estimate>,
    /// Requests of clients under way while recovery was judged.
    pub under_way: UnderWay,
    /// Of all requests, answered.
    pub availability: Estimate,
    /// Of all answers, complete and right.
    pub reliability: Estimate,
    /// Requests that arrived after the warm-up.
    pub offered: u64,
    /// What the clients got.
    pub answers: Answers,
    /// Requests of clients that failed, by cause.
    pub failed_by_cause: BTreeMap<&'static str, u64>,
    /// Requests of clients that were still waiting when the run ended.
    pub unanswered: u64,
    /// How long clients waited for good answers.
    pub latency_ms: Option<Percentiles>,
    /// How sure that is.
    pub latency_intervals_ms: Intervals,
    /// What was never given back.
    pub held: Held,
    /// Call by call.
    pub calls: Vec<Call>,
    /// Cache by cache.
    pub caches: Vec<Cache>,
    /// What became of streams and WebSockets; nothing if the design has none.
    pub sessions: Option<Sessions>,
    /// The layers below the requests; nothing without packets.
    pub layers: Option<layers::Layers>,
    /// The phases of the incident, in the run of the first seed.
    pub phases: Vec<Phase>,
    /// What began the failure, and what sustains it.
    pub causes: Vec<Cause>,
    /// The same in one sentence; nothing if too little was lost to ask.
    pub conclusion: Option<String>,
    /// The course of the first seed's run.
    pub timeline: Timeline,
    /// What the file says and this simulation leaves out.
    pub not_played: Vec<String>,
    /// Which bound stopped a run before its end.
    pub stopped: Option<String>,
    /// That somebody ended it before all was played, and how much was.
    pub interrupted: Option<String>,
    /// Events that were simulated, all runs together.
    pub events: u64,
}

/// A fault of the incident.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fault {
    /// The kind, by the file's word.
    pub kind: &'static str,
    /// Whom it hits.
    pub on: String,
    /// When it begins.
    pub at_s: f64,
    /// When it ends; nothing if it does not.
    pub ends_s: Option<f64>,
}

/// How the run is divided, in seconds from its start.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Times {
    /// Nothing before this is counted.
    pub warm_up_s: f64,
    /// Recovery is judged from here to the end.
    pub judged_from_s: f64,
    /// Traffic ends.
    pub end_s: f64,
}

/// Whether the design recovers by itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Recovered {
    /// The share of runs that did; nothing if nothing was asked for while recovery was judged, or if
    /// every run was stopped before its end.
    pub probability: Option<f64>,
    /// The lower end of the 95 % interval (Wilson).
    pub low: Option<f64>,
    /// Its upper end.
    pub high: Option<f64>,
    /// Runs.
    pub seeds: u32,
    /// Runs whose goodput met the objective.
    pub answered_well: u64,
    /// Runs in which the openings of sessions alone met it, the first ones and those after a loss:
    /// all of them where there are no sessions.
    pub opened_well: u64,
    /// Runs in which the requests that wait had stopped growing in number.
    pub settled: u64,
    /// Runs that met the objective in the last quarter of the time that is judged.
    pub well_at_last: u64,
    /// How long after the last fault goodput was back for good, in the median of the runs in which
    /// it had been away; nothing if there is no such run.
    pub after_s: Option<f64>,
}

/// Requests of clients that had not ended, in the mean of the runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct UnderWay {
    /// When recovery began to be judged.
    pub at_begin: f64,
    /// When traffic ended.
    pub at_end: f64,
}

/// What the clients got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Answers {
    /// With everything that was asked for.
    pub complete: u64,
    /// With something left out, as the design allows.
    pub partial: u64,
    /// Older than the newest that had been acknowledged when they were asked for.
    pub stale: u64,
    /// Not what was asked for, or without what had been acknowledged.
    pub wrong: u64,
    /// Writes that were acknowledged and then lost.
    pub lost_writes: u64,
}

/// What was still held a minute after the end of traffic: a missing timeout shows here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Connections that stand and are not kept for reuse; without packets, tries of any call that
    /// nobody has answered: each would wait on one.
    pub connections: u64,
    /// Descriptors of these, at both ends. Needs packets.
    pub descriptors: Option<u64>,
    /// Bytes that were written on these and never acknowledged. Needs packets.
    pub bytes: Option<u64>,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Call {
    /// Who asks.
    pub from: String,
    /// Who is asked.
    pub to: String,
    /// The name of its `only` table.
    pub only: Option<String>,
    /// What the caller wanted.
    pub requests: u64,
    /// Tries that left for it.
    pub attempts: u64,
    /// Requests that failed.
    pub failed: u64,
    /// The same by cause.
    pub failed_by_cause: BTreeMap<&'static str, u64>,
    /// Tries that failed, by cause.
    pub attempts_failed_by_cause: BTreeMap<&'static str, u64>,
    /// Tries for each request of this call.
    pub amplification: f64,
    /// Requests that a rule turned away.
    pub shed: u64,
    /// Answers that were worked out for nobody.
    pub wasted: u64,
    /// Failures that a rule did not let be retried.
    pub retries_refused: u64,
    /// How often a breaker opened.
    pub breaker_opened: u64,
    /// How long requests took, all their tries and waiting together; of what stays open, how long
    /// it took to open.
    pub latency_ms: Option<Percentiles>,
}

/// Sessions: requests that stay open. Counts are of all seeds together unless they say otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sessions {
    /// Open when a run begins, in the mean of the runs.
    pub open_at_start: f64,
    /// Opened by clients since then.
    pub opened: u64,
    /// That could not be opened.
    pub refused: u64,
    /// Of all openings in the time that is judged, the first ones and those after a loss, the share
    /// that succeeded: measured against the objective as goodput is. Nothing if there were none.
    pub opened_when_judged: Option<f64>,
    /// The most that stood at once in any run.
    pub peak: u64,
    /// Standing at the end of traffic, in the mean of the runs.
    pub open_at_end: f64,
    /// That broke while they stood.
    pub lost: u64,
    /// Tries of clients to open one anew.
    pub reconnects: u64,
    /// The most of these in a second, in the run of the first seed.
    pub peak_reconnects_per_s: f64,
    /// Messages on all of them: rate times time.
    pub messages: u64,
    /// What each node on their way has to hold.
    pub nodes: Vec<Holder>,
}

/// A node that holds sessions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Holder {
    /// Its name.
    pub node: String,
    /// Its instances.
    pub instances: u32,
    /// The most sessions that each may hold, by `in_flight` of its call and by its descriptors;
    /// nothing if nothing bounds it.
    pub most: Option<u64>,
    /// Whether all but one instance can hold the peak; nothing if nothing bounds them.
    pub holds_with_one_less: Option<bool>,
    /// Bytes of memory at the peak, all its instances together.
    pub bytes: u64,
}

/// One cache, all its instances together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cache {
    /// Its name.
    pub node: String,
    /// Requests for what it could have.
    pub asked: u64,
    /// Those that it answered at once.
    pub hits: u64,
    /// `hits` of `asked`; nothing if nobody asked.
    pub hit_ratio: Option<f64>,
    /// Those that waited for what another was asking for.
    pub collapsed: u64,
    /// Those that got an old answer because there was no other.
    pub stale: u64,
}

/// Times in milliseconds: the mean, and percentiles, each within one part in 32.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Percentiles {
    /// The mean, exact.
    pub mean: f64,
    /// Half are faster.
    pub p50: f64,
    /// One in ten is slower.
    pub p90: f64,
    /// One in a hundred is slower.
    pub p99: f64,
    /// One in a thousand is slower.
    pub p999: f64,
}

/// Times in milliseconds with their 95 % intervals: each value is the mean over seeds; with one seed,
/// over twenty stretches of its run. Nothing where there are too few times to tell.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Intervals {
    /// The mean time.
    pub mean: Option<Estimate>,
    /// Half are faster.
    pub p50: Option<Estimate>,
    /// One in ten is slower.
    pub p90: Option<Estimate>,
    /// One in a hundred is slower.
    pub p99: Option<Estimate>,
    /// One in a thousand is slower.
    pub p999: Option<Estimate>,
}

/// A stretch of the incident.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Phase {
    /// `latency_drift`, `timeouts`, `retries`, `amplification`, `saturation`, `degraded_answers`,
    /// `cascade`, `recovery`.
    pub phase: &'static str,
    /// When it began.
    pub begin_s: f64,
    /// When it ended; nothing if it lasted to the end.
    pub end_s: Option<f64>,
}

/// Something without which it would have ended otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cause {
    /// What it is, in a word for programs: `fault`, or what was taken away.
    pub kind: &'static str,
    /// What it is, as a sentence for people.
    pub factor: String,
    /// Whether it began the failure or keeps it going.
    pub role: Role,
    /// The share of lost answers that are not lost without it: of all for a trigger, of those lost
    /// after the last fault for what sustains.
    pub share: f64,
    /// The lower end of the 95 % interval.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// The share of runs that recover without it.
    pub recovers: f64,
}

/// The part that a cause plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It began the failure.
    Trigger,
    /// It keeps the failure going when the trigger has gone.
    Sustaining,
}

/// The course of one run: lists of one value a window.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Timeline {
    /// How wide each window is.
    pub window_s: f64,
    /// Requests of clients per second.
    pub offered: Vec<f64>,
    /// Of the requests that arrived in the window, the share with a good answer.
    pub goodput: Vec<f64>,
    /// The median time that clients waited for an answer; nothing where none came.
    pub p50_ms: Vec<Option<f64>>,
    /// The 99th percentile of it.
    pub p99_ms: Vec<Option<f64>>,
    /// Tries per second that ran out of time.
    pub timeouts: Vec<f64>,
    /// Retries per second.
    pub retries: Vec<f64>,
    /// Tries for each request, all calls together.
    pub amplification: Vec<f64>,
    /// The share of busy workers of the busiest node.
    pub utilisation: Vec<f64>,
    /// Requests that waited where most did.
    pub queue: Vec<f64>,
    /// Of what caches could have answered, the share that they did; nothing where nobody asked one.
    pub hit_ratio: Vec<Option<f64>>,
    /// Sessions that stood.
    pub sessions: Vec<f64>,
    /// Openings of sessions per second, the first ones and those after a loss, that succeeded.
    pub opened: Vec<f64>,
    /// Those that did not.
    pub refused: Vec<f64>,
    /// Sessions per second that clients opened anew.
    pub reconnects: Vec<f64>,
}
