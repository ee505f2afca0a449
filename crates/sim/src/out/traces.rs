//! `traces.json`: example requests as OpenTelemetry spans, in OTLP's JSON.
//!
//! A request as its caller sees it is an internal span; each of its tries is a client's, and what
//! an instance does for a try is a server's. Work that goes on when nobody waits is seen to outlast
//! its parent.

use std::collections::{BTreeMap, BTreeSet};

use base::Instant;
use event::l4;
use event::policy::Event as Decision;
use serde_json::{Value, json};

use super::{Told, since_epoch};
use crate::stats::mix;
use crate::world::tap::examples::{Chosen, Doing, End, Note, Span, Trace, Why};
use crate::world::tap::packets::Side;

/// The whole file.
pub(super) fn value(told: &Told<'_>) -> Value {
    let mut spans: BTreeMap<u32, Vec<Value>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for chosen in told.examples.iter().filter(|chosen| seen.insert(chosen.trace.id)) {
        for at in 0..chosen.trace.spans.len() {
            let place = place(&chosen.trace.spans[at]);
            spans.entry(place).or_default().push(span(told, chosen, at));
        }
    }
    let resource = |(place, spans): (u32, Vec<Value>)| {
        let instance = told.plan.instances.get(place as usize);
        let node = instance.map_or("", |instance| &told.plan.design.node(instance.node).name);
        json!({
            "resource": { "attributes": [
                text("service.name", node),
                text("service.instance.id", &super::instance_name(told.plan, place as usize)),
            ]},
            "scopeSpans": [{
                "scope": { "name": "plimsoll", "version": env!("CARGO_PKG_VERSION") },
                "spans": spans,
            }],
        })
    };
    json!({ "resourceSpans": spans.into_iter().map(resource).collect::<Vec<_>>() })
}

/// The identity of a trace, 16 bytes in hexadecimal.
pub(super) fn trace_id(trace: &Trace) -> String {
    format!("{:016x}{:016x}", mix(trace.id), trace.id.max(1))
}

/// The instance that does it.
pub(super) const fn place(span: &Span) -> u32 {
    match span.doing {
        Doing::Request { from, .. } | Doing::Attempt { from, .. } => from,
        Doing::Work { at } => at,
    }
}

/// What a span is called.
pub(super) fn title(told: &Told<'_>, span: &Span) -> String {
    let design = told.plan.design;
    let node = |instance: u32| super::instance_name(told.plan, instance as usize);
    match span.doing {
        Doing::Request { call, .. } => design.call_in_words(call),
        Doing::Attempt { number, to, .. } => format!("try {number} at {}", node(to)),
        Doing::Work { at } => format!("work at {}", node(at)),
    }
}

/// What happened in between, in the words of the events.
pub(super) fn note(note: &Note) -> String {
    match note {
        Note::WorkBegan => "a worker begins".to_owned(),
        Note::NobodyWaits => "the caller gave up; the work goes on".to_owned(),
        Note::Repaired(side, event) => repaired(*side, *event),
        Note::Decided(decision) => match decision {
            Decision::Queued { waiting } => format!("has to wait: {waiting} in the queue"),
            Decision::Admitted { waited } => {
                format!("may go, after {:.1} ms", waited.as_millis_f64())
            }
            Decision::Shed(cause) => format!("turned away: {}", cause.name()),
            Decision::RetryGranted { after, grounds } => {
                format!("retry after {}: {}", after.name(), grounds.name())
            }
            Decision::RetryRefused { after, reason } => {
                format!("no retry after {}: {}", after.name(), reason.name())
            }
            Decision::BreakerMoved { to } => format!("breaker {}", to.name()),
            Decision::Ejected => "endpoint left out".to_owned(),
            Decision::Returned => "endpoint back".to_owned(),
            Decision::HealthChanged { up } => {
                format!("endpoint {}", if *up { "up" } else { "down" })
            }
            Decision::Spilled => "spilled to another region".to_owned(),
            Decision::FailedOpen => {
                "every endpoint seems to be down: one is tried all the same".to_owned()
            }
        },
    }
}

