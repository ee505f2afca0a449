//! `plimsoll loadline` as somebody uses it: what it prints, how it exits, and how it is ended.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

#[test]
fn the_answer_comes_first_then_the_lines_the_triggers_and_the_way_up_and_down() {
    let output = loadline_of(RUSH, &[]);

    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let parts = [
        "LOAD LINE ",
        "today's traffic is 30.0/s",
        "recovers   does not     margin",
        "an ordinary day",
        "Smallest trigger at today's 30.0/s",
        "smallest: `spike` ",
        "shortest: `spike` ",
        "Goodput against offered traffic",
        "Assumed:",
    ];
    let places: Vec<_> = parts.iter().map(|part| text.find(part)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}\n{text}");
    assert!(text.is_ascii(), "{text}");
}

/// The line of what comes after a rush lies at most as high as that of an ordinary day, which is at
/// most what two workers of 20 ms can do.
#[test]
fn the_json_says_the_line_its_interval_the_margin_and_the_smallest_trigger() {
    let report = json(&loadline_of(RUSH, &["--format", "json"]));

    let line = |at: usize, side: &str| report["lines"][at]["load_line"][side].as_f64().unwrap();
    assert_eq!(report["lines"][1]["incident"], "rush");
    assert!(line(1, "per_second") <= line(0, "per_second") && line(0, "per_second") < 105.0);
    for at in [0, 1] {
        assert!(line(at, "per_second") >= line(at, "low") && line(at, "low") < line(at, "high"));
    }
    let lowest = report["load_line"]["per_second"].as_f64().unwrap();
    assert_eq!(lowest, line(0, "per_second").min(line(1, "per_second")));
    let margin = report["margin"].as_f64().unwrap();
    assert!((margin - (lowest / 30.0 - 1.0)).abs() < 1e-9, "{margin} {lowest}");
    let trigger = &report["smallest_trigger"][0];
    assert_eq!((&trigger["kind"], &trigger["varied"]), (&"spike".into(), &"size".into()));
    assert!(trigger["size"].as_f64() > trigger["holds_size"].as_f64(), "{trigger}");
    assert_eq!(report["interrupted"], Value::Null);
}

/// The first Ctrl-C asks for what there is. It is sent as soon as the program listens for it, which
/// the kernel tells.
#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_gives_what_there_is_with_exit_0_and_says_what_is_not_known() {
    for format in ["text", "json"] {
        let mut command = command(&["designs/regions.toml", "--format", format]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        until_it_listens(child.id());
        let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        let output = child.wait_with_output().unwrap();

        assert!(sent.success());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        if format == "json" {
            let report = json(&output);
            assert!(report["interrupted"].is_string());
            for unknown in [&report["load_line"]["per_second"], &report["margin"]] {
                assert_eq!(unknown, &Value::Null, "{report}");
            }
            assert_eq!(report["lines"][1]["incident"], "eu-lost");
            assert_eq!(report["lines"][1]["complete"], false);
        } else {
            let text = stdout(&output);
            assert!(text.contains("stopped by hand") && text.contains("LOAD LINE NOT KNOWN"));
            assert!(text.contains("eu-lost"), "what was wanted is named:\n{text}");
            assert!(!text.contains("OVERLOADED") && !text.contains("NO LOAD LINE"), "{text}");
        }
    }
}

#[test]
fn who_looks_on_from_no_terminal_gets_no_progress_and_no_control_characters() {
    let output = loadline_of(RUSH, &["--incident", "none"]);

    assert_eq!(output.stderr, b"", "{}", String::from_utf8_lossy(&output.stderr));
    let is_plain = |byte: &u8| *byte == b'\n' || !byte.is_ascii_control();
    assert!(output.stdout.iter().all(is_plain), "{}", stdout(&output));
}

#[test]
fn what_is_no_design_is_refused_with_its_diagnostics_and_exit_2() {
    let bad = RUSH.replace("traffic = \"30/s\"", "traffic = \"0/s\"");
    let as_text = loadline_of(&bad, &[]);
    let as_json = loadline_of(&bad, &["--format", "json"]);

    assert_eq!((as_text.status.code(), as_json.status.code()), (Some(2), Some(2)));
    assert_eq!(stdout(&as_text), "");
    assert!(String::from_utf8_lossy(&as_text.stderr).contains("error[P013]"), "{as_text:?}");
    assert_eq!(json(&as_json)["findings"][0]["code"], "P013");
}

#[test]
fn what_leaves_a_question_open_is_refused_with_it_and_exit_2() {
    let open = RUSH.replacen("idempotent = true\n", "", 1);
    assert_ne!(open, RUSH);

    let output = loadline_of(&open, &[]);

    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(2), ""), "{told}");
    assert!(told.contains("error[A02]"), "{told}");
}

