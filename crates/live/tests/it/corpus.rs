//! Malformed and smuggling requests, as bytes: each is answered with an error and the connection
//! closed, and nothing behind it is ever read as a request.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use base::Duration;
use event::Cause;
use event::l7::UNROUTED;
use plimsoll_live::Target;

use crate::client::{field, status};
use crate::service::Service;
use crate::site::{Balancer, Site, eventually};

#[test]
fn every_malformed_request_is_refused_and_the_connection_closed() {
    let service = Service::echo();
    let balancer = Site::before(&[service.address]).start();
    let mut tried = 0;
    for (name, bytes) in files("refused") {
        let mut client = balancer.client();

        client.send(&bytes);
        client.send(b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
        let (answers, _) = client.rest();

        let answers = String::from_utf8_lossy(&answers);
        let (_, last) =
            answers.rsplit_once("HTTP/1.1 4").or(answers.rsplit_once("HTTP/1.1 5")).expect(&name);
        assert!(last.contains("\r\nConnection: close\r\n"), "{name}: {answers}");
        tried += 1;
    }
    assert!(tried > 100, "{tried}");
    let smuggled = service.requests().into_iter().find(|request| request.contains("smuggled"));
    assert_eq!(smuggled, None);
    balancer.assert_nothing_leaked();
}

#[test]
fn every_valid_request_is_answered() {
    let service = Service::echo();
    let balancer = Site::before(&[service.address]).start();
    for (name, bytes) in files("accepted") {
        let mut client = balancer.client();

        client.send(&bytes);

        let head = client.head().unwrap_or_else(|| panic!("{name}"));
        // Valid, and refused all the same: see `config::path`.
        let expected: &[u16] = if name == "dot-segments.http" { &[400] } else { &[100, 200] };
        assert!(expected.contains(&status(&head)), "{name}: {head}");
    }
    balancer.assert_nothing_leaked();
}

#[test]
fn what_fails_before_a_call_takes_it_is_counted_as_the_log_tells_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    let service = Service::well();
    let balancer = Site::before(&[service.address])
        .routes("{ path = \"/a\", to = \"svc\" }")
        .limits(|limits| limits.head_timeout = Duration::from_millis(500))
        .log(Target::File(log.clone()))
        .start();
    balancer.get("/a");
    let via = field(&service.only_request(), "via").unwrap().to_owned();

    for (_, bytes) in files("refused") {
        let mut client = balancer.client();
        client.send(&bytes);
        client.rest();
    }
    balancer.get("/elsewhere");
    balancer.get(&format!("/{}", "a".repeat(100_000)));
    balancer.ask(&format!("GET /a HTTP/1.1\r\nHost: a\r\nVia: {via}\r\n\r\n"));
    balancer.ask("CONNECT bank:443 HTTP/1.1\r\nHost: bank:443\r\n\r\n");
    balancer.ask("GET /a HTTP/1.1\r\nHost: a\r\nX-Slow: ");

    let counted = counted(&balancer);
    let of_drains = |row: &(Cause, u16)| row.0 == Cause::Draining;
    let possible = UNROUTED.into_iter().filter(|row| !of_drains(row));
    let possible: BTreeSet<_> =
        possible.map(|(cause, status)| (cause.name().to_owned(), u64::from(status))).collect();
    assert_eq!(counted.keys().cloned().collect::<BTreeSet<_>>(), possible);
    eventually("all lines are there", || {
        let lines = std::fs::read_to_string(&log).unwrap();
        lines.ends_with('\n') && logged(&lines) == counted
    });
    assert_eq!(balancer.metric("failures_total", &["no_route"]), 0.0);
}

/// How often each cause and status stands in the log without a call.
fn logged(lines: &str) -> BTreeMap<(String, u64), u64> {
    let mut logged = BTreeMap::new();
    for line in lines.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        if let (None, Some(cause)) = (line.get("call"), line.get("cause")) {
            let row = (cause.as_str().unwrap().to_owned(), line["status"].as_u64().unwrap());
            *logged.entry(row).or_default() += 1;
        }
    }
    logged
}

/// How often each is counted.
fn counted(balancer: &Balancer) -> BTreeMap<(String, u64), u64> {
    let page = balancer.page("/metrics");
    let samples = page.lines().filter_map(|line| line.strip_prefix("plimsoll_unrouted_total"));
    let sample = |line: &str| {
        let label = |name: &str| {
            let (_, rest) = line.split_once(&format!("{name}=\"")).unwrap();
            rest.split_once('"').unwrap().0.to_owned()
        };
        let count = line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap();
        ((label("cause"), label("status").parse().unwrap()), count)
    };
    samples.map(sample).collect()
}

fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/tests/corpus").join(folder);
    let entries = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    files
}
