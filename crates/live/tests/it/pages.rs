//! What the one who runs it can see: the admin pages and the access log.

use std::fs::read_to_string;
use std::time::{Duration, Instant};

use plimsoll_live::Target;
use serde_json::Value;

use crate::service::Service;
use crate::site::{Site, eventually, records};

#[test]
fn the_pages_say_that_it_lives_and_is_ready() {
    let service = Service::well();
    let balancer = Site::before(&[service.address]).start();

    assert!(balancer.page("/healthz").starts_with("HTTP/1.1 200"));
    assert!(balancer.page("/readyz").starts_with("HTTP/1.1 200"));
    assert!(balancer.page("/nothing").starts_with("HTTP/1.1 404"));
}

#[test]
fn the_design_is_shown_with_its_values_and_where_they_come_from() {
    let service = Service::well();
    let balancer = Site::before(&[service.address]).start();

    let page = balancer.page("/design");
    let design: Value = serde_json::from_str(page.split_once("\r\n\r\n").unwrap().1).unwrap();

    let call = &design["calls"][0];
    assert_eq!(call["call"], "lb.svc");
    let values = call["values"].as_array().unwrap();
    let value = |key: &str| values.iter().find(|value| value["key"] == key).unwrap();
    assert_eq!(
        (&value("timeout")["value"], &value("timeout")["from"]),
        (&"8s".into(), &"file".into())
    );
    assert!(values.iter().any(|value| value["from"] == "default"));
}

#[test]
fn all_that_holds_for_an_instance_is_shown_with_the_line_that_says_it() {
    let service = Service::well();
    let site = Site::before(&[service.address]).routes(
        "{ path = \"/a\", to = \"svc\" }, { path = \"/b\", host = \"shop\", to = \"svc\" }",
    );
    let text = site.text();
    let line = |of: &str| 1 + text.lines().position(|line| line.starts_with(of)).unwrap();
    let balancer = site.start();

    let page = balancer.page("/design");
    let design: Value = serde_json::from_str(page.split_once("\r\n\r\n").unwrap().1).unwrap();

    let node = ["node", "region", "instances", "line"].map(|key| &design[key]);
    let stands = Value::from(line("[balancer.lb]"));
    assert_eq!(node, [&"lb".into(), &"eu".into(), &2.into(), &stands]);
    let listener = &design["listeners"][0];
    assert_eq!(listener["address"], balancer.address.to_string());
    assert_eq!(listener["line"], line("[[balancer.lb.listen]]"));
    let routes = line("routes");
    assert_eq!(
        listener["routes"],
        serde_json::json!([
            { "call": "lb.svc", "path": "/a", "line": routes },
            { "call": "lb.svc", "path": "/b", "host": "shop", "line": routes },
        ])
    );
    let call = &design["calls"][0];
    assert_eq!(call["line"], line("[call.lb.svc]"));
    let values = call["values"].as_array().unwrap();
    let floor = values.iter().find(|value| value["key"] == "retry.budget.floor").unwrap();
    assert_eq!((&floor["value"], &floor["of_this_instance"]), (&"10/s".into(), &"5/s".into()));
    assert_eq!(floor["line"], line("retry = {"));
    let limits = design["limits"].as_array().unwrap();
    let head = limits.iter().find(|limit| limit["limit"] == "head_timeout").unwrap();
    assert_eq!(head["value"], "10s");
}

#[test]
fn every_request_is_counted_with_its_attempts_and_its_latency() {
    let service = Service::well();
    let balancer = Site::before(&[service.address]).start();
    for _ in 0..3 {
        balancer.get("/");
    }

    assert_eq!(balancer.metric("requests_total", &["lb.svc"]), 3.0);
    assert_eq!(balancer.metric("attempts_total", &["lb.svc"]), 3.0);
    assert_eq!(balancer.metric("amplification", &["lb.svc"]), 1.0);
    assert_eq!(balancer.metric("latency_seconds_count", &["lb.svc"]), 3.0);
    assert_eq!(balancer.metric("accepted_total", &[]), 3.0);
    assert_eq!(balancer.metric("connect_seconds_count", &[]), 1.0);
    assert_eq!(balancer.metric("reused_total", &[]), 2.0);
}

#[test]
fn the_log_has_one_line_for_each_request_with_its_cause() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("access.log");
    let service = Service::well();
    let balancer = Site::before(&[service.address])
        .routes("{ path = \"/a\", to = \"svc\" }")
        .log(Target::File(file.clone()))
        .start();

    balancer.get("/a/b?secret=1");
    balancer.get("/elsewhere");
    balancer.ask("nonsense\r\n\r\n");

    let records = records(&file, 3);
    let of = |path: &str| records.iter().find(|record| record["path"] == path).unwrap();
    let good = of("/a/b");
    assert_eq!((&good["call"], &good["route"]), (&"lb.svc".into(), &"/a".into()));
    assert_eq!((&good["status"], &good["attempts"]), (&200.into(), &1.into()));
    assert_eq!(good["endpoint"], service.address.to_string());
    assert_eq!((&good["bytes_in"], &good["bytes_out"]), (&0.into(), &4.into()));
    assert_eq!(good.get("cause"), None);
    let lost = of("/elsewhere");
    assert_eq!((&lost["status"], &lost["cause"]), (&404.into(), &"no_route".into()));
    let bad = of("");
    assert_eq!((&bad["status"], &bad["layer"]), (&400.into(), &"client".into()));
}

