//! `plimsoll sim` as somebody uses it: what it prints, and how it exits.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// Runs `plimsoll sim` where the README would have it run.
fn sim(args: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.arg("sim").args(args).current_dir(root).env("LC_ALL", "C");
    command.output().expect("it was built with this test")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("all that is printed is text")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("it is asked for JSON")
}

#[test]
fn each_example_design_can_be_played() {
    for (name, incident) in [
        ("balancer", "one-dies"),
        ("grpc", "restart"),
        ("incident", "drift"),
        ("postgres", "none"),
        ("regions", "eu-lost"),
    ] {
        let file = format!("designs/{name}.toml");
        let output = sim(&[&file, "--incident", incident, "--for", "70s", "--format", "json"]);

        assert_eq!(output.status.code(), Some(0), "{name}: {output:?}");
        let report = json(&output);
        assert!(report["offered"].as_u64() > Some(5_000), "{name}: {}", report["offered"]);
        assert!(report["availability"]["value"].as_f64() > Some(0.5), "{name}");
    }
}

#[test]
fn the_verdict_comes_first_and_a_locale_of_ascii_gets_nothing_else() {
    let text = stdout(&sim(&["designs/balancer.toml", "--for", "60s"]));

    let verdict = text.lines().nth(3).unwrap();
    assert!(verdict.starts_with("HELD"), "{text}");
    assert!(text.is_ascii(), "{text}");
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let play = |seed| stdout(&sim(&["designs/balancer.toml", "--for", "40s", "--seed", seed]));

    assert_eq!(play("7"), play("7"));
    assert_ne!(play("7"), play("8"));
}

#[test]
fn what_cannot_be_played_is_refused_with_exit_2_in_both_formats() {
    let text = sim(&["designs/postgres.toml", "--fidelity", "message"]);
    let as_json = sim(&["designs/postgres.toml", "--fidelity", "message", "--format", "json"]);

    assert_eq!((text.status.code(), as_json.status.code()), (Some(2), Some(2)));
    assert_eq!(stdout(&text), "");
    assert!(String::from_utf8_lossy(&text.stderr).contains("needs packets"));
    assert!(json(&as_json)["findings"][0]["problem"].as_str().unwrap().contains("needs packets"));
}

/// Each with the code that it gets and what is said: before the run, and all that is wrong with it.
#[test]
fn an_incident_that_cannot_happen_is_a_diagnostic_before_the_run() {
    for (fault, code, says) in IMPOSSIBLE {
        let output = sim_of(&format!("{SOUND}\n[[incident.bad]]\n{fault}\n"), &[]);

        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{fault}: {told}");
        assert_eq!(stdout(&output), "", "{fault}");
        assert!(told.contains(&format!("error[{code}]")) && told.contains(says), "{fault}: {told}");
        assert_eq!(told.matches("error[").count(), 1, "{fault}: {told}");
    }
}

/// It is played all the same: what makes it idle stands elsewhere.
#[test]
fn a_fault_that_changes_nothing_where_it_stands_is_told_before_and_after_the_run() {
    for (fault, says) in IDLE {
        let output = sim_of(&format!("{SOUND}\n[[incident.bad]]\n{fault}\n"), &["--for", "12s"]);

        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{fault}: {told}");
        assert!(told.contains("warning[P043]") && told.contains(says), "{fault}: {told}");
        assert!(stdout(&output).contains(says), "{fault}: {}", stdout(&output));
    }
}

const IDLE: [(&str, &str); 3] = [
    ("on = \"svc\"\nkind = \"drain\"\nat = \"2s\"\nlasts = \"5s\"", "takes what comes for 10s"),
    ("on = \"svc\"\nkind = \"clock-jump\"\nby = \"1h\"\nat = \"2s\"", "nobody asks for the time"),
    (
        "on = \"svc\"\nkind = \"bandwidth\"\nbandwidth = \"10Gbit/s\"\nat = \"2s\"",
        "does 10 Gbit/s anyway",
    ),
];

#[test]
fn an_incident_after_the_end_of_the_run_is_refused() {
    let fault = "on = \"svc\"\nkind = \"crash\"\nat = \"50s\"";

    let output = sim_of(&format!("{SOUND}\n[[incident.bad]]\n{fault}\n"), &["--for", "20s"]);

    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("begins at 50s, after the end of the run"), "{told}");
}

