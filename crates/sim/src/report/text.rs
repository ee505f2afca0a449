//! The report as text: the verdict first, then how it came, then the numbers.

mod verdict;

use std::fmt::{self, Write};

use config::design::call_in_words;
use observe::plot::{Style, sparkline, squeeze};

use super::{Call, Fault, Percentiles, Phase, Report, Role};
use crate::Estimate;

/// Writes a report for a terminal; `name` is the design's file.
pub fn render(report: &Report, name: &str, style: Style) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, report, name, style);
    text
}

fn write(out: &mut String, report: &Report, name: &str, style: Style) -> fmt::Result {
    headline(out, report, name)?;
    verdict::write(out, report)?;
    causes(out, report)?;
    timeline(out, report, style)?;
    phases(out, report)?;
    clients(out, report)?;
    calls(out, report)?;
    caches(out, report)?;
    sessions(out, report)?;
    super::layers::write(out, report)?;
    left_out(out, report)
}

fn headline(out: &mut String, report: &Report, name: &str) -> fmt::Result {
    match &report.incident {
        None => writeln!(out, "{name}: an ordinary day of {}", time(report.times.end_s))?,
        Some(incident) => writeln!(out, "{name}: incident {incident}")?,
    }
    for fault in &report.faults {
        writeln!(out, "  {} is hit by `{}` {}", fault.on, fault.kind, when(fault))?;
    }
    writeln!(out)
}

/// From when to when; how long, where both would be shown alike.
fn when(fault: &Fault) -> String {
    let from = time(fault.at_s);
    match fault.ends_s {
        None => format!("from {from} to the end"),
        Some(end) if time(end) == from => format!("at {from}, for {}", time(end - fault.at_s)),
        Some(end) => format!("from {from} to {}", time(end)),
    }
}

fn causes(out: &mut String, report: &Report) -> fmt::Result {
    let Some(conclusion) = &report.conclusion else { return no_cause(out, report) };
    writeln!(out, "Cause\n  {conclusion}")?;
    for cause in &report.causes {
        let role = match cause.role {
            Role::Trigger => "trigger",
            Role::Sustaining => "sustained by",
        };
        writeln!(out, "  {role:<12}  {}", cause.factor)?;
        let is_over = report.faults.iter().all(|fault| fault.ends_s.is_some());
        let when = match cause.role {
            Role::Sustaining if !report.faults.is_empty() && is_over => " after the fault",
            Role::Sustaining if !report.faults.is_empty() => " since the fault began",
            Role::Trigger | Role::Sustaining => "",
        };
        writeln!(
            out,
            "  {:12}  without it, {} of the answers lost{when} would have come ({} to {})",
            "",
            percent(cause.share),
            percent(cause.low),
            percent(cause.high)
        )?;
    }
    writeln!(out)
}

/// Says why nothing is said, where somebody would ask.
fn no_cause(out: &mut String, report: &Report) -> fmt::Result {
    let has_lost = !report.failed_by_cause.is_empty() && report.incident.is_some();
    let is_allowed =
        report.recovered.probability == Some(1.0) && report.availability.value >= report.objective;
    if !(has_lost && is_allowed) {
        return Ok(());
    }
    writeln!(out, "Cause\n  none is looked for: no more was lost than the objective allows\n")
}

/// Characters of a plot.
const WIDTH: usize = 72;

fn timeline(out: &mut String, report: &Report, style: Style) -> fmt::Result {
    let line = &report.timeline;
    let known = |values: &[Option<f64>]| -> Vec<f64> {
        values.iter().map(|value| value.unwrap_or(f64::NAN)).collect()
    };
    let lost = line.goodput.iter().zip(&line.offered);
    let lost: Vec<f64> =
        lost.map(|(good, &rate)| if rate > 0.0 { 1.0 - good } else { f64::NAN }).collect();
    type Show = fn(f64) -> String;
    let rows: [(&str, Vec<f64>, Show); 7] = [
        ("lost answers", lost, percent),
        ("latency p50", known(&line.p50_ms), millis),
        ("latency p99", known(&line.p99_ms), millis),
        ("timeouts", line.timeouts.clone(), per_second),
        ("retries", line.retries.clone(), per_second),
        ("busiest node", line.utilisation.clone(), percent),
        ("longest queue", line.queue.clone(), count),
    ];
    let end = report.times.end_s;
    writeln!(
        out,
        "Timeline of seed {}, 0 s to {}; each line up to its own peak",
        report.seed,
        time(end)
    )?;
    for (name, values, show) in &rows {
        let values = squeeze(values, WIDTH);
        let peak = observe::plot::top(&values);
        let is_measured = values.iter().any(|value| !value.is_nan());
        let shown = if is_measured { show(peak) } else { "-".to_owned() };
        writeln!(out, "  {name:<14} {}  {shown}", sparkline(&values, peak, style))?;
    }
    if !report.faults.is_empty() {
        writeln!(out, "  {:<14} {}", "fault", marks(report))?;
    }
    writeln!(out)
}