#[test]
fn the_log_tells_what_each_request_stood_in_the_queue_also_if_it_was_refused_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("access.log");
    let service = Service::script(|connection| {
        connection.request();
        eventually("the test is done", || connection.is_told("go"));
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell");
    });
    let balancer = Site::before(&[service.address])
        .rule("in_flight", "1")
        .rule("queue", "1")
        .log(Target::File(file.clone()))
        .start();
    let asking = |path: &str| {
        let mut client = balancer.client();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        client
    };

    let mut first = asking("/first");
    eventually("one is under way", || balancer.metric("in_flight", &[]) == 1.0);
    let hurry = "GET /hurry HTTP/1.1\r\nHost: a\r\nPlimsoll-Timeout-Ms: 100\r\n\r\n";
    assert_eq!(balancer.ask(hurry).cause().as_deref(), Some("queue_expired"));
    let mut patient = asking("/patient");
    eventually("one waits", || balancer.metric("queue", &[]) == 1.0);
    let waiting = Instant::now();
    assert_eq!(balancer.get("/full").cause().as_deref(), Some("queue_full"));
    let waited = waiting.elapsed();
    service.tell("go");
    assert_eq!([&mut first, &mut patient].map(|client| client.answer().status), [200; 2]);
    balancer.ask("nonsense\r\n\r\n");

    let records = records(&file, 5);
    let of = |path: &str, field: &str| {
        let record = records.iter().find(|record| record["path"] == path).unwrap();
        record[field].as_f64().unwrap()
    };
    assert_eq!(["/first", "/full", ""].map(|path| of(path, "queue_wait_ms")), [0.0; 3]);
    let patient =
        ["queue_wait_ms", "upstream_latency_ms", "latency_ms"].map(|it| of("/patient", it));
    assert!(patient[0] >= waited.as_secs_f64() * 1e3, "{patient:?} of {waited:?}");
    assert!(patient[0] + patient[1] <= patient[2] + 0.002, "rounded to microseconds: {patient:?}");
    let hurry = ["queue_wait_ms", "latency_ms"].map(|it| of("/hurry", it));
    assert!(hurry[0] >= 50.0 && hurry[0] <= hurry[1], "half of its time at least: {hurry:?}");
}

#[test]
fn the_number_of_a_failed_request_is_the_same_in_its_answer_and_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("access.log");
    let service = Service::answering("nonsense\r\n\r\n");
    let balancer = Site::before(&[service.address]).log(Target::File(file.clone())).start();

    let answer = balancer.get("/");

    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    eventually("the line is there", || !read_to_string(&file).unwrap().is_empty());
    let record: Value = serde_json::from_str(read_to_string(&file).unwrap().trim()).unwrap();
    assert_eq!(body["instance"], format!("urn:plimsoll:request:{}", record["id"]));
    assert_eq!((&record["cause"], &record["attempts"]), (&"garbage".into(), &1.into()));
}

#[test]
fn a_full_disk_under_the_log_stops_nobody() {
    let service = Service::well();
    let balancer = Site::before(&[service.address]).log(Target::File("/dev/full".into())).start();

    for _ in 0..50 {
        assert_eq!(balancer.get("/").status, 200);
    }

    eventually("dropped lines are counted", || {
        balancer.metric("log_lines_dropped_total", &[]) == 50.0
    });
    assert_eq!(balancer.get("/").status, 200);
}

#[test]
fn visitors_who_say_nothing_keep_nobody_from_asking_whether_it_lives() {
    let balancer = Site::before(&[Service::well().address]).start();
    let began = Instant::now();
    for _ in 0..3 {
        let _silent: Vec<_> = (0..64).map(|_| balancer.visitor()).collect();

        assert!(balancer.page("/healthz").starts_with("HTTP/1.1 200"));
    }

    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[test]
fn every_page_and_every_refusal_has_a_date() {
    let balancer = Site::before(&[Service::well().address]).start();
    for asked in ["GET /healthz", "HEAD /metrics", "GET /nothing", "POST /design", "no request"] {
        let mut visitor = balancer.visitor();
        visitor.send(format!("{asked} HTTP/1.1\r\nHost: admin\r\n\r\n").as_bytes());

        let answer = visitor.answer_to(asked.split(' ').next().unwrap());

        assert_eq!(answer.head.matches("\r\nDate: ").count(), 1, "{asked}: {}", answer.head);
        assert!(answer.field("date").unwrap().ends_with(" GMT"), "{asked}: {}", answer.head);
    }
}

#[test]
fn what_is_no_request_for_a_page_is_told_so() {
    let balancer = Site::before(&[Service::well().address]).start();
    let ask = |request: &str| {
        let mut visitor = balancer.visitor();
        visitor.send(request.as_bytes());
        visitor.answer()
    };

    let no_host = ask("GET /healthz HTTP/1.1\r\n\r\n");
    let two_hosts = ask("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
    let post = ask("POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    let page = ask("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");

    assert_eq!(
        (no_host.status, no_host.text()),
        (400, "An HTTP/1.1 request must have a Host field.\n")
    );
    assert_eq!((two_hosts.status, two_hosts.field("connection")), (400, Some("close")));
    assert_eq!((post.status, post.field("allow")), (405, Some("GET, HEAD")));
    assert_eq!((page.status, page.field("allow")), (200, None));
}
