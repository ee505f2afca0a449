//! An incident of the file that leaves a node less than it needs.

use std::collections::BTreeMap;

use base::NodeId;
use config::design::{Entry, Target};

use crate::amounts::per_second;
use crate::facts::{Left, Places, Trouble};
use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "C03",
    title: "an incident leaves a node less than it needs",
    trap: None,
    severity: Severity::Warning,
    reason: "While this incident lasts, more arrives than can be done. Somebody has to be told \
        no, and it is better to have decided who. What the rules make of it, and whether it ends \
        when the incident does, `plimsoll sim` shows.",
    check,
    failing: include_str!("../../fixtures/C03-fail.toml"),
    passing: include_str!("../../fixtures/C03-pass.toml"),
};

/// More faults than this in one file are not somebody's incidents.
const MOST_ENTRIES: usize = 256;

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    let places = Places::of(facts.design);
    let mut room = MOST_ENTRIES;
    for incident in &facts.design.incidents {
        let entries = &incident.entries[..incident.entries.len().min(room)];
        room -= entries.len();
        let moments = Trouble::moments(&places, entries);
        let mut worst: BTreeMap<NodeId, Shortage<'_>> = BTreeMap::new();
        for trouble in &moments {
            for shortage in shortages(facts, trouble) {
                let known = worst.entry(shortage.node).or_insert(shortage);
                if shortage.excess() > known.excess() {
                    *known = shortage;
                }
            }
        }
        worst.values().for_each(|shortage| shortage.note(&incident.name, notes));
    }
}

/// A node that has less than it needs.
#[derive(Clone, Copy)]
struct Shortage<'a> {
    node: NodeId,
    /// Requests per second that arrive, and that can be done.
    arrives: f64,
    left: f64,
    /// How many faults are there, and the one that came last.
    faults: usize,
    last: &'a Entry,
}

/// Only nodes that have enough on an ordinary day: C01 tells of the others. Of one that is wholly
/// gone everybody knows that it cannot do anything.
fn shortages<'a>(facts: &Facts<'_>, trouble: &Trouble<'a>) -> Vec<Shortage<'a>> {
    let Some(last) = trouble.entries.iter().copied().max_by_key(|entry| entry.at) else {
        return Vec::new();
    };
    let capacities = facts.capacities_while(|node| trouble.left(node).slower);
    let paces: Vec<f64> = facts.nodes().map(|(node, _)| trouble.pace(node)).collect();
    let shortage = |((node, _), capacity): ((NodeId, _), Option<f64>)| {
        let (usual, before) = (facts.node_traffic(node)?, facts.capacity_as_asked(node)?);
        let Left { working, .. } = trouble.left(node);
        // Who is gone may be replaced from elsewhere; while all are there, each region has its own.
        let reach = if working < 1.0 { 1.0 } else { facts.reach(node) };
        let left = capacity? * working * reach;
        let arrives = arrives(facts, &paces, node);
        let here = trouble.entries.iter().copied().filter(|entry| entry.on == Target::Node(node));
        let last = here.max_by_key(|entry| entry.at).unwrap_or(last);
        let faults = trouble.entries.len();
        (usual < before && arrives >= left && left > 0.0).then_some(Shortage {
            node,
            arrives,
            left,
            faults,
            last,
        })
    };
    facts.nodes().zip(capacities).filter_map(shortage).collect()
}

fn arrives(facts: &Facts<'_>, paces: &[f64], node: NodeId) -> f64 {
    let arrivals = facts.calls_to(node).flat_map(|(call, _)| facts.arrivals(call));
    arrivals.map(|arrival| arrival.per_sec * paces[arrival.client.index()]).sum()
}

impl Shortage<'_> {
    fn excess(&self) -> f64 {
        self.arrives / self.left
    }

    fn note(&self, incident: &str, notes: &mut Notes<'_>) {
        let Self { node, arrives, left, faults, last } = self;
        let together = match faults {
            1 => String::new(),
            _ => format!(", {faults} faults together from {} on,", last.at),
        };
        notes.on_node_at(
            *node,
            last.span,
            format!(
                "in incident `{incident}`{together} it can do {}, and {} arrive",
                per_second(*left),
                per_second(*arrives)
            ),
            "room for it, or limits and budgets that shed the rest early".to_owned(),
        );
    }
}
