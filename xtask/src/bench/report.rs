//! The measured part of `docs/performance.md`: Markdown tables with ratios.
//!
//! A ratio is taken within each round and only then summed up: a round in which the machine was
//! busy slows both of its sides.

use std::fmt::Write as _;
use std::fs;

use super::http1::{Comparison, IDLE, Results, Row};
use super::load::Measure;
use super::spread::Spread;
use crate::shell::{Outcome, root};

/// All tables of a run.
pub(crate) fn text(results: &Results) -> String {
    let versions: String =
        results.versions.iter().map(|(name, version)| format!("- {name}: {version}\n")).collect();
    let tables: String =
        results.comparisons.iter().chain(&results.routes).map(comparison).collect();
    format!(
        "{}{versions}- {} rounds of {} s each; in the tables: the middle round (lowest–highest)\n\n{}{tables}{}",
        results.facts,
        results.rounds,
        results.seconds,
        goals(results),
        idle(results),
    )
}

/// Replaces the measured part called `name` in `docs/performance.md`.
pub(crate) fn write(name: &str, text: &str) -> Outcome {
    let path = root().join("docs/performance.md");
    let cannot = |e: std::io::Error| format!("{}: {e}", path.display());
    let page = fs::read_to_string(&path).map_err(cannot)?;
    let page =
        replaced(&page, name, text).ok_or(format!("docs/performance.md has no part {name}"))?;
    fs::write(&path, page).map_err(cannot)?;
    println!("written to docs/performance.md");
    Ok(())
}

fn replaced(page: &str, name: &str, text: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- measured: {name} -->\n"), format!("<!-- end: {name} -->"));
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}{}\n{end}{after}", text.trim_end()))
}

fn comparison(comparison: &Comparison) -> String {
    let load = match comparison.rate {
        Some(rate) => format!("{rate:.0} requests per second, open loop."),
        None => "Each connection sends its next request when it has its answer.".into(),
    };
    let mut table = format!("### {}\n\n{load}\n\n", comparison.scenario.title);
    table += "| | processor time per request, µs | ratio to nginx | plimsoll’s ratio to it | p50, µs | p99, µs | p99.9, µs |";
    table += if comparison.rate.is_none() { " requests/s |\n" } else { "\n" };
    table += "|---|---|---|---|---|---|---|";
    table += if comparison.rate.is_none() { "---|\n" } else { "\n" };
    for row in &comparison.rows {
        table += &line(row, comparison);
    }
    table + "\n"
}

fn line(row: &Row, all: &Comparison) -> String {
    let time = |of: fn(&Measure) -> f64| {
        spread(row, of).map_or("–".into(), |s| format!("{:.0}", s.scaled(1e-3)))
    };
    let processor = match spread(row, |round| round.processor_ns) {
        Some(cost) if cost.high > 0.0 => format!("{:.1}", cost.scaled(1e-3)),
        _ => "–".into(),
    };
    let show = |ratio: Option<Spread>| ratio.map_or("–".into(), |ratio| format!("{ratio:.2}"));
    let to_nginx = show(ratio(all, row.name, "nginx", |round| round.processor_ns));
    let ours = show(ratio(all, "plimsoll", row.name, |round| round.processor_ns));
    let latencies = [time(|r| r.p50_ns), time(|r| r.p99_ns), time(|r| r.p999_ns)].join(" | ");
    let mut line = format!("| {} | {processor} | {to_nginx} | {ours} | {latencies} |", row.name);
    if all.rate.is_none()
        && let Some(carried) = spread(row, |round| round.per_second)
    {
        // Writing to a String cannot fail.
        let _ = write!(line, " {carried:.0} |");
    }
    line + "\n"
}

fn spread(row: &Row, of: fn(&Measure) -> f64) -> Option<Spread> {
    Spread::of(row.rounds.iter().map(of))
}