#[test]
fn a_percentage_as_probability_is_told_what_to_write() {
    let output = loadline_of(RUSH, &["--probability", "99%"]);

    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("write a part of 1: 0.99"), "{told}");
}

#[test]
fn an_incident_that_is_not_there_is_refused_with_those_that_are_and_exit_2() {
    let as_text = loadline_of(RUSH, &["--incident", "flood"]);
    let as_json = loadline_of(RUSH, &["--incident", "flood", "--format", "json"]);

    assert_eq!((as_text.status.code(), as_json.status.code()), (Some(2), Some(2)));
    let told = String::from_utf8_lossy(&as_text.stderr);
    assert!(told.contains("no incident `flood`") && told.contains("there are: rush"), "{told}");
    assert!(json(&as_json)["findings"][0]["way_out"].as_str().unwrap().contains("rush"));
}

#[test]
fn what_asks_too_much_or_nothing_is_refused_in_a_line_with_a_way_out() {
    let huge = RUSH.replace("30/s", "1000000/s");
    let nobody = RUSH.replace("[client.users]\ntraffic = \"30/s\"", "[service.users]");
    let nobody = nobody.split("[[incident").next().unwrap();
    for (design, says) in [(huge.as_str(), "are the most for one run"), (nobody, "no client asks")]
    {
        let output = loadline_of(design, &[]);

        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(says) && told.contains("  = "), "{told}");
        assert!(!told.contains("--for"), "there is no such option here: {told}");
    }
}

#[test]
fn an_incident_that_cannot_be_played_is_named_and_the_others_are_played() {
    let late = format!("{RUSH}\n[[incident.late]]\n{LATE}");
    let all = loadline_of(&late, &["--format", "json"]);
    let that_one = loadline_of(&late, &["--incident", "late"]);

    assert_eq!((all.status.code(), that_one.status.code()), (Some(0), Some(2)));
    let report = json(&all);
    assert_eq!(report["lines"].as_array().unwrap().len(), 2, "the day and the rush");
    assert!(report["not_played"][0].as_str().unwrap().starts_with("incident late: "), "{report}");
}

#[test]
fn an_incident_that_never_ends_has_a_line_and_no_length() {
    let endless = RUSH.replace("lasts = \"1s\"", "");
    let report = json(&loadline_of(&endless, &["--format", "json"]));

    let line = &report["lines"][1];
    assert_eq!(line["complete"], true);
    assert!(line["load_line"]["high"].as_f64().unwrap() < 30.0, "five times as much for ever");
    assert!(line["not_scaled"][0].as_str().unwrap().contains("lasts to the end"), "{line}");
}

#[test]
fn a_probability_that_cannot_be_shown_is_refused() {
    for wrong in ["1", "0.2", "nan"] {
        let output = loadline_of(RUSH, &["--probability", wrong]);

        assert_eq!(output.status.code(), Some(2), "{wrong}: {output:?}");
    }
}

/// Callers that never give up before their third try, and a rush of a second.
const RUSH: &str = r#"
[region.here]
at = [53.3, -6.3]

[client.users]
traffic = "30/s"

[service.svc]
model = { workers = 2, queue = "none", service_time = "20ms" }

[call.users.svc]
timeout = "1s"
attempt_timeout = "100ms"
idempotent = true
on_failure = "error"
in_flight = "none"
retry = { attempts = 3, backoff = "none", budget = "none" }

[[incident.rush]]
on = "users"
kind = "spike"
times = 5.0
at = "10s"
lasts = "1s"
"#;

/// Later than anybody would wait for.
const LATE: &str = "on = \"svc\"\nkind = \"crash\"\nat = \"2000000s\"\nlasts = \"1s\"\n";

fn loadline_of(design: &str, more: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("design.toml");
    std::fs::write(&path, design).unwrap();
    // A low probability is soon shown.
    let quick = ["--probability", "0.6"];
    let quick = if more.contains(&"--probability") { &[][..] } else { &quick[..] };
    command(&[&[path.to_str().unwrap()], quick, more].concat()).output().unwrap()
}

/// `plimsoll loadline` where the README would have it run.
fn command(args: &[&str]) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.arg("loadline").args(args).current_dir(root).env("LC_ALL", "C");
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Until a process catches SIGINT: the second bit of the mask in `/proc`.
#[cfg(target_os = "linux")]
fn until_it_listens(process: u32) {
    let until = Instant::now() + Duration::from_secs(60);
    let listens = || {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        u64::from_str_radix(mask.trim(), 16).unwrap() & 2 != 0
    };
    while !listens() {
        assert!(Instant::now() < until, "it never listened");
        std::thread::yield_now();
    }
}
