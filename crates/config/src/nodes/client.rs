//! Clients: when their requests arrive, and what they ask for.

use ::model::traffic::{Arrivals, Keys, RequestKind};
use base::{Duration, Rate, Share};

use super::{COMMON, Place, Reading, model, replay};
use crate::codes::{CONTRADICTION, MISSING_KEY, OUT_OF_BOUNDS, SHARES};
use crate::defaults;
use crate::design::{Client, NodeKind};
use crate::matching;
use crate::names::shown;
use crate::read::{Table, Value};
use crate::report::Report;
use crate::span::Span;

const KEYS: &[&str] = &["traffic", "requests"];
const REQUEST_KEYS: &[&str] =
    &["share", "method", "path", "request", "response", "keys", "holds", "messages"];

pub(super) fn read(node: &Reading<'_, '_>, report: &mut Report) -> (NodeKind, Place) {
    node.table.allow(&[COMMON, KEYS], report);
    let arrivals = node
        .table
        .require("traffic", "\"300/s\"", report)
        .and_then(|value| arrivals(node, &value, report))
        .unwrap_or(Arrivals::Poisson(Rate::default()));
    let (requests, spans) = requests(&node.table, report);
    (NodeKind::Client(Client { arrivals, requests, spans }), Place::read(node, None, report))
}

fn arrivals(node: &Reading<'_, '_>, value: &Value<'_>, report: &mut Report) -> Option<Arrivals> {
    let Some(table) = value.as_table() else {
        return some_rate(value, report).map(Arrivals::Poisson);
    };
    if let Some(file) = table.get("replay") {
        table.allow(&[&["replay"]], report);
        return replay::times(node.files, &file, report).map(Arrivals::Replayed);
    }
    if let Some(rate) = table.get("constant") {
        table.allow(&[&["constant"]], report);
        return some_rate(&rate, report).map(Arrivals::Constant);
    }
    table.allow(&[&["mean", "peak", "burst"]], report);
    let mean = table.require("mean", "\"300/s\"", report);
    let mean = mean.and_then(|value| some_rate(&value, report));
    let peak = table.require("peak", "3.0", report);
    let peak = peak.and_then(|value| value.number(1.0, 1_000.0, report));
    let burst = table.require("burst", "\"2s\"", report);
    let burst = burst.and_then(|value| value.time_from(SHORTEST_BURST, report));
    Some(Arrivals::Bursty { mean: mean?, peak: peak?, burst: burst? })
}

/// Shorter bursts than this are no bursts to anybody, and each is a step of the simulation.
const SHORTEST_BURST: Duration = Duration::from_millis(1);

/// More than a million requests, or messages of a session, in a second cannot be simulated.
const HIGHEST_RATE: Rate = Rate::per_sec(1_000_000);

/// No traffic shows nothing.
fn some_rate(value: &Value<'_>, report: &mut Report) -> Option<Rate> {
    let rate = value.rate(report)?;
    if rate == Rate::default() || rate > HIGHEST_RATE {
        report.push(
            value
                .wrong(&OUT_OF_BOUNDS, "is out of bounds")
                .instead("write a rate above nothing, up to \"1000000/s\""),
        );
        return None;
    }
    Some(rate)
}

/// A session may have nothing to say.
fn messages(value: &Value<'_>, report: &mut Report) -> Option<Rate> {
    let rate = value.rate(report)?;
    if rate > HIGHEST_RATE {
        report.push(
            value
                .wrong(&OUT_OF_BOUNDS, "is out of bounds")
                .instead("write a rate up to \"1000000/s\""),
        );
        return None;
    }
    Some(rate)
}

/// What is asked for, and where each of it stands.
fn requests(table: &Table<'_>, report: &mut Report) -> (Vec<RequestKind>, Vec<Span>) {
    let Some(value) = table.get("requests") else {
        let any = RequestKind {
            share: report.assume(&defaults::WHOLE_TRAFFIC, None),
            method: report.assume(&defaults::METHOD, None).to_owned(),
            path: report.assume(&defaults::PATH, None).to_owned(),
            request: report.assume(&defaults::REQUEST_SIZE, None),
            response: report.assume(&defaults::RESPONSE_SIZE, None),
            keys: None,
            holds: None,
            messages: None,
        };
        return (vec![any], Vec::new());
    };
    let elements = value.list(report).unwrap_or_default();
    let is_only = elements.len() == 1;
    let read = |element: &Value<'_>| {
        Some((request(&element.table(report)?, is_only, report)?, element.span))
    };
    let (mut kinds, spans): (Vec<_>, Vec<_>) = elements.iter().filter_map(read).unzip();
    if kinds.len() == elements.len() {
        add_up(&value, &mut kinds, report);
    }
    (kinds, spans)
}

