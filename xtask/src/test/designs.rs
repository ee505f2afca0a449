//! Each example design gets the review it should get.
//!
//! A review that lets an unsound design pass is as wrong as one that refuses a sound one, so the
//! errors of each example are written down here. An example that is not in the table must be
//! clean.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::shell::{self, Outcome, cargo, program, run};

/// The errors that an example has, and why it keeps them.
const ERRORS: &[(&str, &[&str])] = &[
    // The incident is there to be simulated: no bounds, no jitter, no budget, retries at each layer.
    ("incident.toml", &["Q01", "R03", "R04", "R07", "T05"]),
    // The phones' own code retries without a budget; the file says so, and it is not ours.
    ("grpc.toml", &["R04"]),
    // All calls inside share one timeout, so a caller gives up when what it waits for does.
    ("regions.toml", &["T05"]),
];

/// Runs `plimsoll check` over `designs/*.toml`.
pub(crate) fn review() -> Outcome {
    // As the tests have built it: another profile would build everything once more.
    run(&mut cargo("build --workspace --bin plimsoll --profile test"))?;
    let wrong: Vec<_> = designs()?.iter().filter_map(|design| review_one(design).err()).collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

fn review_one(design: &Path) -> Outcome {
    let name = design.file_name().unwrap_or_default().to_string_lossy();
    let output = program(shell::target().join("debug/plimsoll"))
        .args(["check", "--format", "json"])
        .arg(design)
        .output()
        .map_err(|e| format!("cannot run plimsoll check: {e}"))?;
    let review = String::from_utf8_lossy(&output.stdout);
    let complaint = complaint(&name, output.status.code(), &review);
    match &complaint {
        Ok(()) => println!("{name}: as it should be, exit {}", expected_exit(&name)),
        Err(why) => println!("{review}{}\n{why}", String::from_utf8_lossy(&output.stderr)),
    }
    complaint
}

fn complaint(name: &str, exit: Option<i32>, review: &str) -> Outcome {
    let errors = errors(review).ok_or_else(|| format!("{name} got no review"))?;
    if errors != expected(name) {
        return Err(format!("{name} should have the errors {:?}, not {errors:?}", expected(name)));
    }
    if exit == Some(expected_exit(name)) {
        return Ok(());
    }
    Err(format!("{name} should exit with {}, not {exit:?}", expected_exit(name)))
}

fn expected(name: &str) -> &'static [&'static str] {
    ERRORS.iter().find(|(design, _)| *design == name).map_or(&[], |(_, errors)| errors)
}

fn expected_exit(name: &str) -> i32 {
    i32::from(!expected(name).is_empty())
}

/// The codes of all findings of error level, each once; `None` if this is no review.
fn errors(review: &str) -> Option<Vec<String>> {
    let review: Value = serde_json::from_str(review).ok()?;
    let findings = review["findings"].as_array()?.iter();
    let errors = findings.filter(|finding| finding["severity"] == "error");
    let mut codes: Vec<_> =
        errors.map(|error| error["code"].as_str().map(str::to_owned)).collect::<Option<_>>()?;
    codes.sort();
    codes.dedup();
    Some(codes)
}

fn designs() -> Outcome<Vec<PathBuf>> {
    let entries =
        fs::read_dir(shell::root().join("designs")).map_err(|e| format!("designs: {e}"))?;
    let mut found: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    found.sort();
    if found.is_empty() { Err("designs/ holds no design".into()) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_design_must_come_out_clean() {
        let warned = r#"{"findings":[{"code":"T04","severity":"warning"}]}"#;
        let refused = r#"{"findings":[{"code":"T05","severity":"error"}]}"#;

        assert_eq!(complaint("balancer.toml", Some(0), warned), Ok(()));
        assert!(complaint("balancer.toml", Some(1), refused).is_err());
        assert!(complaint("balancer.toml", Some(1), warned).is_err());
        assert!(complaint("balancer.toml", None, warned).is_err());
    }

    #[test]
    fn an_unsound_design_must_have_just_its_own_errors() {
        let found =
            r#"{"findings":[{"code":"R04","severity":"error"},{"code":"R04","severity":"error"}]}"#;

        assert_eq!(complaint("grpc.toml", Some(1), found), Ok(()));
        assert!(complaint("grpc.toml", Some(0), r#"{"findings":[]}"#).is_err());
        assert!(complaint("regions.toml", Some(1), found).is_err());
    }

    #[test]
    fn what_is_no_review_is_an_error() {
        assert!(complaint("balancer.toml", Some(0), "\n").is_err());
        assert!(complaint("balancer.toml", Some(0), "{}").is_err());
    }

    #[test]
    fn every_design_of_the_table_exists() {
        let designs = designs().unwrap();

        assert!(ERRORS.iter().all(|(name, _)| designs.iter().any(|path| path.ends_with(name))));
    }
}
