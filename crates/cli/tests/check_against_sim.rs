//! The rules of the review on load, time and retries, held against the simulation: the design that
//! fails a rule fails in the simulation in the way the rule says, and the one that passes does not.

use std::fmt::Write as _;

use base::Duration;
use checklist::rule_named;
use sim::{Fidelity, Options, Report};

/// What a rule says would happen, as a number that is large where it does.
struct Claim {
    code: &'static str,
    what: &'static str,
    measure: fn(&Report) -> f64,
}

const fn claim(code: &'static str, what: &'static str, measure: fn(&Report) -> f64) -> Claim {
    Claim { code, what, measure }
}

const CLAIMS: [Claim; 29] = [
    claim("T01", "requests still held a minute after the last", held),
    claim("T03", "requests that failed, of 1,000", failed),
    claim("T04", "requests that failed, of 1,000", failed),
    claim("T05", "answers to nobody, of 1,000 requests", wasted),
    claim("T06", "answers to nobody, of 1,000 requests", wasted),
    claim("T07", "answers to nobody, of 1,000 requests", wasted),
    claim("T08", "answers to nobody, of 1,000 requests", wasted),
    claim("R03", "requests that failed, of 1,000", failed),
    claim("R04", "retries behind each failed request", retries),
    claim("R05", "retries behind each failed request", retries),
    claim("R06", "retries behind each failed request", retries),
    claim("R07", "retries behind each failed request", retries),
    claim("R08", "retries behind each failed request", retries),
    claim("R09", "answers to nobody, of 1,000 requests", wasted),
    claim("R11", "retries behind each failed request", retries),
    claim("Q01", "tries into a database that hangs, of 1,000", timed_out),
    claim("Q02", "requests that waited in vain, of 1,000", expired),
    claim("Q03", "answers to nobody, of 1,000 requests", wasted),
    claim("Q04", "answers to nobody, of 1,000 requests", wasted),
    claim("Q05", "requests that waited in vain, of 1,000", expired),
    claim("Q06", "tries that a database refused, of 1,000", refused),
    claim("Q07", "tries into a database that hangs, of 1,000", timed_out),
    claim("H01", "requests that failed, of 1,000", failed),
    claim("F04", "requests that failed, of 1,000", failed),
    claim("L03", "sessions refused, of 1,000 openings", sessions_refused),
    claim("G01", "requests that failed, of 1,000", failed),
    claim("G04", "requests that failed, of 1,000", failed),
    claim("C01", "requests that failed, of 1,000", failed),
    claim("C02", "retries behind each failed request", retries),
];

/// Rules that a test of their own holds against the simulation, below.
const APART: [&str; 10] = ["C03", "H02", "H03", "H04", "L01", "L02", "R10", "T02", "T09", "W01"];

/// Rules that no simulation can show, and why.
const NOT_SHOWN: [(&str, &[&str]); 2] = [
    ("what is not answered has no behaviour to play", &["A01", "A02", "A03", "A04", "A05"]),
    (
        "not about load, time or retries: what is done twice, who fails with whom, where data is, \
         what a link is said to be, whom a table is for",
        &["R01", "R02", "F01", "F02", "F03", "G02", "G03", "W02"],
    ),
];

#[test]
fn every_rule_is_held_against_the_simulation_or_says_why_not() {
    let held = CLAIMS.iter().map(|claim| claim.code).chain(APART);
    let not_shown = NOT_SHOWN.iter().flat_map(|(_, codes)| codes.iter().copied());
    let mut told: Vec<&str> = held.chain(not_shown).collect();
    let mut all: Vec<&str> = checklist::ALL.iter().map(|rule| rule.code).collect();
    told.sort_unstable();
    all.sort_unstable();

    assert_eq!(told, all);
}

#[test]
fn what_a_rule_says_happens_to_the_design_that_breaks_it_and_not_to_the_other() {
    let mut table = String::from("rule  failing  passing  what is counted\n");
    let mut unkept = Vec::new();
    for Claim { code, what, measure } in CLAIMS {
        let rule = rule_named(code).expect("the rule exists");
        let [failing, passing] = [rule.failing, rule.passing].map(|text| measure(&play(text)));
        writeln!(table, "{code}   {failing:>7.2}  {passing:>7.2}  {what}").expect("text takes it");
        if failing <= 0.05 || failing < 2.0 * passing {
            unkept.push(code);
        }
    }

    assert_eq!(unkept, [""; 0], "less than twice as bad as the design that passes\n{table}");
}

