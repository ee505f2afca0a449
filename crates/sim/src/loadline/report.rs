//! What is told of a load line.
//!
//! The fields are the JSON schema of `docs/loadline-json.md`: a name that stands there does not
//! change its meaning.

use serde::Serialize;

/// The load line of a design.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LoadLines {
    /// What the file's clients offer, in requests per second.
    pub today_per_second: f64,
    /// Of offered traffic, what "recovered" is measured against.
    pub objective: f64,
    /// How likely it has to recover.
    pub probability: f64,
    /// No line was looked for above this, in requests per second.
    pub tried_up_to_per_second: f64,
    /// The first seed.
    pub seed: u64,
    /// The lowest of all lines.
    pub load_line: LoadLine,
    /// How much more than today's traffic that is, as a share of today's; below nothing if today's
    /// traffic lies above the line. Nothing if the line is not known.
    pub margin: Option<f64>,
    /// The incident that the line is due to; nothing if it is an ordinary day's, or not known.
    pub limited_by: Option<String>,
    /// The lowest of all lines in open connections; nothing for a design without sessions.
    pub open_connections: Option<OpenConnections>,
    /// The smallest triggers that break the design at today's traffic, of all incidents.
    pub smallest_trigger: Vec<Trigger>,
    /// An ordinary day first, then each incident.
    pub lines: Vec<Line>,
    /// Traffic up and down, in one run.
    pub sweep: Option<Sweep>,
    /// What was taken for granted.
    pub assumed: Vec<String>,
    /// What the file says and this simulation leaves out.
    pub not_played: Vec<String>,
    /// That somebody ended it before all was found.
    pub interrupted: Option<String>,
    /// Runs that were played.
    pub runs: u64,
    /// Events that were simulated, all runs together.
    pub events: u64,
}

/// A traffic, in requests per second of all clients together. What is not known, because somebody
/// ended the search before, is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct LoadLine {
    /// The highest from which the design was shown to recover; 0 if there is none.
    pub per_second: Option<f64>,
    /// The same, and the highest so far where the search did not end: the line lies no lower, with
    /// one chance in twenty to err.
    pub low: Option<f64>,
    /// The lowest above it from which it was shown not to; nothing if there is none either.
    pub high: Option<f64>,
}

/// A traffic, in sessions: streams, WebSockets. Those that stood are counted in the runs, over the
/// time after the warm-up and before the first fault. The others are asked for (Little, 1961): how
/// often one is, times how long it would be held.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OpenConnections {
    /// Stood on average at today's traffic; nothing if nothing was played there.
    pub stood_today: Option<f64>,
    /// Stood on average at the line; nothing if there is none, or if it is not known.
    pub stood: Option<f64>,
    /// Asked for at today's traffic.
    pub today: f64,
    /// The most at which the design was shown to recover, the openings of sessions by themselves
    /// among it; 0 if there are none, nothing if it is not known.
    pub line: Option<f64>,
    /// As [`LoadLine::low`].
    pub low: Option<f64>,
    /// As [`LoadLine::high`].
    pub high: Option<f64>,
}

/// The line of one incident.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// Its name; nothing for an ordinary day.
    pub incident: Option<String>,
    /// Where it is.
    pub load_line: LoadLine,
    /// As [`LoadLines::margin`].
    pub margin: Option<f64>,
    /// As [`LoadLines::open_connections`].
    pub open_connections: Option<OpenConnections>,
    /// The smallest triggers of this incident.
    pub smallest_trigger: Vec<Trigger>,
    /// What did not break it, and what was not shown to, and why.
    pub tried_in_vain: Vec<String>,
    /// Which faults have no size that could be scaled, or no length, and why.
    pub not_scaled: Vec<String>,
    /// What recovered below and broke above the line, and what did not: empty if all did.
    pub exceptions: Vec<String>,
    /// Every traffic that was asked, from the lowest.
    pub points: Vec<Point>,
    /// Whether it was found to the end.
    pub complete: bool,
}

/// One traffic that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Requests per second.
    pub per_second: f64,
    /// What was shown; nothing where a few runs had to do.
    pub recovers: Option<bool>,
    /// Runs that recovered.
    pub recovered: u32,
    /// Of how many; none where the traffic is too much to be played.
    pub runs: u32,
    /// Other runs, in which nothing was asked for while recovery was judged: they count neither way.
    pub empty: u32,
}

/// A trigger that breaks the design.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trigger {
    /// The incident.
    pub incident: String,
    /// The kind of its fault; of several, the first that has a size.
    pub kind: &'static str,
    /// What was made smaller and larger to find it.
    pub varied: Varied,
    /// The kind's own number; nothing for a kind without one.
    pub size: Option<f64>,
    /// Its unit: `times`, `share`, `seconds`, `bits per second`, `bytes`, `of its speed`, `left`.
    pub unit: Option<&'static str>,
    /// How long it lasts; nothing if to the end.
    pub lasts_s: Option<f64>,
    /// How many times the file's size that is; its length, where the length was varied.
    pub scale: f64,
    /// The nearest smaller size of this length that did not break it.
    pub holds_size: Option<f64>,
    /// Where the length was varied, the nearest shorter one that did not break it.
    pub holds_lasts_s: Option<f64>,
}

/// The side of a trigger that is looked for, while the other is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Varied {
    /// How large it is.
    Size,
    /// How long it lasts.
    Length,
}

/// Traffic up and down, in one run: lists of one value a step, from the least traffic to the most.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Sweep {
    /// Requests per second.
    pub offered_per_s: Vec<f64>,
    /// Of them, answered right and in time on the way up.
    pub up_goodput_per_s: Vec<f64>,
    /// On the way down.
    pub down_goodput_per_s: Vec<f64>,
    /// Where goodput first falls below the objective on the way up.
    pub collapses_at_per_s: Option<f64>,
    /// The highest traffic at which it meets the objective on the way down.
    pub recovers_at_per_s: Option<f64>,
}
