//! The load line of one incident, or of an ordinary day.

use base::{Duration, Instant};

use super::lab::{Criterion, Lab, Length};
use super::panel::{Panel, Question};
use super::report::{LoadLine, OpenConnections, Point};
use super::scale::with_traffic;
use super::search::{Found, Scale, search};
use super::text::number;
use super::wald::{Care, Verdict};
use crate::plan::open_sessions;

/// A line as it was found, in times of today's traffic.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) found: Found,
    /// Nobody has looked above this.
    pub(super) most: f64,
    /// Where sessions can be opened as well; nothing for a design without any.
    pub(super) sessions: Option<Found>,
    /// Those that stood in the runs, before anything happened, at that line and at today's traffic.
    pub(super) stood: Stood,
    /// What was asked on the way, by traffic.
    pub(super) points: Vec<Point>,
    /// Where it does not recover below the line, or does above it.
    pub(super) exceptions: Vec<String>,
    /// The runs that were not played whole said what whole runs say.
    pub(super) is_checked: bool,
    /// Everything was asked that had to be.
    pub(super) is_complete: bool,
}

/// Sessions that stood on average; nothing where nothing was played.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Stood {
    pub(super) today: Option<f64>,
    line: Option<f64>,
}

/// Scouts tell traffic apart by one part in fifty.
const STEP: f64 = 1.02;
/// In times of itself: where the search begins.
const TODAY: f64 = 1.0;
/// Nobody looks for a line below a thousandth of today's traffic, or above a thousand times it.
pub(super) const FARTHEST: f64 = 1_000.0;
/// Unless it is asked for, nobody looks above ten times today's traffic either where a run takes more
/// events than this, some two seconds: whose line lies higher has enough in reserve, and need not know
/// how much.
const ENOUGH: f64 = 10.0;
const MOST_EVENTS: f64 = 5e6;
/// Whole runs that are played on each side of a line, to see whether the others told the truth.
const CHECKS: usize = 2;
/// Where else it is asked whether it holds below the line, and breaks above it.
const BELOW: [f64; 2] = [0.8, 0.5];
const ABOVE: [f64; 2] = [1.25, 2.0];

/// Who looks for one line.
struct Surveyor<'a> {
    lab: &'a Lab<'a>,
    incident: Option<&'a str>,
    /// For who watches.
    name: &'a str,
    today: f64,
    /// How long traffic arrives.
    lasts: Duration,
    length: Length,
    /// What was found of it before, by runs that did not tell the truth.
    near: Option<&'a Line>,
    panel: Panel,
}

/// Looks for the line of an incident; `day` is that of an ordinary day, above which none can lie.
/// Who watches reads the `name`.
pub(super) fn find(
    lab: &Lab<'_>,
    incident: Option<&str>,
    name: &str,
    today: f64,
    day: Option<&Line>,
) -> Line {
    let plan = lab.plan(lab.design, incident);
    let lasts = plan.map_or(Duration::ZERO, |plan| plan.times.end.since(Instant::ZERO));
    let survey = |length, near| {
        let panel = Panel::default();
        Surveyor { lab, incident, name, today, lasts, length, near, panel }.survey(day)
    };
    let early = survey(Length::Early, None);
    if early.is_checked || !early.is_complete {
        return early;
    }
    survey(Length::Whole, Some(&early))
}

