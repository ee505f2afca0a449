//! What is known without a run, held against figures that anybody can work out.

use plimsoll_checklist::Facts;
use plimsoll_checklist::bounds::{NodeBounds, of_nodes, of_ways};

mod designs;

use designs::{REGIONS, read};

/// The bounds of the only service of a design with one client.
fn bounds(traffic: &str, service_time: &str, retry: &str) -> NodeBounds {
    let text = format!(
        r#"
[client.users]
traffic = {traffic}
requests = [{{ share = "100%", method = "GET", path = "/" }}]

[service.api]
model = {{ workers = 1, queue = 32, service_time = {service_time} }}

[call.users.api]
timeout = "1s"
idempotent = "by-method"
on_failure = "error"
in_flight = "none"
retry = {retry}
"#
    );
    let design = read(&text);
    of_nodes(&Facts::of(&design)).remove(0)
}

/// Rounded to tenths of milliseconds, with its formula.
fn wait(bounds: &NodeBounds) -> Option<(f64, &'static str, bool)> {
    let wait = bounds.wait?;
    Some(((wait.mean.as_millis_f64() * 10.0).round() / 10.0, wait.by, wait.exact))
}

const EXPONENTIAL: &str = r#"{ mean = "10ms", shape = "exponential" }"#;

#[test]
fn one_worker_has_the_wait_of_its_textbook() {
    // 80 of 100 a second: 0.8 / (1 - 0.8) of 10 ms, and half of it where work is always the same.
    let random = bounds("\"80/s\"", EXPONENTIAL, "\"none\"");
    let always = bounds("\"80/s\"", "\"10ms\"", "\"none\"");

    assert_eq!(wait(&random), Some((40.0, "M/M/c", true)));
    assert_eq!(wait(&always), Some((20.0, "M/D/1", true)));
    assert_eq!(random.capacity.round(), 100.0);
}

#[test]
fn a_wide_spread_of_work_makes_everybody_wait_longer() {
    let wide = bounds("\"80/s\"", r#"{ median = "5ms", p99 = "70ms" }"#, "\"none\"");

    let (_, by, exact) = wait(&wide).expect("it settles");
    // Pollaczek and Khinchine, from the mean and the variation of this lognormal.
    let load = 80.0 / wide.capacity;
    let square = (0.005_f64 * wide.capacity).powi(-2);
    let expected = load / wide.capacity * square / 2.0 / (1.0 - load);
    let told = wide.wait.map_or(0.0, |wait| wait.mean.as_secs_f64());
    assert!((told / expected - 1.0).abs() < 1e-6, "{told} {expected}");
    assert_eq!((by, exact), ("M/G/1", true));
}

#[test]
fn where_arrivals_are_not_random_or_too_many_no_wait_is_told() {
    let bursts = r#"{ mean = "80/s", peak = 3.0, burst = "1s" }"#;
    let design = bounds("\"100/s\"", "\"10ms\"", "\"none\"");

    assert_eq!(design.wait, None);
    assert_eq!(design.traffic, Some(100.0));
    assert_eq!(bounds_or_none(bursts), None);
}

fn bounds_or_none(traffic: &str) -> Option<f64> {
    bounds(traffic, "\"10ms\"", "\"none\"").wait.map(|wait| wait.mean.as_millis_f64())
}

#[test]
fn retries_without_a_budget_divide_what_a_service_survives() {
    let four = "{ attempts = 4, backoff = \"10ms..20ms\", budget = \"none\" }";
    let budget =
        "{ attempts = 4, backoff = \"10ms..20ms\", budget = { share = \"25%\", floor = \"0/s\" } }";

    let storms = ["\"none\"", four, budget].map(|retry| {
        let bounds = bounds("\"20/s\"", "\"10ms\"", retry);
        (bounds.worst, bounds.storm_above.map(f64::round))
    });

    assert_eq!(storms, [(1, None), (4, Some(25.0)), (4, Some(80.0))]);
}

/// Each instance does 200/s; all traffic comes from the region that has one of the three.
#[test]
fn who_may_not_leave_a_region_has_no_more_than_its_instances() {
    let own = of_nodes(&Facts::of(&read(&in_regions("\"own\"")))).remove(0);
    let spills = r#"{ spill = ["us"], at_most = "50%" }"#;
    let spills = of_nodes(&Facts::of(&read(&in_regions(spills)))).remove(0);
    let any = of_nodes(&Facts::of(&read(&in_regions("\"any\"")))).remove(0);

    assert_eq!([&own, &spills, &any].map(|of| of.capacity.round()), [200.0, 200.0, 600.0]);
    assert_eq!(own.useful_queue.map(|queue| queue.requests.round()), Some(200.0));
    let codes = |regions: &str| -> Vec<_> {
        let found = plimsoll_checklist::review(&read(&in_regions(regions)));
        found.iter().map(|finding| finding.rule.code).filter(|code| *code == "C01").collect()
    };
    assert_eq!((codes("\"own\""), codes("\"any\"")), (vec!["C01"], vec![]));
}

fn in_regions(regions: &str) -> String {
    format!(
        r#"
[region.eu]
[region.us]
[client.users]
region = "eu"
traffic = "250/s"
requests = [{{ share = "100%", method = "GET", path = "/" }}]

[service.api]
instances = {{ eu = 1, us = 2 }}
model = {{ workers = 2, queue = 20, service_time = {EXPONENTIAL} }}

[call.users.api]
timeout = "1s"
idempotent = "by-method"
on_failure = "error"
in_flight = "none"
retry = "none"
regions = {regions}
"#
    )
}

#[test]
fn a_wait_is_exact_only_where_nobody_chooses_among_instances() {
    let text = in_regions("\"any\"");
    let wait_of = |text: &str| of_nodes(&Facts::of(&read(text))).remove(0).wait;

    let several = wait_of(&text).expect("it settles");
    let alone = text.replace("{ eu = 1, us = 2 }", "{ eu = 1 }").replace("250/s", "50/s");

    assert!(!several.exact);
    assert!(wait_of(&alone).expect("it settles").exact);
}

#[test]
fn a_queue_is_of_use_for_as_long_as_its_callers_wait() {
    let bounds = bounds("\"20/s\"", "\"10ms\"", "\"none\"");

    let queue = bounds.useful_queue.expect("the caller has a timeout");

    assert_eq!(queue.requests.round(), 100.0);
    assert_eq!(queue.patience, base::Duration::from_secs(1));
}

#[test]
fn light_takes_its_time_between_regions() {
    let design = read(REGIONS);
    let facts = Facts::of(&design);

    let ways = of_ways(&facts);

    let told: Vec<_> = ways
        .iter()
        .map(|way| (design.call_name(way.call), way.light.as_millis(), way.patience))
        .collect();
    let millis = |time| Some(base::Duration::from_millis(time));
    assert_eq!(
        told,
        [
            ("europeans.edge".to_owned(), 54, millis(2_000)),
            ("items.store".to_owned(), 54, millis(200))
        ]
    );
}