/// Thirds do not add up exactly when people write them.
const ROUNDING: u64 = 1_000;

/// The shares are the whole; the last one takes what rounding left.
fn add_up(value: &Value<'_>, kinds: &mut [RequestKind], report: &mut Report) {
    let sum: u64 = kinds.iter().map(|kind| u64::from(kind.share.as_millionths())).sum();
    let whole = u64::from(Share::WHOLE.as_millionths());
    if sum.abs_diff(whole) > ROUNDING {
        #[expect(clippy::cast_precision_loss, reason = "for people to read")]
        let percent = sum as f64 / 1e4;
        let message = format!("has shares that add up to {percent}%");
        report
            .push(value.wrong(&SHARES, message).instead("change the shares until they make 100%"));
        return;
    }
    if let Some((last, others)) = kinds.split_last_mut() {
        let others: u32 = others.iter().map(|kind| kind.share.as_millionths()).sum();
        last.share = Share::from_millionths(Share::WHOLE.as_millionths().saturating_sub(others));
    }
}

fn request(table: &Table<'_>, is_only: bool, report: &mut Report) -> Option<RequestKind> {
    table.allow(&[REQUEST_KEYS], report);
    let share = match table.get("share") {
        Some(share) => share.share(report),
        None if is_only => Some(report.assume(&defaults::WHOLE_TRAFFIC, None)),
        None => table.require("share", "\"10%\"", report).and(None),
    };
    let asked = method_and_path(table, report);
    let keys = table.get("keys").map(|value| keys(&value, report));
    let draws_key = asked.as_ref().map(|(_, path)| path).filter(|path| path.contains("{key}"));
    if let Some(path) = draws_key.filter(|_| keys.is_none()) {
        report.push(
            MISSING_KEY
                .at(table.span, format!("\"{}\" draws a key, and there are no `keys`", shown(path)))
                .because("how many keys there are, and how popular each is, decides what a cache is worth")
                .instead("write `keys = { count = 100_000, zipf = 1.0 }`"),
        );
    }
    let size = |key, default, report: &mut Report| match table.get(key) {
        Some(value) => value.bytes(report),
        None => Some(report.assume(default, None)),
    };
    let sizes = (
        size("request", &defaults::REQUEST_SIZE, report),
        size("response", &defaults::RESPONSE_SIZE, report),
    );
    let holds = table.get("holds").and_then(|value| model::spread(&value, report));
    let messages = table.get("messages").and_then(|value| messages(&value, report));
    let (method, path) = asked?;
    Some(RequestKind {
        request: sizes.0?,
        response: sizes.1?,
        share: share?,
        method,
        path,
        keys: keys.flatten(),
        holds,
        messages,
    })
}

/// A gRPC method is written like a path, and is a POST (gRPC over HTTP/2, "Request").
fn method_and_path(table: &Table<'_>, report: &mut Report) -> Option<(String, String)> {
    let (method, path) = (table.get("method"), table.get("path"));
    let is_grpc = |value: &Value<'_>| value.as_text().is_some_and(|text| text.contains('/'));
    if let Some(method) = method.as_ref().filter(|method| is_grpc(method)) {
        if let Some(path) = path {
            report.push(
                path.wrong(&CONTRADICTION, "stands beside a gRPC method, which is a path itself")
                    .instead("leave `path` out"),
            );
        }
        let path = matching::grpc_method(method, report)?;
        return Some(("POST".to_owned(), path.to_owned()));
    }
    let method = match method {
        Some(value) => matching::method(&value, report),
        None => Some(report.assume(&defaults::METHOD, None).to_owned()),
    };
    let path = match path {
        Some(path) => matching::asked(&path, report).map(str::to_owned),
        None => Some(report.assume(&defaults::PATH, None).to_owned()),
    };
    Some((method?, path?))
}

fn keys(value: &Value<'_>, report: &mut Report) -> Option<Keys> {
    let table = value.table(report)?;
    table.allow(&[&["count", "zipf"]], report);
    let count = table.require("count", "100_000", report)?.count(1, u32::MAX, report)?;
    let zipf = match table.get("zipf") {
        Some(zipf) => zipf.number(0.0, 5.0, report)?,
        None => {
            report.assume(&defaults::ZIPF, None);
            0.0
        }
    };
    Some(Keys { count: u64::from(count), zipf })
}
