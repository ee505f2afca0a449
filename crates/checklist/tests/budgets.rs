//! What the share, the floor and the burst of a budget add up to.

use base::CallId;
use plimsoll_checklist::bounds::of_nodes;
use plimsoll_checklist::{Facts, review};

mod designs;

use designs::read;

/// Sixteen workers of 10 ms, asked 100 times a second by two balancers, three tries each.
fn design(budget: &str) -> String {
    format!(
        r#"
[client.users]
traffic = "100/s"
requests = [{{ share = "100%", method = "GET", path = "/" }}]
[balancer.lb]
instances = 2
listen = [{{ address = "127.0.0.1:8080", routes = [{{ path = "/", to = "api" }}] }}]
[service.api]
instances = 2
model = {{ workers = 8, queue = 32, service_time = "10ms" }}
[call.users.lb]
timeout = "2s"
idempotent = true
on_failure = "error"
in_flight = "none"
retry = "none"
[call.lb.api]
timeout = "1s"
attempt_timeout = "300ms"
idempotent = true
on_failure = "error"
in_flight = 50
queue = 20
cancel = true
retry = {{ attempts = 3, backoff = "20ms..80ms", budget = {budget} }}
"#
    )
}

/// The attempts per request that last, and the traffic above which they storm.
fn lasting_and_storm(budget: &str) -> (f64, f64) {
    let design = read(&design(budget));
    let facts = Facts::of(&design);
    let bounds = of_nodes(&facts).remove(0);
    let lasting = facts.amplification(CallId::from_index(1)).lasting;
    let storm = bounds.storm_above.expect("it is retried");
    ((lasting * 100.0).round() / 100.0, storm.round())
}

fn codes(budget: &str) -> Vec<&'static str> {
    let found = review(&read(&design(budget)));
    found.iter().map(|finding| finding.rule.code).filter(|code| code.starts_with('R')).collect()
}

#[test]
fn a_floor_counts_beside_the_share() {
    assert_eq!(
        lasting_and_storm(r#"{ share = "20%", floor = "10/s", burst = 10 }"#),
        (1.3, (1_600.0 - 10.0) / 1.2),
    );
}

#[test]
fn a_floor_that_pays_for_every_retry_is_no_budget() {
    assert_eq!(
        lasting_and_storm(r#"{ share = "10%", floor = "5000/s", burst = 10 }"#),
        (3.0, (1_600.0_f64 / 3.0).round()),
    );
}

/// Twenty thousand retries are 100 s of two a request; two thousand are as long as a moment may be.
#[test]
fn savings_that_outlast_a_moment_are_no_budget() {
    let of = |burst: u32| format!(r#"{{ share = "10%", burst = {burst}, in_flight = 5 }}"#);

    assert_eq!(lasting_and_storm(&of(10_000)), (3.0, (1_600.0_f64 / 3.0).round()));
    assert_eq!(lasting_and_storm(&of(1_000)).0, 1.11);
    assert_eq!(
        [10_000, 1_001, 1_000, 10].map(|burst| codes(&of(burst))),
        [vec!["R11"], vec!["R11"], vec![], vec![]]
    );
}

#[test]
fn the_savings_that_r11_allows_are_allowed() {
    let broken = review(&read(&design(r#"{ share = "10%", burst = 10000, in_flight = 5 }"#)));

    let told = broken.iter().next().map(|finding| (&*finding.message, &*finding.way_out));

    assert_eq!(
        told,
        Some((
            "10000 saved retries of 2 instances pay for all retries of 100/s for 100 s",
            "a `burst` of at most 1000"
        ))
    );
}

#[test]
fn as_many_retries_as_requests_are_too_many_if_the_file_says_so() {
    assert_eq!(codes(r#"{ share = "10%", burst = 10, in_flight = 50 }"#), ["R05"]);
    assert_eq!(codes(r#"{ share = "10%", burst = 10, in_flight = 49 }"#), [""; 0]);
    // A call that may have few requests under way has no more retries than those.
    assert_eq!(codes(r#"{ share = "10%", burst = 50 }"#), [""; 0]);
}
