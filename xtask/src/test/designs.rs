//! Each example design gets the review it should get.
//!
//! Most are sound. The ones that show how a design fails must have findings: a review that lets
//! them pass is as wrong as one that refuses a sound one.

use std::fs;
use std::path::{Path, PathBuf};

use crate::shell::{self, Outcome, cargo, program, run};

/// The designs that are unsound on purpose: they are there to be simulated.
const UNSOUND: &[&str] = &["incident.toml"];

/// Runs `plimsoll check` over `designs/*.toml`.
pub(crate) fn review() -> Outcome {
    run(&mut cargo("build -p plimsoll-cli"))?;
    let wrong: Vec<_> = designs()?.iter().filter_map(|design| review_one(design).err()).collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

fn review_one(design: &Path) -> Outcome {
    let name = design.file_name().unwrap_or_default().to_string_lossy();
    let output = program(shell::target().join("debug/plimsoll"))
        .arg("check")
        .arg(design)
        .output()
        .map_err(|e| format!("cannot run plimsoll check: {e}"))?;
    let review = String::from_utf8_lossy(&output.stdout);
    let complaint = complaint(&name, output.status.code(), &review);
    println!("{name}: exit {}", output.status.code().unwrap_or(-1));
    if let Err(why) = &complaint {
        println!("{review}{}\n{why}", String::from_utf8_lossy(&output.stderr));
    }
    complaint
}

fn complaint(name: &str, code: Option<i32>, review: &str) -> Outcome {
    let expected = if UNSOUND.contains(&name) { FINDINGS } else { CLEAN };
    if code != Some(expected) {
        return Err(format!("{name} should exit with {expected}, not {code:?}"));
    }
    // A program that does nothing exits with 0 too.
    if review.trim().is_empty() { Err(format!("{name} got no review")) } else { Ok(()) }
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

const CLEAN: i32 = 0;
const FINDINGS: i32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_design_must_come_out_clean() {
        assert_eq!(complaint("balancer.toml", Some(0), "all well"), Ok(()));
        assert!(complaint("balancer.toml", Some(1), "a finding").is_err());
        assert!(complaint("balancer.toml", None, "killed").is_err());
    }

    #[test]
    fn an_unsound_design_must_have_findings() {
        assert_eq!(complaint("incident.toml", Some(1), "a finding"), Ok(()));
        assert!(complaint("incident.toml", Some(0), "all well").is_err());
    }

    #[test]
    fn silence_is_no_review() {
        assert!(complaint("balancer.toml", Some(0), "\n").is_err());
    }

    #[test]
    fn the_designs_that_are_unsound_on_purpose_exist() {
        let names: Vec<_> = designs().unwrap();

        assert!(UNSOUND.iter().all(|unsound| names.iter().any(|path| path.ends_with(unsound))));
    }
}
