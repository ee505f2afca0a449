//! What the demo shows: plain lines, so that a pipe, a log or a terminal without colour shows the
//! same.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ::sim::Report;
use ::sim::report::Role;
use base::{Duration, Instant};
use checklist::{Findings, Severity};
use observe::plot::{self, Style};

use super::ending::Ending;
use super::figures::Figures;
use super::lateness::{Lateness, STATIONS};
use super::observed::Second;

/// The two variants, in the order of their columns.
pub(super) const VARIANTS: [&str; 2] = ["as designed", "naive"];

/// A line that begins a part.
pub(super) fn part(number: usize, title: &str) -> String {
    format!("\n{number}. {title}\n\n")
}

/// What the review says of a variant, a line for each finding that a person should know.
pub(super) fn review(variant: &str, findings: &Findings) -> String {
    let (errors, warnings) = (findings.count(Severity::Error), findings.count(Severity::Warning));
    let mut text =
        format!("   {variant}: {}, {}\n", count(errors, "error"), count(warnings, "warning"));
    for finding in findings.iter().filter(|finding| finding.rule.severity != Severity::Note) {
        let severity = if finding.rule.severity == Severity::Error { "error" } else { "warning" };
        let (code, name, message) = (finding.rule.code, &finding.name, &finding.message);
        let _ = writeln!(text, "     {severity}[{code}] {name}: {message}");
    }
    text
}

/// What the simulator says of a variant: whether it ends well, and what keeps it from it.
pub(super) fn prediction(variant: &str, report: &Report, ending: Ending) -> String {
    let (recovered, would) = (&report.recovered, ending.would());
    let mut text = format!(
        "   {variant}: {would} in {} of runs (95 % interval {} to {}); {} answered well at the end\n",
        measured(recovered.probability),
        measured(recovered.low),
        measured(recovered.high),
        measured(report.goodput.map(|goodput| goodput.value)),
    );
    for cause in &report.causes {
        let role = match cause.role {
            Role::Trigger => "began with",
            Role::Sustaining => "is kept up by",
        };
        let _ = writeln!(
            text,
            "     the failure {role}: {} ({} of the lost answers)",
            cause.factor,
            percent(cause.share)
        );
    }
    text
}

/// The head of the live part. `watched` is the node whose load is looked at.
pub(super) fn live_head(watched: &str) -> String {
    let [left, right] = VARIANTS;
    format!(
        "   asked: requests sent; well: good answers, and in p50 and p99 their latency;\n   \
         amp: tries that reach {watched}, for each request\n\n           {left:<34}   {right}\n\
         {TIME:>7}{COLUMNS}  {COLUMNS}\n"
    )
}

/// One second of both variants, and what else there is to say about it.
pub(super) fn live_row(second: u64, seen: [Second; 2], remark: &str) -> String {
    let cells = seen.map(|seen| {
        format!(
            "{:>8}{:>7}{:>7}{:>7}{:>7}",
            format!("{}/s", seen.offered),
            format!("{}/s", seen.good),
            millis(seen.good_p50),
            millis(seen.good_p99),
            ratio(seen.arrived as f64 / seen.offered.max(1) as f64),
        )
    });
    let remark = if remark.is_empty() { String::new() } else { format!("  {remark}") };
    format!("{:>7}{}  {}{remark}\n", format!("{second} s"), cells[0], cells[1])
}

/// Good answers per second as a line for each variant.
pub(super) fn courses(seconds: &[[Second; 2]], style: Style) -> String {
    let offered: Vec<_> = seconds.iter().flatten().map(|second| second.offered as f64).collect();
    let top = plot::top(&offered);
    let mut text = String::new();
    for (at, variant) in VARIANTS.iter().enumerate() {
        let good: Vec<_> = seconds.iter().map(|second| second[at].good as f64).collect();
        let line = plot::sparkline(&plot::squeeze(&good, WIDEST), top, style);
        let _ = writeln!(text, "   {variant:<12} {line}");
    }
    text
}

/// The title of the summary. What was stopped is not what was predicted: then it says so.
pub(super) fn summary_title(lasted: Instant, end: Instant) -> String {
    if lasted >= end {
        return "What callers saw".to_owned();
    }
    let (lasted, end) = (lasted.as_secs_f64(), end.as_secs_f64());
    format!(
        "What callers saw in the first {lasted:.0} s, when it was stopped; \
         predicted are all {end:.0} s"
    )
}

/// Predicted beside observed, for both variants. Recovery was judged in the last `judged`.
/// `watched` is the node whose load is looked at.
pub(super) fn summary(
    predicted: &[Figures; 2],
    observed: &[Figures; 2],
    judged: Duration,
    watched: &str,
) -> String {
    let all = [&predicted[0], &observed[0], &predicted[1], &observed[1]];
    let mut text = format!("   {:<28}{:<24}{}\n", "", VARIANTS[0], VARIANTS[1]);
    row(&mut text, "", &["predicted", "observed", "predicted", "observed"].map(str::to_owned));
    row(&mut text, "requests", &all.map(|figures| figures.offered.to_string()));
    row(&mut text, "answered well", &all.map(|figures| percent(figures.good)));
    let end = format!("  in the last {:.1} s", judged.as_secs_f64());
    row(&mut text, &end, &all.map(|figures| known(figures.good_after, percent)));
    for (at, name) in ["p50", "p90", "p99", "p99.9"].iter().enumerate() {
        let cells = all.map(|figures| millis(figures.latency_ms.map(|latency| latency[at])));
        row(&mut text, &format!("latency {name}"), &cells);
    }
    row(
        &mut text,
        &format!("amplification of {watched}"),
        &all.map(|figures| ratio(figures.amplification)),
    );
    for cause in causes(&all) {
        let cells = all.map(|figures| known(figures.failures.get(cause).copied(), percent));
        row(&mut text, &format!("failed: {}", cause.replace('_', " ")), &cells);
    }
    let mut seen = phases(&all).peekable();
    if seen.peek().is_some() {
        text.push_str("   phases of the incident, by what was usual before it:\n");
    }
    for phase in seen {
        let name = format!("  {}", phase.replace('_', " "));
        row(&mut text, &name, &all.map(|figures| times(figures, phase)));
    }
    text
}

