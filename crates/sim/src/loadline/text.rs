//! The load line as text: the answer first, then what it rests on.

use std::fmt::{self, Write};

use observe::plot::Style;

use super::report::{Line, LoadLines, Sweep, Trigger};

/// Writes a report for a terminal; `name` is the design's file.
pub fn render(report: &LoadLines, name: &str, style: Style) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, report, name, style);
    text
}

fn write(out: &mut String, report: &LoadLines, name: &str, style: Style) -> fmt::Result {
    headline(out, report, name)?;
    lines(out, report)?;
    triggers(out, report)?;
    if let Some(sweep) = &report.sweep {
        plot(out, sweep, report, style)?;
    }
    assumed(out, report)
}

fn headline(out: &mut String, report: &LoadLines, name: &str) -> fmt::Result {
    let line = report.load_line;
    let incident = report.limited_by.as_deref().unwrap_or("an ordinary day");
    writeln!(out, "{name}: recovers with probability {} or more\n", report.probability)?;
    if let Some(interrupted) = &report.interrupted {
        writeln!(out, "{interrupted}\n")?;
    }
    if line.per_second > 0.0 {
        writeln!(out, "LOAD LINE {}/s, for {incident}", number(line.per_second))?;
    } else if report.interrupted.is_some() {
        return writeln!(out, "NO LOAD LINE WAS FOUND BY THEN\n");
    } else {
        writeln!(out, "NO LOAD LINE: it was not shown to recover from {incident} at any traffic")?;
    }
    writeln!(out, "  {}", interval(line.low, line.high))?;
    writeln!(out, "  {}\n", margin(report.margin, report.today_per_second))
}

fn interval(low: f64, high: Option<f64>) -> String {
    match high {
        Some(high) if low > 0.0 => {
            format!(
                "between {}/s, which recovers, and {}/s, which does not",
                number(low),
                number(high)
            )
        }
        Some(high) => format!("{}/s does not recover", number(high)),
        None if low > 0.0 => format!("{}/s recovers, and no more was tried", number(low)),
        None => "nothing was found".to_owned(),
    }
}

fn margin(margin: f64, today: f64) -> String {
    let today = number(today);
    if margin >= 0.0 {
        format!("today's traffic is {today}/s: {:.0} % of it may be added", margin * 100.0)
    } else {
        let above = -margin * 100.0;
        format!("today's traffic is {today}/s: OVERLOADED, {above:.0} % of it must go")
    }
}

fn lines(out: &mut String, report: &LoadLines) -> fmt::Result {
    let name = |line: &Line| line.incident.clone().unwrap_or("an ordinary day".to_owned());
    let width = report.lines.iter().map(|line| name(line).chars().count()).max().unwrap_or(0);
    writeln!(
        out,
        "  {:width$} {:>10} {:>10} {:>8} {:>6}",
        "", "recovers", "does not", "margin", "runs"
    )?;
    for line in &report.lines {
        let high = line.load_line.high.map_or("-".to_owned(), |high| format!("{}/s", number(high)));
        writeln!(
            out,
            "  {:width$} {:>10} {high:>10} {:>8} {:>6}{}",
            name(line),
            format!("{}/s", number(line.load_line.low)),
            format!("{:+.0} %", line.margin * 100.0),
            line.points.iter().map(|point| point.runs).sum::<u32>(),
            if line.complete { "" } else { "  not found to its end" }
        )?;
        for exception in &line.exceptions {
            writeln!(out, "  {:width$} but {exception}", "")?;
        }
    }
    writeln!(out)
}

fn triggers(out: &mut String, report: &LoadLines) -> fmt::Result {
    let incidents = report.lines.iter().filter(|line| line.incident.is_some());
    let told = incidents
        .filter(|line| !line.smallest_trigger.is_empty() || !line.tried_in_vain.is_empty());
    let told: Vec<&Line> = told.collect();
    if told.is_empty() {
        return Ok(());
    }
    writeln!(out, "Smallest trigger at today's {}/s", number(report.today_per_second))?;
    for line in told {
        let incident = line.incident.as_deref().unwrap_or_default();
        for trigger in &line.smallest_trigger {
            writeln!(out, "  {incident}: {}", trigger_line(trigger))?;
        }
        for tried in &line.tried_in_vain {
            writeln!(out, "  {incident}: {tried}")?;
        }
    }
    writeln!(out)
}

