//! The verdict, in what time it was found, and how sure it is.

use std::fmt::{self, Write};

use super::{percent, time};
use crate::report::{Recovered, Report};

pub(super) fn write(out: &mut String, report: &Report) -> fmt::Result {
    let recovered = &report.recovered;
    let judged = time(report.times.end_s - report.times.judged_from_s);
    let word = match (recovered.probability, report.incident.is_some()) {
        (None, _) if report.stopped.is_some() => "STOPPED before its end".to_owned(),
        (None, _) => "NOTHING TO JUDGE: no request arrived at the end".to_owned(),
        (Some(1.0), true) => recovery(recovered.after_s),
        (Some(0.0), true) => "DID NOT RECOVER".to_owned(),
        (Some(probability), true) => format!("RECOVERS IN {} OF RUNS", percent(probability)),
        (Some(1.0), false) => "HOLDS".to_owned(),
        (Some(_), false) => "DOES NOT HOLD".to_owned(),
    };
    writeln!(out, "{word}")?;
    if let Some(stopped) = &report.stopped {
        writeln!(out, "  {stopped}")?;
    }
    let objective = percent(report.objective);
    if let Some(goodput) = report.goodput {
        let goodput = percent(goodput.value);
        writeln!(
            out,
            "  goodput in the last {judged}: {goodput} of offered traffic; the objective is {objective}"
        )?;
    } else {
        writeln!(
            out,
            "  goodput in the last {judged}: not measured; the objective is {objective}"
        )?;
    }
    opened(out, report)?;
    growing(out, report)?;
    lately(out, report)?;
    let runs =
        if recovered.seeds == 1 { "1 run".to_owned() } else { format!("{} runs", recovered.seeds) };
    let probability = probability(recovered).unwrap_or("not measured".to_owned());
    writeln!(
        out,
        "  {runs} from seed {}: probability {probability}, run hash {}",
        report.seed, report.run_hash
    )?;
    writeln!(out, "  played in {}s: {}", report.fidelity, report.fidelity_reason)?;
    if let Some(caution) = caution(report) {
        writeln!(out, "  {caution}")?;
    }
    if let Some(interrupted) = &report.interrupted {
        writeln!(out, "  {interrupted}")?;
    }
    writeln!(out)
}

fn probability(recovered: &Recovered) -> Option<String> {
    Some(format!(
        "{} (95 % interval {} to {})",
        percent(recovered.probability?),
        percent(recovered.low?),
        percent(recovered.high?)
    ))
}

/// The other half of the verdict, for designs with sessions.
fn opened(out: &mut String, report: &Report) -> fmt::Result {
    let opened = report.sessions.as_ref().and_then(|sessions| sessions.opened_when_judged);
    let Some(opened) = opened else { return Ok(()) };
    writeln!(
        out,
        "  sessions opened then: {} of those asked for, first and anew; the objective is the same",
        percent(opened)
    )?;
    let Recovered { seeds, answered_well, opened_well, .. } = report.recovered;
    let runs = u64::from(seeds);
    if answered_well.min(opened_well) == runs {
        return Ok(());
    }
    writeln!(
        out,
        "  missed by goodput in {} of {runs} runs, by the openings of sessions in {}",
        runs - answered_well,
        runs - opened_well
    )
}

/// That ever more requests wait, and how many.
fn growing(out: &mut String, report: &Report) -> fmt::Result {
    let Recovered { seeds, settled, .. } = report.recovered;
    let (runs, under_way) = (u64::from(seeds), report.under_way);
    if settled == runs {
        return Ok(());
    }
    writeln!(
        out,
        "  MORE AND MORE WAIT in {} of {runs} runs: {:.0} requests were under way when that began, {:.0} \
         at its end",
        runs - settled,
        under_way.at_begin,
        under_way.at_end
    )
}

/// What "recovers" means, where somebody may wonder: who is well again too late for it.
fn lately(out: &mut String, report: &Report) -> fmt::Result {
    let Recovered { probability, seeds, well_at_last, .. } = report.recovered;
    let ends = report.faults.iter().map(|fault| fault.ends_s);
    let ends = ends.reduce(|one, other| Some(one?.max(other?))).flatten();
    let Some(ends) = ends.filter(|&end| end < report.times.judged_from_s) else { return Ok(()) };
    let was_back = probability.is_some_and(|probability| probability < 1.0) && well_at_last > 0;
    let within = time(report.times.judged_from_s - ends);
    if !was_back {
        return Ok(());
    }
    writeln!(
        out,
        "  to recover is to do so within {within} after the fault; later, {well_at_last} of {seeds} runs \
         were well again (`--for` gives more time)"
    )
}

/// What a reader of the verdict has to know about the time in which it was found.
fn caution(report: &Report) -> Option<&'static str> {
    let ends: Vec<f64> = report.faults.iter().filter_map(|fault| fault.ends_s).collect();
    if ends.iter().any(|&end| end > report.times.end_s) {
        return Some(
            "the run ends before the fault does: this is how it is while the fault is there",
        );
    }
    let reaches_back = ends.iter().any(|&end| end > report.times.judged_from_s);
    reaches_back.then_some("the window reaches back into the fault, and judges it too")
}

fn recovery(after: Option<f64>) -> String {
    match after {
        None => "HELD: goodput never fell below the objective for long".to_owned(),
        Some(after) if after <= 0.0 => "RECOVERED by the end of the fault".to_owned(),
        Some(after) => format!("RECOVERED {} after the fault", time(after)),
    }
}
