//! Rules that depend on the region of a caller, and on faults that are there together.

use plimsoll_checklist::review;

mod designs;

use designs::read;

/// What a review says by one rule.
fn told(code: &str, text: &str) -> Vec<String> {
    let findings = review(&read(text));
    let of_rule = findings.iter().filter(|finding| finding.rule.code == code);
    of_rule.map(|finding| finding.message.clone()).collect()
}

#[test]
fn within_the_own_region_only_its_endpoints_are_a_pool() {
    // Two thirds of three leave one; of six they leave two.
    let one = told("H02", &two_regions("regions = \"own\"", "67%"));
    let all = told("H02", &two_regions("", "67%"));

    assert_eq!(one, ["2 of 3 endpoints may be out at once"]);
    assert_eq!(all, [""; 0]);
}

#[test]
fn a_share_that_is_none_of_the_own_region_is_told() {
    // A fifth of six is one, of three it is none.
    let one = told("H01", &two_regions("regions = \"own\"", "20%"));
    let all = told("H01", &two_regions("", "20%"));

    assert_eq!(one, ["3 endpoints: the share that may be out comes to none"]);
    assert_eq!(all, [""; 0]);
}

#[test]
fn regions_to_spill_to_belong_to_the_pool() {
    let spill = "regions = { spill = [\"us\"], at_most = \"10%\" }";
    let both = "instances = { eu = 2, us = 2 }";
    let design = two_regions(spill, "67%").replace(both, "region = \"eu\"\ninstances = 2");

    assert_eq!(told("H02", &design), [""; 0]);
}

#[test]
fn faults_that_are_there_together_are_counted_together() {
    // 1,600/s on an ordinary day: 800/s when slow, 1,067/s with one of three gone, each enough.
    let slow = fault("api", "kind = \"slow\"\ntimes = 2.0", "10s", "30s");
    let down = fault("api", "kind = \"crash\"\nshare = \"1 of 3\"", "20s", "30s");
    let later = fault("api", "kind = \"crash\"\nshare = \"1 of 3\"", "40s", "30s");

    let apart = told("C03", &one_service(&format!("{slow}{later}")));
    let together = told("C03", &one_service(&format!("{slow}{down}")));

    assert_eq!(apart, [""; 0]);
    assert_eq!(
        together,
        ["in incident `bad`, 2 faults together from 20s on, it can do 533/s, and 700/s arrive"]
    );
}

#[test]
fn a_spike_counts_for_what_its_client_sends_and_with_what_is_slow_then() {
    // 700/s become 1,400/s, of 1,600/s; slow by a fifth it can do 1,333/s.
    let spike = fault("users", "kind = \"spike\"\ntimes = 2.0", "10s", "30s");
    let slow = fault("api", "kind = \"slow\"\ntimes = 1.2", "20s", "30s");

    assert_eq!(told("C03", &one_service(&spike)), [""; 0]);
    assert_eq!(told("C03", &one_service(&slow)), [""; 0]);
    assert_eq!(
        told("C03", &one_service(&format!("{spike}{slow}"))),
        ["in incident `bad`, 2 faults together from 20s on, it can do 1333/s, and 1400/s arrive"]
    );
}

#[test]
fn two_faults_on_the_same_instance_take_it_once() {
    let one = "kind = \"crash\"\nshare = \"1 of 3\"";
    let faults = fault("api", one, "10s", "30s") + &fault("api", one, "20s", "30s");

    assert_eq!(told("C03", &one_service(&faults)), [""; 0]);
}

#[test]
fn a_region_that_is_gone_takes_its_instances_along() {
    let lost = fault("eu", "kind = \"region-loss\"", "10s", "30s");
    let design = two_regions("", "33%").replace("traffic = \"100/s\"", "traffic = \"3000/s\"");

    let told = told("C03", &format!("{design}{lost}"));

    assert_eq!(told, ["in incident `bad` it can do 2400/s, and 3000/s arrive"]);
}

fn fault(on: &str, what: &str, at: &str, lasts: &str) -> String {
    format!("\n[[incident.bad]]\non = \"{on}\"\n{what}\nat = \"{at}\"\nlasts = \"{lasts}\"\n")
}

/// Three instances that can do 533/s each.
fn one_service(faults: &str) -> String {
    format!(
        r#"
[client.users]
traffic = "700/s"
requests = [{{ share = "100%", method = "GET", path = "/" }}]

[service.api]
instances = 3
model = {{ workers = 16, queue = 32, service_time = "30ms" }}

[call.users.api]
timeout = "1s"
idempotent = "by-method"
on_failure = "error"
in_flight = "none"
retry = "none"
{faults}"#
    )
}

/// Three endpoints in each of two regions.
fn two_regions(regions: &str, at_most: &str) -> String {
    format!(
        r#"
[region.eu]
at = [53.3, -6.3]
[region.us]
at = [39.0, -77.5]

[client.users]
region = "eu"
traffic = "100/s"
requests = [{{ share = "100%", method = "GET", path = "/" }}]

[balancer.lb]
instances = {{ eu = 2, us = 2 }}
listen = [{{ address = "127.0.0.1:8080", to = "api" }}]

[service.api]
instances = {{ eu = 3, us = 3 }}
model = {{ workers = 8, queue = 32, service_time = "10ms" }}

[call.users.lb]
timeout = "1s"
idempotent = "by-method"
on_failure = "error"
in_flight = "none"
retry = "none"

[call.lb.api]
timeout = "300ms"
idempotent = "by-method"
on_failure = "error"
in_flight = 64
queue = 16
retry = "none"
eject = {{ consecutive_failures = 5, time = "10s", at_most = "{at_most}" }}
{regions}
"#
    )
}