fn trigger_line(trigger: &Trigger) -> String {
    let Trigger { kind, .. } = trigger;
    let lasts = trigger
        .lasts_s
        .map_or(" to the end".to_owned(), |lasts| format!(" for {} s", number(lasts)));
    let unit = trigger.unit.unwrap_or_default();
    match (trigger.size, trigger.holds_size, trigger.holds_lasts_s) {
        (Some(size), Some(holds), _) => {
            let (size, holds) = (sized(size, unit), sized(holds, unit));
            format!("`{kind}` of {size}{lasts} breaks it, {holds} does not")
        }
        (Some(size), None, _) => format!("`{kind}` of {}{lasts} breaks it", sized(size, unit)),
        (None, _, Some(holds)) => {
            format!("`{kind}`{lasts} breaks it, {} s does not", number(holds))
        }
        (None, _, None) => format!("`{kind}`{lasts} breaks it"),
    }
}

fn sized(size: f64, unit: &str) -> String {
    match unit {
        "share" => format!("{} %", number(size * 100.0)),
        "times" => format!("{size:.2} times"),
        "seconds" => format!("{} ms", number(size * 1e3)),
        _ => format!("{} {unit}", number(size)),
    }
}

/// Rows and columns of the plot.
const HEIGHT: usize = 12;
const WIDTH: usize = 60;

fn plot(out: &mut String, sweep: &Sweep, report: &LoadLines, style: Style) -> fmt::Result {
    let (up, down, both) = match style {
        Style::Unicode => ('▲', '▽', '◆'),
        Style::Ascii => ('^', 'v', '*'),
    };
    writeln!(
        out,
        "Goodput against offered traffic, in one run: {up} up, {down} down, {both} both"
    )?;
    let most = sweep.offered_per_s.last().copied().unwrap_or(1.0);
    let mut rows = vec![vec![' '; WIDTH]; HEIGHT];
    let ways = [(&sweep.up_goodput_per_s, up), (&sweep.down_goodput_per_s, down)];
    for (way, mark) in ways {
        for (&offered, &good) in sweep.offered_per_s.iter().zip(way) {
            let cell =
                &mut rows[HEIGHT - 1 - place(good / most, HEIGHT)][place(offered / most, WIDTH)];
            *cell = if *cell == ' ' { mark } else { both };
        }
    }
    for (at, row) in rows.iter().enumerate() {
        let label = match at {
            0 => format!("{}/s", number(most)),
            _ if at == HEIGHT - 1 => "0/s".to_owned(),
            _ => String::new(),
        };
        let row: String = row.iter().collect();
        writeln!(out, "  {label:>9} |{}", row.trim_end())?;
    }
    writeln!(out, "  {:>9} +{}", "", "-".repeat(WIDTH))?;
    let today = place(report.today_per_second / most, WIDTH);
    writeln!(out, "  {:>9}  {}^ today", "", " ".repeat(today))?;
    let at = |traffic: Option<f64>, none: &str| {
        traffic.map_or(none.to_owned(), |traffic| format!("at {}/s", number(traffic)))
    };
    writeln!(
        out,
        "  on the way up it falls below the objective {}; on the way down it meets it again {}\n",
        at(sweep.collapses_at_per_s, "nowhere"),
        at(sweep.recovers_at_per_s, "nowhere")
    )
}

/// The cell of a share, of so many.
fn place(share: f64, cells: usize) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
    let at = (share.clamp(0.0, 1.0) * (cells - 1) as f64).round() as usize;
    at
}

fn assumed(out: &mut String, report: &LoadLines) -> fmt::Result {
    writeln!(
        out,
        "From {} runs of seed {} and those after it. Assumed:",
        report.runs, report.seed
    )?;
    report.assumed.iter().try_for_each(|line| writeln!(out, "  - {line}"))?;
    if report.not_played.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nNot played at message level")?;
    report.not_played.iter().try_for_each(|line| writeln!(out, "  {line}"))
}

/// With as many digits as say something.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
