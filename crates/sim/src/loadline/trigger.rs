//! The smallest trigger that breaks a design at today's traffic: how large, and how long.
//!
//! A larger fault needs less time, so there is not one smallest trigger but a line of them. For a
//! few lengths the smallest size is looked for, and for the size of the file the shortest length.
//! What happens before the fault is the same for all of them, so it is played once for each seed.

use std::iter;
use std::sync::OnceLock;

use base::{Duration, Instant};
use config::Design;
use config::design::Entry;

use super::lab::{Criterion, Lab, Length};
use super::panel::{Panel, Question};
use super::report::{Trigger, Varied};
use super::scale::{Extent, WIDEST, lasts, most_size, size, sized, with_traffic, with_trigger};
use super::search::{Found, Scale, search};
use super::text;
use super::wald::{Care, MOST_RUNS};
use crate::Fidelity;
use crate::plan::Plan;
use crate::world::World;

/// Lengths for which a size is looked for, in times of the file's.
const LENGTHS: [f64; 5] = [0.25, 0.5, 1.0, 2.0, 4.0];
/// Sizes and lengths are told apart by one part in twenty.
const STEP: f64 = 1.05;
/// No fault is made longer than this, unless the file does.
const LONGEST: Duration = Duration::from_secs(600);

/// An incident at today's traffic, and its runs as they stand when it begins.
struct Range<'a> {
    lab: &'a Lab<'a>,
    /// Today's.
    design: &'a Design,
    incident: &'a str,
    /// For who watches.
    name: &'a str,
    entries: &'a [Entry],
    /// How many times as long as in the file its faults may get.
    longest: f64,
    snapshots: Vec<OnceLock<World<'a>>>,
    plan: &'a Plan<'a>,
    /// What goes on from a copy is played as the beginning was.
    fidelity: Fidelity,
}

/// What one search has come to.
#[derive(Clone, Copy, Debug)]
struct Searched {
    found: Found,
    /// Nothing was asked for in any run while recovery was judged.
    is_empty: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Triggers {
    /// The smallest that break it: by length, then the shortest of the file's size.
    pub(super) smallest: Vec<Trigger>,
    /// What was tried in vain, and what could not be told, as sentences.
    pub(super) in_vain: Vec<String>,
    /// What could not be varied, and why, as sentences.
    pub(super) not_scaled: Vec<String>,
}

/// Looks for the smallest triggers of an incident. Who watches reads the `name`.
pub(super) fn find(lab: &Lab<'_>, incident: &str, name: &str) -> Triggers {
    let known = lab.design.incidents.iter().find(|other| other.name == incident);
    let Some(entries) = known.map(|known| known.entries.as_slice()) else {
        return Triggers::default();
    };
    // The longest decides how long the run lasts from which the others are copied.
    let longest = longest(entries);
    let extent = Extent { size: 1.0, length: Some(longest) };
    let farthest = with_trigger(lab.design, incident, extent);
    let plan = match lab.plan(&farthest, Some(incident)) {
        Ok(plan) => plan,
        Err(refusals) => return Triggers::refused(refusals.into_iter().map(|one| one.problem)),
    };
    // A recording has to reach as far.
    let design = with_traffic(lab.design, 1.0, plan.times.end.since(Instant::ZERO));
    let farthest = with_trigger(&design, incident, extent);
    let fidelity = fidelity(lab, &design, incident, entries);
    let plan = match lab.plan_in(fidelity, &farthest, Some(incident)) {
        Ok(plan) => plan,
        Err(refusals) => return Triggers::refused(refusals.into_iter().map(|one| one.problem)),
    };
    let snapshots = (0..MOST_RUNS).map(|_| OnceLock::new()).collect();
    let plan = &plan;
    let range =
        Range { lab, design: &design, incident, name, entries, longest, snapshots, plan, fidelity };
    let mut triggers = Triggers { not_scaled: not_scaled(entries), ..Triggers::default() };
    if let Some(most) = most_size_of(entries) {
        range.sizes(most, &mut triggers);
    }
    range.lengths(&mut triggers);
    triggers
}

/// Packets, if the largest trigger needs them.
fn fidelity(lab: &Lab<'_>, design: &Design, incident: &str, entries: &[Entry]) -> Fidelity {
    if lab.wanted.fidelity != Fidelity::Auto {
        return lab.wanted.fidelity;
    }
    let needs = |size| {
        let sized = with_trigger(design, incident, Extent { size, length: None });
        lab.plan(&sized, Some(incident)).is_ok_and(|plan| plan.network.has_packets)
    };
    let sizes = iter::once(1.0).chain(most_size_of(entries));
    if sizes.into_iter().any(needs) { Fidelity::Packet } else { Fidelity::Message }
}

impl Range<'_> {
    fn sizes(&self, most: f64, triggers: &mut Triggers) {
        let mut start = 1.0;
        for length in self.lengths_of_sizes() {
            let extent = |size| Extent { size, length };
            let searched = self.search(Scale { most, start, ..SCALE }, extent);
            if self.lab.is_stopped() {
                return;
            }
            start = searched.found.breaks.unwrap_or(start);
            triggers.add(self, Varied::Size, searched, extent, most);
        }
    }