/// An incident that a design has no room for is felt while it lasts, and only then.
#[test]
fn an_incident_that_leaves_too_little_is_felt_and_another_is_not() {
    let rule = rule_named("C03").expect("the rule exists");

    let worst = [rule.failing, rule.passing].map(|text| {
        let goodput = play(text).timeline.goodput;
        goodput.into_iter().fold(1.0, f64::min)
    });

    assert!(worst[0] < 0.9, "{worst:?}");
    assert!(worst[1] > 0.99, "{worst:?}");
}

/// Each worker keeps another endpoint as its last, so with many of them it is chance which one gets
/// too much. One worker of one balancer shows what the rule says.
#[test]
fn ejection_that_may_leave_one_endpoint_sends_it_everything() {
    let rule = rule_named("H02").expect("the rule exists");

    let shares = [rule.failing, rule.passing].map(|text| {
        let one_balancer = "[balancer.lb]\nregion = \"eu\"\ninstances = ";
        let text = text.replace(&format!("{one_balancer}2"), &format!("{one_balancer}1"));
        failed(&play_with(&text, Options { workers: 1, ..Options::default() }))
    });

    assert!(shares[0] > 2.0 * shares[1], "failed of 1,000: {shares:?}");
}

/// Who stands still says nothing, not even that he does.
#[test]
fn a_stream_without_an_idle_timeout_waits_for_ever_for_one_who_is_silent() {
    let silent = "[[incident.silent]]\non = \"api\"\nkind = \"hang\"\nat = \"10s\"\n";

    let held = both("T02", |text| held(&play(&format!("{text}\n{silent}"))));

    assert!(held[0] > 100.0, "{held:?}");
    assert_eq!(held[1], 0.0, "half a minute of silence ends it");
}

/// Phones that say nothing for longer than the run, as those do that vanished.
#[test]
fn a_tunnel_without_an_idle_timeout_keeps_its_place_when_the_other_end_falls_silent() {
    let talks = "median = \"5s\", p99 = \"20s\" }, messages = \"1/s\"";
    let silent = "median = \"10m\", p99 = \"30m\" }, messages = \"0/s\"";

    let open = both("T09", |text| {
        assert!(text.contains(talks));
        play(&text.replace(talks, silent)).sessions.expect("the fixtures have sessions").open_at_end
    });

    assert!(open[0] > 5.0 * open[1], "of two a second, ten seconds of silence leave 20: {open:?}");
}

/// One endpoint can do 800 requests per second, both together 1,600. More than the one can do comes
/// on a connection that is kept, and it all goes to where the connection went.
#[test]
fn a_balancer_of_connections_sends_all_that_shares_one_to_one_endpoint() {
    let failed = both("L01", |text| {
        let text = text.replace("traffic = \"100/s\"", "traffic = \"1200/s\"");
        failed(&play_with(&text, Options { fidelity: Fidelity::Packet, ..Options::default() }))
    });

    assert!(failed[0] > 100.0, "of 1,000: {failed:?}");
    assert!(failed[1] < 10.0, "of 1,000: {failed:?}");
}

#[test]
fn no_connection_stands_before_light_has_come_back() {
    let rule = rule_named("G01").expect("the rule exists");

    let failed = ["50ms", "200ms"].map(|time| {
        let text = format!("{}connect_timeout = \"{time}\"\n", rule.passing);
        failed(&play(&text))
    });

    assert_eq!(failed[0], 1_000.0, "of 1,000");
    assert!(failed[1] < 10.0, "of 1,000: {failed:?}");
}

/// How many streams are open is found by playing them.
#[test]
fn the_streams_of_one_instance_do_not_fit_on_the_others() {
    let fits = both("L02", |text| {
        let report = play(text);
        let nodes = report.sessions.expect("the fixtures have streams").nodes;
        nodes.iter().find(|node| node.node == "lb").and_then(|node| node.holds_with_one_less)
    });

    assert_eq!(fits, [Some(false), Some(true)]);
}

/// The way to one endpoint gets so long that no request over it is in time, while a patient check
/// still is.
#[test]
fn a_check_that_waits_longer_than_a_request_keeps_an_endpoint_that_answers_nobody() {
    let far = "[[incident.far]]\non = \"api\"\nshare = \"1 of 3\"\nkind = \"delay\"\nby = \"180ms\"\nat = \"10s\"\n";

    let failed = both("H03", |text| failed(&play(&format!("{text}\n{far}"))));

    assert!(failed[0] > 2.0 * failed[1], "of 1,000: {failed:?}");
}

