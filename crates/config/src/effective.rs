//! What holds in the end: every value of every call, with the line of the file or the default
//! that it came from.

use base::CallId;
use serde::Serialize;

use crate::defaults;
use crate::design::{Answer, Design, Source};
use crate::span::LineIndex;

/// All values of one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EffectiveCall {
    /// `FROM.TO`, with the name of an `only` table if it is one.
    pub call: String,
    /// The line of its table.
    pub line: usize,
    /// Its values, question by question.
    pub values: Vec<EffectiveValue>,
}

/// One value and where it came from: a line or a default; neither, if nobody said anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EffectiveValue {
    /// The key, dotted.
    pub key: &'static str,
    /// The value as a design file writes it.
    pub value: String,
    /// The line of the file, counted from one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The code of the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<&'static str>,
    /// Why the default is what it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
}

/// Every value of every call of a design; `text` is the file it was read from.
pub fn effective(design: &Design, text: &str) -> Vec<EffectiveCall> {
    let lines = LineIndex::new(text);
    let of_call = |(at, call): (usize, &crate::design::Call)| EffectiveCall {
        call: design.call_name(CallId::from_index(at)),
        line: lines.line_of(call.span),
        values: call.answers.values.iter().map(|answer| value(answer, &lines)).collect(),
    };
    design.calls.iter().enumerate().map(of_call).collect()
}

fn value(answer: &Answer, lines: &LineIndex) -> EffectiveValue {
    let (line, default) = match answer.source {
        Source::File(span) => (Some(lines.line_of(span)), None),
        Source::Default(code) => (None, Some(code)),
        Source::Missing => (None, None),
    };
    EffectiveValue {
        key: answer.key,
        value: answer.value.clone(),
        line,
        default,
        reason: default.and_then(defaults::by_code).map(|default| default.reason),
    }
}
