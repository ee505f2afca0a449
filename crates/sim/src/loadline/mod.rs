//! The load line: the highest traffic from which a design recovers by itself.
//!
//! For every incident the traffic of all clients is scaled until the design just recovers
//! (`line`); for the incident as the file has it at today's traffic, the fault is scaled until it
//! just breaks the design (`trigger`); and in one run traffic rises and falls (`sweep`).
//!
//! - `wald` says after how many runs an answer is certain, `search` where to ask next.
//! - `panel` keeps what was played, `lab` plays it, `scale` makes the designs for it.

mod lab;
mod line;
mod panel;
mod report;
mod scale;
mod search;
mod sweep;
#[cfg(test)]
mod tests;
mod text;
mod trigger;
mod wald;

pub use report::{Line, LoadLine, LoadLines, OpenConnections, Point, Sweep, Trigger, Varied};
pub(crate) use scale::with_traffic;
pub use text::render;

use config::Design;

use self::lab::Lab;
use self::trigger::Triggers;
use crate::crew::Crew;
use crate::plan::network::Network;
use crate::plan::open_sessions;
use crate::{Fidelity, Refusal, Watch};

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// One incident by its name, beside an ordinary day. Nothing: all. `"none"`: an ordinary day
    /// alone.
    pub incident: Option<String>,
    /// How likely it has to recover: at least a half, less than 1.
    pub probability: f64,
    /// No line is looked for above so many times today's traffic, at most a thousand; by itself ten
    /// times, and farther while a run takes no more than five million events.
    pub up_to: Option<f64>,
    /// The first seed.
    pub seed: u64,
    /// Workers of each balancer instance.
    pub workers: u16,
    /// Threads to run on; nothing: one a core. Results do not depend on it.
    pub threads: Option<usize>,
    /// How faithfully the network is played; by itself each traffic as it needs.
    pub fidelity: Fidelity,
    /// The most requests that clients may send in one run: traffic that would need more counts as
    /// too much.
    pub most_requests: u64,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            incident: None,
            probability: 0.99,
            up_to: None,
            seed: 1,
            workers: 2,
            threads: None,
            fidelity: Fidelity::Auto,
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
    let playable = playable(&lab)?;
    let today = Today::of(design);
    let count = playable.incidents.len() + 1;
    let name = |number: usize, name: &str| format!("{number} of {count}: {name}");
    let day = line::find(&lab, None, &name(1, ORDINARY), today.per_second, None);
    let today = Today { stood: day.stood.today, ..today };
    let mut lines = vec![today.told(None, &day, Triggers::default())];
    for (incident, number) in playable.incidents.iter().zip(2..) {
        if lab.is_stopped() {
            // It is wanted all the same, and nothing is known of it.
            lines.push(today.told(Some(incident), &line::Line::default(), Triggers::default()));
            continue;
        }
        let name = name(number, incident);
        let line = line::find(&lab, Some(incident), &name, today.per_second, Some(&day));
        let triggers = triggers(&lab, incident, &name, &day);
        lines.push(today.told(Some(incident), &line, triggers));
    }
    let top = day.found.breaks.or(day.found.holds).unwrap_or(1.0).max(1.0) * SWEEP_ABOVE;
    let sweep = if lab.is_stopped() { None } else { sweep::sweep(&lab, today.per_second, top) };
    Ok(together(&lab, today, lines, sweep, (playable, day.most * today.per_second)))
}

/// What nobody calls an incident.
const ORDINARY: &str = "an ordinary day";
/// The sweep goes so far above the line of an ordinary day.
const SWEEP_ABOVE: f64 = 1.25;

/// What of a file can be played.
struct Playable {
    incidents: Vec<String>,
    /// What cannot, and what is left out, as sentences.
    not_played: Vec<String>,
    /// How faithfully today's ordinary day is, and why, as a sentence.
    fidelity: String,
}

