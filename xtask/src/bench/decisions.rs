//! `cargo xtask bench decisions`: how long all decisions of one request take.

use serde_json::Value;

use super::process::pinned;
use super::rig::PROXY_CORE;
use super::spread::Spread;
use super::{machine, report};
use crate::shell::{Outcome, cargo, output_of};

/// Measures, and writes the report.
pub(crate) fn run() -> Outcome {
    let facts = machine::facts()?;
    let bench = cargo("bench --quiet -p plimsoll-bench --bench decisions");
    let said = output_of(pinned(&bench, PROXY_CORE).current_dir(crate::shell::root()))?;
    let text = format!("{facts}\n{}", table(&said)?);
    println!("\n{text}");
    report::write("decisions", &text)
}

fn table(said: &str) -> Outcome<String> {
    let rows = said.lines().map(row).collect::<Outcome<String>>()?;
    if rows.is_empty() {
        return Err("the benchmark said nothing".into());
    }
    Ok(format!(
        "| a request that is | all its decisions, ns | allocations |\n|---|---|---|\n{rows}"
    ))
}

fn row(line: &str) -> Outcome<String> {
    let unreadable = || format!("the benchmark said {line:?}");
    let seen: Value = serde_json::from_str(line).map_err(|_| unreadable())?;
    let batches = seen["ns"].as_array().into_iter().flatten().filter_map(Value::as_f64);
    let ns = Spread::of(batches).ok_or_else(unreadable)?;
    let story = seen["story"].as_str().ok_or_else(unreadable)?;
    let allocations = seen["allocations"].as_f64().ok_or_else(unreadable)?;
    Ok(format!("| {story} | {ns:.0} | {allocations} |\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_story_is_a_row_and_anything_else_an_error() {
        let line = r#"{"story":"answered","ns":[2.0,1.0,3.0],"allocations":0.0}"#;

        assert!(table(line).unwrap().ends_with("| answered | 2 (1–3) | 0 |\n"));
        assert!(table("").is_err());
        assert!(table("panicked").is_err());
    }
}
