//! Whatever the file is, reading it ends soon, in diagnostics.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::time::{Duration, Instant};

use plimsoll_config::{Diagnostic, Loaded, NoFiles, json, load_bytes, render};
use proptest::prelude::*;

const DESIGNS: [&str; 5] = [
    include_str!("../../../designs/balancer.toml"),
    include_str!("../../../designs/grpc.toml"),
    include_str!("../../../designs/incident.toml"),
    include_str!("../../../designs/postgres.toml"),
    include_str!("../../../designs/regions.toml"),
];

/// More if more are asked for: `PROPTEST_CASES`.
fn at_least(cases: u32) -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.max(cases), ..usual }
}

/// Far more than a slow machine under load needs, far less than nobody would notice.
const SOON: Duration = Duration::from_secs(20);

#[test]
fn what_is_no_text_is_refused_in_one_sentence() {
    for bytes in [&b"\xff\xfe\0t"[..], b"a = \"\0\"", b"[service.\xc3]"] {
        assert_eq!(codes(bytes), ["P001"]);
    }
}

#[test]
fn an_empty_file_is_an_empty_design() {
    let loaded = load_bytes(b"", &NoFiles);

    assert!(loaded.diagnostics.is_empty());
    assert!(loaded.design.is_some_and(|design| design.nodes.is_empty()));
}

#[test]
fn a_huge_file_is_not_read_at_all() {
    assert_eq!(codes(&vec![b'#'; 5 << 20]), ["P001"]);
}

#[test]
fn half_a_million_unknown_keys_are_counted_and_not_listed() {
    let keys: String = (0..500_000).map(|at| format!("k{at}=1\n")).collect();
    let text = &keys[..keys.len().min(4 << 20)];
    let text = &text[..=text.rfind('\n').unwrap()];

    let started = Instant::now();
    let codes = codes(text.as_bytes());

    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    assert_eq!(codes.len(), 201);
    assert_eq!(codes.last(), Some(&"P003"));
}

#[test]
fn more_nodes_than_numbers_are_refused() {
    let nodes: String = (0..5_000).map(|at| format!("[service.s{at}]\n")).collect();

    assert!(codes(nodes.as_bytes()).contains(&"P004"));
}

#[test]
fn a_chain_as_long_as_a_design_can_have_is_no_deep_stack() {
    let chain: String = (0..4_000)
        .map(|at| format!("[service.s{at}]\nsteps = [\"s{}\"]\n[call.s{at}.s{}]\n", at + 1, at + 1))
        .collect();
    let text = format!("[client.c]\ntraffic = \"1/s\"\n[call.c.s0]\n{chain}[service.s4000]\n");

    let started = Instant::now();
    assert_eq!(codes(text.as_bytes()), [""; 0]);
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
}

#[test]
fn deep_nesting_ends_in_a_diagnostic() {
    for (open, close) in [("[", "]"), ("{a=", "}")] {
        let text = format!("a = {}1{}", open.repeat(100_000), close.repeat(100_000));
        assert!(codes(text.as_bytes()).contains(&"P002"));
    }
    let dotted = format!("{}a = 1", "a.".repeat(100_000));
    assert!(codes(dotted.as_bytes()).contains(&"P002"));
}

#[test]
fn a_name_of_a_megabyte_is_shown_in_part() {
    let text = format!("[service.{}]\n", "x".repeat(1 << 20));
    let loaded = load_bytes(text.as_bytes(), &NoFiles);

    assert!(loaded.diagnostics.iter().any(|told| told.code == "P020"));
    assert!(loaded.diagnostics.iter().all(|told| told.message.len() < 500));
}

#[test]
fn balancers_that_all_send_to_each_other_are_found_soon() {
    let balancers: String = (0..1_000)
        .map(|at| {
            let next = (at + 1) % 1_000;
            format!(
                "[balancer.b{at}]\nlisten = [{{ address = \"127.0.0.1:{}\", to = \"s{at}\" }}]\n\
                 [service.s{at}]\nendpoints = [\"127.0.0.1:{}\"]\n[call.b{at}.s{at}]\n",
                10_000 + at,
                10_000 + next
            )
        })
        .collect();
    let text = format!("[client.c]\ntraffic = \"1/s\"\n[call.c.b0]\n{balancers}");

    let started = Instant::now();
    let codes = codes(text.as_bytes());

    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    assert!(codes.contains(&"P026"), "{codes:?}");
}

