//! Whether the cause that is named is the right one.
//!
//! Designs of which everybody can work out what makes them fail: each `variants::Variant` leaves
//! one reason, and is played over a grid of parameters and faults. What is judged is what a reader
//! sees first: the trigger, and the first of what sustains the failure.

mod shop;
mod variants;

use std::collections::BTreeMap;

use sim::report::Role;
use sim::{Options, Report};

use self::variants::{Case, Truth};
use crate::interval::joint;
use crate::row::{Criterion, Row, Section, Unit};
use crate::{Effort, Interval, Missing, over_seeds};

/// Every variant, each with all its parameters.
///
/// # Errors
///
/// None: nothing else is needed.
pub fn section(effort: Effort) -> Result<Section, Missing> {
    let variants = variants::all(effort);
    let cases: Vec<(usize, &Case)> = variants
        .iter()
        .enumerate()
        .flat_map(|(at, variant)| variant.cases.iter().map(move |case| (at, case)))
        .collect();
    let named = over_seeds(cases.len() as u64, |number| {
        let number = usize::try_from(number).expect("there are not so many");
        Named::of(cases[number].1)
    });
    let judged: Vec<(usize, &Case, Named)> =
        cases.into_iter().zip(named).map(|((at, case), named)| (at, case, named)).collect();
    let level = joint(variants.len());
    let rows = variants.iter().enumerate().map(|(at, variant)| {
        let mine: Vec<_> = judged.iter().filter(|(of, ..)| *of == at).collect();
        let right = mine.iter().filter(|(_, case, named)| case.truth.is(named)).count();
        Row {
            what: format!("{} ({} designs): right", variant.name, mine.len()),
            expected: 1.0,
            source: variant.why,
            simulated: right as f64 / mine.len() as f64,
            interval: Interval::of_share(right as u64, mine.len() as u64, level),
            unit: Unit::Percent,
            criterion: Criterion::Within(0.0),
        }
    });
    let remarks = variants.iter().enumerate().map(|(at, variant)| {
        let mine = judged.iter().filter(|(of, ..)| *of == at);
        remark(variant.name, mine.map(|(_, case, named)| (*case, named)))
    });
    Ok(Section {
        name: "causes",
        title: "Whether the right cause is named",
        about: ABOUT.into(),
        rows: rows.collect(),
        remarks: vec![remarks.collect::<Vec<_>>().join("\n")],
    })
}

/// What a reader sees first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Named {
    recovered: bool,
    /// The faults that are named, as sentences.
    trigger: Option<String>,
    /// What sustains it by the word for programs, the first first.
    sustaining: Vec<&'static str>,
}

impl Named {
    fn of(case: &Case) -> Self {
        let options = Options {
            seeds: 3,
            causes: true,
            threads: Some(1),
            lasts: case.lasts,
            ..case.options()
        };
        let report = sim::run(&case.design(), &options)
            .unwrap_or_else(|refusals| panic!("{}: {refusals:?}", case.what));
        Self {
            recovered: report.recovered.probability >= Some(0.5),
            trigger: factors(&report, Role::Trigger).next().map(|cause| cause.factor.clone()),
            sustaining: factors(&report, Role::Sustaining).map(|cause| cause.kind).collect(),
        }
    }

    fn first(&self) -> &'static str {
        self.sustaining.first().copied().unwrap_or(NOTHING)
    }
}

/// Nothing is named.
const NOTHING: &str = "nothing";

fn factors(report: &Report, role: Role) -> impl Iterator<Item = &sim::report::Cause> {
    report.causes.iter().filter(move |cause| cause.role == role)
}

impl Truth {
    /// Whether what is named is what is true.
    fn is(&self, named: &Named) -> bool {
        named.recovered == self.recovers
            && named.trigger.as_deref() == self.trigger
            && self.first.contains(&named.first())
            && !named.sustaining.iter().any(|kind| self.never.contains(kind))
    }
}

/// What was named how often, and each design that was judged wrongly.
fn remark<'a>(name: &str, all: impl Iterator<Item = (&'a Case, &'a Named)>) -> String {
    let (mut counts, mut wrong) = (BTreeMap::new(), String::new());
    for (case, named) in all {
        let trigger = named.trigger.as_deref().unwrap_or(NOTHING);
        let kept_up = named.sustaining.iter().take(3).copied().collect::<Vec<_>>().join(", ");
        let kept_up = if kept_up.is_empty() { NOTHING.to_owned() } else { kept_up };
        *counts.entry((trigger.to_owned(), kept_up)).or_insert(0) += 1;
        if !case.truth.is(named) {
            wrong += &format!("\n  - **wrong**: {}: {named:?}", case.what);
        }
    }
    let told = counts
        .into_iter()
        .map(|((trigger, kept_up), times)| format!("{times} x {trigger} / {kept_up}"));
    format!("- *{name}*: {}{wrong}", told.collect::<Vec<_>>().join("; "))
}

const ABOUT: &str = "\
Designs of which everybody can work out what makes them fail, three seeds each, played with causes as `plimsoll sim` plays \
them. A client calls a service (or a front that calls it), which gets a fault; from variant to variant one thing is \
taken away or added, so that another reason is left. The parameters vary: workers, work, timeouts, attempts, traffic as a \
share of capacity, the kind of fault and its size. *Right* is a design whose recovery, whose trigger, and whose first \
sustaining cause are those of the construction, and of which nothing is named that cannot be.";
