//! Where a key or a table stands already that the file opens again.

use toml::de::{DeTable, DeValue};

use crate::names::shown;
use crate::span::Span;

/// The first of two: of a table by its whole name, of a key the nearest one above it that is
/// written alike, which is the one in the same table.
pub(super) fn first(text: &str, root: &DeTable<'_>, again: Span) -> Option<Span> {
    let found = match header(text, again) {
        Some(header) => opened(text, header),
        None => above(root, text.get(again.start..again.end)?, again.start),
    };
    found.filter(|first| first.start < again.start)
}

/// `[call.lb.svc]`, or the key.
pub(super) fn what(text: &str, again: Span) -> String {
    match header(text, again) {
        Some(header) => format!("`[{}]`", shown(header)),
        None => format!("`{}`", shown(text.get(again.start..again.end).unwrap_or_default())),
    }
}

/// Where a table ends that is opened again; nothing if it is no table. All its keys are told with it.
pub(super) fn end_of_table(text: &str, again: Span) -> Option<usize> {
    header(text, again)?;
    let next = text[again.end..].find("\n[").map_or(text.len(), |next| again.end + next);
    Some(next)
}

/// What stands between the brackets of the line, if it opens a table.
fn header(text: &str, at: Span) -> Option<&str> {
    let start = text.get(..at.start)?.rfind('\n').map_or(0, |end| end + 1);
    let line = text[start..].lines().next()?.trim();
    line.strip_prefix('[')?.split(']').next()
}

/// The first line that opens a table of this name.
fn opened(text: &str, name: &str) -> Option<Span> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let at = Span { start, end: start + line.trim_end().len() };
        if header(text, at) == Some(name) {
            return Some(at);
        }
        start += line.len();
    }
    None
}

fn above(root: &DeTable<'_>, name: &str, end: usize) -> Option<Span> {
    let mut nearest: Option<Span> = None;
    let mut waiting = vec![root];
    while let Some(table) = waiting.pop() {
        for (key, value) in table {
            let span: Span = key.span().into();
            let is_it = key.get_ref() == name && span.start < end;
            if is_it && nearest.is_none_or(|known| known.start < span.start) {
                nearest = Some(span);
            }
            waiting.extend(tables_in(value.get_ref()));
        }
    }
    nearest
}

fn tables_in<'t>(value: &'t DeValue<'t>) -> Vec<&'t DeTable<'t>> {
    match value {
        DeValue::Table(table) => vec![table],
        DeValue::Array(array) => {
            array.iter().flat_map(|element| tables_in(element.get_ref())).collect()
        }
        _ => Vec::new(),
    }
}
