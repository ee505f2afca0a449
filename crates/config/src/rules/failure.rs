//! Question three: what if it fails? `on_failure`, and `cancel`: whether work stops when the asker
//! gave up.

use super::Reading;
use crate::codes::UNKNOWN_WORD;
use crate::defaults;
use crate::design::OnFailure;
use crate::read::{Table, Value};
use crate::span::{Span, Traced};

const WORDS: [(&str, Plain); 3] =
    [("error", Plain::Error), ("omit", Plain::Omit), ("reset", Plain::Reset)];

/// What may stand instead of a word, as it is written.
const TABLES: [&str; 2] = ["{ stale = … }", "{ fallback = … }"];

#[derive(Clone, Copy)]
enum Plain {
    Error,
    Omit,
    Reset,
}

pub(super) fn read(call: &mut Reading<'_, '_>) -> Traced<OnFailure> {
    let Some(value) = call.get("on_failure") else {
        call.missing("on_failure");
        return Traced { value: OnFailure::Missing, span: Span::default() };
    };
    let what = match value.as_table() {
        Some(table) => instead(call, &value, &table),
        None => plain(call, &value),
    };
    Traced { value: what.unwrap_or(OnFailure::Error), span: value.span }
}

fn plain(call: &mut Reading<'_, '_>, value: &Value<'_>) -> Option<OnFailure> {
    let Some(word) = value.as_text() else {
        return value.mistyped("a word or a table", "\"error\"", call.report);
    };
    let Some(&(_, plain)) = WORDS.iter().find(|(name, _)| *name == word) else {
        let words = WORDS.iter().map(|(name, _)| *name);
        value.unknown_word(word, words.chain(TABLES), call.report);
        return None;
    };
    call.say("on_failure", word, value.span);
    Some(match plain {
        Plain::Error => OnFailure::Error,
        Plain::Omit => OnFailure::Omit,
        Plain::Reset => OnFailure::Reset,
    })
}

/// `{ stale = "10m" }` or `{ fallback = "other" }`.
fn instead(call: &mut Reading<'_, '_>, value: &Value<'_>, table: &Table<'_>) -> Option<OnFailure> {
    table.allow(&[&["stale", "fallback"]], call.report);
    match (table.get("stale"), table.get("fallback")) {
        (Some(stale), None) => {
            let age = stale.some_time(call.report)?;
            call.say("on_failure", format!("stale up to {age}"), value.span);
            Some(OnFailure::Stale(age))
        }
        (None, Some(fallback)) => {
            let other = call.index.call(call.from, &fallback, call.report)?;
            let node = call.index.calls[other.index()].to;
            call.say("on_failure", format!("fallback to {}", call.index.name(node)), value.span);
            Some(OnFailure::Fallback(node))
        }
        (Some(_), Some(_)) | (None, None) => {
            call.report.push(
                value
                    .wrong(&UNKNOWN_WORD, "must say exactly one thing to do instead")
                    .because("when the call fails there is one answer to give")
                    .instead("write { stale = \"10m\" } or { fallback = \"NODE\" }"),
            );
            None
        }
    }
}

pub(super) fn cancel(call: &mut Reading<'_, '_>) -> bool {
    let Some(value) = call.get("cancel") else {
        return call.default("cancel", &defaults::CANCEL);
    };
    call.said(&value, "cancel", Value::flag).unwrap_or(defaults::CANCEL.value)
}
