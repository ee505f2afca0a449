//! `cargo xtask test`: every check that a change must pass, in one command.
//!
//! It goes on after a failure, so that one run tells everything that is wrong, and ends with a
//! table: which step, how long, how it ended.

mod designs;
mod fuzz;
mod properties;
mod steps;

use std::time::{Duration, Instant};

use clap::Args;

use crate::shell::Outcome;
use steps::{STEPS, Step};

/// What to run.
#[derive(Args)]
pub(crate) struct Options {
    /// Adds the slow steps
    #[arg(long)]
    all: bool,
    /// Runs these steps alone, slow or not
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Stops at the first step that fails
    #[arg(long)]
    fail_fast: bool,
    /// Lists the steps, and runs none
    #[arg(long)]
    list: bool,
}

/// Runs the chosen steps, and fails if one of them did.
pub(crate) fn run(options: &Options) -> Outcome {
    let steps = chosen(options)?;
    if options.list {
        steps.iter().for_each(|step| println!("{:<14} {}", step.name, step.what));
        return Ok(());
    }
    let results = run_all(&steps, options.fail_fast);
    println!("\n{}", table(&results));
    verdict(&results, steps.len())
}

/// Installs what any step needs.
pub(crate) fn set_up() -> Outcome {
    STEPS.iter().flat_map(|step| step.needs).try_for_each(|need| need.meet())
}

struct Finished {
    name: &'static str,
    took: Duration,
    outcome: Outcome,
}

fn chosen(options: &Options) -> Outcome<Vec<&'static Step>> {
    let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
    if let Some(unknown) = options.only.iter().find(|name| !names.contains(&name.as_str())) {
        return Err(format!("no step is called {unknown}; there are {}", names.join(", ")));
    }
    let is_chosen = |step: &&Step| match options.only.as_slice() {
        [] => options.all || options.list || !step.slow,
        only => only.iter().any(|name| name == step.name),
    };
    Ok(STEPS.iter().filter(is_chosen).collect())
}

fn run_all(steps: &[&'static Step], fail_fast: bool) -> Vec<Finished> {
    let mut results = Vec::new();
    for step in steps {
        let finished = run_one(step);
        let stop = fail_fast && finished.outcome.is_err();
        results.push(finished);
        if stop {
            break;
        }
    }
    results
}

fn run_one(step: &Step) -> Finished {
    println!("\n== {}: {}", step.name, step.what);
    let started = Instant::now();
    let outcome = step.needs.iter().try_for_each(|need| need.meet()).and_then(|()| (step.run)());
    if let Err(why) = &outcome {
        eprintln!("-- {} failed: {why}", step.name);
    }
    Finished { name: step.name, took: started.elapsed(), outcome }
}

fn table(results: &[Finished]) -> String {
    let row = |step: &Finished| {
        let end =
            step.outcome.as_ref().map_or_else(|why| format!("FAILED  {why}"), |()| "ok".into());
        format!("{:<14} {:>6.1} s  {end}\n", step.name, step.took.as_secs_f64())
    };
    let total: Duration = results.iter().map(|step| step.took).sum();
    let rows: String = results.iter().map(row).collect();
    let failed = results.iter().filter(|step| step.outcome.is_err()).count();
    let passed = results.len() - failed;
    format!(
        "{rows}{:<14} {:>6.1} s\n\nsteps: {passed} passed, {failed} failed",
        "total",
        total.as_secs_f64()
    )
}

fn verdict(results: &[Finished], planned: usize) -> Outcome {
    let failed: Vec<_> =
        results.iter().filter(|step| step.outcome.is_err()).map(|step| step.name).collect();
    if failed.is_empty() {
        return Ok(());
    }
    let unseen = match planned - results.len() {
        0 => String::new(),
        n => format!("; {n} not run"),
    };
    Err(format!("failed: {}{unseen}", failed.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_steps_run_only_when_asked_for() {
        let usual = chosen(&options()).unwrap();
        let all = chosen(&Options { all: true, ..options() }).unwrap();

        assert!(usual.iter().all(|step| !step.slow));
        assert_eq!(all.len(), STEPS.len());
        assert!(all.len() > usual.len());
    }

    #[test]
    fn a_slow_step_runs_when_it_is_named() {
        let slow = STEPS.iter().find(|step| step.slow).unwrap();

        let only = chosen(&Options { only: vec![slow.name.into()], ..options() }).unwrap();

        assert_eq!(only.iter().map(|step| step.name).collect::<Vec<_>>(), [slow.name]);
    }

    #[test]
    fn a_step_that_does_not_exist_is_an_error_and_not_an_empty_run() {
        let wrong = Options { only: vec!["formt".into()], ..options() };

        assert!(chosen(&wrong).is_err_and(|why| why.contains("formt") && why.contains("format")));
    }

    #[test]
    fn one_failed_step_fails_the_whole_and_is_named() {
        let results = [finished("format", Ok(())), finished("lint", Err("no".into()))];

        assert_eq!(verdict(&results, 2), Err("failed: lint".into()));
        assert_eq!(verdict(&results, 5), Err("failed: lint; 3 not run".into()));
        assert_eq!(verdict(&results[..1], 1), Ok(()));
    }

    #[test]
    fn the_table_ends_with_the_count() {
        let results = [finished("format", Ok(())), finished("lint", Err("no".into()))];

        assert!(table(&results).ends_with("\nsteps: 1 passed, 1 failed"));
    }

    fn options() -> Options {
        Options { all: false, only: Vec::new(), fail_fast: false, list: false }
    }

    fn finished(name: &'static str, outcome: Outcome) -> Finished {
        Finished { name, took: Duration::ZERO, outcome }
    }
}
