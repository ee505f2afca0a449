//! The load line as text: the answer first, then what it rests on.

use std::fmt::{self, Write};

use observe::plot::Style;

use super::ORDINARY;
use super::report::{Line, LoadLine, LoadLines, OpenConnections, Point, Sweep, Trigger, Varied};

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
    let LoadLine { per_second, low, high } = report.load_line;
    let incident = report.limited_by.as_deref().unwrap_or(ORDINARY);
    writeln!(
        out,
        "{name}: from which traffic does it recover with probability {} or more?\n",
        report.probability
    )?;
    if let Some(interrupted) = &report.interrupted {
        writeln!(out, "{interrupted}\n")?;
    }
    match per_second {
        Some(line) if line > 0.0 => {
            let at_least = if high.is_none() { "AT LEAST " } else { "" };
            writeln!(out, "LOAD LINE {at_least}{}/s, for {incident}", number(line))?;
        }
        Some(_) => {
            writeln!(
                out,
                "NO LOAD LINE: it was not shown to recover from {incident} at any traffic"
            )?;
        }
        None => writeln!(out, "LOAD LINE NOT KNOWN")?,
    }
    writeln!(out, "  {}", interval(low, high))?;
    writeln!(out, "  {}", margin(report.margin, report.today_per_second))?;
    if let Some(open) = report.open_connections {
        writeln!(out, "  {}", connections(open, report.today_per_second))?;
    }
    writeln!(out)
}

/// Between what and what a line lies.
fn interval(low: Option<f64>, high: Option<f64>) -> String {
    let low = low.filter(|&low| low > 0.0).map(|low| format!("{}/s", number(low)));
    let high = high.map(|high| format!("{}/s", number(high)));
    match (low, high) {
        (Some(low), Some(high)) => {
            format!("between {low}, which recovers, and {high}, which does not")
        }
        (None, Some(high)) => format!("{high} does not recover"),
        (Some(low), None) => format!("{low} recovers, and nothing above it was shown not to"),
        (None, None) => "nothing has been shown of it".to_owned(),
    }
}

fn margin(margin: Option<f64>, today: f64) -> String {
    let today = number(today);
    match margin {
        None => format!("today's traffic is {today}/s: the margin is not known"),
        Some(margin) if margin >= 0.0 => {
            format!("today's traffic is {today}/s: {:.0} % of it may be added", margin * 100.0)
        }
        Some(margin) => {
            let above = -margin * 100.0;
            format!("today's traffic is {today}/s: OVERLOADED, {above:.0} % of it must go")
        }
    }
}

/// `today` is traffic.
fn connections(open: OpenConnections, today: f64) -> String {
    let at = |asked: f64| format!("{}/s", number(asked / open.today * today));
    let line = match open.line {
        Some(line) if line > 0.0 => format!("it recovers with {}, at {}", stand(open), at(line)),
        Some(_) => "it recovers with none".to_owned(),
        None => "their line is not known".to_owned(),
    };
    let high = open.high.map_or(String::new(), |high| format!(", and not at {}", at(high)));
    let stand_today = open.stood_today.map_or("not known how many".to_owned(), number);
    format!("open connections: {stand_today} stand today; {line}{high}")
}

/// How many stand at the line.
fn stand(open: OpenConnections) -> String {
    match (open.line, open.stood) {
        (_, Some(stood)) => number(stood),
        (None, None) => "not known".to_owned(),
        (Some(_), None) => "-".to_owned(),
    }
}

