//! `cargo xtask bench sim`, single packets: how fast they are simulated, beside ns-3.

use serde_json::Value;

use super::process::pinned;
use super::rig::PROXY_CORE;
use super::spread::Spread;
use super::{machine, report};
use crate::fidelity;
use crate::shell::{Outcome, cargo, output_of, root};

/// Measures, and writes the report.
pub(crate) fn run() -> Outcome {
    fidelity::NEEDS.iter().try_for_each(|need| need.meet())?;
    let text = format!("{}\n{}", machine::facts()?, rows()?);
    println!("\n{text}");
    report::write("packets", &text)
}

/// The measured table.
fn rows() -> Outcome<String> {
    let build = "build --quiet --release -p plimsoll-fidelity --bin packet-speed";
    crate::shell::run(&mut cargo(build))?;
    let measure = cargo("run --quiet --release -p plimsoll-fidelity --bin packet-speed");
    table(&output_of(pinned(&measure, PROXY_CORE).current_dir(root()))?)
}

fn table(said: &str) -> Outcome<String> {
    let rows = said.lines().map(row).collect::<Outcome<String>>()?;
    if rows.is_empty() {
        return Err("the benchmark said nothing".into());
    }
    Ok(format!(
        "| dumbbell | netsim, thousand segments/s | ns-3, thousand segments/s | ratio, at least {GOAL} wanted |\n\
         |---|---|---|---|\n{rows}"
    ))
}

fn row(line: &str) -> Outcome<String> {
    let unreadable = || format!("the benchmark said {line:?}");
    let seen: Value = serde_json::from_str(line).map_err(|_| unreadable())?;
    let rounds = |name: &str| -> Vec<f64> {
        seen[name].as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
    };
    let (ours, theirs) = (rounds("netsim"), rounds("ns3"));
    let ratios = ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs);
    let ratio = Spread::of(ratios).ok_or_else(unreadable)?;
    let thousands = |rounds| Spread::of(rounds).map(|spread: Spread| spread.scaled(1e-3));
    let ours = thousands(ours).ok_or_else(unreadable)?;
    let theirs = thousands(theirs).ok_or_else(unreadable)?;
    let what = seen["what"].as_str().ok_or_else(unreadable)?;
    Ok(format!("| {what} | {ours:.0} | {theirs:.1} | {ratio:.0} |\n"))
}

/// How many times as fast as ns-3.
const GOAL: u32 = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_taken_within_each_round() {
        let line = r#"{"what":"1 flow","netsim":[2e6,1e6,3e6],"ns3":[2e4,2e4,2e4]}"#;

        let row = "| 1 flow | 2000 (1000–3000) | 20.0 (20.0–20.0) | 100 (50–150) |\n";
        assert!(table(line).unwrap().ends_with(row), "{}", table(line).unwrap());
        assert!(table("").is_err());
        assert!(table("panicked").is_err());
    }
}
