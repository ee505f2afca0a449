//! `report.html`: one page that needs nothing else.

use std::collections::BTreeMap;

use base::CallId;
use serde_json::{Value, json};

use super::traces::{end_of, note, place, title, trace_id, why};
use super::{Told, instance_name};
use crate::world::tap::examples::{Chosen, Doing, End, Note};

/// The whole page. What it shows stands in it as JSON, and its script draws it.
pub(super) fn page(told: &Told<'_>, timeline: &Value) -> String {
    let data = json!({
        "name": told.name,
        "report": told.report,
        "timeline": timeline,
        "calls": in_words(told),
        "examples": told.examples.iter().map(|chosen| example(told, chosen)).collect::<Vec<_>>(),
    });
    // Nothing in it can end the script element.
    let data = data.to_string().replace('<', "\\u003c");
    TEMPLATE
        .replace("/*STYLE*/", STYLE)
        .replace("/*SCRIPT*/", SCRIPT)
        .replace("<!--NAME-->", &escaped(told.name))
        .replacen("\"DATA\"", &data, 1)
}

/// The calls as people read them, by their names in the timeline.
fn in_words(told: &Told<'_>) -> BTreeMap<String, String> {
    let design = told.plan.design;
    let calls = (0..design.calls.len()).map(CallId::from_index);
    calls.map(|call| (design.call_name(call), design.call_in_words(call))).collect()
}

fn example(told: &Told<'_>, chosen: &Chosen) -> Value {
    let trace = &chosen.trace;
    let kind = told.plan.requests.kinds.get(usize::from(trace.kind));
    let ms = |at: base::Instant| at.since(trace.arrived).as_millis_f64();
    let span = |span: &crate::world::tap::examples::Span| {
        json!({
            "parent": span.parent,
            "what": match span.doing {
                Doing::Request { .. } => "request",
                Doing::Attempt { .. } => "try",
                Doing::Work { .. } => "work",
            },
            "title": title(told, span),
            "at": instance_name(told.plan, place(span) as usize),
            "begin": ms(span.began),
            "end": ms(end_of(told, span)),
            "open": span.ended.is_none(),
            "result": match span.end {
                None => "still under way".to_owned(),
                Some(End::Answered(status)) => status.to_string(),
                Some(End::Failed(cause)) => cause.name().to_owned(),
                Some(End::Left) => "stopped".to_owned(),
            },
            "failed": matches!(span.end, Some(End::Failed(_)))
                || matches!(span.end, Some(End::Answered(status)) if status >= 500),
            "began": span.notes.iter().find(|(_, note)| *note == Note::WorkBegan).map(|(at, _)| ms(*at)),
            "nobody": span.notes.iter().find(|(_, note)| *note == Note::NobodyWaits).map(|(at, _)| ms(*at)),
            "repairs": span.notes.iter().filter(|(_, note)| matches!(note, Note::Repaired(..))).map(|(at, _)| ms(*at)).collect::<Vec<_>>(),
            "notes": span.notes.iter().map(|(at, what)| json!([ms(*at), note(what)])).collect::<Vec<_>>(),
        })
    };
    json!({
        "id": trace_id(trace),
        "period": chosen.period,
        "why": why(chosen.why),
        "arrived_s": trace.arrived.as_secs_f64(),
        "took": trace.ended.map(|(at, _)| ms(at)),
        "method": kind.map(|kind| &kind.method),
        "path": kind.map(|kind| &kind.path),
        "left_out": trace.left_out,
        "spans": trace.spans.iter().map(span).collect::<Vec<_>>(),
    })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const TEMPLATE: &str = include_str!("html/report.html");
const STYLE: &str = include_str!("html/report.css");
const SCRIPT: &str = include_str!("html/report.js");