const IMPOSSIBLE: [(&str, &str, &str); 33] = [
    (
        "on = \"lb -> here\"\nkind = \"loss\"\nloss = \"1%\"\nat = \"5s\"",
        "P021",
        "a node and a region",
    ),
    ("on = \"svc\"\nkind = \"nic\"\nspeed = \"0%\"\nat = \"5s\"", "P013", "nothing would ever"),
    (
        "on = \"svc\"\nkind = \"bandwidth\"\nbandwidth = \"0bit/s\"\nat = \"5s\"",
        "P013",
        "nothing would ever",
    ),
    ("on = \"svc\"\nkind = \"mtu\"\nbytes = \"20B\"\nat = \"5s\"", "P013", "`bytes`"),
    ("on = \"svc\"\nkind = \"route\"\nhow = \"up\"\nat = \"5s\"", "P014", "`how`"),
    ("on = \"svcc\"\nkind = \"crash\"\nat = \"5s\"", "P021", "`svcc`"),
    ("on = \"svc -> lb\"\nkind = \"loss\"\nloss = \"1%\"\nat = \"5s\"", "P021", "no call"),
    ("on = \"svc\"\nkind = \"slwo\"\ntimes = 2\nat = \"5s\"", "P014", "\"slow\""),
    ("on = \"svc\"\nkind = \"region-loss\"\nat = \"5s\"", "P041", "name a region"),
    ("on = \"svc\"\nkind = \"misroute\"\nat = \"5s\"", "P041", "name a balancer"),
    ("on = \"users -> lb\"\nkind = \"misroute\"\nat = \"5s\"", "P041", "name a balancer"),
    ("on = \"lb\"\nkind = \"misroute\"\nrate = \"0%\"\nat = \"5s\"", "P013", "changes nothing"),
    ("on = \"svc\"\nkind = \"spike\"\ntimes = 2\nat = \"5s\"", "P041", "name a client"),
    ("on = \"users\"\nkind = \"crash\"\nat = \"5s\"", "P041", "\"crash\" cannot happen to `users`"),
    ("on = \"lb -> svc\"\nkind = \"slow\"\ntimes = 2\nat = \"5s\"", "P041", "use \"delay\""),
    ("on = \"lb -> svc\"\nkind = \"clock-jump\"\nby = \"1s\"\nat = \"5s\"", "P041", "name a"),
    ("on = \"svc\"\nkind = \"slow\"\nat = \"5s\"", "P015", "`times`"),
    ("on = \"svc\"\nkind = \"crash\"", "P015", "`at`"),
    ("on = \"svc\"\nkind = \"crash\"\nat = \"5s\"\nlasts = \"0s\"", "P013", "no time at all"),
    ("on = \"svc\"\nkind = \"restart\"\ntakes = \"0s\"\nat = \"5s\"", "P013", "no time at all"),
    ("on = \"svc\"\nkind = \"crash\"\nat = 5", "P011", "\"5s\""),
    ("on = \"svc\"\nkind = \"crash\"\nat = \"-5s\"", "P013", "cannot be before the beginning"),
    ("on = \"svc\"\nkind = \"slow\"\ntimes = 0\nat = \"5s\"", "P013", "`times`"),
    ("on = \"svc\"\nkind = \"slow\"\ntimes = 1\nat = \"5s\"", "P013", "changes nothing"),
    ("on = \"users\"\nkind = \"spike\"\ntimes = 1e12\nat = \"5s\"", "P013", "`times`"),
    ("on = \"svc\"\nkind = \"error\"\nrate = \"120%\"\nat = \"5s\"", "P013", "`rate`"),
    ("on = \"svc\"\nkind = \"error\"\nrate = \"0%\"\nat = \"5s\"", "P013", "changes nothing"),
    ("on = \"lb -> svc\"\nkind = \"loss\"\nloss = \"101%\"\nat = \"5s\"", "P013", "`loss`"),
    ("on = \"lb -> svc\"\nkind = \"delay\"\nby = \"0ms\"\nat = \"5s\"", "P013", "`by`"),
    ("on = \"svc\"\nkind = \"crash\"\nat = \"5s\"\nshare = \"0%\"", "P013", "hits nothing"),
    ("on = \"svc\"\nkind = \"crash\"\nat = \"5s\"\nshare = \"4 of 3\"", "P016", "4 of 3"),
    ("on = \"svc\"\nkind = \"crash\"\nat = \"5s\"\nshare = \"1 of 5\"", "P016", "3 instances"),
    (
        "on = \"svc\"\nkind = \"slow\"\ntimes = 2\nat = \"5s\"\nramp = \"9s\"\nlasts = \"3s\"",
        "P016",
        "`ramp` is 9s",
    ),
];

/// A design with nothing wrong in it.
const SOUND: &str = r#"
[region.here]
at = [53.3, -6.3]

[client.users]
traffic = "100/s"

[balancer.lb]
instances = 2
listen = [{ address = "127.0.0.1:8080", to = "svc" }]

[service.svc]
instances = 3
model = { workers = 8, queue = 32, service_time = "10ms" }

[call.users.lb]
timeout = "1s"
idempotent = true
on_failure = "error"
in_flight = "none"
retry = "none"

[call.lb.svc]
timeout = "300ms"
idempotent = true
on_failure = "error"
in_flight = 64
queue = 16
retry = "none"
"#;

