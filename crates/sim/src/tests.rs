//! Whole runs: what becomes of a design, and what is said of it.

use std::fmt::Write as _;

use base::Duration;
use model::closed::{safe_queue, storm_threshold};
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

/// One worker of 10 ms does 100/s. Nobody gives up within the run, so nothing is lost.
#[test]
fn a_queue_that_grows_for_ever_does_not_hold_however_long_its_clients_wait() {
    let play = |traffic: &str| {
        let options = Options { lasts: seconds(120), seeds: 5, ..Options::default() };
        run(&crate::examples::queue(traffic, 1, "\"none\""), &options).unwrap()
    };
    let (over, under) = (play("120/s"), play("80/s"));

    assert_eq!((good(&over), good(&under)), (1.0, 1.0));
    assert_eq!((over.recovered.settled, under.recovered.settled), (0, 5));
    assert_eq!((over.recovered.probability, under.recovered.probability), (Some(0.0), Some(1.0)));
    assert!(over.under_way.at_end > over.under_way.at_begin + 800.0, "{:?}", over.under_way);
    let shown = crate::render(&over, "it.toml", Style::Ascii);
    assert!(shown.contains("DOES NOT HOLD") && shown.contains("MORE AND MORE WAIT"), "{shown}");
}

#[test]
fn what_was_not_judged_is_neither_recovered_nor_held() {
    let played = |options: &Options| {
        let report = run(&variant("incident", &[]), options).unwrap();
        let shown = crate::render(&report, "it.toml", Style::Ascii);
        (serde_json::to_value(report).unwrap(), shown)
    };
    let moment = Some(Duration::from_nanos(1));
    let (json, shown) = played(&Options { window: moment, lasts: seconds(70), ..options(1) });
    let (full, early) = played(&Options { most_under_way: 100, ..options(1) });

    assert!(shown.contains("\nNOTHING TO JUDGE") && !shown.contains("HELD"), "{shown}");
    assert!(early.contains("\nSTOPPED before its end\n  stopped at "), "{early}");
    for json in [json, full] {
        assert!(json["goodput"].is_null() && json["recovered"]["probability"].is_null(), "{json}");
        assert!(json["recovered"]["low"].is_null() && json["recovered"]["high"].is_null());
    }
}

/// What one may wait for has had its time before judgement begins.
#[test]
fn a_run_lasts_longer_where_clients_wait_for_longer_than_a_minute() {
    let end = |timeout: &str| {
        let timeout = format!("[call.users.lb]\ntimeout = \"{timeout}\"");
        let design = variant(
            "balancer",
            &[(
                "[call.users.lb]                                    # carried by others: what their code does\ntimeout = \"2s\"",
                &timeout,
            )],
        );
        crate::plan::Plan::new(&design, &Options::default()).unwrap().times.end.as_secs_f64()
    };

    assert_eq!(["2s", "60s", "3m", "5h"].map(end), [170.0, 170.0, 290.0, 710.0]);
}

#[test]
fn who_is_well_again_later_than_is_judged_is_told_so() {
    let slow = "[[incident.slow]]\non = \"svc\"\nkind = \"hang\"\nat = \"10s\"\nlasts = \"20s\"\n";
    let text = LATE.to_owned() + slow;
    let options = Options { lasts: seconds(70), ..options(1) };
    let report = run(&design(&text), &options).unwrap();

    assert_eq!((report.recovered.probability, report.recovered.well_at_last), (Some(0.0), 1));
    let shown = crate::render(&report, "it.toml", Style::Ascii);
    assert!(shown.contains("within 20 s after the fault; later, 1 of 1 runs were well"), "{shown}");
}

/// It works off what 20 s of a fault leave in 30 s: nobody that came in that time has his answer
/// in time.
const LATE: &str = r#"
[client.users]
traffic = "100/s"
requests = [{ share = "100%", method = "GET", path = "/" }]
[service.svc]
model = { workers = 1, queue = "none", service_time = "6ms" }
[call.users.svc]
timeout = "2s"
cancel = false
idempotent = true
on_failure = "error"
in_flight = "none"
retry = "none"
"#;

#[test]
fn a_run_that_ends_within_the_fault_is_judged_by_what_the_fault_does() {
    let crash = "[[incident.gone]]\non = \"db\"\nkind = \"crash\"\nat = \"10s\"\nlasts = \"60s\"\n";
    let text = crate::examples::file("incident");
    let options = Options { incident: Some("gone".into()), lasts: seconds(20), ..options(1) };
    let report = run(&design(&format!("{text}\n{crash}")), &options).unwrap();

    assert!(report.times.judged_from_s < report.times.end_s, "{:?}", report.times);
    assert!(report.recovered.probability < Some(0.5), "{:?}", report.goodput);
}

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

/// A service that can do 1,000 requests per second, callers that wait 100 ms and try three times,
/// and five times the traffic for a second.
fn survives_a_rush(traffic: f64, queue: &str) -> bool {
    let text = format!(
        r#"
[region.eu]
at = [53.3, -6.3]
[client.users]
traffic = "{traffic:.0}/s"
requests = [{{ share = "100%", method = "GET", path = "/" }}]
[service.svc]
model = {{ workers = 10, queue = {queue}, service_time = "10ms" }}
[call.users.svc]
timeout = "1s"
attempt_timeout = "100ms"
idempotent = true
on_failure = "error"
in_flight = "none"
retry = {{ attempts = 3, backoff = "none", budget = "none" }}
[[incident.rush]]
on = "users"
kind = "spike"
times = 5.0
at = "10s"
lasts = "1s"
"#
    );
    let report = run(&design(&text), &Options { seeds: 3, ..options(1) }).unwrap();
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
fn the_verdict_says_when_there_was_nothing_to_judge_or_only_the_fault() {
    let verdict = |changes, options: &Options| {
        let report = run(&variant("incident", changes), options).unwrap();
        crate::render(&report, "a file", Style::Ascii)
    };
    let rare = [("traffic = \"800/s\"", "traffic = \"0.001/s\"")];

    assert!(verdict(&rare, &options(1)).contains("\nNOTHING TO JUDGE"));
    let short = verdict(&[], &Options { lasts: seconds(61), ..options(1) });
    assert!(short.contains("the run ends before the fault does"), "{short}");
    assert!(short.contains("goodput in the last 0.5 s"), "{short}");
    let wide = verdict(&[], &Options { window: seconds(60), ..options(1) });
    assert!(wide.contains("the window reaches back into the fault"), "{wide}");
    assert!(!verdict(&[], &options(1)).contains("the window reaches back"));
}

#[test]
fn what_was_not_measured_is_not_shown_as_all_of_it() {
    let lasts = Some(Duration::from_millis(1));
    let options = Options { incident: Some("none".into()), lasts, causes: true, ..options(1) };
    let report = run(&variant("incident", &[]), &options).unwrap();

    assert_eq!(report.offered, 0, "the test shows something");
    let shown = crate::render(&report, "a file", Style::Ascii);
    assert!(!shown.contains("100.0 %"), "{shown}");
    assert!(shown.contains("an ordinary day of 1.0 ms\n"), "{shown}");
    assert!(shown.contains("goodput in the last 0.5 ms: not measured; the objective"), "{shown}");
    assert!(shown.contains("1 run from seed 1: probability not measured, run hash"), "{shown}");
    assert!(shown.contains("availability -   reliability -\n  complete 0"), "{shown}");
    assert!(!shown.contains("1.00"), "nothing was amplified: {shown}");
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
