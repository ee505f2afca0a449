//! Designs in which one rule alone makes the failure, and nothing adds load.

use base::Duration;

use crate::examples::design;
use crate::{Options, Report, run};

#[test]
fn the_one_rule_that_makes_the_failure_is_named_first() {
    for (kind, what, text) in designs() {
        let report = named(&text);

        let told = report.causes.iter().find(|cause| cause.kind != "fault");
        assert_eq!(told.map(|cause| cause.kind), Some(kind), "{what}\n{:#?}", report.causes);
        assert!(told.is_some_and(|cause| cause.recovers > 0.5), "{what}\n{:#?}", report.causes);
    }
}

/// A call that never ends would fill the bound in flight, and all others would be turned away at once:
/// but it is no short timeout that nobody answers.
#[test]
fn a_timeout_is_not_called_short_for_what_is_never_answered() {
    let report = named(&bounded(&hopeless(), "a.ads", 20));

    let kinds: Vec<_> = report.causes.iter().map(|cause| cause.kind).collect();
    assert_eq!(kinds, ["fault", "breaker"]);
}

/// Who waits for an answer that needs others gets the time that these get, and more.
#[test]
fn missing_timeouts_on_the_way_are_given_so_that_the_caller_has_more_time_than_the_called() {
    let endless = hangs("ads").replace("timeout = \"1s\"", "timeout = \"none\"");
    let report = named(&endless.replace("timeout = \"2s\"", "timeout = \"none\""));

    let told = "`hang` on ads is there to the end, and is not borne because of the missing timeouts of \
                users -> a, a -> ads, a -> s.";
    assert_eq!(report.conclusion.as_deref(), Some(told), "{:#?}", report.causes);
}

/// What has to be named, what it is, and the design.
fn designs() -> [(&'static str, &'static str, String); 11] {
    [
        ("in_flight", "what may be left out is slow, in its time", slow("ads", 80)),
        ("breaker", "what may be left out hangs, and takes all the time there is", hopeless()),
        ("timeout", "what may be left out hangs, for ever", timed(&hangs("ads"), "a.ads", "none")),
        ("timeout", "the work takes longer", timed(&page(""), "a.s", "5ms")),
        ("timeout", "the work takes longer, slow as it is", timed(&slow("s", 6), "a.s", "40ms")),
        ("queue", "who waits too long is worked for too", lined_up()),
        ("cancellation", "few take long, and are given up", tailed()),
        ("limit", "fewer in flight than are needed", bounded(&page(""), "a.s", 1)),
        (
            "limit",
            "fewer in flight than are needed, slow as it is",
            bounded(&slow("s", 8), "a.s", 3),
        ),
        ("limit", "fewer connections than are needed, slow as it is", connected(&slow("s", 8))),
        (
            "limit",
            "a database takes fewer connections than are needed",
            page("").replace("[service.s]", "[database.s]\nconnections = 1"),
        ),
    ]
}

/// The design with another timeout of a call.
fn timed(text: &str, call: &str, time: &str) -> String {
    let timeout = |time: &str| format!("[call.{call}]\nin_flight = \"none\"\ntimeout = \"{time}\"");
    assert!(text.contains(&timeout("1s")), "{text}");
    text.replace(&timeout("1s"), &timeout(time))
}

/// The design with so few in flight of a call.
fn bounded(text: &str, call: &str, most: u32) -> String {
    let free = format!("[call.{call}]\nin_flight = \"none\"");
    assert!(text.contains(&free), "{text}");
    text.replace(&free, &format!("[call.{call}]\nin_flight = {most}\nqueue = 0"))
}

fn connected(text: &str) -> String {
    text.replace("[call.a.s]\n", "[call.a.s]\nconnections = { most = 2 }\n")
}

/// 40/s: a service of 20 workers that asks for advertisements, which it can do without, and for a page.
fn page(incident: &str) -> String {
    format!(
        r#"
[region.eu]
at = [53.3, -6.3]
[client.users]
traffic = "40/s"
requests = [{{ share = "100%", method = "GET", path = "/" }}]
[service.a]
model = {{ workers = 20, queue = 20, service_time = "1ms" }}
steps = ["ads", "s"]
[service.ads]
model = {{ workers = 100000, queue = 0, service_time = "10ms" }}
[service.s]
model = {{ workers = 16, queue = 32, service_time = "10ms" }}
[call.users.a]
in_flight = "none"
timeout = "2s"
idempotent = true
on_failure = "error"
retry = "none"
[call.a.ads]
in_flight = "none"
timeout = "1s"
idempotent = true
on_failure = "omit"
retry = "none"
[call.a.s]
in_flight = "none"
timeout = "1s"
idempotent = true
on_failure = "error"
retry = "none"
{incident}
"#
    )
}

fn slow(node: &str, times: u32) -> String {
    page(&format!(
        "[[incident.it]]\non = \"{node}\"\nkind = \"slow\"\ntimes = {times}.0\nat = \"20s\"\n"
    ))
}

fn hangs(node: &str) -> String {
    page(&format!("[[incident.it]]\non = \"{node}\"\nkind = \"hang\"\nat = \"20s\"\n"))
}

/// After a second for advertisements nothing is left for the page.
fn hopeless() -> String {
    hangs("ads")
        .replace("timeout = \"2s\"", "timeout = \"1006ms\"")
        .replace("workers = 20,", "workers = 400,")
}

/// A service that can do 100/s and has to do 85, and is slow for a while.
fn lined_up() -> String {
    r#"
[region.eu]
at = [53.3, -6.3]
[client.users]
traffic = "85/s"
requests = [{ share = "100%", method = "GET", path = "/" }]
[service.s]
model = { workers = 2, queue = "none", service_time = "20ms" }
[call.users.s]
in_flight = "none"
timeout = "400ms"
idempotent = true
on_failure = "error"
retry = "none"
cancel = false
[[incident.it]]
on = "s"
kind = "slow"
times = 8.0
at = "20s"
lasts = "20s"
"#
    .to_owned()
}

/// One in twenty takes longer than its caller waits, and then most of all the work there is.
fn tailed() -> String {
    let ordinary = lined_up().split("[[incident").next().unwrap_or_default().to_owned();
    ordinary
        .replace("85/s", "40/s")
        .replace("queue = \"none\"", "queue = 8")
        .replace("workers = 2", "workers = 4")
        .replace("service_time = \"20ms\"", "service_time = { median = \"20ms\", p99 = \"5s\" }")
        + "[objective]\ngoodput = \"85%\"\n"
}

fn named(text: &str) -> Report {
    let lasts = Some(Duration::from_secs(140));
    run(&design(text), &Options { causes: true, lasts, ..Options::default() }).unwrap()
}