#[test]
fn a_breaker_that_waits_for_more_calls_than_come_does_not_open() {
    let open = both("H04", |text| {
        let report = play(text);
        let causes = &last(&report).failed_by_cause;
        causes.get("breaker_open").copied().unwrap_or(0)
    });

    assert_eq!(open[0], 0);
    assert!(open[1] > 1_000, "{open:?}");
}

#[test]
fn a_request_that_no_route_takes_fails_for_that_and_gets_no_further() {
    let found = both("W01", |text| {
        let report = play(text);
        let unrouted = report.failed_by_cause.get("no_route").copied().unwrap_or(0);
        (of_thousand(&report, unrouted), failed(&report), last(&report).requests > 0)
    });

    assert_eq!(found, [(1_000.0, 1_000.0, false), (0.0, 0.0, true)]);
}

/// A way on which the answers just fit: what is lost is asked for again, and so more is lost.
#[test]
fn retries_over_datagrams_make_the_loss_that_they_answer() {
    let narrow = "[[incident.narrow]]\non = \"api\"\nkind = \"bandwidth\"\nbandwidth = \"240kbit/s\"\nat = \"10s\"\n";

    let lost = both("R10", |text| {
        let report = play(&format!("{text}\n{narrow}"));
        let ways = report.layers.expect("datagrams are played").l3;
        of_thousand_of(ways.iter().map(|way| way.lost).sum(), report.offered)
    });

    assert!(lost[0] > 2.0 * lost[1], "datagrams lost of 1,000 requests: {lost:?}");
}

/// Who waits in a row gives up before the one behind does, and so hears nothing of the tries there:
/// then as many arrive as the review says, and not one more.
#[test]
fn the_worst_that_is_told_of_hops_in_a_row_happens_and_nothing_worse() {
    let balancer = |name: &str, port: u16, to: &str| {
        let listen =
            format!("address = \"127.0.0.1:{port}\", routes = [{{ path = \"/\", to = \"{to}\" }}]");
        format!("[balancer.{name}]\nlisten = [{{ {listen} }}]\n")
    };
    let service = |name: &str, _, to: &str| format!("[service.{name}]\nsteps = [\"{to}\"]\n");
    let ours = format!("{}{}{ROW}", balancer("first", 1, "second"), balancer("second", 2, "svc"));
    let others = format!("{}{}{ROW}", service("first", 1, "second"), service("second", 2, "svc"));

    let found = [ours, others].map(|text| {
        let loaded = config::load_bytes(text.as_bytes(), &config::NoFiles);
        let design = loaded.design.expect("it reads well");
        let told = checklist::report::paths(&design, 1).worst[0].worst;
        let report = play(&text);
        (told, last(&report).attempts as f64 / report.calls[0].requests as f64)
    });

    for (told, tries) in found {
        assert!((0.97 * told as f64..=told as f64).contains(&tries), "{tries} of {told}");
    }
    assert_eq!(found.map(|(told, _)| told), [3 + 1, 3 * 2]);
}

/// A service that hangs, and whoever asks it by way of `first` and `second`.
const ROW: &str = r#"
[client.users]
traffic = { constant = "20/s" }
requests = [{ share = "100%", method = "GET", path = "/" }]
[service.svc]
model = { workers = 64, queue = "none", service_time = "1ms" }
[call.users.first]
timeout = "5s"
idempotent = true
on_failure = "error"
in_flight = "none"
retry = "none"
[call.first.second]
timeout = "5s"
attempt_timeout = "150ms"
idempotent = true
on_failure = "error"
in_flight = 1000
queue = 0
retry = { attempts = 3, backoff = "1ms..1ms", budget = "none" }
[call.second.svc]
timeout = "2s"
attempt_timeout = "100ms"
idempotent = true
on_failure = "error"
in_flight = 1000
queue = 0
retry = { attempts = 2, backoff = "1ms..1ms", budget = "none" }
[[incident.silent]]
on = "svc"
kind = "hang"
at = "0s"
"#;