/// Of two proxies, round by round; none if one of them was not measured, or costs nothing.
fn ratio(all: &Comparison, upper: &str, lower: &str, of: fn(&Measure) -> f64) -> Option<Spread> {
    let find = |name: &str| all.rows.iter().find(|row| row.name == name);
    let (upper, lower) = (find(upper)?, find(lower)?);
    let rounds = upper.rounds.iter().zip(&lower.rounds).map(|(u, l)| of(u) / of(l));
    Spread::of(rounds).filter(|ratio| ratio.low > 0.0 && ratio.high.is_finite())
}

/// What was to be reached, beside what was.
fn goals(results: &Results) -> String {
    let Some(small) = results.comparisons.first() else {
        return String::new();
    };
    let rows: String = GOALS
        .iter()
        .filter_map(|(peer, goal)| {
            let reached = ratio(small, "plimsoll", peer, |round| round.processor_ns)?;
            let floor = ratio(small, "floor", peer, |round| round.processor_ns)?;
            let verdict = verdict(reached.median <= *goal);
            Some(format!(
                "| processor time, ratio to {peer} | {goal:.2} | {reached:.2} | {verdict} | {floor:.2} |\n"
            ))
        })
        .chain(added_p99(small))
        .chain(flat_routes(results))
        .collect();
    if rows.is_empty() {
        return rows;
    }
    format!(
        "### Goals\n\n| small body, one worker, at the fixed rate | at most | measured | reached | the floor’s own |\n\
         |---|---|---|---|---|\n{rows}\n"
    )
}

/// The p99 above that of the upstream alone, against the proxy with the least.
fn added_p99(small: &Comparison) -> Option<String> {
    let median = |name: &str| {
        let row = small.rows.iter().find(|row| row.name == name)?;
        Some(spread(row, |round| round.p99_ns)?.median * 1e-3)
    };
    let (direct, ours) = (median("none")?, median("plimsoll")?);
    let peers = GOALS.iter().filter_map(|(name, _)| median(name));
    let best = peers.min_by(f64::total_cmp)? - direct;
    let added = ours - direct;
    let verdict = verdict(added <= best);
    Some(format!(
        "| added p99, µs (at most: the best of the others) | {best:.0} | {added:.0} | {verdict} | – |\n"
    ))
}

fn flat_routes(results: &Results) -> Option<String> {
    let routes = results.routes.as_ref()?;
    let cost = ratio(routes, "1,000 routes", "1 route", |round| round.processor_ns)?;
    let verdict = verdict(cost.median <= FLAT);
    Some(format!("| 1,000 routes, ratio to 1 route | {FLAT:.2} | {cost:.2} | {verdict} | – |\n"))
}

fn verdict(reached: bool) -> &'static str {
    if reached { "yes" } else { "**no**" }
}

fn idle(results: &Results) -> String {
    let mut table = format!(
        "### Memory of an idle connection\n\n{IDLE} connections, each of which has asked once.\n\n\
         | | KiB per connection |\n|---|---|\n"
    );
    for row in &results.idle {
        let kib = Spread::of(row.bytes.iter().map(|bytes| bytes / 1_024.0));
        let shown = kib.map_or("–".into(), |kib| format!("{kib:.2}"));
        let _ = writeln!(table, "| {} | {shown} |", row.name);
    }
    table + "\n"
}

/// The processor time that Plimsoll may take for a small body, as a ratio to each of the others.
const GOALS: &[(&str, f64)] =
    &[("nginx", 0.92), ("HAProxy", 0.80), ("Envoy", 0.27), ("floor", 1.15)];

/// Above this, the cost of routes is not flat.
const FLAT: f64 = 1.05;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_part_of_the_page_is_replaced() {
        let page = "intro\n<!-- measured: a -->\nold\n<!-- end: a -->\nrest\n";

        let new = replaced(page, "a", "new\n\n").unwrap();

        assert_eq!(new, "intro\n<!-- measured: a -->\nnew\n<!-- end: a -->\nrest\n");
        assert_eq!(replaced(page, "b", "new"), None);
    }

    #[test]
    fn the_page_has_the_part_that_this_report_replaces() {
        let page = fs::read_to_string(root().join("docs/performance.md")).unwrap();

        assert!(replaced(&page, "http1", "new").is_some());
    }
}
