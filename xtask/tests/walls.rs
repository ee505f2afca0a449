//! The walls of the house: which crate may use which, and what the deciding crates cannot name.
//!
//! `no_std` keeps clocks, sockets and threads out of the deciding crates; this test keeps `no_std`
//! in them, and holds the table of `ARCHITECTURE.md` against what cargo really resolves. Each rule
//! is a function over plain data, so that the tests at the end can show it a broken wall.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Each crate and what it may use; what those may use, it may use too.
const TABLE: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("event", &["base"]),
    ("wire", &["base"]),
    ("policy", &["event"]),
    ("engine", &["policy"]),
    ("model", &["engine"]),
    ("netsim", &["wire", "event"]),
    ("config", &["model"]),
    ("checklist", &["config"]),
    ("observe", &["event"]),
    ("sim", &["model", "netsim", "config", "observe"]),
    ("lab", &["netsim"]),
    ("standin", &["model", "wire", "config"]),
    ("live", &["engine", "wire", "checklist", "observe"]),
    ("cli", &["sim", "standin", "live"]),
];

/// Walls that must stand even if the table is changed: the left never reaches the right.
const NEVER: &[(&str, &str)] =
    &[("policy", "wire"), ("netsim", "engine"), ("live", "sim"), ("sim", "live")];

/// The crates that decide and simulate: time and chance are arguments there.
const NO_STD: &[&str] = &["base", "event", "wire", "policy", "engine", "model", "netsim"];

/// Event loops and their runtimes.
const RUNTIMES: &[&str] = &["tokio", "async-std", "smol", "monoio", "glommio", "compio"];

/// Where such a runtime may be.
const ASYNC: &[&str] = &["live", "standin", "cli"];

/// The rules of `policy`. Each is complete without the others; `engine` introduces them.
const RULES: &[&str] =
    &["deadline", "retry", "breaker", "balance", "admission", "health", "region", "cache"];

#[test]
fn every_crate_uses_only_what_the_table_allows() {
    assert_none(forbidden_uses(&uses(&metadata())));
}

#[test]
fn the_walls_that_never_fall_stand() {
    assert_none(breaches(&uses(&metadata()), NEVER));
}

#[test]
fn every_crate_of_the_house_is_in_the_table() {
    let in_house: BTreeSet<_> = uses(&metadata()).into_keys().collect();
    let in_table: BTreeSet<_> = TABLE.iter().map(|(name, _)| (*name).to_owned()).collect();

    assert_eq!(in_house, in_table);
}

#[test]
fn no_event_loop_outside_the_live_plane_and_its_stand_ins() {
    assert_none(runtimes_in_the_wrong_place(&resolved(&metadata())));
}

#[test]
fn the_deciding_crates_are_no_std() {
    assert_none(NO_STD.iter().flat_map(|name| {
        let sources = sources(name);
        let entry = sources.iter().find(|(path, _)| path.ends_with("src/lib.rs"));
        let declared = entry.is_some_and(|(_, text)| declares_no_std(text));
        let missing = (!declared).then(|| format!("{name} does not begin with #![no_std]"));
        let smuggled = sources.iter().flat_map(|(path, text)| std_outside_tests(path, text));
        missing.into_iter().chain(smuggled).collect::<Vec<_>>()
    }));
}

#[test]
fn the_rules_of_policy_never_import_each_other() {
    let sources = sources("policy");
    assert_none(sources.iter().flat_map(|(path, text)| sibling_imports(path, text)));
}

#[test]
fn the_live_plane_never_carries_as_other_people_do_nor_claims_their_grounds() {
    assert_none(sources("live").iter().flat_map(|(path, text)| claims(path, text)));
}

/// A crate, and the crates of the house that it uses.
type Uses = BTreeMap<String, BTreeSet<String>>;

/// Where code names what only models of other people's code may name: their grounds for sending
/// again, and the carrier that has them. An import of all carriers would hide the second.
fn claims(path: &Path, text: &str) -> Vec<String> {
    let names = |line: &str| {
        line.contains("OtherPeoplesCode")
            || line.contains("Carrier::Others")
            || line.contains("Carrier::{")
            || line.contains("Carrier::*")
            || line.contains("Carrier as ")
    };
    code_lines(text)
        .filter(|(_, line)| names(line))
        .map(|(number, _)| format!("{}:{number}", path.display()))
        .collect()
}

fn forbidden_uses(uses: &Uses) -> Vec<String> {
    let may: Uses = TABLE
        .iter()
        .map(|(name, direct)| ((*name).into(), direct.iter().map(|d| (*d).into()).collect()))
        .collect();
    let used = uses.iter().flat_map(|(name, used)| used.iter().map(move |u| (name, u)));
    used.filter(|(name, used)| !reach(&may, name).contains(*used))
        .map(|(name, used)| format!("{name} may not use {used}"))
        .collect()
}