    /// Those that lie between; a fault without an end keeps none.
    fn lengths_of_sizes(&self) -> Vec<Option<f64>> {
        if self.entries.iter().any(|entry| lasts(entry, None).is_none()) {
            return vec![None];
        }
        LENGTHS.into_iter().filter(|&length| length <= self.longest).map(Some).collect()
    }

    fn lengths(&self, triggers: &mut Triggers) {
        let extent = |length| Extent { size: 1.0, length: Some(length) };
        let scale = Scale { most: self.longest, start: 1.0, leaps: true, ..SCALE };
        let searched = self.search(scale, extent);
        if !self.lab.is_stopped() {
            triggers.add(self, Varied::Length, searched, extent, self.longest);
        }
    }

    fn search(&self, scale: Scale, extent: impl Fn(f64) -> Extent) -> Searched {
        let mut panel = Panel::default();
        let found = search(scale, |at, care| {
            let extent = extent(at);
            let design = with_trigger(self.design, self.incident, extent);
            let Ok(plan) = self.lab.plan_in(self.fidelity, &design, Some(self.incident)) else {
                return Some(panel.too_much(at));
            };
            let stage = format!("{}, {}", self.name, self.told(extent));
            let criterion = Criterion::Requests;
            let question = Question { at, care, criterion, stage: &stage };
            panel.ask(self.lab, &question, |seed, stop| Some(self.before(seed, stop)?.fork(&plan)))
        });
        Searched { found, is_empty: panel.shows_nothing() }
    }

    /// The run of a seed as it stands when the incident begins; nothing if it has to stop.
    fn before(&self, seed: u32, stop: &dyn Fn() -> bool) -> Option<&World<'_>> {
        let snapshot = self.snapshots.get(seed as usize)?;
        if snapshot.get().is_none() {
            let begins = self.plan.times.fault_begins.unwrap_or(Instant::ZERO);
            let world = self.lab.begin(self.plan, seed, Length::Early).play_until(begins, stop)?;
            // No two threads have the same seed.
            drop(snapshot.set(world));
        }
        snapshot.get()
    }

    /// A trigger in a few words.
    fn told(&self, extent: Extent) -> String {
        let Some(chief) = chief(self.entries) else { return String::new() };
        let size = size(&sized(&chief.fault, extent.size));
        let size =
            size.map_or(String::new(), |(size, unit)| format!(" {}", text::sized(size, unit)));
        let length = lasts(chief, extent.length);
        let length = length
            .map_or(String::new(), |lasts| format!(" for {} s", text::number(lasts.as_secs_f64())));
        format!("{}{size}{length}", chief.fault.kind())
    }
}

