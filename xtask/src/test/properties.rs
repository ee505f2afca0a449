//! The property tests with many more cases, in the crates that have some: the tests of the others
//! would take as long again and learn nothing from it.

use serde_json::Value;

use crate::shell::{Outcome, cargo, output_of, run};

/// Runs them.
pub(crate) fn at_length() -> Outcome {
    let metadata = output_of(&mut cargo("metadata --format-version 1 --no-deps"))?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|e| e.to_string())?;
    let packages = with_properties(&metadata);
    if packages.is_empty() {
        return Err("no crate has property tests".into());
    }
    let mut command = cargo("nextest run --no-fail-fast");
    packages.iter().for_each(|package| {
        command.args(["-p", package]);
    });
    run(command.env("PROPTEST_CASES", CASES))
}

/// The packages that depend on proptest.
fn with_properties(metadata: &Value) -> Vec<&str> {
    let has_properties = |package: &&Value| {
        let mut needs = package["dependencies"].as_array().into_iter().flatten();
        needs.any(|need| need["name"] == "proptest")
    };
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages.filter(has_properties).filter_map(|package| package["name"].as_str()).collect()
}

/// Instead of 256.
const CASES: &str = "20000";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_crates_with_properties_are_asked_for_more() {
        let metadata = json!({ "packages": [
            { "name": "with", "dependencies": [{ "name": "serde" }, { "name": "proptest" }] },
            { "name": "without", "dependencies": [{ "name": "serde" }] },
        ]});

        assert_eq!(with_properties(&metadata), ["with"]);
    }
}