/// Each would be a step of the simulation or of a worker: a thousand million of them a second.
#[test]
fn times_so_short_that_nothing_else_would_be_done_are_refused() {
    let bursts = |burst: &str| {
        format!(
            "[client.c]\ntraffic = {{ mean = \"1/s\", peak = 2.0, burst = \"{burst}\" }}\n[service.s]\n[call.c.s]\n"
        )
    };
    let checks = |every: &str| {
        format!(
            "[client.c]\ntraffic = \"1/s\"\n[service.s]\n[call.c.s]\nhealth = {{ path = \"/\", every = \"{every}\" }}\n"
        )
    };

    for (short, enough) in [(bursts("999us"), bursts("1ms")), (checks("9999us"), checks("10ms"))] {
        assert_eq!(codes(short.as_bytes()), ["P013"], "{short}");
        assert_eq!(codes(enough.as_bytes()), [""; 0], "{enough}");
    }
}

proptest! {
    #![proptest_config(at_least(512))]

    #[test]
    fn a_design_with_bytes_changed_never_makes_the_reader_stumble(
        design in 0..DESIGNS.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = DESIGNS[design].as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        survive(&bytes);
    }

    #[test]
    fn a_design_with_pieces_moved_never_makes_the_reader_stumble(
        design in 0..DESIGNS.len(),
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
        length in 1..60_usize,
    ) {
        let text = DESIGNS[design].as_bytes();
        let (from, to) = (from.index(text.len()), to.index(text.len()));
        let piece = &text[from..(from + length).min(text.len())];
        survive(&[&text[..to], piece, &text[to..]].concat());
    }

    #[test]
    fn half_a_design_never_makes_the_reader_stumble(
        design in 0..DESIGNS.len(),
        cut in any::<prop::sample::Index>(),
    ) {
        let text = DESIGNS[design].as_bytes();
        survive(&text[..cut.index(text.len())]);
        survive(&text[cut.index(text.len())..]);
    }

    #[test]
    fn a_design_with_one_value_replaced_never_makes_the_reader_stumble(
        design in 0..DESIGNS.len(),
        line in any::<prop::sample::Index>(),
        value in prop::sample::select(VALUES),
    ) {
        let lines: Vec<&str> = DESIGNS[design].lines().collect();
        let at = line.index(lines.len());
        let changed = lines[at].split_once('=').map(|(key, _)| format!("{key}= {value}"));
        let mut lines: Vec<String> = lines.into_iter().map(str::to_owned).collect();
        lines[at] = changed.unwrap_or_default();
        survive(lines.join("\n").as_bytes());
    }
}

const VALUES: &[&str] = &[
    "0",
    "-1",
    "1e999",
    "nan",
    "18446744073709551616",
    "\"\"",
    "\"0s\"",
    "\"none\"",
    "\"1 of 0\"",
    "\"99999999999999999999s\"",
    "\"4295%\"",
    "[]",
    "{}",
    "[[]]",
    "[{}]",
    "true",
    "1979-05-27",
    "\"eu -> us\"",
    "\"->\"",
    "{ eu = 1 }",
    "{ stale = \"0s\" }",
    "\"20ms..\"",
    "0xFFFFFFFFFF",
];

/// Both forms of the diagnostics can be made, and a design is there exactly when there is no error.
fn survive(bytes: &[u8]) {
    let Loaded { design, diagnostics, .. } = load_bytes(bytes, &NoFiles);
    let text = String::from_utf8_lossy(bytes);
    render(&diagnostics, "design.toml", &text, true);
    json(&diagnostics, "design.toml", &text);
    assert_eq!(design.is_some(), !diagnostics.iter().any(Diagnostic::is_error));
}

fn codes(bytes: &[u8]) -> Vec<&'static str> {
    load_bytes(bytes, &NoFiles).diagnostics.iter().map(|told| told.code).collect()
}
