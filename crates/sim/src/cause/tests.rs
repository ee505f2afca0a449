mod instances;
mod rules;
mod servers;

use std::fmt::Write as _;

use base::{CallId, Duration, NodeId};
use config::Design;

use super::ordinary::{Ordinary, Quiet};
use crate::examples::{at_once, design, file, options_for, queue, variant};
use crate::plan::Plan;
use crate::report::Role;
use crate::{Options, Report, run};

/// The seed's incident at a quarter of its size, with one rule changed; each line is what a reader
/// sees first.
#[test]
fn the_incident_with_one_rule_changed_and_what_is_named() {
    let mut table = String::new();
    for (name, changes) in VARIANTS {
        let mut text = QUARTER.iter().fold(file("incident"), |text, (from, to)| {
            assert!(text.contains(from), "the incident does not say {from:?}");
            text.replace(from, to)
        });
        for (from, to) in changes {
            assert!(text.contains(from), "the incident does not say {from:?}");
            text = text.replace(from, to);
        }
        let lasts = Some(Duration::from_secs(140));
        let options = Options { causes: true, lasts, ..Options::default() };
        let report = run(&design(&text), &options).unwrap();
        let _ = writeln!(table, "{name}\n  {}", report.conclusion.as_deref().unwrap_or("-"));
        for cause in &report.causes {
            let role = if cause.role == Role::Trigger { "trigger" } else { "sustaining" };
            let _ = writeln!(
                table,
                "  {role:<10} {:<12} {:>4.0} % ({:.0} to {:.0})",
                cause.kind,
                cause.share * 100.0,
                cause.low * 100.0,
                cause.high * 100.0
            );
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn what_fails_without_any_incident_is_not_blamed_on_one() {
    let report = named(&shop("traffic = \"140/s\"", 1, ""), None);

    assert_eq!(first(&report), Some(("capacity", Role::Sustaining)), "{:#?}", report.causes);
    let told = "It fails without any incident, because of the capacity of svc.";
    assert_eq!(report.conclusion.as_deref(), Some(told));
}

#[test]
fn a_service_that_is_gone_for_good_is_the_fault_and_nothing_else() {
    let crash = incident("svc", "kind = \"crash\"", "");
    let report = named(&shop("traffic = \"60/s\"", 3, &crash), None);

    assert_eq!(report.causes.len(), 1, "{:#?}", report.causes);
    assert_eq!(first(&report), Some(("fault", Role::Trigger)));
    let told = "`crash` on svc is there to the end, and no change that was tried makes up for it.";
    assert_eq!(report.conclusion.as_deref(), Some(told));
}

/// On an ordinary day it is not half busy; what is left of it is still too little.
#[test]
fn a_service_of_which_too_little_is_left_is_named_with_its_capacity() {
    for fault in ["kind = \"slow\"\ntimes = 5.0", "kind = \"crash\"\nshare = \"2 of 3\""] {
        let crash = incident("svc", fault, "");
        let text = shop_text("traffic = \"120/s\"", 1, &crash);
        let text = text.replace("[service.svc]", "[service.svc]\ninstances = 3");
        let checked = "health = { path = \"/h\", every = \"1s\", timeout = \"500ms\", up_after = 1, down_after = 1 }";
        let text = text.replace("retry = \"none\"", &format!("retry = \"none\"\n{checked}"));
        let report = named(&design(&text), None);

        let kinds: Vec<_> = report.causes.iter().map(|cause| cause.kind).take(2).collect();
        assert_eq!(kinds, ["fault", "capacity"], "{:#?}", report.causes);
        let told = "on svc is there to the end, and is not borne because of the capacity of svc.";
        let told = told
            .replace("on svc", if fault.contains("2 of 3") { "on svc (2 of 3)" } else { "on svc" });
        assert!(report.conclusion.unwrap().ends_with(&told), "{fault}");
    }
}

#[test]
fn of_two_faults_the_one_is_named_that_did_it() {
    let hardly = incident("svc", "kind = \"slow\"\ntimes = 1.01", "lasts = \"5s\"");
    let hang = incident("svc", "kind = \"hang\"", "lasts = \"20s\"");
    let report = named(&shop("traffic = \"60/s\"", 3, &format!("{hardly}{hang}")), None);

    let triggers: Vec<_> = report
        .causes
        .iter()
        .filter(|cause| cause.role == Role::Trigger)
        .map(|cause| cause.factor.as_str())
        .collect();
    assert_eq!(triggers, ["`hang` on svc"]);
    let told = "`hang` on svc began it, and it is kept up by the retry policy of users -> svc.";
    assert_eq!(report.conclusion.as_deref(), Some(told));
}

#[test]
fn where_the_failure_ended_with_its_fault_nothing_is_said_to_have_kept_it_up() {
    let crash = incident("svc", "kind = \"crash\"", "lasts = \"20s\"");
    let report = named(&shop("traffic = \"60/s\"", 3, &crash), None);

    assert_eq!(report.recovered.probability, Some(1.0));
    let told = "`crash` on svc began it, and nothing keeps it up.";
    assert_eq!(report.conclusion.as_deref(), Some(told));
}

/// One in 150 takes longer than its caller waits: in a quarter of what is judged, chance alone may miss
/// the objective.
#[test]
fn what_has_recovered_by_its_verdict_is_not_said_to_be_kept_up() {
    let slow = incident("svc", "kind = \"slow\"\ntimes = 5.0", "lasts = \"20s\"");
    let text = shop_text("traffic = \"60/s\"", 1, &slow)
        .replace("workers = 2", "workers = 8")
        .replace("\"20ms\"", "{ mean = \"40ms\", shape = \"exponential\" }")
        .replace("timeout = \"2s\"\nattempt_timeout = \"500ms\"", "timeout = \"200ms\"");
    let design = design(&text.replace("svc", "s"));
    let lasts = Some(Duration::from_secs(140));
    let report = run(&design, &Options { causes: true, lasts, ..Options::default() }).unwrap();

    assert_eq!(report.recovered.probability, Some(1.0));
    let told = report.conclusion.unwrap();
    assert!(told.contains("began it, and it lasted longer because of"), "{told}");
}

/// From one end of the earth to the other and back takes light 170 ms.
#[test]
fn connections_that_are_given_less_time_than_the_way_takes_are_named() {
    let design = design(
        r#"
[region.sy]
at = [-33.87, 151.2]
[region.lo]
at = [51.5, -0.12]
[client.users]
region = "lo"
traffic = "20/s"
requests = [{ path = "/" }]
[service.svc]
region = "sy"
model = { workers = 20, queue = 10, service_time = "5ms" }
[call.users.svc]
timeout = "2s"
connect_timeout = "50ms"
idempotent = true
on_failure = "error"
in_flight = "none"
retry = "none"
"#,
    );
    let lasts = Some(Duration::from_secs(40));
    let report = run(&design, &Options { causes: true, lasts, ..Options::default() }).unwrap();

    let told: Vec<_> = report.causes.iter().map(|cause| cause.factor.as_str()).collect();
    assert_eq!(told, ["timeouts shorter than the work: users -> svc"]);
}

#[test]
fn what_a_cause_explains_does_not_depend_on_how_many_threads_look_for_it() {
    let hang = incident("svc", "kind = \"hang\"", "lasts = \"20s\"");
    let design = shop("traffic = \"60/s\"", 3, &hang);

    assert_eq!(named(&design, Some(1)), named(&design, Some(3)));
}

#[test]
fn an_ordinary_day_asks_of_each_node_what_comes_to_it_tried_once() {
    for (name, asked) in [
        ("incident", [("api", 200.0), ("svc", 200.0), ("db", 800.0), ("prices", 800.0)].as_slice()),
        ("balancer", &[("lb", 150.0), ("svc", 100.0)]),
        ("grpc", &[("edge", 100.0), ("chat", 100.0)]),
    ] {
        let design = variant(name, &[]);
        let options = options_for("none", 1);
        let plan = Plan::new(&design, &options).unwrap();
        let quiet = Quiet::default();
        let ordinary = Ordinary::new(&plan, &[], &quiet);

        for &(node, rate) in asked {
            let seen = ordinary.rate_of(design.node_named(node).unwrap());
            assert!((seen - rate).abs() < 1e-6, "{name}: {node} is asked {seen}");
        }
    }
    let design = variant("incident", &[]);
    let options = options_for("none", 1);
    let plan = Plan::new(&design, &options).unwrap();
    let quiet = Quiet::default();
    let ordinary = Ordinary::new(&plan, &[], &quiet);
    let load = ordinary.load(design.node_named("db").unwrap()).unwrap();
    assert!((load - 0.81).abs() < 0.01, "{load}");
    assert_eq!(ordinary.load(NodeId::from_index(0)), None, "a client does no work");
    assert_eq!(ordinary.patience(CallId::from_index(0)), Some(Duration::from_millis(500)));
}

/// One seed says too little: others are played beside it.
#[test]
fn the_largest_seed_is_followed_by_the_smallest_when_causes_are_looked_for() {
    let failing = queue("300/s", 1, "10");
    let options = Options { seed: u64::MAX, causes: true, ..options_for("none", 5) };

    assert!(run(&failing, &options).unwrap().conclusion.is_some());
}

type Change = (&'static str, &'static str);

const QUARTER: [Change; 4] = [
    ("traffic = \"800/s\"", "traffic = \"200/s\""),
    ("workers = 40", "workers = 10"),
    ("workers = 16", "workers = 4"),
    ("instances = 4", "instances = 1"),
];

const RETRY: &str = "retry = { attempts = 4, backoff = \"none\", budget = \"none\" }";
const BUDGET: &str = "retry = { attempts = 4, backoff = \"none\", budget = { share = \"10%\", floor = \"1/s\", burst = 10 } }";
const TRAFFIC: &str = "traffic = \"200/s\"";

const VARIANTS: [(&str, &[Change]); 9] = [
    ("nothing", &[]),
    (
        "backoff",
        &[(RETRY, "retry = { attempts = 4, backoff = \"20ms..200ms\", budget = \"none\" }")],
    ),
    ("a budget for retries", &[(RETRY, BUDGET)]),
    ("no retries", &[(RETRY, "retry = \"none\"")]),
    ("cancellation", &[("cancel = false", "cancel = true")]),
    ("short queues in services", &[("queue = 256", "queue = 32"), ("queue = 128", "queue = 16")]),
    (
        "no retries, and too much traffic",
        &[(RETRY, "retry = \"none\""), (TRAFFIC, "traffic = \"300/s\"")],
    ),
    ("too much traffic", &[(TRAFFIC, "traffic = \"300/s\"")]),
    ("a fault that stays", &[("lasts = \"30s\"", "")]),
];

fn named(design: &Design, threads: Option<usize>) -> Report {
    let options = Options { causes: true, threads, ..Options::default() };
    run(design, &options).unwrap()
}

fn first(report: &Report) -> Option<(&'static str, Role)> {
    report.causes.first().map(|cause| (cause.kind, cause.role))
}

/// A service that can do 100 requests per second.
fn shop(traffic: &str, attempts: u32, incidents: &str) -> Design {
    design(&shop_text(traffic, attempts, incidents))
}

fn shop_text(traffic: &str, attempts: u32, incidents: &str) -> String {
    let retry = at_once(attempts);
    format!(
        r#"
[region.eu]
at = [53.3, -6.3]
[client.users]
{traffic}
requests = [{{ share = "100%", method = "GET", path = "/" }}]
[service.svc]
model = {{ workers = 2, queue = "none", service_time = "20ms" }}
[call.users.svc]
timeout = "2s"
attempt_timeout = "500ms"
idempotent = true
on_failure = "error"
in_flight = "none"
retry = {retry}
{incidents}
"#
    )
}

fn incident(on: &str, fault: &str, lasts: &str) -> String {
    format!("[[incident.it]]\non = \"{on}\"\n{fault}\nat = \"20s\"\n{lasts}\n")
}
