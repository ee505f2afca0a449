//! `docs/fidelity.md`: a part for each section, so that each can be measured alone.
//!
//! A part that was not measured this time stays as it was.

use std::fmt::Write as _;

use crate::row::{Row, Section};

/// When and on what a part was measured.
#[derive(Clone, Debug)]
pub struct Facts {
    /// A date, for people to read.
    pub date: String,
    /// How long it took.
    pub seconds: f64,
}

/// The page with these sections as they were measured now, and the other `names` as `old` has them.
pub fn renew(old: &str, names: &[&str], measured: &[(Section, Facts)]) -> String {
    let part = |name: &&str| {
        let new = measured.iter().find(|(section, _)| section.name == *name);
        let text = new.map(|(section, facts)| text(section, facts));
        let text = text.or_else(|| kept(old, name).map(str::to_owned));
        text.map(|text| format!("\n{}{}{}\n", begin(name), text, end(name)))
    };
    let parts: String = names.iter().filter_map(part).collect();
    format!("{HEAD}{parts}")
}

fn begin(name: &str) -> String {
    format!("<!-- measured: {name} -->\n")
}

fn end(name: &str) -> String {
    format!("<!-- end: {name} -->")
}

fn kept<'a>(old: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = old.split_once(&begin(name))?;
    rest.split_once(&end(name)).map(|(text, _)| text)
}

fn text(section: &Section, facts: &Facts) -> String {
    let mut text = format!("## {}\n\n{}\n\n", section.title, section.about.trim());
    text += "| what | expected | source | simulated | interval | bound | verdict |\n";
    text += "|---|---|---|---|---|---|---|\n";
    text.extend(section.rows.iter().map(line));
    text.extend(section.remarks.iter().map(|remark| format!("\n{}\n", remark.trim())));
    let _ = write!(text, "\nMeasured {} in {:.0} s.\n", facts.date, facts.seconds);
    text
}

fn line(row: &Row) -> String {
    format!(
        "| {} | {} | {} | {} | {} to {} | {} | {} |\n",
        row.what,
        row.unit.show(row.expected),
        row.source,
        row.unit.show(row.simulated),
        row.unit.show(row.interval.low),
        row.unit.show(row.interval.high),
        row.criterion,
        row.verdict(),
    )
}

const HEAD: &str = "\
# How true the simulation is

Each figure of the simulation beside what it should be. Run it yourself:

    cargo xtask fidelity                          # about half an hour on two cores; needs root and ns-3
    cargo xtask fidelity --only short-responses   # one part of it
    cargo xtask fidelity --list                   # the parts, and what each needs

How to read a table:

- **expected** is what should come out, and **source** who says so.
- **simulated** is what came out; **interval** is where its true value lies, by the scatter of the runs. The intervals of a
  table hold together with 95 %: each is wide enough that all of them are right in 19 of 20 tables.
- **bound**: an exact expectation has to lie *in the interval*. A formula with simplifications of its own, or another
  program, is met when the figure lies *within* a share of it. Where a formula is known not to hold, there is *no bound*, and
  the text says why.
- **verdict**: *agrees*, **outside**, or *shown* where there is no bound. What is outside stays here, with the reason.

Times are simulated unless a part says otherwise, so the figures do not depend on the machine. The seeds are fixed: everybody
gets the same figures, but for the parts that run the kernel or another program.
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::{Criterion, Unit};
    use crate::{Interval, PARTS};

    #[test]
    fn a_part_that_was_not_measured_stays_as_it_was() {
        let first = renew("", &["a", "b"], &[section("a", 1.0), section("b", 2.0)]);
        let second = renew(&first, &["a", "b"], &[section("b", 3.0)]);

        assert!(second.contains("| a row | 1.000 |"));
        assert!(second.contains("| a row | 3.000 |") && !second.contains("| a row | 2.000 |"));
    }

    #[test]
    fn a_row_says_what_was_expected_and_by_whom_what_came_out_and_the_verdict() {
        let page = renew("", &["a"], &[section("a", 1.0)]);

        let row = "| a row | 1.000 | a book | 1.000 | 0.5000 to 1.500 | in the interval | agrees |";
        assert!(page.contains(row), "{page}");
    }

    #[test]
    fn the_published_page_has_every_part_and_this_head() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/fidelity.md");
        let page = std::fs::read_to_string(path).unwrap();

        assert!(page.starts_with(HEAD));
        for part in PARTS {
            assert!(kept(&page, part.name).is_some(), "{} is missing", part.name);
        }
    }

    fn section(name: &'static str, expected: f64) -> (Section, Facts) {
        let row = Row {
            what: "a row".into(),
            expected,
            source: "a book",
            simulated: expected,
            interval: Interval { low: expected - 0.5, high: expected + 0.5 },
            unit: Unit::Plain,
            criterion: Criterion::Covered,
        };
        let about = String::new();
        let section = Section { name, title: "T", about, rows: vec![row], remarks: Vec::new() };
        (section, Facts { date: "today".into(), seconds: 1.0 })
    }
}