/// Where on the time axis a fault is there.
fn marks(report: &Report) -> String {
    let end = report.times.end_s;
    let columns = WIDTH.min(report.timeline.goodput.len());
    let mark = |column: usize| {
        let (from, to) =
            (column as f64 * end / columns as f64, (column + 1) as f64 * end / columns as f64);
        let there = |fault: &Fault| fault.at_s < to && fault.ends_s.is_none_or(|ends| ends > from);
        if report.faults.iter().any(there) { '^' } else { ' ' }
    };
    (0..columns).map(mark).collect::<String>().trim_end().to_owned()
}

fn phases(out: &mut String, report: &Report) -> fmt::Result {
    if report.phases.is_empty() {
        return Ok(());
    }
    writeln!(out, "Phases")?;
    phase_lines(out, &report.phases)?;
    writeln!(out)
}

/// A line each, what they are below one another.
fn phase_lines(out: &mut String, phases: &[Phase]) -> fmt::Result {
    let spans = phases.iter().map(|Phase { begin_s, end_s, .. }| {
        let begin = time(*begin_s);
        let until = match end_s.map(time) {
            None => "to the end".to_owned(),
            // Shorter than what is shown of it: a moment, no span.
            Some(end) if end == begin => String::new(),
            Some(end) => format!("to {end}"),
        };
        (begin, until)
    });
    let spans: Vec<_> = spans.collect();
    let from = spans.iter().map(|(begin, _)| begin.len()).max().unwrap_or(0).max(8);
    let to = spans.iter().map(|(_, until)| until.len()).max().unwrap_or(0).max(12);
    for (Phase { phase, .. }, (begin, until)) in phases.iter().zip(&spans) {
        writeln!(out, "  {begin:>from$} {until:<to$} {}", phase.replace('_', " "))?;
    }
    Ok(())
}

fn clients(out: &mut String, report: &Report) -> fmt::Result {
    writeln!(
        out,
        "Clients, {} requests after a warm-up of {}",
        report.offered,
        time(report.times.warm_up_s)
    )?;
    writeln!(
        out,
        "  availability {}   reliability {}",
        measured(report.availability.value, report.offered > 0),
        measured(report.reliability.value, answered(report) > 0),
    )?;
    writeln!(
        out,
        "  complete {}   partial {}   stale {}   wrong {}   failed {}   still waiting {}{}",
        report.answers.complete,
        report.answers.partial,
        report.answers.stale,
        report.answers.wrong,
        report.failed_by_cause.values().sum::<u64>(),
        report.unanswered,
        if report.layers.is_some() || report.held.connections > 0 {
            format!("   connections still held {}", report.held.connections)
        } else {
            String::new()
        }
    )?;
    if report.answers.lost_writes > 0 {
        writeln!(out, "  writes acknowledged and lost: {}", report.answers.lost_writes)?;
    }
    good_answers(out, report)?;
    let causes: Vec<_> =
        report.failed_by_cause.iter().map(|(cause, count)| format!("{cause} {count}")).collect();
    if !causes.is_empty() {
        writeln!(out, "  failed by cause: {}", causes.join(", "))?;
    }
    writeln!(out)
}

/// Answers of any quality.
fn answered(report: &Report) -> u64 {
    let answers = &report.answers;
    answers.complete + answers.partial + answers.stale + answers.wrong
}

/// Of all of them together, as in the table of the calls; then how much that differs from part to
/// part, which is another figure: a percentile of all is no mean of percentiles.
fn good_answers(out: &mut String, report: &Report) -> fmt::Result {
    if let Some(Percentiles { mean, p50, p99, .. }) = report.latency_ms {
        writeln!(out, "  good answers took, in ms: mean {mean:.1}   p50 {p50:.1}   p99 {p99:.1}")?;
    }
    let times = &report.latency_intervals_ms;
    let named = [("mean", times.mean), ("p50", times.p50), ("p99", times.p99)];
    let known: Vec<_> =
        named.iter().filter_map(|(name, time)| Some(interval(name, (*time)?))).collect();
    if known.is_empty() {
        return Ok(());
    }
    let part = if report.recovered.seeds == 1 { "a twentieth of the run" } else { "a run" };
    writeln!(out, "  in {part}, on average (95 % interval): {}", known.join("   "))
}

fn calls(out: &mut String, report: &Report) -> fmt::Result {
    writeln!(out, "L7, call by call (latency in ms: all the time the caller waits)")?;
    let width =
        report.calls.iter().map(|call| name(call).chars().count()).max().unwrap_or(0).max(4);
    writeln!(
        out,
        "  {:width$} {:>9} {:>9} {:>6} {:>9} {:>9} {:>8} {:>8} {:>8} {:>8}",
        "call", "requests", "attempts", "x", "failed", "wasted", "p50", "p90", "p99", "p99.9"
    )?;
    for call in &report.calls {
        writeln!(
            out,
            "  {:width$} {:>9} {:>9} {:>6} {:>9} {:>9} {}",
            name(call),
            call.requests,
            call.attempts,
            amplification(call),
            call.failed,
            call.wasted,
            latency(call.latency_ms)
        )?;
    }
    for call in report.calls.iter().filter(|call| call.failed > 0) {
        let causes: Vec<_> =
            call.failed_by_cause.iter().map(|(cause, count)| format!("{cause} {count}")).collect();
        writeln!(out, "  {} failed by cause: {}", name(call), causes.join(", "))?;
    }
    Ok(())
}