/// How each variant ended, in words.
pub(super) fn verdict(
    predicted: &[Figures; 2],
    observed: &[Figures; 2],
    ending: Ending,
    seeds: u32,
) -> String {
    let mut text = String::new();
    for (at, variant) in VARIANTS.iter().enumerate() {
        let (ended, would) =
            (ending.is(observed[at].recovered.map(|share| share > 0.5)), ending.would());
        let of = recovered_runs(&predicted[at], seeds);
        let _ =
            writeln!(text, "   {variant:<12} {ended}; predicted: {would} in {of} of {seeds} runs");
    }
    text
}

/// How late the machine was, as far as the demo can tell.
pub(super) fn lateness(late: Lateness) -> String {
    let Lateness { p99, most } = late;
    format!(
        "\n   This machine was late by {p99:.0} ms at p99, {most:.0} ms at most; what was observed \
         includes that.\n"
    )
}

/// Why nothing is said about how each variant ended, and what was predicted.
pub(super) fn no_verdict(
    predicted: &[Figures; 2],
    late: Lateness,
    shortest_try: Duration,
    ending: Ending,
    seeds: u32,
) -> String {
    let mut text = format!(
        "   No verdict: this machine was late by {:.0} ms at p99. A try waits for it {STATIONS:.0} \
         times, and the\n   shortest may take {shortest_try}. What was observed shows the machine, \
         not the rules: play it again on one\n   that has less to do.\n",
        late.p99
    );
    for (at, variant) in VARIANTS.iter().enumerate() {
        let of = recovered_runs(&predicted[at], seeds);
        let would = ending.would();
        let _ = writeln!(text, "   {variant:<12} predicted: {would} in {of} of {seeds} runs");
    }
    text
}

fn recovered_runs(predicted: &Figures, seeds: u32) -> f64 {
    (predicted.recovered.unwrap_or(0.0) * f64::from(seeds)).round()
}

fn row(text: &mut String, name: &str, cells: &[String; 4]) {
    let [a, b, c, d] = cells;
    let _ = writeln!(text, "   {name:<26}{a:>11}{b:>11}  {c:>11}{d:>11}");
}

fn causes(all: &[&Figures; 4]) -> BTreeSet<&'static str> {
    all.iter().flat_map(|figures| figures.failures.keys().copied()).collect()
}

/// The phases that anybody saw, in the order in which they usually come.
fn phases(all: &[&Figures; 4]) -> impl Iterator<Item = &'static str> {
    let seen: BTreeSet<_> =
        all.iter().flat_map(|figures| figures.phases.iter().map(|phase| phase.0)).collect();
    let kinds = observe::phases::Kind::ALL.into_iter().map(observe::phases::Kind::key);
    kinds.filter(move |kind| seen.contains(kind))
}

/// From when to when a phase lasted: from its first beginning to its last end.
fn times(figures: &Figures, phase: &str) -> String {
    let of_kind: Vec<_> = figures.phases.iter().filter(|(kind, ..)| *kind == phase).collect();
    let (Some((_, begin, _)), Some((.., end))) = (of_kind.first(), of_kind.last()) else {
        return "-".to_owned();
    };
    end.map_or_else(|| format!("{begin:.0} s .."), |end| format!("{begin:.0}..{end:.0} s"))
}

fn count(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// With as many digits as tell 99 from 100 percent.
fn measured(share: Option<f64>) -> String {
    share.map_or("-".to_owned(), percent)
}

fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.001 {
        return format!("{:.2}%", share * 100.0);
    }
    format!("{:.1}%", share * 100.0)
}

fn known(value: Option<f64>, show: fn(f64) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), show)
}

fn ratio(value: f64) -> String {
    format!("x{value:.2}")
}

fn millis(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value >= 999.5 => format!("{:.1}s", value / 1e3),
        Some(value) => format!("{value:.0}ms"),
    }
}

const TIME: &str = "time";
const COLUMNS: &str = "   asked   well    p50    p99    amp";
/// The lines of a course fit a terminal of eighty columns.
const WIDEST: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_of_a_part_says_that_it_is_set_beside_a_prediction_of_the_whole() {
        let end = Instant::from_secs(26);

        let titles = [26, 8].map(|lasted| summary_title(Instant::from_secs(lasted), end));

        let stopped =
            "What callers saw in the first 8 s, when it was stopped; predicted are all 26 s";
        assert_eq!(titles, ["What callers saw", stopped]);
    }

    #[test]
    fn a_second_without_a_good_answer_shows_no_latency_however_quick_its_failures_were() {
        let failing =
            Second { offered: 300, p50: Some(2.0), p99: Some(605.0), ..Second::default() };

        let row = live_row(3, [failing; 2], "");

        assert!(!row.contains("ms") && row.contains("0/s      -      -"), "{row}");
    }
}
