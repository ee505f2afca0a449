//! What bad designs are told: a fixture in `diagnostics/` for each kind of problem, and beside it
//! every word of the answer.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use plimsoll_config::codes::CODES;
use plimsoll_config::{Diagnostic, Files, Loaded, load_bytes, render};

#[test]
fn a_bad_design_is_told_everything_at_once() {
    for fixture in fixtures() {
        let name = file_name(&fixture);
        let (loaded, text) = read(&fixture);
        let stem = name.trim_end_matches(".toml");

        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("diagnostics");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| {
            insta::assert_snapshot!(stem, render(&loaded.diagnostics, &name, &text, false));
        });
    }
}

#[test]
fn every_code_is_seen_in_some_fixture() {
    let seen: BTreeSet<_> = fixtures()
        .iter()
        .flat_map(|fixture| read(fixture).0.diagnostics)
        .map(|diagnostic| diagnostic.code)
        .collect();

    let unseen: Vec<_> =
        CODES.iter().map(|code| code.code).filter(|code| !seen.contains(code)).collect();

    // Those need bytes that no fixture should have; `hostile.rs` has them.
    assert_eq!(unseen, ["P001", "P003", "P004"]);
}

#[test]
fn every_diagnostic_has_a_place_a_reason_and_a_way_out() {
    for fixture in fixtures() {
        for told in read(&fixture).0.diagnostics {
            assert!(!told.span.is_empty(), "{told:?}");
            assert!(!told.reason.is_empty(), "{told:?}");
            assert!(!told.way_out.is_empty(), "{told:?}");
            assert!(!told.message.ends_with('.'), "{told:?}");
        }
    }
}

#[test]
fn a_bad_design_is_none_but_can_still_be_looked_at() {
    for fixture in fixtures() {
        let (loaded, _) = read(&fixture);
        assert!(loaded.design.is_none() || !loaded.diagnostics.iter().any(Diagnostic::is_error));
        assert!(loaded.design.is_some() || loaded.sketch.is_some());
    }
}

/// Files that a fixture may name.
struct Beside;

impl Files for Beside {
    fn read(&self, name: &str) -> Result<String, String> {
        match name {
            "backwards.txt" => Ok("1s\n3s\n2s\n".to_owned()),
            "no-units.txt" => Ok("8ms\n9\n".to_owned()),
            "seconds.txt" => Ok("1s\n2s\n".to_owned()),
            "empty.txt" => Ok("# nothing yet\n".to_owned()),
            other => Err(format!("{other} does not exist")),
        }
    }
}

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut fixtures: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    fixtures.sort();
    assert!(!fixtures.is_empty());
    fixtures
}

fn read(fixture: &Path) -> (Loaded, String) {
    let text = std::fs::read_to_string(fixture).unwrap();
    (load_bytes(text.as_bytes(), &Beside), text)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}
