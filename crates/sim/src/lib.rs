//! The world in virtual time: a design, an incident, and what becomes of them.
//!
//! [`run`] plays a design, once for each seed, and says what happened. The balancers in it are the
//! real engine, and so is every caller's code; what other people's systems do is `model`'s.
//!
//! - [`run_watched`] and [`Watch`]: the same for who wants to see how far it is, or to stop it.
//! - [`Options`] and [`Refusal`]: what is asked for, and why it cannot be had.
//! - [`Report`]: what is given, as values, as JSON (`serde`) and as text ([`render`]).

mod cause;
mod crew;
#[cfg(test)]
mod examples;
mod judge;
pub mod loadline;
mod options;
mod out;
mod plan;
mod refusal;
pub mod report;
mod seeds;
mod stats;
mod watch;
mod world;

pub use options::{Fidelity, Options};
pub use out::{Outputs, Wanted, outputs};
pub use plan::Times;
pub use refusal::Refusal;
pub use report::{Report, render};
pub use stats::interval::Estimate;
pub use watch::{Progress, Watch};

use config::Design;

use crate::crew::Crew;

/// Plays a design through an incident.
///
/// # Errors
/// Everything that keeps it from being played as asked, all at once.
pub fn run(design: &Design, options: &Options) -> Result<Report, Vec<Refusal>> {
    run_watched(design, options, Watch::nobody())
}

/// Plays a design while somebody watches. Stopped, it reports the seeds that have ended by then.
///
/// # Errors
/// As [`run`]; and that nothing had ended yet when it was stopped.
pub fn run_watched(
    design: &Design,
    options: &Options,
    watch: Watch<'_>,
) -> Result<Report, Vec<Refusal>> {
    let plan = plan::Plan::new(design, options)?;
    let (crew, seeds) = (Crew::new(options.threads, watch), options.seeds.max(1));
    let runs = seeds::play_all(&plan, options.seed, seeds, &crew, "seeds");
    if runs.is_empty() {
        return Err(vec![Refusal::new(
            "stopped before the first run had ended",
            "let it run longer, or play a shorter time (`--for`)",
        )]);
    }
    let mut report = report::build(&plan, options.seed, &runs);
    if options.causes {
        let found = cause::find(&plan, options, &runs, &crew);
        (report.causes, report.conclusion) = (found.causes, found.conclusion);
    }
    if watch.wants_stop() {
        report.interrupted = Some(interrupted(runs.len(), seeds, options.causes));
    }
    Ok(report)
}

fn interrupted(runs: usize, seeds: u32, causes: bool) -> String {
    let causes = if causes { "; causes may be missing" } else { "" };
    format!("stopped by hand: {runs} of {seeds} seeds were played{causes}")
}

#[cfg(test)]
mod tests;