/// The incidents that are wanted. One that was named has to be playable, of all incidents those
/// that are not are told.
fn playable(lab: &Lab<'_>) -> Result<Playable, Vec<Refusal>> {
    let mut refusals = Vec::new();
    if !(0.5..1.0).contains(&lab.wanted.probability) {
        refusals.push(Refusal::new(
            format!("a probability of {} cannot be shown", lab.wanted.probability),
            "ask for at least 0.5 and less than 1: 0.99",
        ));
    }
    if let Some(up_to) = lab.wanted.up_to.filter(|most| !(1.0..=line::FARTHEST).contains(most)) {
        refusals.push(Refusal::new(
            format!("no line is looked for up to {up_to} times today's traffic"),
            format!("ask for at least 1 and at most {}: `--up-to 100`", line::FARTHEST),
        ));
    }
    let (mut not_played, fidelity) = match lab.plan(lab.design, None) {
        Ok(plan) => (plan.not_played, fidelity(&plan.network)),
        Err(more) => {
            refusals.extend(more.into_iter().map(without_length));
            (Vec::new(), String::new())
        }
    };
    let all = lab.design.incidents.iter().map(|incident| incident.name.clone());
    let wanted: Vec<String> = match lab.wanted.incident.as_deref() {
        None => all.collect(),
        Some("none") => Vec::new(),
        Some(name) => vec![name.to_owned()],
    };
    let mut incidents = Vec::new();
    for incident in wanted {
        match lab.plan(lab.design, Some(&incident)) {
            Ok(_) => incidents.push(incident),
            // What keeps an ordinary day from being played is told once.
            Err(_) if lab.wanted.incident.is_none() && !refusals.is_empty() => {}
            Err(more) if lab.wanted.incident.is_none() => {
                not_played.extend(more.into_iter().map(|refusal| named(&incident, &refusal)));
            }
            Err(more) => {
                let more = more.into_iter().map(without_length);
                let new: Vec<_> = more.filter(|refusal| !refusals.contains(refusal)).collect();
                refusals.extend(new);
            }
        }
    }
    if refusals.is_empty() {
        Ok(Playable { incidents, not_played, fidelity })
    } else {
        Err(refusals)
    }
}

fn fidelity(network: &Network) -> String {
    let Network { has_packets, why, .. } = network;
    let played = if *has_packets { "packets" } else { "messages" };
    format!(
        "today's ordinary day is played in {played} ({why}); unless `--fidelity` says it, an incident \
         and other traffic are played in packets where they need them"
    )
}

fn named(incident: &str, refusal: &Refusal) -> String {
    let place = format!("incident {incident}");
    let Refusal { problem, .. } = refusal;
    if problem.starts_with(&place) { problem.clone() } else { format!("{place}: {problem}") }
}

/// How long a run is cannot be chosen here.
fn without_length(refusal: Refusal) -> Refusal {
    if !refusal.way_out.contains("--for") {
        return refusal;
    }
    let way_out = "let the incident begin or end earlier, or give a tenth of the traffic to a tenth \
                   of the workers: the line is a tenth too then";
    Refusal { way_out: way_out.to_owned(), ..refusal }
}

fn triggers(lab: &Lab<'_>, incident: &str, name: &str, day: &line::Line) -> Triggers {
    if lab.is_stopped() {
        return Triggers::default();
    }
    if day.found.holds.is_none_or(|holds| holds < 1.0) {
        let why =
            "no trigger was looked for: today's traffic lies above the line of an ordinary day";
        return Triggers { not_scaled: vec![why.to_owned()], ..Triggers::default() };
    }
    trigger::find(lab, incident, name)
}

/// What the file's clients do.
#[derive(Clone, Copy, Debug)]
struct Today {
    /// Requests.
    per_second: f64,
    /// Sessions that are asked for: as many would be open on average.
    open: f64,
    /// Those that stood in the runs of an ordinary day.
    stood: Option<f64>,
}

impl Today {
    fn of(design: &Design) -> Self {
        Self { per_second: scale::traffic(design), open: open_sessions(design), stood: None }
    }

    fn told(self, incident: Option<&str>, line: &line::Line, triggers: Triggers) -> Line {
        let load_line = line.load_line(self.per_second);
        Line {
            incident: incident.map(str::to_owned),
            margin: self.margin(load_line),
            load_line,
            open_connections: line.open_connections(self.open, self.stood),
            smallest_trigger: triggers.smallest,
            tried_in_vain: triggers.in_vain,
            not_scaled: triggers.not_scaled,
            exceptions: line.exceptions.clone(),
            points: line.points.clone(),
            complete: line.is_complete,
        }
    }

