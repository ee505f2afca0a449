//! Storms of retries, and what keeps a failure from spreading.

use model::closed::{safe_queue, storm_threshold};

use super::*;
use crate::examples::rush;

#[test]
fn a_spike_that_the_queue_can_hold_fails_nobody() {
    let spike = "[[incident.rush]]\non = \"users\"\nkind = \"spike\"\ntimes = 3.0\nat = \"20s\"\nlasts = \"5s\"\n";
    let text = crate::examples::file("balancer");
    let options = Options { incident: Some("rush".into()), lasts: seconds(60), ..options(1) };
    let report = run(&design(&format!("{text}\n{spike}")), &options).unwrap();

    assert!(report.failed_by_cause.is_empty(), "{:?}", report.failed_by_cause);
    assert!(report.timeline.offered[22] > 600.0, "{:?}", &report.timeline.offered[18..28]);
}

/// Every try that times out is worked on all the same, so a service that has fallen behind gets
/// each request three times: it catches up only below a third of its capacity.
#[test]
fn a_retry_storm_ends_below_the_threshold_and_not_above_it() {
    let threshold = storm_threshold(1_000.0, 3.0);

    assert!(survives_a_rush(0.8 * threshold, "\"none\""));
    assert!(!survives_a_rush(1.2 * threshold, "\"none\""));
}

/// Above the threshold too, a queue in which nobody can wait past the timeout is safe.
#[test]
fn a_queue_shorter_than_timeout_times_rate_is_safe_and_a_longer_one_is_not() {
    let (threshold, safe) = (storm_threshold(1_000.0, 3.0), safe_queue(0.1, 1_000.0));

    assert!(survives_a_rush(1.2 * threshold, &format!("{:.0}", safe / 2.0)));
    assert!(!survives_a_rush(1.2 * threshold, &format!("{:.0}", safe * 3.0)));
}

/// A service that can do 1,000 requests per second, and callers that try three times.
fn survives_a_rush(traffic: f64, queue: &str) -> bool {
    let design = rush(traffic, (10, 10), queue, 3);
    let report = run(&design, &Options { seeds: 3, ..options(1) }).unwrap();
    assert!([Some(0.0), Some(1.0)].contains(&report.recovered.probability), "the seeds agree");
    report.recovered.probability == Some(1.0)
}

/// The seed's claim. `b` needs `c` and `d`, and gives what it has. While `c` hangs, each request
/// holds one of `b`'s workers until its call of `c` times out, unless a breaker lets it go at once:
/// the calls of `c` fail all the same, and nobody else does.
#[test]
fn a_breaker_does_not_prevent_the_failure_it_stops_its_spread() {
    let open =
        "{ error_rate = \"50%\", window = \"10s\", min_calls = 20, cooldown = \"5s\", probes = 3 }";
    let [(without, busy_without), (with, busy_with)] = ["\"none\"", open].map(|breaker| {
        let (design, options) = (spread(breaker), options(1));
        let report = run(&design, &options).unwrap();
        let busy = busy_of("b", &design, &options, &report);
        (report, busy)
    });
    let call = |report: &Report, to: &str| {
        let call = report.calls.iter().find(|call| call.from == "b" && call.to == to).unwrap();
        (call.failed as f64 / call.requests as f64, call.requests as f64 / report.offered as f64)
    };

    for report in [&without, &with] {
        assert!(call(report, "c").0 > 0.5, "the failure itself is there: {:?}", report.calls);
    }
    assert!(with.calls.iter().any(|call| call.failed_by_cause.contains_key("breaker_open")));

    assert!(busy_without > 0.95, "all of b's workers wait for c: {busy_without}");
    assert!(good(&without) < 0.3, "so a gets nothing: {:?}", without.goodput);
    assert!(call(&without, "d").1 < 0.5, "and d is hardly asked");

    // It has to see the failure before it opens.
    assert!(busy_with < 0.1, "{busy_with}");
    assert!(good(&with) > 0.99, "{:?}", with.goodput);
    assert!(with.answers.partial as f64 > 0.7 * with.offered as f64, "without the part of c");
    assert!(call(&with, "d").0 == 0.0 && call(&with, "d").1 > 0.9, "{:?}", with.calls);
}

/// The share of a node's workers that are busy half a minute after the start and later.
fn busy_of(node: &str, design: &config::Design, options: &Options, report: &Report) -> f64 {
    let wanted = crate::Wanted { packets: None };
    let outputs = crate::outputs(design, options, report, "a file", &wanted).unwrap();
    let (_, timeline) = outputs.files.iter().find(|(name, _)| *name == "timeline.json").unwrap();
    let timeline: serde_json::Value = serde_json::from_slice(timeline).unwrap();
    let nodes = timeline["nodes"].as_array().unwrap();
    let node = nodes.iter().find(|other| other["node"] == node).unwrap();
    let busy: Vec<f64> =
        node["busy"].as_array().unwrap().iter().map(|busy| busy.as_f64().unwrap()).collect();
    busy[30..].iter().sum::<f64>() / busy[30..].len() as f64
}

fn spread(breaker: &str) -> config::Design {
    design(&format!(
        r#"
[region.eu]
at = [53.3, -6.3]
[client.a]
traffic = "100/s"
requests = [{{ share = "100%", method = "GET", path = "/" }}]
[service.b]
model = {{ workers = 20, queue = 20, service_time = "1ms" }}
steps = ["c", "d"]
[service.c]
model = {{ workers = 20, queue = "none", service_time = "5ms" }}
[service.d]
model = {{ workers = 20, queue = 20, service_time = "5ms" }}
[rules.all]
timeout = "1s"
idempotent = true
on_failure = "omit"
in_flight = "none"
retry = "none"
[call.a.b]
rules = "all"
timeout = "3s"
on_failure = "error"
[call.b.c]
rules = "all"
breaker = {breaker}
[call.b.d]
rules = "all"
[[incident.c-hangs]]
on = "c"
kind = "hang"
at = "20s"
"#
    ))
}
