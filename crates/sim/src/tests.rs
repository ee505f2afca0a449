//! Whole runs: what becomes of a design, and what is said of it.

mod storms;
mod verdict;

use std::fmt::Write as _;

use base::Duration;
use observe::plot::Style;

use crate::examples::{design, variant};
use crate::report::Role;
use crate::{Fidelity, Options, Report, run};

/// The seed's incident: a database gets a little slower for a while and is never down. What comes
/// of it hangs on the rules of its callers.
#[test]
fn the_incident_and_what_becomes_of_it_with_one_rule_changed() {
    let mut table = format!(
        "{:<28} {:>9} {:>8} {:>8} {:>9} {:>7}\n",
        "changed", "recovered", "after", "goodput", "answered", "tries"
    );
    for (name, changes) in VARIANTS {
        let report = play(changes, 1);
        let after =
            report.recovered.after_s.map_or("-".to_owned(), |after| format!("{after:.0} s"));
        let _ = writeln!(
            table,
            "{name:<28} {:>9} {after:>8} {:>7.1}% {:>8.1}% {:>7.2}",
            if report.recovered.probability > Some(0.0) { "yes" } else { "no" },
            good(&report) * 100.0,
            report.availability.value * 100.0,
            report.calls[0].amplification,
        );
    }
    insta::assert_snapshot!(table);
}

#[test]
fn the_phases_come_in_the_order_of_a_retry_storm() {
    let report = play(&[], 1);

    let phases: Vec<_> = report.phases.iter().map(|phase| phase.phase).collect();
    assert_eq!(
        phases,
        ["latency_drift", "saturation", "cascade", "timeouts", "retries", "amplification"]
    );
    assert!(report.phases.iter().all(|phase| phase.end_s.is_none()), "none of them ends");
    assert!(report.phases[0].begin_s > 60.0, "none begins before the fault");
}

/// A node behind a call with `on_failure = "omit"` is down for half a minute. What arrives towards
/// the end of a window is answered in the next, and no window may count it as lost.
#[test]
fn an_incident_that_loses_nothing_shows_the_partial_answers_and_no_cascade() {
    let text = r#"
        [client.users]
        traffic = "50/s"
        requests = [{ share = "100%", method = "GET", path = "/" }]
        [service.page]
        model = { workers = 200, queue = 64, service_time = "1ms" }
        steps = [["extra", "main"]]
        [service.extra]
        model = { workers = 200, queue = 64, service_time = { mean = "100ms", shape = "exponential" } }
        [service.main]
        model = { workers = 200, queue = 64, service_time = { mean = "100ms", shape = "exponential" } }
        [rules.plain]
        timeout = "20s"
        idempotent = true
        on_failure = "error"
        in_flight = "none"
        queue = 10
        retry = "none"
        [call.users.page]
        rules = "plain"
        [call.page.extra]
        rules = "plain"
        on_failure = "omit"
        [call.page.main]
        rules = "plain"
        [[incident.less]]
        on = "extra"
        kind = "crash"
        at = "60s"
        lasts = "30s"
    "#;
    for seed in 1..=6 {
        let report = run(&design(text), &options(seed)).unwrap();
        assert_eq!(report.goodput.unwrap().value, 1.0);

        let is_there = |kind| report.phases.iter().any(|phase| phase.phase == kind);
        assert!(!is_there("cascade"), "seed {seed}: {:?}", report.phases);
        let partial: Vec<_> =
            report.phases.iter().filter(|phase| phase.phase == "degraded_answers").collect();
        let [phase] = partial[..] else { panic!("seed {seed}: {:?}", report.phases) };
        let end = phase.end_s.unwrap();
        assert!(
            (59.0..=61.0).contains(&phase.begin_s) && (89.0..=91.0).contains(&end),
            "{phase:?}"
        );
    }
}

/// They are neither answered nor failed: with packets too, the report says where they are.
#[test]
fn requests_that_nobody_answers_are_told_whether_or_not_there_are_packets() {
    let text = r#"
        [client.users]
        traffic = "20/s"
        requests = [{ share = "100%", method = "GET", path = "/" }]
        [service.svc]
        model = { workers = 4, queue = "none", service_time = "5ms" }
        [call.users.svc]
        timeout = "none"
        idempotent = true
        on_failure = "error"
        in_flight = "none"
        retry = "none"
        [[incident.stuck]]
        on = "svc"
        kind = "hang"
        at = "10s"
    "#;
    for fidelity in [Fidelity::Message, Fidelity::Packet] {
        let options = Options { fidelity, lasts: seconds(20), ..options(1) };
        let report = run(&design(text), &options).unwrap();

        let asked_while_it_hung = 150..=250;
        assert!(asked_while_it_hung.contains(&report.unanswered), "{}", report.unanswered);
        let shown = crate::render(&report, "it.toml", Style::Ascii);
        assert!(shown.contains(&format!("still waiting {}", report.unanswered)), "{shown}");
        assert!(shown.contains("connections still held"), "{fidelity:?}: {shown}");
    }
}