impl Triggers {
    fn refused(why: impl Iterator<Item = String>) -> Self {
        let not_scaled = why.map(|why| format!("no trigger was looked for: {why}")).collect();
        Self { not_scaled, ..Self::default() }
    }

    fn add(
        &mut self,
        range: &Range<'_>,
        varied: Varied,
        Searched { found, is_empty }: Searched,
        extent: impl Fn(f64) -> Extent,
        most: f64,
    ) {
        match found.breaks {
            Some(breaks) => {
                let holds = found.holds.map(&extent);
                self.smallest.extend(trigger(range, varied, (breaks, extent(breaks)), holds));
            }
            None => {
                let smaller = match varied {
                    Varied::Size => "smaller",
                    Varied::Length => "shorter",
                };
                let told = range.told(extent(most));
                self.in_vain.push(match found.holds {
                    Some(holds) if holds >= most => {
                        format!("{told} does not break it, nor does a {smaller} one")
                    }
                    _ if is_empty => format!("whether {told} breaks it is not known: {EMPTY}"),
                    _ => format!("whether {told} breaks it stayed in doubt"),
                });
            }
        }
    }
}

/// Why nothing is known.
const EMPTY: &str = "nothing was asked for while recovery was judged";

const SCALE: Scale = Scale {
    least: 1.0 / WIDEST,
    most: 1.0,
    start: 1.0,
    step: STEP,
    confirm: Care::Quick,
    leaps: false,
    near: None,
};

/// How many times as long as in the file the longest of its faults may get.
fn longest(entries: &[Entry]) -> f64 {
    let lasts = entries.iter().filter_map(|entry| lasts(entry, Some(1.0)));
    let longest = lasts.max().unwrap_or(LONGEST).as_secs_f64();
    (LONGEST.as_secs_f64() / longest).clamp(1.0, WIDEST)
}

/// How often the size of an incident may be doubled and halved: nothing if none of its faults has
/// any. Of several faults, those without a size stay as they are.
fn most_size_of(entries: &[Entry]) -> Option<f64> {
    entries.iter().filter_map(|entry| most_size(&entry.fault).ok()).reduce(f64::min)
}

fn not_scaled(entries: &[Entry]) -> Vec<String> {
    let sizes = entries.iter().filter_map(|entry| {
        let why = most_size(&entry.fault).err()?;
        Some(format!("`{}` {why}", entry.fault.kind()))
    });
    let endless = entries.iter().filter(|entry| lasts(entry, None).is_none()).map(|entry| {
        let kind = entry.fault.kind();
        format!("`{kind}` lasts to the end in the file: lengths are tried of one that ends")
    });
    let mut told: Vec<String> = sizes.chain(endless).collect();
    told.dedup();
    told
}

/// The fault that stands for an incident: the first that has a size.
fn chief(entries: &[Entry]) -> Option<&Entry> {
    entries.iter().find(|entry| most_size(&entry.fault).is_ok()).or(entries.first())
}

fn trigger(
    range: &Range<'_>,
    varied: Varied,
    (scale, breaks): (f64, Extent),
    holds: Option<Extent>,
) -> Option<Trigger> {
    let chief = chief(range.entries)?;
    let sized = |by| size(&sized(&chief.fault, by));
    let long = |extent: Extent| Some(lasts(chief, extent.length)?.as_secs_f64());
    let of = |wanted| holds.filter(|_| varied == wanted);
    Some(Trigger {
        incident: range.incident.to_owned(),
        kind: chief.fault.kind(),
        varied,
        size: sized(breaks.size).map(|(size, _)| size),
        unit: sized(1.0).map(|(_, unit)| unit),
        lasts_s: long(breaks),
        scale,
        holds_size: of(Varied::Size).and_then(|holds| Some(sized(holds.size)?.0)),
        holds_lasts_s: of(Varied::Length).and_then(long),
    })
}
