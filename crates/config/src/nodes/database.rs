//! Databases: a service that keeps what must not be lost, maybe with copies elsewhere.

use base::{Duration, RegionId};

use super::{COMMON, Place, Reading, model};
use crate::codes::CONTRADICTION;
use crate::defaults;
use crate::design::{Database, NodeKind};
use crate::read::Table;
use crate::report::Report;

const KEYS: &[&str] =
    &["endpoints", "model", "connections", "primary", "replicas", "reads", "writes"];

pub(super) fn read(node: &Reading<'_, '_>, report: &mut Report) -> (NodeKind, Place) {
    let table = &node.table;
    table.allow(&[COMMON, KEYS], report);
    let primary = table
        .get("primary")
        .and_then(|value| node.index.region(value.text(report)?, value.span, report));
    let replicas = replicas(node, primary, report);
    let mut place = Place::read(node, primary, report);
    if place.endpoints.is_empty() && !table.has("instances") {
        let copies = replicas.iter().map(|&(region, _)| (region, 1));
        place.instances.extend(copies);
    }
    let connections = table.get("connections").and_then(|v| v.count(1, 1_000_000, report));
    let database = Database {
        endpoints: place.endpoints.clone(),
        model: model::read(node, report),
        connections,
        primary,
        replicas,
        reads_own_region: reads_own_region(table, report),
    };
    (NodeKind::Database(database), place)
}

fn reads_own_region(table: &Table<'_>, report: &mut Report) -> bool {
    if let Some(writes) = table.get("writes") {
        writes.word(&[("primary", ())], report);
    }
    match table.get("reads") {
        Some(reads) => {
            reads.word(&[("own-region", true), ("primary", false)], report).unwrap_or(false)
        }
        None => {
            report.assume(&defaults::READS, None);
            false
        }
    }
}

/// Copies in other regions, and how far they are behind.
fn replicas(
    node: &Reading<'_, '_>,
    primary: Option<RegionId>,
    report: &mut Report,
) -> Vec<(RegionId, (Duration, Duration))> {
    let Some(replicas) = node.table.get("replicas").and_then(|value| value.table(report)) else {
        return Vec::new();
    };
    if !node.table.has("primary") {
        node.table.require("primary", &format!("\"{}\"", node.index.regions[0].name), report);
    }
    let mut copies = Vec::new();
    for entry in replicas.entries() {
        let region = node.index.region(entry.key, entry.key_span, report);
        if region.is_some() && region == primary {
            report.push(
                entry
                    .wrong(&CONTRADICTION, "is the region of the primary itself")
                    .instead("name another region, or leave the replica out"),
            );
        }
        let lag = entry.table(report).and_then(|replica| lag(&replica, report));
        copies.extend(region.zip(lag));
    }
    copies
}

fn lag(replica: &Table<'_>, report: &mut Report) -> Option<(Duration, Duration)> {
    replica.allow(&[&["lag"]], report);
    let lag = replica.require("lag", "{ median = \"80ms\", p99 = \"2s\" }", report)?;
    model::spread(&lag, report)
}