#[test]
fn the_named_cause_is_the_retry_policy_and_the_database_only_the_trigger() {
    let options = Options { causes: true, seeds: 3, ..options(1) };
    let report = run(&variant("incident", &[]), &options).unwrap();

    let [trigger, sustaining, ..] = &report.causes[..] else { panic!("{:#?}", report.causes) };
    assert_eq!((trigger.role, trigger.factor.as_str()), (Role::Trigger, "`slow` on db"));
    assert_eq!(sustaining.role, Role::Sustaining);
    assert!(sustaining.factor.starts_with("retry policy of users -> api"), "{sustaining:?}");
    insta::assert_snapshot!(crate::render(&report, "designs/incident.toml", Style::Ascii));
}

#[test]
fn what_went_well_has_no_cause() {
    let options = Options { causes: true, incident: Some("none".into()), ..options(1) };

    assert!(run(&variant("incident", &[]), &options).unwrap().causes.is_empty());
}

#[test]
fn the_report_does_not_depend_on_the_number_of_threads() {
    let play = |threads| {
        let options =
            Options { threads: Some(threads), lasts: seconds(40), seeds: 5, ..options(1) };
        run(&variant("balancer", &[]), &options).unwrap()
    };

    assert_eq!(play(1), play(3));
}

#[test]
fn a_dead_instance_costs_no_request_that_may_be_repeated() {
    let options = Options { lasts: seconds(90), seeds: 3, ..options(1) };
    let report = run(&variant("balancer", &[("method = \"POST\"", "method = \"PUT\"")]), &options);

    assert!(report.unwrap().failed_by_cause.is_empty());
}

#[test]
fn what_is_left_out_of_an_answer_is_counted_as_partial() {
    let down = "[[incident.gone]]\non = \"prices\"\nkind = \"crash\"\nat = \"60s\"\n";
    let text = crate::examples::file("incident");
    let options = Options { incident: Some("gone".into()), ..options(1) };
    let report = run(&design(&format!("{text}\n{down}")), &options).unwrap();

    assert!(report.answers.partial > 40_000, "{:?}", report.answers);
    assert_eq!((report.availability.value, good(&report)), (1.0, 1.0));
    assert!(report.reliability.value < 0.7, "{:?}", report.reliability);
}

#[test]
fn a_missing_timeout_shows_as_a_leak() {
    let hang = "[[incident.hang]]\non = \"db\"\nkind = \"hang\"\nat = \"10s\"\n";
    let text = crate::examples::file("incident").replace("timeout = \"2s\"", "timeout = \"none\"");
    let text = text.replace("attempt_timeout = \"500ms\"", "attempt_timeout = \"none\"");
    for fidelity in [Fidelity::Message, Fidelity::Packet] {
        let incident = Some("hang".to_owned());
        let options = Options { incident, lasts: seconds(20), fidelity, ..options(1) };
        let report = run(&design(&format!("{text}\n{hang}")), &options).unwrap();

        // What api has room for waits for ever; whoever comes later is turned away. Behind it waits
        // what its workers ask svc, and what those of svc ask db.
        let waits = 4 * (64 + 256) + 4 * 64 + 4 * 32;
        assert_eq!(report.held.connections, waits, "{fidelity:?}");
    }
}

/// The clients have given up long ago.
#[test]
fn a_call_without_a_timeout_behind_one_that_has_one_is_still_a_leak() {
    let text = r#"
        [client.users]
        traffic = "50/s"
        requests = [{ share = "100%", method = "GET", path = "/" }]
        [service.a]
        model = { workers = 100, queue = 100, service_time = "1ms" }
        steps = ["s"]
        [service.s]
        model = { workers = 20, queue = "none", service_time = "10ms" }
        [call.users.a]
        timeout = "3s"
        idempotent = true
        on_failure = "error"
        in_flight = "none"
        retry = "none"
        [call.a.s]
        timeout = "none"
        idempotent = true
        on_failure = "error"
        in_flight = "none"
        retry = "none"
        [[incident.hang]]
        on = "s"
        kind = "hang"
        at = "10s"
    "#;
    for fidelity in [Fidelity::Message, Fidelity::Packet] {
        let options = Options { fidelity, lasts: seconds(30), ..options(1) };
        let report = run(&design(text), &options).unwrap();

        assert_eq!((report.held.connections, report.unanswered), (100, 0), "{fidelity:?}");
        let shown = crate::render(&report, "it.toml", Style::Ascii);
        assert!(shown.contains("connections still held 100"), "{fidelity:?}: {shown}");
    }
}

