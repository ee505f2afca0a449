//! The load line: the highest traffic from which a design recovers by itself.
//!
//! For every incident the traffic of all clients is scaled until the design just recovers
//! (`line`); for the incident as the file has it at today's traffic, the fault is scaled until it
//! just breaks the design (`trigger`); and in one run traffic rises and falls (`sweep`).
//!
//! - `wald` says after how many runs an answer is certain, `search` where to ask next.
//! - `lab` plays the runs, `scale` makes the designs for them.

mod lab;
mod line;
mod report;
mod scale;
mod search;
mod sweep;
#[cfg(test)]
mod tests;
mod text;
mod trigger;
mod wald;

pub(crate) use scale::with_traffic;

pub use report::{Line, LoadLine, LoadLines, Point, Sweep, Trigger};
pub use text::render;

use config::Design;

use self::lab::Lab;
use crate::crew::Crew;
use crate::{Refusal, Watch};

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// One incident by its name, beside an ordinary day. Nothing: all. `"none"`: an ordinary day
    /// alone.
    pub incident: Option<String>,
    /// How likely it has to recover: at least a half, less than 1.
    pub probability: f64,
    /// The first seed.
    pub seed: u64,
    /// Workers of each balancer instance.
    pub workers: u16,
    /// Threads to run on; nothing: one a core. Results do not depend on it.
    pub threads: Option<usize>,
    /// The most requests that clients may send in one run: traffic that would need more counts as
    /// too much.
    pub most_requests: u64,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            incident: None,
            probability: 0.99,
            seed: 1,
            workers: 2,
            threads: None,
            most_requests: 20_000_000,
        }
    }
}

/// Draws the load line of a design.
///
/// # Errors
/// Everything that keeps it from being played as asked, all at once.
pub fn draw(design: &Design, wanted: &Wanted, watch: Watch<'_>) -> Result<LoadLines, Vec<Refusal>> {
    let lab = Lab::new(design, wanted, Crew::new(wanted.threads, watch));
    let (incidents, not_played) = playable(&lab)?;
    let today = scale::traffic(design);
    let day = line::find(&lab, None, today, None);
    let mut lines = vec![told(None, &day, today, trigger::Triggers::default())];
    for incident in &incidents {
        if watch.wants_stop() {
            break;
        }
        let line = line::find(&lab, Some(incident), today, Some(&day));
        let triggers = trigger::find(&lab, incident);
        lines.push(told(Some(incident), &line, today, triggers));
    }
    let top = day.found.breaks.or(day.found.holds).unwrap_or(1.0).max(1.0) * SWEEP_ABOVE;
    let sweep = if watch.wants_stop() { None } else { sweep::sweep(&lab, today, top) };
    Ok(together(&lab, lines, sweep, not_played))
}

/// The sweep goes so far above the line of an ordinary day.
const SWEEP_ABOVE: f64 = 1.25;

/// The incidents that are wanted, and what of the file is not played.
fn playable(lab: &Lab<'_>) -> Result<(Vec<String>, Vec<String>), Vec<Refusal>> {
    let mut refusals = Vec::new();
    if !(0.5..1.0).contains(&lab.wanted.probability) {
        refusals.push(Refusal::new(
            format!("a probability of {} cannot be shown", lab.wanted.probability),
            "ask for at least 0.5 and less than 1: 0.99",
        ));
    }
    let not_played = match lab.plan(lab.design, None) {
        Ok(plan) => plan.not_played,
        Err(more) => {
            refusals.extend(more);
            Vec::new()
        }
    };
    let all = lab.design.incidents.iter().map(|incident| incident.name.clone());
    let incidents: Vec<String> = match lab.wanted.incident.as_deref() {
        None => all.collect(),
        Some("none") => Vec::new(),
        Some(name) => vec![name.to_owned()],
    };
    for incident in &incidents {
        if let Err(more) = lab.plan(lab.design, Some(incident)) {
            refusals.extend(more);
        }
    }
    if refusals.is_empty() { Ok((incidents, not_played)) } else { Err(refusals) }
}

fn told(
    incident: Option<&str>,
    line: &line::Line,
    today: f64,
    triggers: trigger::Triggers,
) -> Line {
    let load_line = line.load_line(today);
    Line {
        incident: incident.map(str::to_owned),
        margin: margin(load_line, today),
        load_line,
        smallest_trigger: triggers.smallest,
        tried_in_vain: triggers.in_vain,
        exceptions: line.exceptions.clone(),
        points: line.points.clone(),
        complete: line.is_complete,
    }
}

fn margin(line: LoadLine, today: f64) -> f64 {
    if today > 0.0 { (line.per_second - today) / today } else { 0.0 }
}

fn together(
    lab: &Lab<'_>,
    lines: Vec<Line>,
    sweep: Option<Sweep>,
    not_played: Vec<String>,
) -> LoadLines {
    let today = scale::traffic(lab.design);
    let by_traffic = |one: &&Line, other: &&Line| {
        one.load_line.per_second.total_cmp(&other.load_line.per_second)
    };
    // Of equals the first: what fails on an ordinary day is not the fault of an incident.
    let lowest = lines.iter().filter(|line| line.complete).min_by(by_traffic);
    let load_line =
        lowest.map_or(LoadLine { per_second: 0.0, low: 0.0, high: None }, |line| line.load_line);
    let spent = lab.spent();
    let interrupted = lab.crew.watch.wants_stop().then(|| {
        "stopped by hand: what was not shown by then is missing, and lines may be lower".to_owned()
    });
    LoadLines {
        today_per_second: today,
        objective: lab.design.objective.goodput.as_f64(),
        probability: lab.wanted.probability,
        seed: lab.wanted.seed,
        load_line,
        margin: margin(load_line, today),
        limited_by: lowest.and_then(|line| line.incident.clone()),
        smallest_trigger: lines.iter().flat_map(|line| line.smallest_trigger.clone()).collect(),
        lines,
        sweep,
        assumed: ASSUMED.iter().map(|&line| line.to_owned()).collect(),
        not_played,
        interrupted,
        runs: spent.runs,
        events: spent.events,
    }
}

/// What is taken for granted, and told.
const ASSUMED: [&str; 4] = [
    "traffic grows and shrinks alike for all clients, with the same mix of requests",
    "a line is shown by Wald's sequential test: one chance in twenty to err, against a design that \
     fails ten times as often as it may",
    "a run ends early when for ten seconds after the last fault no more is under way than before it \
     and the objective is met, or when its last window can no longer meet it; two whole runs on \
     either side of each line were compared",
    "what recovers at the line was asked to recover at 0.5 and 0.8 times it, and to break at 1.25 \
     and 2 times what breaks; between them it is taken to",
];