/// What one end of a connection did about a loss.
fn repaired(side: Side, event: l4::Event) -> String {
    let whose = match side {
        Side::Caller => "the caller",
        Side::Called => "the one called",
    };
    match event {
        l4::Event::SynRetried { .. } if side == Side::Caller => {
            "SYN sent again: nobody had answered".to_owned()
        }
        l4::Event::SynRetried { .. } => "the answer to SYN sent again".to_owned(),
        l4::Event::Stalled { waited } => {
            format!("{whose} sends again: nothing came back for {:.0} ms", waited.as_millis_f64())
        }
        l4::Event::LossFound => format!("{whose} sends again: later data has arrived"),
        _ => format!("{whose} asks whether its last data has arrived"),
    }
}

/// When a span ended; those that never did end with the run.
pub(super) fn end_of(told: &Told<'_>, span: &Span) -> Instant {
    span.ended.unwrap_or(told.plan.times.end).max(span.began)
}

fn span(told: &Told<'_>, chosen: &Chosen, at: usize) -> Value {
    let trace = &chosen.trace;
    let span = &trace.spans[at];
    let mut value = json!({
        "traceId": trace_id(trace),
        "spanId": span_id(trace, at),
        "name": title(told, span),
        "kind": kind(span),
        "startTimeUnixNano": time(span.began),
        "endTimeUnixNano": time(end_of(told, span)),
        "attributes": attributes(told, chosen, at),
        "events": span.notes.iter().map(|(when, what)| json!({
            "timeUnixNano": time(*when),
            "name": note(what),
        })).collect::<Vec<_>>(),
        "status": status(span),
    });
    if let Some(parent) = span.parent {
        value["parentSpanId"] = span_id(trace, parent as usize).into();
    }
    value
}

fn span_id(trace: &Trace, at: usize) -> String {
    format!("{:016x}", mix(trace.id ^ mix(at as u64 + 1)).max(1))
}

/// As numbers: internal, server, client.
const fn kind(span: &Span) -> u8 {
    match span.doing {
        Doing::Request { .. } => 1,
        Doing::Work { .. } => 2,
        Doing::Attempt { .. } => 3,
    }
}

fn time(at: Instant) -> String {
    since_epoch(at).to_string()
}

fn status(span: &Span) -> Value {
    match span.end {
        Some(End::Failed(cause)) => json!({ "code": 2, "message": cause.sentence() }),
        Some(End::Answered(status)) if status >= 500 => {
            json!({ "code": 2, "message": format!("status {status}") })
        }
        Some(End::Left) => json!({ "code": 2, "message": "stopped: nobody waited any more" }),
        Some(End::Answered(_)) => json!({ "code": 1 }),
        None => json!({ "code": 0, "message": "still under way when the run ended" }),
    }
}

fn attributes(told: &Told<'_>, chosen: &Chosen, at: usize) -> Vec<Value> {
    let span = &chosen.trace.spans[at];
    let mut all = Vec::new();
    match span.doing {
        Doing::Request { call, .. } => {
            all.push(text("plimsoll.call", &told.plan.design.call_name(call)));
        }
        Doing::Attempt { call, number, to, .. } => {
            all.push(text("plimsoll.call", &told.plan.design.call_name(call)));
            all.push(int("http.request.resend_count", u64::from(number).saturating_sub(1)));
            all.push(text("server.address", &super::instance_name(told.plan, to as usize)));
        }
        Doing::Work { .. } => {}
    }
    if let Some(kind) = told.plan.requests.kinds.get(usize::from(chosen.trace.kind)) {
        all.push(text("http.request.method", &kind.method));
        all.push(text("url.path", &kind.path));
    }
    match span.end {
        Some(End::Answered(status)) => all.push(int("http.response.status_code", status.into())),
        Some(End::Failed(cause)) => {
            all.push(text("error.type", cause.name()));
            all.push(text("plimsoll.layer", cause.layer().name()));
        }
        Some(End::Left) | None => {}
    }
    if at == 0 {
        all.push(text("plimsoll.example", why(chosen.why)));
        all.push(text("plimsoll.period", &chosen.period));
        all.push(int("plimsoll.spans_left_out", chosen.trace.left_out.into()));
    }
    all
}

/// Why it is an example, in a word.
pub(super) const fn why(why: Why) -> &'static str {
    match why {
        Why::Typical => "typical",
        Why::Slowest => "slowest",
        Why::Failed => "failed",
        Why::Unanswered => "unanswered",
    }
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

/// OTLP writes 64-bit numbers as texts.
fn int(key: &str, value: u64) -> Value {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}
