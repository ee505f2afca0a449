//! The smallest trigger that breaks a design at today's traffic: how large, and how long.
//!
//! A larger fault needs less time, so there is not one smallest trigger but a line of them. For a
//! few lengths the smallest size is looked for; a fault without a size is made longer and shorter.
//! What happens before the fault is the same for all of them, so it is played once for each seed.

use std::sync::OnceLock;

use base::Instant;
use config::design::Entry;
use model::fault::Fault;

use super::lab::{Lab, Length};
use super::report::Trigger;
use super::scale::{WIDEST, most_size, size, with_trigger};
use super::search::{Care, Scale, search};
use super::wald::{MOST_RUNS, Verdict};
use crate::plan::Plan;
use crate::world::World;

/// Lengths, in times of the file's.
const LENGTHS: [f64; 5] = [0.25, 0.5, 1.0, 2.0, 4.0];
/// Sizes and lengths are told apart by one part in twenty.
const STEP: f64 = 1.05;
/// No fault is made longer than this, in seconds, unless the file does.
const LONGEST: f64 = 600.0;

/// An incident at today's traffic, and its runs as they stand when it begins.
struct Range<'a> {
    lab: &'a Lab<'a>,
    incident: &'a str,
    snapshots: Vec<OnceLock<World<'a>>>,
    plan: &'a Plan<'a>,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Triggers {
    /// The smallest that break it, by length.
    pub(super) smallest: Vec<Trigger>,
    /// What was tried in vain, as sentences.
    pub(super) in_vain: Vec<String>,
}

/// Looks for the smallest triggers of an incident.
pub(super) fn find(lab: &Lab<'_>, incident: &str) -> Triggers {
    let Some(entries) = entries(lab, incident) else { return Triggers::default() };
    let most = longest(entries);
    // The longest decides how long the run lasts from which the others are copied.
    let design = with_trigger(lab.design, incident, 1.0, most);
    let Ok(plan) = lab.plan(&design, Some(incident)) else { return Triggers::default() };
    let snapshots = (0..MOST_RUNS).map(|_| OnceLock::new()).collect();
    let range = Range { lab, incident, snapshots, plan: &plan };
    let mut triggers = Triggers::default();
    match most_size(entries) {
        Some(size) => range.sizes(entries, size, most, &mut triggers),
        None if is_endless(entries) => {}
        None => range.lengths(entries, most, &mut triggers),
    }
    triggers
}

impl Range<'_> {
    fn sizes(&self, entries: &[Entry], most: f64, longest: f64, triggers: &mut Triggers) {
        let lengths = LENGTHS.into_iter().filter(|&length| length <= longest);
        let lengths: Vec<f64> = if is_endless(entries) { vec![1.0] } else { lengths.collect() };
        for length in lengths {
            let scale = scale(1.0 / WIDEST, most);
            let found = search(scale, |size, care| self.ask(size, length, care));
            if self.lab.crew.watch.wants_stop() {
                break;
            }
            match found.breaks {
                Some(breaks) => triggers.smallest.push(trigger(
                    self.incident,
                    entries,
                    (breaks, length),
                    found.holds.map(|holds| (holds, length)),
                )),
                None => triggers.in_vain.push(in_vain(entries, (most, length))),
            }
        }
    }

    fn lengths(&self, entries: &[Entry], most: f64, triggers: &mut Triggers) {
        let scale = scale(1.0 / WIDEST, most);
        let found = search(scale, |length, care| self.ask(1.0, length, care));
        if self.lab.crew.watch.wants_stop() {
            return;
        }
        match found.breaks {
            Some(breaks) => triggers.smallest.push(trigger(
                self.incident,
                entries,
                (1.0, breaks),
                found.holds.map(|holds| (1.0, holds)),
            )),
            None => triggers.in_vain.push(in_vain(entries, (1.0, most))),
        }
    }

    fn ask(&self, size: f64, length: f64, care: Care) -> Option<Verdict> {
        let design = with_trigger(self.lab.design, self.incident, size, length);
        let Ok(plan) = self.lab.plan(&design, Some(self.incident)) else {
            return Some(Verdict::Breaks);
        };
        let stage = format!(
            "{}: a trigger of {} times the size and {} times the length",
            self.incident,
            super::text::number(size),
            super::text::number(length)
        );
        // The snapshots end early by themselves.
        let answer =
            self.lab.ask_worlds(care, Length::Whole, &stage, |seed| self.before(seed).fork(&plan));
        Some(answer?.verdict)
    }

    /// The run of a seed as it stands when the incident begins.
    fn before(&self, seed: u64) -> &World<'_> {
        let at = usize::try_from(seed.wrapping_sub(self.lab.wanted.seed)).unwrap_or(usize::MAX);
        self.snapshots[at].get_or_init(|| {
            let mut world = World::new(self.plan, seed);
            world.end_early();
            world.play_until(self.plan.times.fault_begins.unwrap_or(Instant::ZERO));
            world
        })
    }
}

