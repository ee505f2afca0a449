//! The review as a table and the findings under it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use config::Design;
use config::diagnostic::{self, Diagnostic, Severity};

use super::columns::{lay_out, wrap};
use super::five::{Row, UNANSWERED, rows};
use super::paths::{Path, paths};
use super::{Reviewed, bounds};
use crate::Facts;
use crate::amounts::counted;
use crate::facts::in_words;

/// The width of the page.
pub(super) const PAGE: usize = 100;

/// For people, 100 columns wide. `colour` adds ANSI escapes; without them nothing is lost.
pub fn text(reviewed: &Reviewed<'_>, colour: bool) -> String {
    let sections = [
        answers(reviewed.design, colour),
        ways(reviewed.design, colour),
        bounds::text(reviewed.design, colour),
        findings(reviewed, colour),
        summary(reviewed),
    ];
    let said: Vec<&str> = sections.iter().map(|section| section.trim_end()).collect();
    let said: Vec<&str> = said.into_iter().filter(|section| !section.is_empty()).collect();
    format!("{}\n", said.join("\n\n"))
}

/// A row for each call with its five answers.
fn answers(design: &Design, colour: bool) -> String {
    let rows = rows(design);
    let head =
        ["  CALL", "TIMEOUT", "IDEMPOTENT", "ON FAILURE", "BACKPRESSURE", "RETRIES", "WORST"];
    if rows.is_empty() {
        return String::new();
    }
    let cells = rows.iter().map(|row| cells_of(design, row));
    let mut text = table(&head, cells, colour);
    if rows.iter().any(is_ours) {
        text.push_str(
            "* carried by Plimsoll; the others by other people's code, as the file says\n",
        );
    }
    text
}

fn cells_of(design: &Design, row: &Row) -> Vec<String> {
    let mark = if is_ours(row) { '*' } else { ' ' };
    let name = match &design.call(row.id).only {
        Some(only) => format!("  ({})", only.name),
        None => design.call_in_words(row.id),
    };
    vec![
        format!("{mark} {name}"),
        row.timeout.clone(),
        row.idempotent.clone(),
        row.on_failure.clone(),
        row.backpressure.clone(),
        row.retries.clone(),
        format!("x{}", row.worst),
    ]
}

fn is_ours(row: &Row) -> bool {
    row.carried_by == "plimsoll"
}

/// How far retries multiply along every path; the worst, if there are many.
fn ways(design: &Design, colour: bool) -> String {
    const MOST: usize = 12;
    let paths = paths(design, MOST);
    let facts = Facts::of(design);
    let steps = |path: &Path| in_words(&facts, &path.ids, |_| true);
    let rows = paths.worst.iter().map(|path| {
        vec![format!("  {}", steps(path)), format!("x{}", path.worst), format!("x{}", path.lasting)]
    });
    if paths.count == 0 {
        return String::new();
    }
    let mut text = table(&["  TRIES ALONG EACH PATH", "WORST", "LASTING"], rows, colour);
    text.push_str(&legend(LEGEND));
    if paths.count > paths.worst.len() {
        let more = paths.count - paths.worst.len();
        let at_least = if paths.complete { "" } else { " at least" };
        text.push_str(&format!("  and{at_least} {more} more\n"));
    }
    text
}

/// Under a table, what its columns are.
pub(super) fn legend(words: &str) -> String {
    wrap(words, PAGE).iter().map(|line| format!("{line}\n")).collect()
}

pub(super) fn table(
    head: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
    colour: bool,
) -> String {
    let mut cells = vec![head.iter().map(|&title| title.to_owned()).collect()];
    cells.extend(rows);
    let mut text = String::new();
    for (at, lines) in lay_out(&cells, PAGE).iter().enumerate() {
        for line in lines {
            text.push_str(&if colour { coloured(line, at == 0) } else { line.clone() });
            text.push('\n');
        }
    }
    text
}

fn coloured(line: &str, is_head: bool) -> String {
    if is_head {
        return format!("\x1b[1m{line}\x1b[0m");
    }
    line.replace(UNANSWERED, &format!("\x1b[1;31m{UNANSWERED}\x1b[0m"))
}

/// What breaks one rule by one line of the file is shown together. A rule's reason is given where
/// it is first broken.
fn findings(reviewed: &Reviewed<'_>, colour: bool) -> String {
    const MARGIN: usize = 16;
    const MOST: usize = 200;
    const MOST_TOGETHER: usize = 9;
    let wrapped = |words: &str| wrap(words, PAGE - MARGIN).join("\n");
    let mut explained = BTreeSet::new();
    let all = reviewed.diagnostics();
    let together = all.chunk_by(|a, b| a.code == b.code && a.span == b.span);
    let mut shown: Vec<Diagnostic> = together
        .map(|same| {
            let mut shown = same[0].clone();
            let reason = explained.insert(shown.code).then(|| wrapped(&shown.reason));
            let others = same[1..].iter().take(MOST_TOGETHER);
            let others = others.map(|other| wrapped(&format!("also {}", other.message)));
            let more = same.len().saturating_sub(1 + MOST_TOGETHER);
            let more = (more > 0).then(|| format!("and {more} more"));
            let said = reason.into_iter().chain(others).chain(more);
            shown.reason = said.collect::<Vec<_>>().join("\n");
            shown.way_out = wrapped(&shown.way_out);
            shown
        })
        .collect();
    let more = shown.len().saturating_sub(MOST);
    shown.truncate(MOST);
    let mut text = diagnostic::render(&shown, reviewed.file, reviewed.text, colour);
    if more > 0 {
        text.push_str(&format!("and {more} more; `--format json` has them all\n"));
    }
    text
}

fn summary(reviewed: &Reviewed<'_>) -> String {
    let calls = counted(reviewed.design.calls.len() as u64, "call");
    let errors = reviewed.count(Severity::Error);
    let warnings = reviewed.count(Severity::Warning);
    let mut line = format!("{}: {calls}, ", reviewed.file);
    let result = match (errors, warnings) {
        (0, 0) => write!(line, "nothing to say against it"),
        (0, _) => write!(line, "no errors, {}", counted(warnings as u64, "warning")),
        _ => write!(
            line,
            "{}, {}",
            counted(errors as u64, "error"),
            counted(warnings as u64, "warning")
        ),
    };
    debug_assert!(result.is_ok(), "a string takes everything");
    if errors + warnings > 0 {
        line.push_str("; `plimsoll check --explain CODE` says more");
    }
    line
}

const LEGEND: &str = "\
WORST: the most attempts on the last node that one request can cause. LASTING: the most for each \
request, over many, while all of them fail and budgets have spent what they had saved.";
