//! `/design`: the effective values of every call, each with where it comes from.

use config::LineIndex;
use config::design::{Answer, Design, Source};
use serde_json::{Value, json};

use crate::options::DesignFile;
use crate::plan::{CallPlan, Plan};

/// The design as this instance understands it, as JSON.
pub(crate) fn describe(design: &Design, plan: &Plan, file: Option<&DesignFile>) -> String {
    let lines = file.map(|file| LineIndex::new(&file.text));
    let listeners = plan.listeners.iter().map(|listener| listener.address.to_string());
    let calls = plan.calls.iter().map(|call| describe_call(design, call, lines.as_ref()));
    let value = json!({
        "file": file.map(|file| &file.name),
        "node": plan.node,
        "listeners": listeners.collect::<Vec<_>>(),
        "calls": calls.collect::<Vec<_>>(),
    });
    format!("{value:#}\n")
}

fn describe_call(design: &Design, plan: &CallPlan, lines: Option<&LineIndex>) -> Value {
    let answers = &design.call(plan.in_design).answers;
    let values = answers.values.iter().map(|answer| describe_answer(answer, lines));
    let endpoints = plan.endpoints.iter().map(|endpoint| endpoint.name.as_str());
    json!({
        "call": plan.name,
        "endpoints": endpoints.collect::<Vec<_>>(),
        "values": values.collect::<Vec<_>>(),
    })
}

fn describe_answer(answer: &Answer, lines: Option<&LineIndex>) -> Value {
    let (key, value) = (answer.key, &answer.value);
    match answer.source {
        Source::File(span) => {
            let line = lines.map(|lines| lines.line_of(span));
            json!({ "key": key, "value": value, "from": "file", "line": line })
        }
        Source::Default(code) => {
            json!({ "key": key, "value": value, "from": "default", "default": code })
        }
        Source::Missing => json!({ "key": key, "value": value, "from": "missing" }),
    }
}
