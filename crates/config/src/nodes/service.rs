//! Services: where they really are, how they behave, and whom they ask.

use base::CallId;

use super::{COMMON, Place, Reading, model};
use crate::codes::WRONG_TYPE;
use crate::design::{NodeKind, Service};
use crate::read::Value;
use crate::report::Report;

const KEYS: &[&str] = &["endpoints", "model", "steps", "schema"];

pub(super) fn read(node: &Reading<'_, '_>, report: &mut Report) -> (NodeKind, Place) {
    let table = &node.table;
    table.allow(&[COMMON, KEYS], report);
    let place = Place::read(node, None, report);
    let service = Service {
        endpoints: place.endpoints.clone(),
        model: model::read(node, report),
        steps: steps(node, report),
        schema: table.get("schema").and_then(|value| value.text(report)).map(str::to_owned),
    };
    (NodeKind::Service(service), place)
}

/// One after the other; those of an inner list at once.
fn steps(node: &Reading<'_, '_>, report: &mut Report) -> Vec<Vec<CallId>> {
    let Some(value) = node.table.get("steps") else {
        return Vec::new();
    };
    let elements = value.list(report).unwrap_or_default();
    elements.iter().map(|element| step(node, element, report)).collect()
}

fn step(node: &Reading<'_, '_>, value: &Value<'_>, report: &mut Report) -> Vec<CallId> {
    let at_once = match value.as_text() {
        Some(_) => vec![*value],
        None => value.list(report).unwrap_or_default(),
    };
    let asked = |one: &Value<'_>| {
        if one.is_list() {
            report.push(
                one.wrong(&WRONG_TYPE, "has a list in a list in a list")
                    .because("steps follow each other, and those of an inner list are made at once")
                    .instead("name the nodes in the inner list: `steps = [[\"a\", \"b\"], \"c\"]`"),
            );
            return None;
        }
        node.index.call(node.id, one, report)
    };
    at_once.iter().filter_map(asked).collect()
}
