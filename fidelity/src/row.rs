//! One figure beside what it should be.

use std::fmt;

use crate::interval::Interval;

/// Comparisons that belong together.
#[derive(Clone, Debug)]
pub struct Section {
    /// The name of its [`Part`](crate::Part).
    pub name: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// What is compared, how, and where the expectation comes from: Markdown.
    pub about: String,
    /// The comparisons.
    pub rows: Vec<Row>,
    /// What the rows leave unsaid, such as why one is outside: Markdown.
    pub remarks: Vec<String>,
}

/// One comparison.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was measured, and under which conditions.
    pub what: String,
    /// What should come out.
    pub expected: f64,
    /// Who says so.
    pub source: &'static str,
    /// What came out.
    pub simulated: f64,
    /// Where the true value of the simulation lies, by its own scatter.
    pub interval: Interval,
    /// How the numbers are written.
    pub unit: Unit,
    /// When the two agree.
    pub criterion: Criterion,
}

/// When a figure and its expectation agree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Criterion {
    /// The expectation is exact: the interval covers it.
    Covered,
    /// The expectation is a formula with its own simplifications, or another program: the figure
    /// lies within this share of it.
    Within(f64),
    /// The figure is at least what is expected.
    AtLeast,
    /// The expectation is known to lie elsewhere under these conditions, and the section says why.
    Shown,
}

/// Whether they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They do.
    Agrees,
    /// They do not.
    Outside,
    /// Nobody expects them to.
    Shown,
}

/// How numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A share, as percent.
    Percent,
    /// Seconds, as milliseconds.
    Millis,
    /// A number of this.
    Of(&'static str),
    /// A number without a unit.
    Plain,
}

impl Section {
    /// Whether nothing is outside.
    pub fn agrees(&self) -> bool {
        self.rows.iter().all(|row| row.verdict() != Verdict::Outside)
    }
}

impl Row {
    /// Whether the figure agrees with its expectation.
    pub fn verdict(&self) -> Verdict {
        let agrees = match self.criterion {
            Criterion::Covered => self.interval.covers(self.expected),
            Criterion::Within(share) => {
                (self.simulated - self.expected).abs() <= share * self.expected.abs()
            }
            Criterion::AtLeast => self.simulated >= self.expected,
            Criterion::Shown => return Verdict::Shown,
        };
        if agrees { Verdict::Agrees } else { Verdict::Outside }
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Covered => f.write_str("in the interval"),
            Self::Within(share) => write!(f, "within {:.0} %", share * 100.0),
            Self::AtLeast => f.write_str("at least"),
            Self::Shown => f.write_str("no bound"),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Agrees => "agrees",
            Self::Outside => "**outside**",
            Self::Shown => "shown",
        })
    }
}

impl Unit {
    /// The number with its unit.
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Percent => format!("{} %", digits(value * 100.0)),
            Self::Millis => format!("{} ms", digits(value * 1e3)),
            Self::Of(unit) => format!("{} {unit}", digits(value)),
            Self::Plain => digits(value),
        }
    }
}

/// Four digits that mean something.
fn digits(value: f64) -> String {
    let places = match value.abs() {
        v if v >= 1_000.0 => 0,
        v if v >= 100.0 => 1,
        v if v >= 10.0 => 2,
        v if v >= 1.0 => 3,
        _ => 4,
    };
    format!("{value:.places$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_expectation_must_lie_in_the_interval_and_a_formula_near_the_figure() {
        let row = |criterion, expected| Row { criterion, expected, ..ROW }.verdict();

        assert_eq!(row(Criterion::Covered, 9.5), Verdict::Agrees);
        assert_eq!(row(Criterion::Covered, 8.5), Verdict::Outside);
        assert_eq!(row(Criterion::Within(0.1), 9.2), Verdict::Agrees);
        assert_eq!(row(Criterion::Within(0.1), 12.0), Verdict::Outside);
        assert_eq!(row(Criterion::AtLeast, 10.1), Verdict::Outside);
        assert_eq!(row(Criterion::Shown, 99.0), Verdict::Shown);
    }

    #[test]
    fn one_row_outside_makes_its_section_disagree() {
        let outside = Row { expected: 12.0, ..ROW };
        let section = |rows| Section { rows, ..SECTION };

        assert!(section(vec![ROW]).agrees());
        assert!(!section(vec![ROW, outside]).agrees());
    }

    #[test]
    fn a_number_keeps_about_four_digits() {
        let shown = [0.0398, 1_234.5, 0.2].map(|value| Unit::Percent.show(value));

        assert_eq!(shown, ["3.980 %", "123450 %", "20.00 %"]);
        assert_eq!(Unit::Millis.show(0.08), "80.00 ms");
    }

    const ROW: Row = Row {
        what: String::new(),
        expected: 10.0,
        source: "",
        simulated: 10.0,
        interval: Interval { low: 9.0, high: 11.0 },
        unit: Unit::Plain,
        criterion: Criterion::Covered,
    };

    const SECTION: Section = Section {
        name: "",
        title: "",
        about: String::new(),
        rows: Vec::new(),
        remarks: Vec::new(),
    };
}