fn breaches(uses: &Uses, never: &[(&str, &str)]) -> Vec<String> {
    never
        .iter()
        .filter(|(from, to)| reach(uses, from).contains(*to))
        .map(|(from, to)| format!("{from} reaches {to}"))
        .collect()
}

fn runtimes_in_the_wrong_place(resolved: &Uses) -> Vec<String> {
    let outside = TABLE.iter().map(|(name, _)| *name).filter(|name| !ASYNC.contains(name));
    outside
        .flat_map(|name| {
            let reached = reach(resolved, name);
            let runtimes = RUNTIMES.iter().filter(move |runtime| reached.contains(**runtime));
            runtimes.map(move |runtime| format!("{name} reaches {runtime}")).collect::<Vec<_>>()
        })
        .collect()
}

/// Everything that `from` uses, and what that uses.
fn reach(uses: &Uses, from: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(name) = open.pop() {
        let next = uses.get(&name).into_iter().flatten();
        open.extend(next.filter(|used| seen.insert((*used).clone())).cloned());
    }
    seen
}

fn declares_no_std(text: &str) -> bool {
    // Attributes of the crate come before its first item.
    text.lines()
        .map(str::trim)
        .take_while(|line| line.is_empty() || line.starts_with("//") || line.starts_with("#!["))
        .any(|line| line == "#![no_std]")
}

fn std_outside_tests(path: &Path, text: &str) -> Vec<String> {
    let mut attribute = "";
    let mut found = Vec::new();
    for (number, line) in code_lines(text) {
        let for_tests = ["#[cfg(test)]", "#[cfg(loom)]", "#[cfg(any(test, loom))]"];
        if line.contains("extern crate std") && !for_tests.contains(&attribute) {
            found.push(format!("{}:{number} brings in std", path.display()));
        }
        attribute = line;
    }
    found
}

fn sibling_imports(path: &Path, text: &str) -> Vec<String> {
    let Some(own) = rule_of(path) else {
        return Vec::new();
    };
    let code: String = code_lines(text).map(|(_, line)| format!("{line}\n")).collect();
    let named = paths_from_crate(&code).into_iter().chain(paths_from_parent(&code));
    named
        .filter(|name| name != own && RULES.contains(&name.as_str()))
        .map(|sibling| format!("{} imports {sibling}", path.display()))
        .collect()
}

/// The rule that a file of `policy` belongs to: `…/src/retry/budget.rs` belongs to `retry`.
fn rule_of(path: &Path) -> Option<&str> {
    let mut parts = path.iter().filter_map(|part| part.to_str()).skip_while(|part| *part != "src");
    let rule = parts.nth(1)?;
    Some(rule.strip_suffix(".rs").unwrap_or(rule)).filter(|rule| RULES.contains(rule))
}

/// The modules named right after `crate::`, also inside braces.
fn paths_from_crate(code: &str) -> Vec<String> {
    code.split("crate::").skip(1).flat_map(first_names).collect()
}

/// The same for paths that climb out of a rule's own folder.
fn paths_from_parent(code: &str) -> Vec<String> {
    code.split("super::super::").skip(1).flat_map(first_names).collect()
}

fn first_names(rest: &str) -> Vec<String> {
    let Some(group) = rest.strip_prefix('{') else {
        return vec![leading_name(rest)];
    };
    let mut depth = 0_i32;
    let at_top = |c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if depth < 0 { None } else { Some(if depth == 0 { c } else { ' ' }) }
    };
    let top: String = group.chars().map_while(at_top).collect();
    top.split(',').map(|item| leading_name(item.trim())).collect()
}

fn leading_name(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Numbered lines without comments: a link in a doc comment is no import.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with("//"))
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

/// What the crates of the house name in their manifests, outside tests.
fn uses(metadata: &Value) -> Uses {
    house(metadata)
        .map(|package| {
            let used = list(&package["dependencies"])
                .filter(|dependency| dependency["kind"] != "dev")
                .filter_map(|dependency| short_name(dependency["name"].as_str()?))
                .collect();
            (short_name(text(&package["name"])).expect("of the house"), used)
        })
        .collect()
}

/// What cargo resolved for every package, outside tests; the house under its short names.
fn resolved(metadata: &Value) -> Uses {
    let names: BTreeMap<_, _> = list(&metadata["packages"])
        .map(|package| (text(&package["id"]), text(&package["name"])))
        .map(|(id, name)| (id, short_name(name).unwrap_or_else(|| name.to_owned())))
        .collect();
    list(&metadata["resolve"]["nodes"])
        .map(|node| {
            let used = list(&node["deps"])
                .filter(|dependency| list(&dependency["dep_kinds"]).any(is_shipped))
                .map(|dependency| names[text(&dependency["pkg"])].clone())
                .collect();
            (names[text(&node["id"])].clone(), used)
        })
        .collect()
}