/// A service that only fails, asked 100 times a second by two balancers, each with its part of the
/// floor and savings of its own. The savings of a moment are spent before anything is counted.
#[test]
fn the_attempts_that_last_are_those_that_arrive_when_all_fails() {
    let budgets = [
        r#"{ share = "20%", floor = "10/s", burst = 10 }"#,
        r#"{ share = "10%", floor = "5000/s", burst = 10 }"#,
        r#"{ share = "10%", floor = "1/s", burst = 10_000, in_flight = 40 }"#,
    ];

    let found = budgets.map(|budget| {
        let text = FAILS.replace("BUDGET", budget);
        let loaded = config::load_bytes(text.as_bytes(), &config::NoFiles);
        let design = loaded.design.expect("it reads well");
        let told = checklist::report::paths(&design, 1).worst[0].lasting;
        let report = play(&text);
        (told, last(&report).attempts as f64 / last(&report).requests as f64)
    });

    for (told, arrived) in found {
        assert!((arrived / told - 1.0).abs() < 0.03, "{arrived} of {told}");
    }
    assert_eq!(found.map(|(told, _)| told), [1.3, 3.0, 3.0]);
}

const FAILS: &str = r#"
[client.users]
traffic = { constant = "100/s" }
requests = [{ share = "100%", method = "GET", path = "/" }]
[balancer.lb]
instances = 2
listen = [{ address = "127.0.0.1:8080", routes = [{ path = "/", to = "api" }] }]
[service.api]
instances = 2
model = { workers = 16, queue = 64, service_time = "10ms" }
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
in_flight = 64
queue = 16
retry = { attempts = 3, backoff = "1ms..5ms", on = ["503"], budget = BUDGET }
[[incident.fails]]
on = "api"
kind = "error"
rate = "100%"
status = 503
at = "0s"
"#;

/// What is found of the failing fixture of a rule and of the passing one.
fn both<T>(code: &str, find: impl Fn(&str) -> T) -> [T; 2] {
    let rule = rule_named(code).expect("the rule exists");
    [rule.failing, rule.passing].map(find)
}

/// Half a minute after the last fault; a minute where there is none, or none that ends.
fn play(text: &str) -> Report {
    play_with(text, Options::default())
}

fn play_with(text: &str, options: Options) -> Report {
    let loaded = config::load_bytes(text.as_bytes(), &config::NoFiles);
    let design = loaded.design.expect("the fixtures read well");
    let faults = design.incidents.iter().flat_map(|incident| &incident.entries);
    let last = faults.map(|fault| fault.at + fault.lasts.unwrap_or(HALF_A_MINUTE)).max();
    let lasts = last.unwrap_or(HALF_A_MINUTE) + HALF_A_MINUTE;
    let options = Options { seeds: 2, lasts: Some(lasts), ..options };
    sim::run(&design, &options).expect("they can be simulated")
}

const HALF_A_MINUTE: Duration = Duration::from_secs(30);

fn held(report: &Report) -> f64 {
    report.held.connections as f64
}

/// Of the openings in the time that is judged.
fn sessions_refused(report: &Report) -> f64 {
    let opened = report.sessions.as_ref().and_then(|sessions| sessions.opened_when_judged);
    1_000.0 * (1.0 - opened.unwrap_or(1.0))
}

fn failed(report: &Report) -> f64 {
    of_thousand(report, report.failed_by_cause.values().sum())
}

/// By the node that the clients ask.
fn wasted(report: &Report) -> f64 {
    of_thousand(report, report.calls[0].wasted)
}

fn expired(report: &Report) -> f64 {
    let causes = &last(report).failed_by_cause;
    of_thousand(report, causes.get("queue_expired").copied().unwrap_or(0))
}

fn timed_out(report: &Report) -> f64 {
    let causes = &last(report).attempts_failed_by_cause;
    let of = |cause| causes.get(cause).copied().unwrap_or(0);
    of_thousand(report, of("timeout") + of("attempt_timeout"))
}

fn refused(report: &Report) -> f64 {
    let causes = &last(report).attempts_failed_by_cause;
    of_thousand(report, causes.get("refused").copied().unwrap_or(0))
}

/// A request that did not fail took one attempt, near enough: all others are behind the failures.
fn retries(report: &Report) -> f64 {
    let failed: u64 = report.failed_by_cause.values().sum();
    let good = report.calls[0].requests.saturating_sub(failed);
    let behind = last(report).attempts.saturating_sub(good);
    behind as f64 / failed as f64 - 1.0
}

fn of_thousand(report: &Report, count: u64) -> f64 {
    of_thousand_of(count, report.offered)
}

fn of_thousand_of(count: u64, whole: u64) -> f64 {
    count as f64 * 1_000.0 / whole as f64
}

/// The call furthest from the client.
fn last(report: &Report) -> &sim::report::Call {
    report.calls.last().expect("every fixture has a call")
}
