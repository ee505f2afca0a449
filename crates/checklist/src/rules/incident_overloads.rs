//! An incident of the file that leaves a node less than it needs.

use base::NodeId;
use config::design::{Entry, NodeKind, Part, Target};
use model::fault::Fault;

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
    let incidents = facts.design.incidents.iter();
    let entries = incidents.flat_map(|incident| {
        incident.entries.iter().map(move |entry| (incident.name.as_str(), entry))
    });
    for (incident, entry) in entries.take(MOST_ENTRIES) {
        let capacities = facts.capacities_while(|node| slowed(facts, entry, node));
        for ((node, _), capacity) in facts.nodes().zip(capacities) {
            let left = capacity.map(|all| all * left(facts, entry, node));
            check_one(facts, incident, entry, (node, left), notes);
        }
    }
}

fn check_one(
    facts: &Facts<'_>,
    incident: &str,
    entry: &Entry,
    (node, left): (NodeId, Option<f64>),
    notes: &mut Notes<'_>,
) {
    let (Some(traffic), Some(before), Some(left)) =
        (facts.node_traffic(node), facts.capacity(node), left)
    else {
        return;
    };
    let spiked = traffic * spike(facts, entry);
    if traffic < before && spiked >= left && left > 0.0 {
        notes.on_node_at(
            node,
            entry.span,
            format!("in incident `{incident}` it can do {left:.0}/s, and {spiked:.0}/s arrive"),
            "room for it, or limits and budgets that shed the rest early".to_owned(),
        );
    }
}

fn hits(entry: &Entry, node: NodeId) -> bool {
    entry.on == Target::Node(node)
}

/// Which part of a node the fault hits.
fn part(facts: &Facts<'_>, entry: &Entry, node: NodeId) -> f64 {
    let instances = f64::from(facts.instances(node));
    match entry.share {
        Part::Whole => 1.0,
        Part::Of(some, all) => f64::from(some) / f64::from(all.max(1)),
        Part::Share(share) => (share.as_f64() * instances).ceil() / instances,
    }
}

fn slowed(facts: &Facts<'_>, entry: &Entry, node: NodeId) -> f64 {
    match entry.fault {
        Fault::Slow { times } if hits(entry, node) => {
            let part = part(facts, entry, node);
            1.0 / (1.0 - part + part / times.max(f64::MIN_POSITIVE))
        }
        _ => 1.0,
    }
}

/// What is left of a node's instances.
fn left(facts: &Facts<'_>, entry: &Entry, node: NodeId) -> f64 {
    let gone = matches!(entry.fault, Fault::Crash | Fault::Hang | Fault::Restart { .. });
    if gone && hits(entry, node) { 1.0 - part(facts, entry, node) } else { 1.0 }
}

fn spike(facts: &Facts<'_>, entry: &Entry) -> f64 {
    match (&entry.fault, &entry.on) {
        (Fault::Spike { times }, Target::Node(node))
            if matches!(facts.design.node(*node).kind, NodeKind::Client(_)) =>
        {
            *times
        }
        _ => 1.0,
    }
}