#[test]
fn what_cannot_be_played_is_refused_all_at_once_and_by_name() {
    let faults = [
        ("one_way = true", "packet", "partition", "svc"),
        ("times = 2.0", "wrong-node", "spike", "svc"),
    ];
    let mut text = crate::examples::file("balancer");
    for (extra, incident, kind, on) in faults {
        let _ = write!(
            text,
            "\n[[incident.{incident}]]\non = \"{on}\"\nkind = \"{kind}\"\nat = \"30s\"\nlasts = \"9s\"\n{extra}\n"
        );
    }
    let loaded = config::load_bytes(text.as_bytes(), &config::NoFiles);
    let design = loaded.design.or(loaded.sketch).unwrap();
    let refusals = |incident: Option<&str>, lasts| {
        let fidelity = crate::Fidelity::Message;
        let incident = incident.map(Into::into);
        let options = Options { incident, lasts, fidelity, ..Options::default() };
        run(&design, &options).unwrap_err()
    };

    let mut told = String::new();
    for (incident, lasts) in [
        (None, None),
        (Some("storm"), None),
        (Some("packet"), None),
        (Some("wrong-node"), None),
        (Some("one-dies"), seconds(20)),
        (Some("none"), seconds(0)),
        (Some("none"), seconds(1_000_000)),
    ] {
        for refusal in refusals(incident, lasts) {
            let _ = writeln!(told, "{refusal}");
        }
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_window_longer_than_the_run_is_refused() {
    let options = Options { window: seconds(200), ..options(1) };

    let refusals = run(&variant("incident", &[]), &options).unwrap_err();
    let told = "a window of 200s is longer than the run, which lasts 2m";
    assert!(refusals.iter().any(|refusal| refusal.problem.contains(told)), "{refusals:?}");
}

#[test]
fn every_field_of_the_json_is_explained_in_the_documentation() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sim-json.md");
    let documented = std::fs::read_to_string(path).unwrap();
    let incident = Some("none".into());
    let fidelity = crate::Fidelity::Packet;
    let options = Options { lasts: seconds(20), incident, fidelity, ..options(1) };
    let report = run(&variant("balancer", &[]), &options).unwrap();
    let json = serde_json::to_value(&report).unwrap();

    let mut fields: Vec<String> = Vec::new();
    let layers = [&json["layers"], &json["layers"]["l4"][0], &json["layers"]["l3"][0]];
    let parts = [&json, &json["calls"][0], &json["answers"], &json["held"], &json["timeline"]];
    for object in parts.into_iter().chain(layers) {
        fields.extend(object.as_object().unwrap().keys().cloned());
    }

    let is_explained = |field: &String| {
        ["", "[]"].iter().any(|list| documented.contains(&format!("`{field}{list}`")))
    };
    let unexplained: Vec<_> = fields.iter().filter(|field| !is_explained(field)).collect();
    assert!(unexplained.is_empty(), "{unexplained:?}");
}

const RETRY: &str = "retry = { attempts = 4, backoff = \"none\", budget = \"none\" }";
const BUDGET: &str = "retry = { attempts = 4, backoff = \"none\", budget = { share = \"10%\", floor = \"1/s\", burst = 10 } }";
const BACKOFF: &str = "retry = { attempts = 4, backoff = \"20ms..200ms\", budget = \"none\" }";

type Variant = (&'static str, &'static [(&'static str, &'static str)]);

const VARIANTS: [Variant; 8] = [
    ("nothing", &[]),
    ("a budget for retries", &[(RETRY, BUDGET)]),
    ("backoff alone", &[(RETRY, BACKOFF)]),
    ("no retries", &[(RETRY, "retry = \"none\"")]),
    ("cancellation alone", &[("cancel = false", "cancel = true")]),
    ("short queues in services", &[("queue = 256", "queue = 32"), ("queue = 128", "queue = 16")]),
    ("bounded calls", &[("in_flight = \"none\"\nqueue = \"none\"", "in_flight = 64\nqueue = 32")]),
    ("half of the traffic", &[("traffic = \"800/s\"", "traffic = \"400/s\"")]),
];

fn play(changes: &[(&str, &str)], seed: u64) -> Report {
    run(&variant("incident", changes), &options(seed)).unwrap()
}

fn options(seed: u64) -> Options {
    Options { seed, lasts: seconds(120), ..Options::default() }
}

#[expect(clippy::unnecessary_wraps, reason = "options are optional")]
const fn seconds(secs: u64) -> Option<Duration> {
    Some(Duration::from_secs(secs))
}

fn good(report: &Report) -> f64 {
    report.goodput.expect("requests were judged").value
}
