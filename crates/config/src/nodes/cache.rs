//! Caches: a node like any other; calls run to it and from it.

use base::{Bytes, Duration};

use super::{COMMON, Place, Reading};
use crate::defaults;
use crate::design::{Cache, NodeKind};
use crate::report::Report;

const KEYS: &[&str] = &["size", "fresh", "stale_if_error", "collapse"];

pub(super) fn read(node: &Reading<'_, '_>, report: &mut Report) -> (NodeKind, Place) {
    let table = &node.table;
    table.allow(&[COMMON, KEYS], report);
    let size = table.require("size", "\"256MiB\"", report).and_then(|value| value.bytes(report));
    let fresh = table.require("fresh", "\"30s\"", report).and_then(|v| v.duration(report));
    let collapse = match table.get("collapse") {
        Some(value) => value.flag(report).unwrap_or(true),
        None => report.assume(&defaults::COLLAPSE, None),
    };
    let cache = Cache {
        size: size.unwrap_or(Bytes(0)),
        fresh: fresh.unwrap_or(Duration::ZERO),
        stale_if_error: table.get("stale_if_error").and_then(|value| value.duration(report)),
        collapse,
    };
    (NodeKind::Cache(cache), Place::read(node, None, report))
}
