//! The demo, played for real with shorter times.
//!
//! What is expected is computed from the design that is played: its capacity, its retries, its
//! budget. Nothing here says what the figures are, only what the rules allow.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

use config::Design;
use config::design::NodeKind;

#[test]
fn careful_rules_recover_and_naive_ones_do_not() {
    let design = Played::new("demo-short", 8);

    let shown = design.play();

    assert_eq!(shown.verdicts(), ["recovered", "did not recover"], "{}", shown.text);
    // In words and in figures, predicted and observed.
    let objective = 100.0 * design.design.objective.goodput.as_f64();
    let end = shown.row("in the last");
    assert!(end[0] >= objective && end[1] >= objective, "{}", shown.text);
    assert!(end[2] < objective && end[3] < objective, "{}", shown.text);
    // Careful: no more tries than the budget grants. Naive: no more than all tries of each.
    let amplification = shown.row("amplification");
    let budget = design.most_amplification(shown.row("requests")[1]);
    assert!(amplification[..2].iter().all(|&times| times <= budget), "{budget} {}", shown.text);
    let tries = design.naive_attempts();
    assert!(
        amplification[2..].iter().all(|&times| 1.0 < times && times <= tries),
        "{}",
        shown.text
    );
    // While it is slow it can answer this much of what arrives; the rest of the time all of it.
    let least = 100.0 * design.least_answered();
    let well = shown.row("answered well");
    assert!(well[..2].iter().all(|&share| share >= least), "{least} {}", shown.text);
}

#[test]
fn with_twice_the_capacity_even_naive_callers_get_through() {
    let design = Played::new("demo-double", 16);

    let shown = design.play();

    assert_eq!(shown.verdicts(), ["recovered", "recovered"], "{}", shown.text);
}

#[test]
fn a_design_that_cannot_be_played_is_told_why() {
    let refused = |from: &str, to: &str| {
        let text = EXAMPLE.replace(from, to);
        let file = write("demo-refused", &text);
        let output = demo(&["--design", &file.display().to_string()]);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };

    let (code, said) = refused("[rules.naive]", "[rules.other]");
    assert_eq!(code, Some(2));
    assert!(said.contains("[rules.naive]"), "{said}");
    let (code, said) = refused("[region.here]", "[region.here");
    assert_eq!(code, Some(2));
    assert!(!said.is_empty());
    let (code, said) = refused("kind = \"slow\"\ntimes = 1.4", "kind = \"loss\"\nloss = \"1%\"");
    assert_eq!(code, Some(2));
    assert!(said.contains("does not play `loss`"), "{said}");
}

#[test]
fn what_would_have_to_be_made_up_is_refused_as_sim_refuses_it_before_anything_is_shown() {
    let callers = "in_flight = \"none\"\nretry = \"none\"";
    let naive = "in_flight = \"none\"\nqueue = \"none\"\n";
    for (from, to, told) in [
        (callers, "in_flight = \"none\"", "error[A05]"),
        (naive, "", "[rules.naive] is incomplete: users -> shop"),
        ("model = { workers = 8,", "# {", "shop has no model"),
    ] {
        let text = EXAMPLE.replace(from, to);
        assert_ne!(text, EXAMPLE, "the example has {from}");
        let file = write("demo-incomplete", &text);

        let output = demo(&["--design", &file.display().to_string()]);

        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(told), "{said}");
        assert_eq!(output.stdout, b"", "{said}");
    }
}

#[test]
fn a_design_that_no_balancer_takes_is_reviewed_and_ends_with_1() {
    let text = EXAMPLE.replace("queue = 24", "queue = \"none\"");
    let file = write("demo-unsound", &text);

    let output = demo(&["--design", &file.display().to_string()]);

    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{shown}");
    assert!(shown.contains("What the review says") && !shown.contains("predicts"), "{shown}");
}

/// A demo that was stopped by Ctrl-C.
#[cfg(unix)]
struct Stopped {
    code: Option<i32>,
    /// What it printed from then on.
    rest: Vec<String>,
    /// How long it took to end.
    within: std::time::Duration,
}

