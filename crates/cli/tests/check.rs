//! `plimsoll check` as somebody uses it: what it prints, and how it exits.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Runs `plimsoll` where the README would have it run.
fn plimsoll(args: &[&str]) -> Output {
    command(args).output().expect("the binary was built with this test")
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    command.args(args).current_dir(root).env_remove("NO_COLOR");
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("all that is printed is text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("all that is printed is text")
}

/// A file of this content in a folder that goes away with the test.
fn file(content: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("there is room for a small file");
    let path = folder.path().join("design.toml");
    fs::write(&path, content).expect("there is room for a small file");
    (folder, path)
}

fn check(path: &Path) -> Output {
    plimsoll(&["check", path.to_str().expect("temporary names are text")])
}

#[test]
fn each_example_design_is_reviewed_as_the_snapshot_shows() {
    for (name, exit) in
        [("balancer", 0), ("grpc", 1), ("incident", 1), ("postgres", 0), ("regions", 1)]
    {
        let output = plimsoll(&["check", &format!("designs/{name}.toml")]);

        assert_eq!(output.status.code(), Some(exit), "{name}");
        assert_eq!(stderr(&output), "", "{name}");
        insta::assert_snapshot!(name, stdout(&output));
    }
}

#[test]
fn the_table_fits_a_hundred_columns_and_has_no_colour_when_piped() {
    for name in ["balancer", "grpc", "incident", "postgres", "regions"] {
        let text = stdout(&plimsoll(&["check", &format!("designs/{name}.toml")]));
        let table = text.lines().take_while(|line| !line.contains("]: "));

        let widest = table.map(|line| line.chars().count()).max();

        assert!(widest <= Some(100), "{name}: {widest:?}");
        assert!(!text.contains('\x1b'), "{name}");
    }
}

#[test]
fn json_says_the_same_as_the_text() {
    let output = plimsoll(&["check", "designs/grpc.toml", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("it is JSON");

    assert_eq!(output.status.code(), Some(1));
    assert_eq!(json["calls"][1]["call"], "edge.chat");
    assert_eq!(json["calls"][1]["worst"], 6);
    assert_eq!(json["paths"]["worst"][0]["tries"], serde_json::json!([3, 2]));
    assert_eq!(json["errors"], 1);
    assert_eq!(json["findings"][0]["code"], "R04");
    assert_eq!(json["findings"][0]["line"], 36);
    let findings = json["findings"].as_array().expect("findings are a list");
    let severities: Vec<_> = findings.iter().map(|finding| &finding["severity"]).collect();
    assert_eq!(severities, ["error", "warning", "warning", "warning"]);
}

#[test]
fn a_file_that_is_no_design_ends_with_two_and_says_why() {
    for (content, why) in [
        (&b""[..], "has no nodes"),
        (b"\x7fELF\x02\x01\x01\x00\xff\xfe", "P001"),
        (b"timeout = 800ms", "P002"),
        (b"[service.api]\nworkres = 3\n", "P010"),
    ] {
        let (_folder, path) = file(content);

        let output = check(&path);

        assert_eq!(output.status.code(), Some(2), "{content:?}: {}", stdout(&output));
        assert!(stderr(&output).contains(why), "{content:?}: {}", stderr(&output));
        assert_eq!(stdout(&output), "");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_one_line_on_standard_error() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let missing = folder.path().join("missing.toml");

    for path in [folder.path(), &missing] {
        let output = check(path);

        assert_eq!(output.status.code(), Some(2));
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
        assert!(stderr(&output).starts_with("plimsoll: cannot read"), "{}", stderr(&output));
    }
}

#[test]
fn what_is_unusable_is_said_in_json_to_programs() {
    let (_folder, path) = file(b"[service.api]\nworkres = 3\n");
    let path = path.to_str().expect("temporary names are text");

    for (command, path, is_found) in [
        ("check", path, true),
        ("sim", path, true),
        ("check", "no-such-file.toml", false),
        ("sim", "no-such-file.toml", false),
        ("loadline", "no-such-file.toml", false),
    ] {
        let output = plimsoll(&[command, path, "--format", "json"]);
        let json: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("it is JSON");

        assert_eq!(output.status.code(), Some(2));
        assert!(json["unusable"].is_string(), "{json}");
        assert_eq!(json["file"], path, "{json}");
        let findings = json["findings"].as_array().expect("findings are a list");
        assert_eq!(!findings.is_empty(), is_found, "{json}");
    }
}

#[test]
fn programs_are_told_in_json_what_a_code_means() {
    let asked = |code: &[&str]| {
        let output = plimsoll(&[&["check", "--format", "json", "--explain"][..], code].concat());
        let json: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("it is JSON");
        (output.status.code(), json)
    };

    let (exit, one) = asked(&["r04"]);
    assert_eq!((exit, &one["code"]), (Some(0), &"R04".into()));
    assert_eq!(one["explanation"], stdout(&plimsoll(&["check", "--explain", "R04"])));
    let (exit, all) = asked(&[]);
    let all = all.as_array().expect("all are a list");
    assert_eq!((exit, all.len()), (Some(0), checklist::report::codes().count()));
    assert!(all.contains(&one));
    let (exit, none) = asked(&["R4"]);
    assert_eq!(
        (exit, &none["unusable"]),
        (Some(2), &"there is no code \"R4\": did you mean R04?".into())
    );
}

#[test]
fn every_field_of_the_json_is_explained_in_the_documentation() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("../../docs/check-json.md")).expect("the page");
    let (_folder, wrong) = file(b"[service.api]\nworkres = 3\n");
    let wrong = wrong.to_str().expect("temporary names are text");
    let json = ["--format", "json"];
    let mut fields = BTreeSet::new();
    for args in [
        &["check", "designs/incident.toml"][..],
        &["check", "designs/regions.toml"],
        &["check", "designs/grpc.toml"],
        &["check", "designs/balancer.toml", "--defaults"],
        &["check", wrong],
        &["check", "--explain", "R04"],
    ] {
        let text = stdout(&plimsoll(&[args, &json].concat()));
        names(&serde_json::from_str(&text).expect("it is JSON"), &mut fields);
    }

    let is_explained =
        |field: &&String| ["", "[]"].iter().any(|list| page.contains(&format!("`{field}{list}`")));
    let unexplained: Vec<_> = fields.iter().filter(|field| !is_explained(field)).collect();
    assert_eq!(unexplained, [""; 0]);
    assert!(fields.len() > 40, "{fields:?}");
}

/// The names of all fields, however deep.
fn names(json: &serde_json::Value, fields: &mut BTreeSet<String>) {
    match json {
        serde_json::Value::Object(object) => {
            for (name, value) in object {
                fields.insert(name.clone());
                names(value, fields);
            }
        }
        serde_json::Value::Array(all) => all.iter().for_each(|value| names(value, fields)),
        _ => {}
    }
}

#[test]
fn every_code_is_explained_with_an_example() {
    let output = plimsoll(&["check", "--explain", "r03"]);

    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!("explain-r03", stdout(&output));
    for rule in checklist::ALL {
        let output = plimsoll(&["check", "--explain", rule.code]);
        assert!(stdout(&output).contains("This does not:"), "{}", rule.code);
    }
    for code in ["N01", "N02"] {
        let output = plimsoll(&["check", "--explain", code]);
        assert!(stdout(&output).contains("Carried:"), "{code}");
    }
}

#[test]
fn a_code_that_does_not_exist_is_guessed() {
    let output = plimsoll(&["check", "--explain", "R4"]);

    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stderr(&output), "plimsoll: there is no code \"R4\": did you mean R04?\n");
}

#[test]
fn the_defaults_that_apply_come_with_reason_and_source() {
    let text = stdout(&plimsoll(&["check", "designs/balancer.toml", "--defaults"]));
    let json =
        stdout(&plimsoll(&["check", "designs/balancer.toml", "--defaults", "--format", "json"]));
    let json: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");

    let in_json = json.as_array().expect("defaults are a list").len();
    assert_eq!(text.matches("source: ").count(), in_json);
    assert!(text.contains("for lb -> svc"), "{text}");
}

/// The name of its table is for programs, and stands in lines of the file that are shown.
#[test]
fn people_read_a_call_by_its_ends() {
    for file in ["balancer", "incident", "regions", "postgres", "grpc"] {
        let file = format!("designs/{file}.toml");
        let json = stdout(&plimsoll(&["check", &file, "--format", "json"]));
        let json: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
        let tables = json["calls"].as_array().expect("calls are a list");
        let defaults = stdout(&plimsoll(&["check", &file, "--defaults"]));
        let text = stdout(&plimsoll(&["check", &file])) + &defaults;

        for table in tables.iter().filter_map(|call| call["call"].as_str()) {
            let (from, to) = table.split_once('.').expect("a call has two ends");
            let to = to.split('.').next().unwrap_or(to);
            assert!(text.contains(&format!("{from} -> {to}")), "{table}: {text}");
            let elsewhere = text.replace(&format!("call.{from}.{to}"), "");
            assert!(!elsewhere.contains(&format!("{from}.{to}")), "{table}: {text}");
        }
    }
}

#[test]
fn colour_is_for_terminals_and_can_be_refused() {
    let with = in_terminal(&[]);
    let without = in_terminal(&[("NO_COLOR", "1")]);

    assert!(with.contains("\x1b[1m"), "{with}");
    assert!(!without.contains("\x1b["), "{without}");
}

/// What `check` prints to a terminal of its own (`script` of util-linux makes one).
fn in_terminal(environment: &[(&str, &str)]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let line = format!("{} check designs/grpc.toml", env!("CARGO_BIN_EXE_plimsoll"));
    let output = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .current_dir(root)
        .env_remove("NO_COLOR")
        .env("TERM", "xterm")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("`script` of util-linux is on every Debian");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let mut child = command(&["check", "designs/incident.toml"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary was built with this test");
    drop(child.stdout.take());
    let mut told = String::new();
    let mut stderr = child.stderr.take().expect("it is piped");
    stderr.read_to_string(&mut told).expect("all that is printed is text");

    let status = child.wait().expect("it was started");

    assert_eq!(told, "");
    assert_eq!(status.code(), Some(1), "the findings decide, not the reader");
}

#[test]
fn a_full_disk_is_an_error_with_one_line() {
    for args in [
        &["check", "designs/balancer.toml"][..],
        &["check", "designs/balancer.toml", "--format", "json"],
        &["check", "--explain"],
        &["check", "no-such-file.toml", "--format", "json"],
        &["sim", "designs/balancer.toml", "--incident", "none", "--for", "2s", "--no-causes"],
        &["demo", "--show"],
    ] {
        let full = fs::File::options().write(true).open("/dev/full").expect("Linux has it");

        let output = command(args).stdout(full).output().expect("the binary was built");

        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let told = stderr(&output);
        assert!(told.starts_with("plimsoll: cannot write to standard output"), "{args:?}: {told}");
        assert_eq!(told.lines().count(), 1, "{args:?}: {told}");
    }
}

#[test]
fn without_a_code_all_codes_are_listed_with_a_line_each() {
    let text = stdout(&plimsoll(&["check", "--explain"]));

    let listed: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let known: Vec<&str> = checklist::report::codes().collect();
    assert_eq!(listed.len(), known.len(), "{text}");
    assert!(known.iter().all(|code| listed.contains(code)), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}

#[test]
fn many_problems_are_all_told_and_end_with_where_to_begin() {
    let unknown: String = (0..30).map(|at| format!("key{at} = 1\n")).collect();
    let (_folder, path) = file(format!("[client.users]\n{unknown}").as_bytes());

    let told = stderr(&check(&path));

    assert_eq!(told.matches("error[").count(), 31, "{told}");
    let (_, end) = told.rsplit_once("\n\n").expect("a summary stands apart");
    assert!(end.contains("; begin with the first, in line "), "{end}");
    assert!(!end.contains("not shown"), "{end}");
}

#[test]
fn help_shows_examples_and_exit_codes() {
    let all = stdout(&plimsoll(&["--help"]));
    let check = stdout(&plimsoll(&["check", "--help"]));

    let short = stdout(&plimsoll(&["-h"]));

    assert!(short.starts_with("Find out what a network of services can take"), "{short}");
    assert!(all.contains("Examples:") && all.contains("Exit codes:"), "{all}");
    assert!(check.contains("plimsoll check --explain R04"), "{check}");
    assert_eq!(plimsoll(&["check"]).status.code(), Some(2));
    assert_eq!(plimsoll(&["chekc"]).status.code(), Some(2));
}
