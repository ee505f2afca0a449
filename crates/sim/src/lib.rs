//! The world in virtual time: a design, an incident, and what becomes of them.
//!
//! [`run`] plays a design, once for each seed, and says what happened. The balancers in it are the
//! real engine, and so is every caller's code; what other people's systems do is `model`'s.
//!
//! - [`Options`] and [`Refusal`]: what is asked for, and why it cannot be had.
//! - [`Report`]: what is given, as values, as JSON (`serde`) and as text ([`render`]).

mod cause;
#[cfg(test)]
mod examples;
mod judge;
mod options;
mod out;
mod plan;
mod refusal;
pub mod report;
mod seeds;
mod stats;
mod world;

pub use options::{Fidelity, Options};
pub use out::{Outputs, Wanted, outputs};
pub use plan::Times;
pub use refusal::Refusal;
pub use report::{Report, render};
pub use stats::interval::Estimate;

use config::Design;

/// Plays a design through an incident.
///
/// # Errors
/// Everything that keeps it from being played as asked, all at once.
pub fn run(design: &Design, options: &Options) -> Result<Report, Vec<Refusal>> {
    let plan = plan::Plan::new(design, options)?;
    let runs = seeds::play_all(&plan, options.seed, options.seeds.max(1), options.threads);
    let mut report = report::build(&plan, options.seed, &runs);
    if options.causes {
        report.causes = cause::find(&plan, options, &runs);
    }
    Ok(report)
}

#[cfg(test)]
mod tests;
