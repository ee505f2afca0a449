//! Runs each fuzz target of `fuzz/Cargo.toml` for a bounded time.
//!
//! The targets are built with the stable compiler: `RUSTC_BOOTSTRAP` lets it take the flags for
//! coverage and the address sanitizer that `cargo fuzz` would pass to a nightly one. They have a
//! target folder of their own. Seeds come from `fuzz/seeds/TARGET`, what is learned stays in the
//! target folder, and an input that crashes is left in `fuzz/artifacts/TARGET`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::shell::{self, Outcome, cargo, output_of, program, run};

/// A few seconds each: enough to see that a target works, and that no seed crashes it.
pub(crate) fn briefly() -> Outcome {
    fuzz(BRIEF_S)
}

/// Minutes each: enough to find something new.
pub(crate) fn at_length() -> Outcome {
    fuzz(LONG_S)
}

fn fuzz(seconds: u32) -> Outcome {
    let targets = targets()?;
    let built = build()?;
    let failed: Vec<_> =
        targets.iter().filter_map(|target| run_one(&built, target, seconds).err()).collect();
    if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
}

fn targets() -> Outcome<Vec<String>> {
    let metadata = output_of(&mut cargo(
        "metadata --format-version 1 --no-deps --manifest-path fuzz/Cargo.toml",
    ))?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|e| e.to_string())?;
    let names = binaries(&metadata);
    if names.is_empty() { Err("fuzz/Cargo.toml has no target".into()) } else { Ok(names) }
}

fn binaries(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages
        .flat_map(|package| package["targets"].as_array().into_iter().flatten())
        .filter(|target| target["kind"][0] == "bin")
        .filter_map(|target| target["name"].as_str().map(str::to_owned))
        .collect()
}

/// Returns the folder with the built targets.
fn build() -> Outcome<PathBuf> {
    let host = host()?;
    let folder = shell::target().join("fuzz");
    run(cargo("build --release --manifest-path fuzz/Cargo.toml --target")
        .arg(&host)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", FLAGS.join(" "))
        .env("CARGO_TARGET_DIR", &folder))?;
    Ok(folder.join(host).join("release"))
}

fn run_one(built: &Path, target: &str, seconds: u32) -> Outcome {
    let learned = make(shell::target().join("fuzz-corpus").join(target))?;
    let artifacts = make(shell::root().join("fuzz/artifacts").join(target))?;
    let seeds = shell::root().join("fuzz/seeds").join(target);
    let mut command = program(built.join(target));
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"])
        .arg(learned);
    if seeds.is_dir() {
        command.arg(seeds);
    }
    let output = command.output().map_err(|e| format!("cannot run {target}: {e}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let runs = runs(&said);
    if output.status.success() && runs > 0 {
        println!("{target}: {runs} inputs in {seconds} s, none of them a fault");
        return Ok(());
    }
    println!("{said}");
    Err(format!("{target}: {} after {runs} inputs", output.status))
}

/// How many inputs were tried, as libFuzzer counts in the end.
fn runs(said: &str) -> u64 {
    let counts =
        said.lines().filter_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    counts.filter_map(|count| count.trim().parse::<u64>().ok()).sum()
}

/// The machine we build on: a sanitizer needs the target to be named.
fn host() -> Outcome<String> {
    let version = output_of(program("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc -vV names no host".into())
}

fn make(folder: PathBuf) -> Outcome<PathBuf> {
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    Ok(folder)
}

const BRIEF_S: u32 = 8;
const LONG_S: u32 = 180;

/// What `cargo fuzz` would set.
const FLAGS: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg fuzzing",
    "-Zsanitizer=address",
    "-Ccodegen-units=1",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_target_that_ran_nothing_has_no_runs() {
        assert_eq!(runs("INFO: seed\nstat::number_of_executed_units: 197052\n"), 197_052);
        assert_eq!(runs("INFO: seed\n"), 0);
    }

    #[test]
    fn every_binary_of_the_fuzz_package_is_a_target() {
        let metadata = json!({ "packages": [{ "targets": [
            { "kind": ["bin"], "name": "head" },
            { "kind": ["lib"], "name": "shared" },
            { "kind": ["bin"], "name": "chunked" },
        ]}]});

        assert_eq!(binaries(&metadata), ["head", "chunked"]);
    }
}