fn lines(out: &mut String, report: &LoadLines) -> fmt::Result {
    let name = |line: &Line| line.incident.clone().unwrap_or(ORDINARY.to_owned());
    let width = report.lines.iter().map(|line| name(line).chars().count()).max().unwrap_or(0);
    let open = if report.open_connections.is_some() { "open" } else { "" };
    let header = format!(
        "  {:width$} {:>10} {:>10} {:>10} {:>6} {open:>9}",
        "", "recovers", "does not", "margin", "runs"
    );
    writeln!(out, "{}", header.trim_end())?;
    for line in &report.lines {
        let row = format!(
            "  {:width$} {:>10} {:>10} {:>10} {:>6} {:>9}",
            name(line),
            known(line.load_line.low, line.complete),
            known(line.load_line.high, line.complete),
            line.margin
                .map_or("not known".to_owned(), |margin| format!("{:+.0} %", margin * 100.0)),
            line.points.iter().map(|point| point.runs).sum::<u32>(),
            line.open_connections.map_or(String::new(), stand)
        );
        writeln!(out, "{}", row.trim_end())?;
        if let Some(seen) = (!line.complete).then(|| so_far(line)).flatten() {
            writeln!(out, "  {:width$} {seen}", "")?;
        }
        for exception in &line.exceptions {
            writeln!(out, "  {:width$} but {exception}", "")?;
        }
        let empty = line.points.iter().map(|point| point.empty).sum::<u32>();
        if empty > 0 {
            let why = "nothing was asked for while recovery was judged: they count neither way";
            writeln!(out, "  {:width$} in {empty} more runs {why}", "")?;
        }
    }
    writeln!(out)
}

/// What is not known now may come to be known, unless the search has ended.
fn known(traffic: Option<f64>, complete: bool) -> String {
    match traffic {
        Some(traffic) => format!("{}/s", number(traffic)),
        None if complete => "-".to_owned(),
        None => "not known".to_owned(),
    }
}

/// What runs have shown of a line that was not found to its end.
fn so_far(line: &Line) -> Option<String> {
    let of = |point: &Point| {
        format!("{} of {} runs at {}/s", point.recovered, point.runs, number(point.per_second))
    };
    let played = || line.points.iter().filter(|point| point.runs > 0);
    let best = played().rfind(|point| point.recovered == point.runs).map(of);
    let worst = played().find(|point| point.recovered < point.runs).map(of);
    match (best, worst) {
        (Some(best), Some(worst)) => Some(format!("so far: recovered in {best}, in {worst}")),
        (Some(seen), None) | (None, Some(seen)) => Some(format!("so far: recovered in {seen}")),
        (None, None) => None,
    }
}

fn triggers(out: &mut String, report: &LoadLines) -> fmt::Result {
    let incidents = report.lines.iter().filter(|line| line.incident.is_some());
    let is_told = |line: &&Line| {
        let Line { smallest_trigger, tried_in_vain, not_scaled, .. } = line;
        !(smallest_trigger.is_empty() && tried_in_vain.is_empty() && not_scaled.is_empty())
    };
    let told: Vec<&Line> = incidents.filter(is_told).collect();
    if told.is_empty() {
        return Ok(());
    }
    writeln!(out, "Smallest trigger at today's {}/s", number(report.today_per_second))?;
    for line in told {
        writeln!(out, "  {}", line.incident.as_deref().unwrap_or_default())?;
        for trigger in &line.smallest_trigger {
            writeln!(out, "    {}", trigger_line(trigger))?;
        }
        for told in line.tried_in_vain.iter().chain(&line.not_scaled) {
            writeln!(out, "    {told}")?;
        }
    }
    writeln!(out)
}

fn trigger_line(trigger: &Trigger) -> String {
    let Trigger { kind, .. } = trigger;
    let unit = trigger.unit.unwrap_or_default();
    let size = trigger.size.map_or(String::new(), |size| format!(" {}", sized(size, unit)));
    let seconds = |lasts| format!("{} s", number(lasts));
    let lasts =
        trigger.lasts_s.map_or("to the end".to_owned(), |lasts| format!("for {}", seconds(lasts)));
    let (varied, holds) = match trigger.varied {
        Varied::Size => ("smallest", trigger.holds_size.map(|size| sized(size, unit))),
        Varied::Length => ("shortest", trigger.holds_lasts_s.map(seconds)),
    };
    let holds = match holds {
        Some(holds) => format!("{holds} does not"),
        None => "nothing less was tried".to_owned(),
    };
    format!("{varied}: `{kind}`{size} {lasts} breaks it, {holds}")
}

/// A size with its unit.
pub(super) fn sized(size: f64, unit: &str) -> String {
    match unit {
        "share" => format!("{} %", number(size * 100.0)),
        "of its speed" => format!("{} % {unit}", number(size * 100.0)),
        "times" => format!("{size:.2} times"),
        "seconds" if size.abs() >= 1.0 => format!("{} s", number(size)),
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
    writeln!(out, "\nNot played")?;
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
