//! Incidents: what goes wrong, where, when, for how long.

mod fault;
mod place;
mod target;

use base::Duration;

pub use self::place::can_happen;
use crate::codes::{BAD_NAME, OUT_OF_BOUNDS, WRONG_TYPE};
use crate::defaults;
use crate::design::{Entry, Incident, Node, Part};
use crate::index::Index;
use crate::names::{is_name, shown};
use crate::read::{Table, Value};
use crate::report::Report;

/// What every fault may say.
const COMMON: &[&str] = &["on", "share", "kind", "at", "ramp", "lasts"];

/// Reads every incident.
pub(crate) fn read(
    root: &Table<'_>,
    index: &Index<'_>,
    nodes: &[Node],
    report: &mut Report,
) -> Vec<Incident> {
    let Some(incidents) = root.get("incident").and_then(|value| value.table(report)) else {
        return Vec::new();
    };
    let entries = incidents.entries();
    entries.iter().map(|value| incident(value, index, nodes, report)).collect()
}

fn incident(value: &Value<'_>, index: &Index<'_>, nodes: &[Node], report: &mut Report) -> Incident {
    if !is_name(value.key) {
        let message = format!("`{}` cannot be a name", shown(value.key));
        let way_out = "use letters, digits, `-` and `_`";
        report.push(BAD_NAME.at(value.key_span, message).instead(way_out));
    }
    // One fault alone may be a table instead of a list of tables.
    let faults = match value.as_table() {
        Some(table) => vec![table],
        None if value.is_list() => {
            let elements = value.list(report).unwrap_or_default();
            elements.iter().filter_map(|element| element.table(report)).collect()
        }
        None => {
            let message = format!("must be a list of faults, not {}", value.type_with_article());
            let way_out =
                format!("write `[[incident.{}]]`, and the fault below it", shown(value.key));
            report.push(value.wrong(&WRONG_TYPE, message).instead(way_out));
            Vec::new()
        }
    };
    let entries = faults.iter().filter_map(|table| entry(table, index, nodes, report)).collect();
    Incident { name: shown(value.key), entries }
}

fn begin(at: &Value<'_>, report: &mut Report) -> Option<Duration> {
    if at.as_text().is_some_and(|text| text.trim_start().starts_with('-')) {
        report.push(
            at.wrong(&OUT_OF_BOUNDS, "cannot be before the beginning")
                .because("times of an incident are counted from the beginning of the run")
                .instead("write `at = \"30s\"`"),
        );
        return None;
    }
    at.duration(report)
}

fn entry(
    table: &Table<'_>,
    index: &Index<'_>,
    nodes: &[Node],
    report: &mut Report,
) -> Option<Entry> {
    let on = table.require("on", "\"NODE\"", report);
    let kind = table.require("kind", "\"slow\"", report);
    let at = table.require("at", "\"30s\"", report).and_then(|at| begin(&at, report));
    let on_value = on.as_ref();
    let target = on_value.and_then(|on| target::read(on, index, report));
    let fault = kind.as_ref().and_then(|kind| fault::read(table, kind, report));
    let share = share(table, report);
    let ramp = match table.get("ramp") {
        Some(ramp) => ramp.duration(report)?,
        None => report.assume(&defaults::RAMP, None),
    };
    let lasts = lasts(table, report);
    let entry = Entry {
        on: target?,
        share: share?,
        fault: fault?,
        at: at?,
        ramp,
        lasts: lasts?,
        span: table.span,
        values: table.entries().iter().map(|value| (value.key.to_owned(), value.span)).collect(),
    };
    target::check(&entry, table, index, nodes, report);
    Some(entry)
}

fn share(table: &Table<'_>, report: &mut Report) -> Option<Part> {
    table.get("share").map_or(Some(Part::Whole), |value| value.part(report))
}

fn lasts(table: &Table<'_>, report: &mut Report) -> Option<Option<Duration>> {
    match table.get("lasts") {
        None => Some(None),
        Some(value) => value.some_time(report).map(Some),
    }
}
