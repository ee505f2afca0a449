//! The page about the access log has every field of a line, every cause, and a line as it is.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::path::Path;

use base::{Duration, RequestId};
use event::Cause;
use plimsoll_observe::log::Record;
use serde_json::Value;

#[test]
fn every_field_of_a_line_has_its_row_and_no_other() {
    let line: Value = serde_json::from_str(&line()).unwrap();
    let fields: BTreeSet<_> = line.as_object().unwrap().keys().cloned().collect();

    let rows: BTreeSet<_> = rows("| field | unit |").into_iter().map(|row| row.0).collect();

    assert_eq!(rows, fields);
}

#[test]
fn every_cause_has_its_row_as_the_code_has_it() {
    let causes: BTreeSet<_> = Cause::ALL
        .map(|cause| {
            let status = match cause {
                Cause::Status(_) => "its own".to_owned(),
                cause => cause.status().to_string(),
            };
            let (layer, sentence) = (cause.layer().name(), cause.sentence());
            (cause.name().to_owned(), format!("`{layer}` | {status} | {sentence} |"))
        })
        .into();

    assert_eq!(rows("| cause | layer |").into_iter().collect::<BTreeSet<_>>(), causes);
}

#[test]
fn the_example_is_a_line_that_is_written_so() {
    assert!(page().contains(&format!("```json\n{}```\n", line())), "write this: {}", line());
}

/// The first word of each row of the table that begins so, and the rest of the row.
fn rows(head: &str) -> Vec<(String, String)> {
    let page = page();
    let table = page.split(head).nth(1).unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let (word, rest) = row.strip_prefix("| `").unwrap().split_once("` | ").unwrap();
        (word.to_owned(), rest.to_owned())
    })
    .collect()
}

fn page() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(root.join("../../docs/access-log.md")).unwrap()
}

/// One in which nothing is left out.
fn line() -> String {
    let record = Record {
        time: Duration::from_millis(1_795_416_607_125),
        id: RequestId(7),
        call: Some("lb.svc"),
        route: Some("/api"),
        method: b"GET",
        path: b"/api/1",
        status: 504,
        cause: Some(Cause::AttemptTimeout),
        attempts: 2,
        endpoint: Some("10.0.0.1:80"),
        bytes_in: 0,
        bytes_out: 145,
        latency: Duration::from_micros(800_250),
        upstream_latency: Some(Duration::from_micros(399_999)),
        queue_wait: Duration::ZERO,
    };
    let mut out = Vec::new();
    record.write(&mut out);
    String::from_utf8(out).unwrap()
}