fn amplification(call: &Call) -> String {
    if call.requests == 0 { "-".to_owned() } else { format!("{:.2}", call.amplification) }
}

fn caches(out: &mut String, report: &Report) -> fmt::Result {
    for cache in &report.caches {
        let ratio = cache.hit_ratio.map_or("-".to_owned(), percent);
        writeln!(
            out,
            "\nCache {}: {ratio} of {} requests answered at once\n  {} waited for another's miss, {} got \
             an old answer because there was no other",
            cache.node, cache.asked, cache.collapsed, cache.stale
        )?;
    }
    Ok(())
}

fn sessions(out: &mut String, report: &Report) -> fmt::Result {
    let Some(sessions) = &report.sessions else { return Ok(()) };
    writeln!(
        out,
        "\nSessions: {:.0} open at the start, {} opened, {} refused, at most {} at once, {:.0} open at the end",
        sessions.open_at_start,
        sessions.opened,
        sessions.refused,
        sessions.peak,
        sessions.open_at_end
    )?;
    writeln!(
        out,
        "  {} lost, {} reconnects, at most {:.0}/s",
        sessions.lost, sessions.reconnects, sessions.peak_reconnects_per_s
    )?;
    for holder in &sessions.nodes {
        let most = holder.most.map_or("without end".to_owned(), |most| format!("{most} each"));
        let one_less = match holder.holds_with_one_less {
            None => "",
            Some(true) => "; one less can hold them all",
            Some(false) => "; ONE LESS CANNOT HOLD THEM",
        };
        let megabytes = holder.bytes as f64 / 1e6;
        let (node, instances) = (&holder.node, holder.instances);
        let hold = if instances == 1 { "instance holds" } else { "instances hold" };
        writeln!(out, "  {node}: {instances} {hold} {most}, {megabytes:.0} MB{one_less}")?;
    }
    Ok(())
}

fn left_out(out: &mut String, report: &Report) -> fmt::Result {
    if report.not_played.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nNot played")?;
    report.not_played.iter().try_for_each(|line| writeln!(out, "  {line}"))
}

fn name(call: &Call) -> String {
    call_in_words(&call.from, &call.to, call.only.as_deref())
}

fn latency(percentiles: Option<Percentiles>) -> String {
    let Some(Percentiles { p50, p90, p99, p999, .. }) = percentiles else { return String::new() };
    format!("{p50:>8.1} {p90:>8.1} {p99:>8.1} {p999:>8.1}")
}

fn interval(name: &str, time: Estimate) -> String {
    format!("{name} {:.1} ({:.1} to {:.1})", time.value, time.low, time.high)
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A share of nothing is none.
fn measured(share: f64, is_measured: bool) -> String {
    if is_measured { percent(share) } else { "-".to_owned() }
}

fn count(value: f64) -> String {
    format!("{value:.0}")
}

fn per_second(rate: f64) -> String {
    format!("{rate:.0}/s")
}

fn millis(time: f64) -> String {
    format!("{time:.0} ms")
}

fn time(seconds: f64) -> String {
    if seconds > 0.0 && seconds < 0.05 {
        format!("{:.1} ms", seconds * 1e3)
    } else if seconds < 10.0 && seconds.fract() > 0.05 {
        format!("{seconds:.1} s")
    } else if seconds < 120.0 {
        format!("{seconds:.0} s")
    } else {
        format!("{:.0} min {:.0} s", (seconds / 60.0).floor(), seconds % 60.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_fault_has_a_length_and_a_long_one_an_end() {
        let fault = |at_s, ends_s| Fault { kind: "partition", on: "svc".to_owned(), at_s, ends_s };

        assert_eq!(when(&fault(10.0, Some(10.3))), "at 10 s, for 0.3 s");
        assert_eq!(when(&fault(10.0, Some(70.0))), "from 10 s to 70 s");
        assert_eq!(when(&fault(10.0, None)), "from 10 s to the end");
    }

    #[test]
    fn phases_keep_their_column_also_after_minutes() {
        let phase = |phase, begin_s, end_s| Phase { phase, begin_s, end_s };
        let phases = [
            phase("latency_drift", 63.0, None),
            phase("cascade", 64.0, Some(131.0)),
            phase("recovery", 131.0, Some(672.0)),
        ];

        let mut out = String::new();
        phase_lines(&mut out, &phases).unwrap();

        let columns: std::collections::BTreeSet<_> =
            out.lines().zip(&phases).map(|(line, phase)| line.find(&phase.phase[..6])).collect();
        assert_eq!(columns.len(), 1, "{out}");
    }
}
