//! The review as people and programs read it.

mod bounds;
mod columns;
mod explain;
mod five;
mod paths;
mod text;

pub use explain::{all_codes, codes, defaults, defaults_json, explain, meant};
pub use five::{Row, rows};
pub use paths::{Path, Paths, paths};
pub use text::text;

use config::Design;
use config::diagnostic::{self, Severity};
use serde_json::{Value, json};

use crate::Findings;

/// The review of a file, with what it was made from.
#[derive(Clone, Copy, Debug)]
pub struct Reviewed<'a> {
    /// What the file is called.
    pub file: &'a str,
    /// Its text.
    pub text: &'a str,
    /// What it means.
    pub design: &'a Design,
    /// What was found in it while it was read: warnings.
    pub remarks: &'a [config::diagnostic::Diagnostic],
    /// What the review found.
    pub findings: &'a Findings,
}

impl Reviewed<'_> {
    /// How many remarks and findings are of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        let remarks = self.remarks.iter().filter(|remark| remark.severity == severity);
        remarks.count() + self.findings.count(severity)
    }

    /// What was found while reading, and what the review found: errors first.
    fn diagnostics(&self) -> Vec<config::diagnostic::Diagnostic> {
        let found = self.findings.iter().map(crate::Finding::diagnostic);
        let mut all: Vec<_> = self.remarks.iter().cloned().chain(found).collect();
        diagnostic::sort(&mut all);
        all
    }
}

/// As one JSON object: the calls with their answers, the paths, the bounds, the findings, and how many of each
/// severity.
pub fn json(reviewed: &Reviewed<'_>) -> Value {
    const MOST_PATHS: usize = 200;
    json!({
        "file": reviewed.file,
        "calls": rows(reviewed.design),
        "paths": paths(reviewed.design, MOST_PATHS),
        "bounds": bounds::json(reviewed.design),
        "findings": diagnostic::json(&reviewed.diagnostics(), reviewed.file, reviewed.text),
        "errors": reviewed.count(Severity::Error),
        "warnings": reviewed.count(Severity::Warning),
    })
}

/// To hundredths, for people to read.
fn rounded(factor: f64) -> f64 {
    (factor * 100.0).round() / 100.0
}
