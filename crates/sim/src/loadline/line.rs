//! The load line of one incident, or of an ordinary day.

use super::lab::{Answer, Lab, Length};
use super::report::{LoadLine, Point};
use super::scale::with_traffic;
use super::search::{Care, Found, Scale, search};
use super::wald::Verdict;

/// A line as it was found, in times of today's traffic.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) found: Found,
    /// What was asked on the way, by traffic.
    pub(super) points: Vec<Point>,
    /// Where it does not recover below the line, or does above it.
    pub(super) exceptions: Vec<String>,
    /// The runs that ended early said what whole runs say.
    pub(super) is_checked: bool,
    /// Everything was asked that had to be.
    pub(super) is_complete: bool,
}

/// Traffic is told apart by one part in fifty.
const STEP: f64 = 1.02;
/// Nobody looks for a line below a thousandth of today's traffic, or above a thousand times it.
const FARTHEST: f64 = 1_000.0;
/// Whole runs that are played at the line, to see whether those that ended early told the truth.
const CHECKS: u32 = 2;
/// Where else it is asked whether it holds below the line, and breaks above it.
const BELOW: [f64; 2] = [0.8, 0.5];
const ABOVE: [f64; 2] = [1.25, 2.0];

/// Who looks for one line.
struct Surveyor<'a> {
    lab: &'a Lab<'a>,
    incident: Option<&'a str>,
    today: f64,
    length: Length,
    points: Vec<Point>,
}

/// Looks for the line of an incident; `day` is that of an ordinary day, above which none can lie.
pub(super) fn find(lab: &Lab<'_>, incident: Option<&str>, today: f64, day: Option<&Line>) -> Line {
    let early = survey(lab, incident, today, day, Length::Early);
    if early.is_checked || !early.is_complete {
        return early;
    }
    survey(lab, incident, today, day, Length::Whole)
}

fn survey(
    lab: &Lab<'_>,
    incident: Option<&str>,
    today: f64,
    day: Option<&Line>,
    length: Length,
) -> Line {
    let mut surveyor = Surveyor { lab, incident, today, length, points: Vec::new() };
    let ceiling = day.map(|day| day.found);
    let most = ceiling.map_or(FARTHEST, |ceiling| ceiling.holds.unwrap_or(0.0));
    let mut found = Found::default();
    if most > 0.0 {
        let scale = Scale {
            least: FARTHEST.recip().min(most),
            most,
            start: 1.0,
            step: STEP,
            confirm: Care::Thorough,
        };
        found = search(scale, |at, care| Some(surveyor.ask(at, care)?.verdict));
    }
    // What fails on an ordinary day lies above every line.
    found.breaks = found.breaks.or(ceiling.and_then(|ceiling| ceiling.breaks));
    let exceptions = surveyor.exceptions(found, most);
    let is_checked = length == Length::Whole || surveyor.agrees(found);
    let mut points = surveyor.points;
    points.sort_by(|one, other| one.per_second.total_cmp(&other.per_second));
    let is_complete = !lab.crew.watch.wants_stop();
    Line { found, points, exceptions, is_checked, is_complete }
}

impl Surveyor<'_> {
    /// Traffic that cannot be played counts as too much.
    fn ask(&mut self, factor: f64, care: Care) -> Option<Answer> {
        let design = with_traffic(self.lab.design, factor);
        let Ok(plan) = self.lab.plan(&design, self.incident) else {
            return Some(Answer { verdict: Verdict::Breaks, recovered: 0, runs: 0 });
        };
        let per_second = factor * self.today;
        let name = self.incident.unwrap_or("an ordinary day");
        let stage = format!("{name}: {}/s", super::text::number(per_second));
        let answer = self.lab.ask(&plan, care, self.length, &stage)?;
        self.points.push(Point {
            per_second,
            recovers: answer.verdict == Verdict::Holds,
            recovered: answer.recovered,
            runs: answer.runs,
        });
        Some(answer)
    }

    /// That it holds below and breaks above is looked at, not taken for granted.
    fn exceptions(&mut self, found: Found, most: f64) -> Vec<String> {
        let below = found.holds.map(|holds| BELOW.map(|part| (holds * part, Verdict::Holds)));
        let above = found.breaks.map(|breaks| ABOVE.map(|part| (breaks * part, Verdict::Breaks)));
        let all = below.into_iter().flatten().chain(above.into_iter().flatten());
        let mut exceptions = Vec::new();
        for (at, expected) in all.filter(|(at, _)| *at < most) {
            let Some(answer) = self.ask(at, Care::Quick) else { break };
            if answer.verdict != expected {
                let what = if expected == Verdict::Holds { "does not recover" } else { "recovers" };
                let traffic = super::text::number(at * self.today);
                let Answer { recovered, runs, .. } = answer;
                exceptions.push(format!("{what} at {traffic}/s ({recovered} of {runs} runs)"));
            }
        }
        exceptions
    }

    /// Whether whole runs at the line end as those that were ended early.
    fn agrees(&self, found: Found) -> bool {
        [found.holds, found.breaks].into_iter().flatten().all(|at| {
            let design = with_traffic(self.lab.design, at);
            self.lab.plan(&design, self.incident).is_ok_and(|plan| self.lab.agree(&plan, CHECKS))
        })
    }
}

impl Line {
    /// In requests per second. The line is the highest traffic that was shown to hold.
    pub(super) fn load_line(&self, today: f64) -> LoadLine {
        let low = self.found.holds.map_or(0.0, |holds| holds * today);
        LoadLine { per_second: low, low, high: self.found.breaks.map(|breaks| breaks * today) }
    }
}
