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
    let text = sim(&["designs/postgres.toml"]);
    let as_json = sim(&["designs/postgres.toml", "--format", "json"]);

    assert_eq!((text.status.code(), as_json.status.code()), (Some(2), Some(2)));
    assert_eq!(stdout(&text), "");
    assert!(String::from_utf8_lossy(&text.stderr).contains("needs packets"));
    assert!(json(&as_json)["findings"][0]["problem"].as_str().unwrap().contains("needs packets"));
}

#[test]
fn times_and_counts_that_make_no_sense_are_refused_by_the_command_line() {
    for wrong in [["--for", "soon"], ["--window", "7"], ["--seeds", "0"], ["--workers", "0"]] {
        let output = sim(&["designs/balancer.toml", wrong[0], wrong[1]]);

        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}