const fn scale(least: f64, most: f64) -> Scale {
    Scale { least, most, start: 1.0, step: STEP, confirm: Care::Quick }
}

fn entries<'a>(lab: &Lab<'a>, incident: &str) -> Option<&'a [Entry]> {
    let known = lab.design.incidents.iter().find(|other| other.name == incident)?;
    Some(&known.entries)
}

/// How many times as long as in the file the longest of its faults may get.
fn longest(entries: &[Entry]) -> f64 {
    let lasts = entries.iter().filter_map(|entry| lasts(entry, 1.0)).fold(0.0, f64::max);
    if lasts > 0.0 { (LONGEST / lasts).clamp(1.0, WIDEST) } else { 1.0 }
}

fn is_endless(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| lasts(entry, 1.0).is_none())
}

fn lasts(entry: &Entry, length: f64) -> Option<f64> {
    let lasts = match entry.fault {
        Fault::Restart { takes } => Some(takes),
        _ => entry.lasts,
    };
    lasts.map(|lasts| lasts.as_secs_f64() * length)
}

fn trigger(
    incident: &str,
    entries: &[Entry],
    breaks: (f64, f64),
    holds: Option<(f64, f64)>,
) -> Trigger {
    // The fault that stands for the incident: the first that has a size.
    let chief = entries.iter().find(|entry| size(&entry.fault).is_some()).or(entries.first());
    let sized = |by| chief.and_then(|entry| size(&super::scale::sized(&entry.fault, by)));
    let long = |by| chief.and_then(|entry| lasts(entry, by));
    let has_size = most_size(entries).is_some();
    Trigger {
        incident: incident.to_owned(),
        kind: chief.map_or("", |entry| entry.fault.kind()),
        size: sized(breaks.0).map(|(size, _)| size),
        unit: sized(1.0).map(|(_, unit)| unit),
        lasts_s: long(breaks.1),
        scale: if has_size { breaks.0 } else { breaks.1 },
        holds_size: holds.filter(|_| has_size).and_then(|(by, _)| Some(sized(by)?.0)),
        holds_lasts_s: holds.filter(|_| !has_size).and_then(|(_, by)| long(by)),
    }
}

fn in_vain(entries: &[Entry], (by, length): (f64, f64)) -> String {
    let chief = entries.iter().find(|entry| size(&entry.fault).is_some()).or(entries.first());
    let Some(chief) = chief else { return String::new() };
    let long = lasts(chief, length)
        .map_or(String::new(), |lasts| format!(" for {} s", super::text::number(lasts)));
    match size(&super::scale::sized(&chief.fault, by)) {
        Some((size, unit)) => {
            let size = super::text::number(size);
            format!("`{}` of up to {size} ({unit}){long} does not break it", chief.fault.kind())
        }
        None => format!("`{}`{long} does not break it, nor does a shorter one", chief.fault.kind()),
    }
}