impl Surveyor<'_> {
    fn survey(mut self, day: Option<&Line>) -> Line {
        let ceiling = day.map(|day| day.found);
        let most = self.most(day);
        let found = self.search(Criterion::Requests, most, ceiling);
        let has_sessions = open_sessions(self.lab.design) > 0.0;
        let sessions = has_sessions.then(|| {
            // Whoever cannot ask cannot open a session either.
            let day = day.and_then(|day| day.sessions).unwrap_or(found);
            let lower = lower(day, found);
            self.search(Criterion::Sessions, lower.holds.unwrap_or(0.0), Some(lower))
        });
        let exceptions = self.exceptions(found, most);
        let is_checked = self.length == Length::Whole || self.agrees(found, sessions);
        Line {
            found,
            most,
            sessions,
            stood: sessions.map_or_else(Stood::default, |sessions| self.stood(sessions)),
            exceptions,
            is_checked,
            is_complete: !self.lab.is_stopped(),
            points: self.points(),
        }
    }

    /// Nobody looks above this: what does not hold on an ordinary day holds under no incident.
    fn most(&mut self, day: Option<&Line>) -> f64 {
        match (day, self.near) {
            (Some(day), _) => day.found.holds.unwrap_or(0.0),
            (None, Some(before)) => before.most,
            (None, None) => self.lab.wanted.up_to.unwrap_or_else(|| self.affordable()),
        }
    }

    /// As far as runs are cheap, or far enough.
    fn affordable(&mut self) -> f64 {
        let before = self.lab.spent();
        let _ = self.ask(TODAY, Care::Scout, Criterion::Requests);
        let after = self.lab.spent();
        let (runs, events) = (after.runs - before.runs, after.events - before.events);
        (MOST_EVENTS * runs as f64 / events.max(1) as f64).clamp(ENOUGH, FARTHEST)
    }

    fn search(&mut self, criterion: Criterion, most: f64, ceiling: Option<Found>) -> Found {
        let near = self.near.and_then(|before| match criterion {
            Criterion::Requests => Some(before.found),
            Criterion::Sessions => before.sessions,
        });
        let mut found = Found::default();
        if most > 0.0 {
            let scale = Scale {
                least: FARTHEST.recip().min(most),
                most,
                start: TODAY,
                step: STEP,
                confirm: Care::Holds,
                leaps: ceiling.is_some(),
                near,
            };
            found = search(scale, |at, care| self.ask(at, care, criterion));
        }
        // What fails on an ordinary day lies above every line.
        found.breaks = found.breaks.or(ceiling.and_then(|ceiling| ceiling.breaks));
        found
    }

    /// Traffic that cannot be played counts as too much.
    fn ask(&mut self, factor: f64, care: Care, criterion: Criterion) -> Option<Verdict> {
        let Self { lab, incident, lasts, length, .. } = *self;
        let requests = factor * self.today * lasts.as_secs_f64();
        if requests > lab.wanted.most_requests as f64 {
            return Some(self.panel.too_much(factor));
        }
        let design = with_traffic(lab.design, factor, lasts);
        let Ok(plan) = lab.plan(&design, incident) else {
            return Some(self.panel.too_much(factor));
        };
        let stage = format!("{}, {}/s", self.name, number(factor * self.today));
        let question = Question { at: factor, care, criterion, stage: &stage };
        self.panel.ask(lab, &question, |seed, _| Some(lab.begin(&plan, seed, length)))
    }

    /// That it holds below and breaks above is looked at, not taken for granted; but nobody looks above
    /// `most`.
    fn exceptions(&mut self, found: Found, most: f64) -> Vec<String> {
        let below = found.holds.map(|holds| BELOW.map(|part| (holds * part, Verdict::Holds)));
        let above = found.breaks.map(|breaks| ABOVE.map(|part| (breaks * part, Verdict::Breaks)));
        let all = below.into_iter().flatten().chain(above.into_iter().flatten());
        let mut exceptions = Vec::new();
        for (at, expected) in all.filter(|(at, _)| *at <= most) {
            let Some(verdict) = self.ask(at, Care::Quick, Criterion::Requests) else { break };
            if verdict != expected && verdict != Verdict::Empty {
                let what = if expected == Verdict::Holds { "does not recover" } else { "recovers" };
                let traffic = number(at * self.today);
                let (recovered, runs) = self.counts(at);
                exceptions.push(format!("{what} at {traffic}/s ({recovered} of {runs} runs)"));
            }
        }
        exceptions
    }

    fn counts(&self, at: f64) -> (u32, u32) {
        let known = self.panel.known();
        let here = known.iter().find(|known| known.at.total_cmp(&at).is_eq());
        here.map_or((0, 0), |here| (here.recovered, here.runs))
    }

    fn stood(&self, sessions: Found) -> Stood {
        let line = sessions.holds.and_then(|at| self.panel.stood(at));
        Stood { today: self.panel.stood(TODAY), line }
    }

    /// Whether whole runs on either side of each line end as those that were not played whole.
    fn agrees(&self, found: Found, sessions: Option<Found>) -> bool {
        let sides = |found: Found| found.holds.into_iter().chain(found.breaks);
        let others = sessions.into_iter().flat_map(sides);
        let others = others.filter(|&at| sides(found).all(|side| side.total_cmp(&at).is_ne()));
        sides(found).chain(others).all(|at| {
            let design = with_traffic(self.lab.design, at, self.lasts);
            let plan = self.lab.plan(&design, self.incident);
            plan.is_ok_and(|plan| self.panel.agrees(self.lab, at, &plan, CHECKS))
        })
    }

    fn points(&self) -> Vec<Point> {
        let known = self.panel.known().into_iter();
        known
            .map(|known| Point {
                per_second: known.at * self.today,
                recovers: known.shown.map(|shown| shown == Verdict::Holds),
                recovered: known.recovered,
                runs: known.runs,
                empty: known.empty,
            })
            .collect()
    }
}

/// Of each side the lower one.
fn lower(one: Found, other: Found) -> Found {
    let least = |one: Option<f64>, other: Option<f64>| match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, None) | (None, one) => one,
    };
    Found {
        holds: one.holds.zip(other.holds).map(|(one, other)| one.min(other)),
        breaks: least(one.breaks, other.breaks),
    }
}

impl Line {
    /// In requests per second. The line is the highest traffic that was shown to hold.
    pub(super) fn load_line(&self, today: f64) -> LoadLine {
        let [line, low, high] = sides(self.found, self.is_complete, today);
        LoadLine { per_second: line, low, high }
    }

    /// In sessions, if so many are asked for today, and so many of them stand.
    pub(super) fn open_connections(
        &self,
        today: f64,
        stood_today: Option<f64>,
    ) -> Option<OpenConnections> {
        let found = self.sessions.unwrap_or_default();
        let [line, low, high] = sides(found, self.is_complete, today);
        let stood = self.stood.line.filter(|_| line.is_some());
        (today > 0.0).then_some(OpenConnections { stood_today, stood, today, line, low, high })
    }
}

/// A line and both sides of it, in the unit of today's amount. What is not known by now is nothing.
fn sides(found: Found, is_complete: bool, today: f64) -> [Option<f64>; 3] {
    let none = is_complete.then_some(0.0);
    let low = found.holds.map(|holds| holds * today).or(none);
    [low.filter(|_| is_complete), low, found.breaks.map(|breaks| breaks * today)]
}
