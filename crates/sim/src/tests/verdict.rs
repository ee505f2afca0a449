//! What is said of how a run ended.

use super::*;

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