    fn margin(self, line: LoadLine) -> Option<f64> {
        Some((line.per_second? - self.per_second) / self.per_second)
    }
}

fn together(
    lab: &Lab<'_>,
    today: Today,
    lines: Vec<Line>,
    sweep: Option<Sweep>,
    (playable, tried_up_to): (Playable, f64),
) -> LoadLines {
    let Playable { not_played, fidelity, .. } = playable;
    let farthest = format!(
        "no line was looked for above {}/s, {} times today's traffic; `--up-to` says how far",
        text::number(tried_up_to),
        text::number(tried_up_to / today.per_second)
    );
    let lowest = lowest(&lines);
    // Where some lines are not known, one of them may be the lowest.
    let load_line = lowest.map_or_else(
        || LoadLine {
            high: least(lines.iter().map(|line| line.load_line.high)),
            ..LoadLine::default()
        },
        |line| line.load_line,
    );
    let spent = lab.spent();
    let interrupted = lab.is_stopped().then_some(match lowest {
        Some(_) => {
            "stopped by hand: every line was found by then, triggers or the plot are missing"
        }
        None => "stopped by hand: what was not shown by then is not known",
    });
    LoadLines {
        today_per_second: today.per_second,
        objective: lab.design.objective.goodput.as_f64(),
        probability: lab.wanted.probability,
        tried_up_to_per_second: tried_up_to,
        seed: lab.wanted.seed,
        load_line,
        margin: today.margin(load_line),
        limited_by: lowest.and_then(|line| line.incident.clone()),
        open_connections: fewest(&lines, today),
        smallest_trigger: lines.iter().flat_map(|line| line.smallest_trigger.clone()).collect(),
        lines,
        sweep,
        assumed: [fidelity, farthest].into_iter().chain(ASSUMED.map(str::to_owned)).collect(),
        not_played,
        interrupted: interrupted.map(str::to_owned),
        runs: spent.runs,
        events: spent.events,
    }
}

/// The lowest of all lines, if all are known. Of equals the first: what fails on an ordinary day is
/// not the fault of an incident.
fn lowest(lines: &[Line]) -> Option<&Line> {
    let mut known = Vec::with_capacity(lines.len());
    for line in lines {
        known.push((line.load_line.per_second?, line));
    }
    known.into_iter().min_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, line)| line)
}

/// The lowest of all lines in open connections, as far as it is known.
fn fewest(lines: &[Line], today: Today) -> Option<OpenConnections> {
    if today.open <= 0.0 {
        return None;
    }
    let known = lines.iter().map(|line| line.open_connections.filter(|open| open.line.is_some()));
    let known: Option<Vec<OpenConnections>> = known.collect();
    let fewest = |known: Vec<OpenConnections>| {
        known
            .into_iter()
            .min_by(|one, other| one.low.unwrap_or(0.0).total_cmp(&other.low.unwrap_or(0.0)))
    };
    known.and_then(fewest).or_else(|| {
        let high = least(lines.iter().map(|line| line.open_connections?.high));
        let (stood_today, today) = (today.stood, today.open);
        Some(OpenConnections { stood_today, stood: None, today, line: None, low: None, high })
    })
}

fn least(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    values.flatten().reduce(f64::min)
}

/// What is taken for granted, and told.
const ASSUMED: [&str; 6] = [
    "a design recovers if, in the last minute of a run, it meets the objective and no more and more \
     requests wait; a run lasts two minutes after the last fault, three after the beginning of one \
     that stays, and longer where clients wait for longer than a minute",
    "traffic grows and shrinks alike for all clients, with the same mix of requests; a recording is \
     played faster or slower, and from its beginning again where it ends",
    "each side of a line is shown by Wald's sequential test: one chance in twenty to err, against a \
     design that fails ten times as often as it may; what stays in doubt is left between the sides",
    "a run ends early when over ten seconds after the last fault no more is under way on average than \
     before it and the objective is met, unless sessions are held, or when its last window can no \
     longer meet it; what sessions say is not played where it would arrive; whole runs on either \
     side of each line were compared",
    "what recovers at the line was asked to recover at 0.5 and 0.8 times it, and to break at 1.25 \
     and 2 times what breaks, unless that is more than was looked at; between them it is taken to",
    "a trigger that breaks the design is shown like a line; that the one below it does not was seen \
     in a few runs",
];