fn sim_of(design: &str, more: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let path = folder.path().join("design.toml");
    std::fs::write(&path, design).expect("there is room for a small file");
    let path = path.to_str().expect("temporary names are text");
    sim(&[&[path, "--no-causes"], more].concat())
}

/// What an answer is worth is for the simulation to show; what it would be is not.
#[test]
fn a_call_that_leaves_a_question_open_is_refused_with_that_question_alone() {
    let open = SOUND.replace("queue = 16\nretry = \"none\"", "queue = \"none\"");
    assert_ne!(open, SOUND);

    let text = sim_of(&open, &["--for", "12s"]);
    let as_json = sim_of(&open, &["--for", "12s", "--format", "json"]);

    let told = String::from_utf8_lossy(&text.stderr);
    assert_eq!((text.status.code(), as_json.status.code()), (Some(2), Some(2)), "{told}");
    assert_eq!(stdout(&text), "");
    assert!(told.contains("error[A05]: lb -> svc") && told.contains("spell that out"), "{told}");
    assert_eq!(told.matches("error[").count(), 1, "{told}");
    assert_eq!(json(&as_json)["unusable"], "incomplete");
    let spelled_out = open + "retry = \"none\"\n";
    assert_eq!(sim_of(&spelled_out, &["--for", "12s"]).status.code(), Some(0));
}

#[test]
fn the_text_has_the_percentiles_of_all_good_answers_as_the_json_does() {
    let played = ["designs/balancer.toml", "--for", "60s", "--no-causes"];

    let text = stdout(&sim(&played));
    let report = json(&sim(&[&played[..], &["--format", "json"]].concat()));

    let at = |key: &str| report["latency_ms"][key].as_f64().unwrap();
    let (mean, p50, p99) = (at("mean"), at("p50"), at("p99"));
    let line = format!("good answers took, in ms: mean {mean:.1}   p50 {p50:.1}   p99 {p99:.1}\n");
    assert!(text.contains(&line), "{line}\n{text}");
    assert!(text.contains("in a twentieth of the run, on average"), "{text}");
}

#[test]
fn times_and_counts_that_make_no_sense_are_refused_by_the_command_line() {
    for wrong in [["--for", "soon"], ["--window", "7"], ["--seeds", "0"], ["--workers", "0"]] {
        let output = sim(&["designs/balancer.toml", wrong[0], wrong[1]]);

        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
    let said =
        |time| String::from_utf8(sim(&["designs/balancer.toml", "--for", time]).stderr).unwrap();
    assert!(said("soon").contains("write a number and a unit"), "{}", said("soon"));
    assert!(said("99999999h").contains("too long"), "it is well formed: {}", said("99999999h"));
    assert!(said("0.1ns").contains("too fine"), "{}", said("0.1ns"));
}

#[test]
fn a_folder_with_all_files_is_written_beside_the_report() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let short = ["designs/balancer.toml", "--for", "33s", "--no-causes"];
    let told = sim(&short);
    let with = sim(&[&short[..], &["--out", out.to_str().unwrap()]].concat());

    assert_eq!(with.status.code(), Some(0), "{with:?}");
    assert_eq!(stdout(&with), stdout(&told), "what is printed does not change");
    let mut names: Vec<_> =
        out.read_dir().unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert!(names.starts_with(&["metrics.txt".to_owned()]) && names.len() >= 4, "{names:?}");
    let again = sim(&[&short[..], &["--out", out.to_str().unwrap()]].concat());
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("is there already"), "{again:?}");
}

#[test]
fn packets_are_written_for_the_time_that_is_asked_for() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let play = |pcap| {
        let mut args = vec!["designs/balancer.toml", "--for", "33s", "--no-causes"];
        args.extend(["--fidelity", "packet", "--out", out.to_str().unwrap(), "--pcap", pcap]);
        sim(&args)
    };

    for wrong in ["3s..2s", "3s", "soon..later"] {
        assert_eq!(play(wrong).status.code(), Some(2), "{wrong}");
    }
    let late = play("40s..41s");
    assert!(String::from_utf8_lossy(&late.stderr).contains("after the end of the run"), "{late:?}");
    assert!(!out.exists());
    assert_eq!(play("5s..5100ms").status.code(), Some(0));
    let size = out.join("packets.pcapng").metadata().unwrap().len();
    assert!((10_000..5_000_000).contains(&size), "{size}");
}

#[test]
fn where_there_can_be_no_folder_nothing_is_simulated() {
    let place = tempfile::tempdir().unwrap();
    let parent = place.path().join("parent");
    std::fs::write(&parent, b"a file").unwrap();
    let out = parent.join("out");
    let refused = sim(&["designs/balancer.toml", "--for", "33s", "--out", out.to_str().unwrap()]);

    assert_eq!((refused.status.code(), stdout(&refused)), (Some(2), String::new()));
    assert_eq!(String::from_utf8_lossy(&refused.stderr).lines().count(), 1, "{refused:?}");
}