/// Neither for tests nor for the model checker.
fn is_shipped(kind: &Value) -> bool {
    kind["kind"] != "dev" && kind["target"] != "cfg(loom)"
}

fn house(metadata: &Value) -> impl Iterator<Item = &Value> {
    list(&metadata["packages"]).filter(|package| {
        let manifest = Path::new(text(&package["manifest_path"]));
        manifest.starts_with(root().join("crates"))
    })
}

fn short_name(package: &str) -> Option<String> {
    package.strip_prefix("plimsoll-").map(str::to_owned)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("cargo metadata has a text here")
}

fn sources(name: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join("crates").join(name).join("src")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("the crate has a src folder") {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.clone(), fs::read_to_string(path).expect("a readable file")));
            }
        }
    }
    found.sort();
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace")
}

fn assert_none(broken: impl IntoIterator<Item = String>) {
    let broken: Vec<_> = broken.into_iter().collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

mod a_broken_wall_is_seen {
    use super::*;

    #[test]
    fn when_a_crate_uses_what_the_table_forbids() {
        let house = graph(&[("policy", &["event", "wire"]), ("engine", &["base"])]);

        assert_eq!(forbidden_uses(&house), ["policy may not use wire"]);
    }

    #[test]
    fn when_a_crate_is_reached_through_another() {
        let house = graph(&[("live", &["observe"]), ("observe", &["sim"])]);

        assert_eq!(breaches(&house, NEVER), ["live reaches sim"]);
    }

    #[test]
    fn when_a_runtime_comes_in_through_a_dependency() {
        let resolved = graph(&[("sim", &["some-client"]), ("some-client", &["tokio"])]);
        let live = graph(&[("live", &["tokio"])]);

        assert_eq!(runtimes_in_the_wrong_place(&resolved), ["sim reaches tokio"]);
        assert_none(runtimes_in_the_wrong_place(&live));
    }

    #[test]
    fn when_no_std_is_missing_or_conditional() {
        assert!(declares_no_std("//! What it is.\n\n#![no_std]\nextern crate alloc;"));
        assert!(!declares_no_std("//! #![no_std]\nextern crate alloc;"));
        assert!(!declares_no_std("#![cfg_attr(not(test), no_std)]"));
        assert!(!declares_no_std("mod a;\n#![no_std]"));
    }

    #[test]
    fn when_std_comes_in_outside_tests() {
        let here = Path::new("lib.rs");

        assert_none(std_outside_tests(here, "#[cfg(test)]\nextern crate std;"));
        assert_eq!(
            std_outside_tests(here, "#[cfg(not(test))]\nextern crate std as core2;"),
            ["lib.rs:2 brings in std"]
        );
        assert_eq!(std_outside_tests(here, "extern crate std;"), ["lib.rs:1 brings in std"]);
    }

    #[test]
    fn when_one_rule_imports_another() {
        let budget = Path::new("crates/policy/src/retry/budget.rs");
        let found = |text| sibling_imports(budget, text).len();

        assert_eq!(found("use crate::breaker::Breaker;"), 1);
        assert_eq!(found("use crate::{retry::Params, breaker, health::Check};"), 2);
        assert_eq!(found("use super::super::admission::Queue;"), 1);
        assert_eq!(found("fn f(_: &crate::cache::Entry) {}"), 1);
    }

    #[test]
    fn when_the_live_plane_carries_as_other_people_do() {
        let found = |text| claims(Path::new("worker.rs"), text).len();

        assert_eq!(found("let rules = Rules { carrier: engine::Carrier::Others, ..rules };"), 1);
        assert_eq!(found("use engine::Carrier::{Others, Plimsoll};\nuse engine::Carrier::*;"), 2);
        assert_eq!(found("use engine::Carrier as C;"), 1);
        assert_eq!(found("Some(Grounds::OtherPeoplesCode)"), 1);
        assert_eq!(found("/// Never [`Carrier::Others`].\nlet carrier = Carrier::Plimsoll;"), 0);
    }

    #[test]
    fn but_not_where_a_rule_names_itself_or_only_speaks_of_another() {
        let budget = Path::new("crates/policy/src/retry/budget.rs");

        assert_none(sibling_imports(budget, "use crate::retry::Params;"));
        assert_none(sibling_imports(budget, "/// See [`crate::breaker::Breaker`]."));
        assert_none(sibling_imports(budget, "use crate::{retry::{breaker}, amount};"));
        assert_none(sibling_imports(Path::new("crates/policy/src/lib.rs"), "use crate::cache;"));
    }

    fn graph(edges: &[(&str, &[&str])]) -> Uses {
        edges
            .iter()
            .map(|(name, used)| ((*name).into(), used.iter().map(|u| (*u).into()).collect()))
            .collect()
    }
}