/// Stops it at the first row of the live part.
#[cfg(unix)]
fn stopped_early(design: &Path) -> Stopped {
    let mut child = command(&["--design", &design.display().to_string()])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let row =
        lines.by_ref().map_while(Result::ok).find(|line| line.trim_start().starts_with("1 s"));
    assert!(row.is_some());

    let pressed = Instant::now();
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let rest = lines.map_while(Result::ok).collect();
    let code = child.wait().unwrap().code();
    Stopped { code, rest, within: pressed.elapsed() }
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_at_once_and_well() {
    let Stopped { code, rest, within } = stopped_early(&Played::new("demo-stopped", 8).file);

    assert_eq!(code, Some(0));
    assert!(rest.iter().any(|line| line.contains("stopped before")), "{rest:?}");
    let titled = |line: &String| line.starts_with("4. What callers saw in the first ");
    assert!(rest.iter().any(titled), "what was played is not the whole: {rest:?}");
    // It would have gone on for eight seconds; nothing that is left takes one.
    assert!(within.as_secs() < 6, "{within:?}");
}

#[cfg(unix)]
#[test]
fn without_an_incident_there_is_nothing_to_recover_from() {
    let (text, _) = EXAMPLE.split_once("[[incident").unwrap();

    let Stopped { code, rest, .. } = stopped_early(&write("demo-ordinary", text));

    assert_eq!(code, Some(0));
    assert!(rest.iter().any(|line| line.contains("keeps its objective in 10 of 10")), "{rest:?}");
    assert!(!rest.iter().any(|line| line.contains("recover")), "{rest:?}");
}

/// A process that is stopped is what a machine with too much to do looks like from within.
#[cfg(unix)]
#[test]
fn a_machine_that_stands_still_is_told_and_gets_no_verdict() {
    let file = Played::new("demo-late", 8).file;
    let mut child = command(&["--design", &file.display().to_string()])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let row =
        lines.by_ref().map_while(Result::ok).find(|line| line.trim_start().starts_with("1 s"));
    assert!(row.is_some());

    let signal = |name: &str| {
        Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success()
    };
    assert!(signal("-STOP"));
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert!(signal("-CONT"));
    let rest: Vec<String> = lines.map_while(Result::ok).collect();

    assert_eq!(child.wait().unwrap().code(), Some(0));
    let told = rest.iter().find(|line| line.contains("This machine was late by"));
    let told = told.unwrap_or_else(|| panic!("{rest:?}"));
    let millis: Vec<u64> = told.split(' ').filter_map(|word| word.parse().ok()).collect();
    // One of ten seconds stood still: a tenth of all timers, spread over it.
    assert!(millis[0] >= 800 && millis[1] >= 900, "{told}");
    assert!(rest.iter().any(|line| line.contains("No verdict")), "{rest:?}");
    assert!(!rest.iter().any(|line| line.contains("; predicted: recovers in")), "{rest:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_it_with_a_line() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();

    let output = command(&[]).stdout(full).output().unwrap();

    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.starts_with("plimsoll: cannot write to standard output"), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
}

#[test]
fn the_example_gives_the_review_nothing_to_say() {
    let loaded = config::load_bytes(EXAMPLE.as_bytes(), &config::NoFiles);
    let findings = checklist::review(&loaded.design.expect("a design"));

    let told: Vec<_> = findings.iter().map(|finding| finding.rule.code).collect();

    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    assert_eq!(told, [""; 0]);
}

const EXAMPLE: &str = include_str!("../../../designs/demo.toml");

/// The example in ten seconds: slow for three of them, half as slow again, at once.
struct Played {
    file: PathBuf,
    design: Design,
}

/// What was shown.
struct Shown {
    text: String,
}

impl Played {
    fn new(name: &str, workers: u32) -> Self {
        let text = [
            ("workers = 8", format!("workers = {workers}")),
            ("times = 1.4", format!("times = {SLOWER:.1}")),
            ("at = \"5s\"", "at = \"2s\"".to_owned()),
            ("ramp = \"1s\"\n", String::new()),
            ("lasts = \"8s\"", "lasts = \"3s\"".to_owned()),
        ]
        .iter()
        .fold(EXAMPLE.to_owned(), |text, (from, to)| {
            assert!(text.contains(from), "the example has {from}");
            text.replace(from, to)
        });
        let design = config::load_bytes(text.as_bytes(), &config::NoFiles).design;
        Self { file: write(name, &text), design: design.expect("a design") }
    }

    /// Again when the machine had too much to do for anything to be seen, but not for ever.
    fn play(&self) -> Shown {
        let mut text = String::new();
        for _ in 0..3 {
            let output = demo(&["--design", &self.file.display().to_string()]);
            text = String::from_utf8(output.stdout).expect("text");
            let errors = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{text}{errors}");
            if !text.contains("No verdict") {
                break;
            }
        }
        Shown { text }
    }

    /// The most tries for each request that the budgets of all balancers allow.
    fn most_amplification(&self, requests: f64) -> f64 {
        let call = self.design.calls.iter().find(|call| call.rules.budget.is_some());
        let budget = call.and_then(|call| call.rules.budget).expect("a budget");
        let balancers =
            self.design.nodes.iter().filter(|node| matches!(node.kind, NodeKind::Balancer(_)));
        let instances: u32 = balancers.map(config::design::Node::instance_count).sum();
        let saved = f64::from(instances * budget.burst());
        // The floor of the whole is divided among the instances.
        let trickle = f64::from(instances) * budget.floor().as_per_sec_f64() * 10.0;
        1.0 + budget.share().as_f64() + (saved + trickle) / requests
    }

    /// The tries of `[rules.naive]`, which no call of the design takes.
    fn naive_attempts(&self) -> f64 {
        let text = std::fs::read_to_string(&self.file).expect("the file");
        let file: toml::Table = text.parse().expect("TOML");
        let attempts = file["rules"]["naive"]["retry"]["attempts"].as_integer();
        attempts.and_then(|attempts| i32::try_from(attempts).ok()).map_or(0.0, f64::from)
    }

    /// The share of requests that the service has time for: all of them while it is well, and what
    /// it can do while it is slow, less five sigma of a Poisson count.
    fn least_answered(&self) -> f64 {
        let service = self.design.nodes.iter().find(|node| node.model().is_some());
        let service = service.expect("a service");
        let capacity = service.model().expect("a model").capacity()
            * service.endpoints().len() as f64
            / SLOWER;
        let client = self.design.nodes.iter().find_map(|node| match &node.kind {
            NodeKind::Client(client) => Some(client.traffic().as_per_sec_f64()),
            _ => None,
        });
        let traffic = client.expect("a client");
        let (slow, whole) = (3.0, 10.0);
        let chance = 5.0 * (traffic * slow).sqrt() / (traffic * whole);
        1.0 - slow / whole * (1.0 - capacity / traffic) - chance
    }
}

impl Shown {
    /// The figures of a row: as designed, predicted and observed; naive, predicted and observed.
    fn row(&self, name: &str) -> [f64; 4] {
        let line = self.text.lines().find(|line| line.trim_start().starts_with(name));
        let line = line.unwrap_or_else(|| panic!("no row {name}: {}", self.text));
        let mut cells = line.split_whitespace().rev().map(|cell| {
            let digits = cell.trim_start_matches('x').trim_end_matches('%');
            digits.parse::<f64>().unwrap_or_else(|_| panic!("{cell} in {line}"))
        });
        let mut next = || cells.next().expect("four figures");
        let [d, c, b, a] = [next(), next(), next(), next()];
        [a, b, c, d]
    }

    /// How each variant ended; what was predicted has to be the same, in all runs.
    fn verdicts(&self) -> [&str; 2] {
        ["as designed", "naive"].map(|variant| {
            let of_variant = |line: &&str| line.contains("; predicted: recovers in");
            let mut lines = self.text.lines().filter(of_variant).map(str::trim_start);
            let line = lines.find_map(|line| line.strip_prefix(variant)).expect("a verdict");
            let (ended, predicted) =
                line.trim_start().split_once("; predicted: recovers in ").expect("both");
            let runs: Vec<&str> = predicted.split_whitespace().collect();
            match ended {
                "recovered" => assert_eq!(runs[0], runs[2], "{line}"),
                _ => assert_eq!(runs[0], "0", "{line}"),
            }
            ended
        })
    }
}

const SLOWER: f64 = 1.5;

fn demo(arguments: &[&str]) -> Output {
    command(arguments).output().expect("plimsoll runs")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.arg("demo").args(arguments);
    command
}

fn write(name: &str, text: &str) -> PathBuf {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.toml"));
    std::fs::write(&file, text).expect("a file in the target folder");
    file
}
