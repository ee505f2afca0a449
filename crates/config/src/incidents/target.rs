//! Whom a fault hits, and whether it can happen there.

use super::place::{self, Around, Place};
use crate::codes::{CONTRADICTION, UNKNOWN_NAME, WRONG_TARGET};
use crate::design::{Entry, Node, Part, Target};
use crate::index::Index;
use crate::names::{meant, one_of, shown};
use crate::read::{Table, Value};
use crate::report::Report;

/// A node, a region, or `a -> b`: a call by its ends, or the way between two regions.
pub(super) fn read(on: &Value<'_>, index: &Index<'_>, report: &mut Report) -> Option<Target> {
    let text = on.text(report)?;
    if let Some((from, to)) = text.split_once("->") {
        return way(on, from.trim(), to.trim(), index, report);
    }
    if let Some(node) = index.find_node(text) {
        return Some(Target::Node(node));
    }
    if let Some(region) = index.find_region(text) {
        return Some(Target::Region(region));
    }
    if !index.is_unread(text) {
        report.push(unknown(on, text, index));
    }
    None
}

fn way(
    on: &Value<'_>,
    from: &str,
    to: &str,
    index: &Index<'_>,
    report: &mut Report,
) -> Option<Target> {
    if let (Some(from), Some(to)) = (index.find_region(from), index.find_region(to)) {
        if from == to {
            report.push(within(on, &index.regions[from.index()].name));
            return None;
        }
        return Some(Target::Link(from, to));
    }
    let (Some(from_node), Some(to_node)) = (index.find_node(from), index.find_node(to)) else {
        let is_known =
            |name: &&str| index.find_node(name).is_some() || index.find_region(name).is_some();
        if [from, to].into_iter().any(|name| index.is_unread(name)) {
            return None;
        }
        let told = match [from, to].into_iter().find(|name| !is_known(name)) {
            Some(lost) => unknown(on, lost, index),
            None => UNKNOWN_NAME
                .at(
                    on.span,
                    format!("`{}` joins a node and a region", shown(&format!("{from} -> {to}"))),
                )
                .instead("name two nodes for a call, or two regions for the way between them"),
        };
        report.push(told);
        return None;
    };
    let found = index.find_call(from_node, to_node);
    if found.is_none() {
        let (from, to) = (index.name(from_node), index.name(to_node));
        let way_out = match index.find_call(to_node, from_node) {
            Some(_) => format!("did you mean \"{to} -> {from}\"?"),
            None => format!("write `[call.{from}.{to}]`, or name a call that there is"),
        };
        let message = format!("there is no call from `{from}` to `{to}`");
        report.push(UNKNOWN_NAME.at(on.span, message).instead(way_out));
    }
    found.map(Target::Call)
}

fn within(on: &Value<'_>, region: &str) -> crate::Diagnostic {
    WRONG_TARGET
        .at(on.span, format!("from `{region}` to itself there is no way between regions"))
        .instead(format!("write `on = \"{region}\"` for what happens within it"))
}

fn unknown(on: &Value<'_>, name: &str, index: &Index<'_>) -> crate::Diagnostic {
    let known = index.node_and_region_names();
    let way_out = match meant(name, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("name one of {}, or a call as \"a -> b\"", one_of(known)),
    };
    let message = format!("there is no node and no region `{}`", shown(name));
    UNKNOWN_NAME.at(on.span, message).instead(way_out)
}

/// Whether this fault can happen to this target, and to this share of it.
pub(super) fn check(
    entry: &Entry,
    table: &Table<'_>,
    index: &Index<'_>,
    nodes: &[Node],
    report: &mut Report,
) {
    if let Some(on) = table.get("on")
        && let Err(way_out) = place::fits(&entry.fault, Place::of(&entry.on, &around(index, nodes)))
    {
        let target = on.as_text().unwrap_or_default();
        let message = format!("\"{}\" cannot happen to `{}`", entry.fault.kind(), shown(target));
        report.push(WRONG_TARGET.at(on.span, message).instead(way_out));
    }
    if let Some(share) = table.get("share") {
        check_share(entry, &share, nodes, report);
    }
}

fn around<'a>(index: &'a Index<'_>, nodes: &'a [Node]) -> Around<'a> {
    let calls = index.calls.iter().map(|call| call.from).collect();
    Around { nodes, regions: index.regions.len(), callers: calls }
}

fn check_share(entry: &Entry, share: &Value<'_>, nodes: &[Node], report: &mut Report) {
    let Target::Node(node) = entry.on else {
        report.push(
            share
                .wrong(&WRONG_TARGET, "is for a node with several instances")
                .instead("leave `share` out, or name a node"),
        );
        return;
    };
    let node = &nodes[node.index()];
    let Part::Of(some, all) = entry.share else {
        return;
    };
    let count = node.instance_count();
    if all != count || some == 0 || some > all {
        let message = format!("is \"{some} of {all}\", and `{}` has {count} instances", node.name);
        report.push(
            share
                .wrong(&CONTRADICTION, message)
                .see(node.span, "counted here")
                .instead(format!("write \"1 of {count}\", or a share such as \"50%\"")),
        );
    }
}
