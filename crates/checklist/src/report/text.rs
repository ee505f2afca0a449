//! The review as a table and the findings under it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use config::diagnostic::{self, Severity};

use super::Reviewed;
use super::columns::{lay_out, wrap};
use super::five::{Row, UNANSWERED, rows};

/// The width of the page.
const PAGE: usize = 100;

/// For people, 100 columns wide. `colour` adds ANSI escapes; without them nothing is lost.
pub fn text(reviewed: &Reviewed<'_>, colour: bool) -> String {
    let mut text = table(&rows(reviewed.design), colour);
    text.push('\n');
    text.push_str(&findings(reviewed, colour));
    text.push_str(&summary(reviewed));
    text.push('\n');
    text
}

fn table(rows: &[Row], colour: bool) -> String {
    let head = ["CALL", "TIMEOUT", "IDEMPOTENT", "ON FAILURE", "BACKPRESSURE", "RETRIES", "WORST"];
    let mut cells = vec![head.map(str::to_owned).to_vec()];
    cells.extend(rows.iter().map(cells_of));
    let laid_out = lay_out(&cells, PAGE);
    let mut text = String::new();
    for (at, line) in
        laid_out.iter().enumerate().flat_map(|(at, row)| row.iter().map(move |l| (at, l)))
    {
        let line = if colour { coloured(line, at == 0) } else { line.clone() };
        text.push_str(&line);
        text.push('\n');
    }
    if rows.iter().any(|row| row.carried_by == "plimsoll") {
        text.push_str(
            "* carried by Plimsoll; the others by other people's code, as the file says\n",
        );
    }
    text
}

fn cells_of(row: &Row) -> Vec<String> {
    let mark = if row.carried_by == "plimsoll" { " *" } else { "" };
    vec![
        format!("{}{mark}", row.call),
        row.timeout.clone(),
        row.idempotent.clone(),
        row.on_failure.clone(),
        row.backpressure.clone(),
        row.retries.clone(),
        format!("x{}", row.worst),
    ]
}

fn coloured(line: &str, is_head: bool) -> String {
    if is_head {
        return format!("\x1b[1m{line}\x1b[0m");
    }
    line.replace(UNANSWERED, &format!("\x1b[1;31m{UNANSWERED}\x1b[0m"))
}

/// A rule's reason is given where it is first broken, and wrapped to the page.
fn findings(reviewed: &Reviewed<'_>, colour: bool) -> String {
    const MARGIN: usize = 16;
    let mut explained = BTreeSet::new();
    let mut all = reviewed.diagnostics();
    for found in &mut all {
        found.reason = if explained.insert(found.code) {
            wrap(&found.reason, PAGE - MARGIN).join("\n")
        } else {
            String::new()
        };
        found.way_out = wrap(&found.way_out, PAGE - MARGIN).join("\n");
    }
    diagnostic::render(&all, reviewed.file, reviewed.text, colour)
}

fn summary(reviewed: &Reviewed<'_>) -> String {
    let calls = counted(reviewed.design.calls.len(), "call");
    let errors = reviewed.count(Severity::Error);
    let warnings = reviewed.count(Severity::Warning);
    let mut line = format!("{}: {calls}, ", reviewed.file);
    let result = match (errors, warnings) {
        (0, 0) => write!(line, "nothing to say against it"),
        (0, _) => write!(line, "no errors, {}", counted(warnings, "warning")),
        _ => write!(line, "{}, {}", counted(errors, "error"), counted(warnings, "warning")),
    };
    debug_assert!(result.is_ok(), "a string takes everything");
    if errors + warnings > 0 {
        line.push_str("; `plimsoll check --explain CODE` says more");
    }
    line
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
