//! `plimsoll loadline`: the highest traffic from which a design recovers by itself.

use std::path::PathBuf;
use std::process::ExitCode;

use ::sim::loadline::{Wanted, draw, render};
use ::sim::{Progress, Watch};

use crate::design_file::{self, Loaded};
use crate::onlooker::Onlooker;
use crate::output::{complain, show};
use crate::sim::{Fidelity, Format, refuse, style};

/// Find the highest traffic from which a design recovers by itself
#[derive(Debug, clap::Args)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// The design file
    file: PathBuf,

    /// One incident of the file beside an ordinary day [default: all]; `none` for an ordinary day
    #[arg(long, value_name = "NAME")]
    incident: Option<String>,

    /// How likely it has to recover
    #[arg(long, value_name = "P", default_value_t = 0.99, value_parser = probability)]
    probability: f64,

    /// Look for no line above so many times today's traffic [default: 10, and farther while runs are
    /// short]
    #[arg(long, value_name = "TIMES")]
    up_to: Option<f64>,

    /// The first seed: chance comes from it alone
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,

    /// Workers of each balancer instance
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: u16,

    /// How faithfully the network is played
    #[arg(long, value_enum, default_value_t = Fidelity::Auto)]
    fidelity: Fidelity,

    /// How to show it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> ExitCode {
    let loaded = match design_file::load(&args.file).and_then(Loaded::answered) {
        Ok(loaded) => loaded,
        Err(unusable) => return unusable.tell(args.format == Format::Json),
    };
    loaded.warn_of_idle_faults(args.incident.as_deref());
    let wanted = Wanted {
        incident: args.incident.clone(),
        probability: args.probability,
        up_to: args.up_to,
        seed: args.seed,
        workers: args.workers,
        fidelity: args.fidelity.into(),
        ..Wanted::default()
    };
    let onlooker = Onlooker::new();
    let tell = |progress: Progress<'_>| onlooker.show(progress);
    let lines = draw(&loaded.design, &wanted, Watch::new(onlooker.stop(), &tell));
    drop(onlooker);
    match (lines, args.format) {
        (Ok(lines), Format::Text) => {
            show(&render(&lines, &loaded.name, style()), ExitCode::SUCCESS)
        }
        (Ok(lines), Format::Json) => match serde_json::to_string_pretty(&lines) {
            Ok(text) => show(&format!("{text}\n"), ExitCode::SUCCESS),
            Err(error) => complain(format_args!("cannot write the report: {error}")),
        },
        (Err(refusals), format) => refuse(&refusals, format),
    }
}

/// Whether it makes sense is for the search to say.
fn probability(text: &str) -> Result<f64, String> {
    let percentage = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    text.parse().map_err(|_| match percentage {
        Some(percentage) => format!("write a part of 1: {}", percentage / 100.0),
        None => "write a part of 1: 0.99".to_owned(),
    })
}

const ABOUT: &str = "\
Finds the load line of a design: the highest traffic from which it recovers by itself, with the \
probability that is asked for, on an ordinary day and from every incident of the file. The traffic \
of all clients is scaled; each traffic is played under as many seeds as its answer needs.

Beside the line it tells the margin to the traffic that the file has; for calls that stay open, how \
many can be open; the smallest trigger that breaks the design at that traffic, by size and by \
length; and goodput while traffic rises and falls again in one run. Where the way down lies below \
the way up, the system keeps failing at traffic that it carried before.

Ctrl-C ends it with what was shown so far, and the rest is not known. The same file, seed and \
options give the same report on any number of cores.

Exit code 0 if the design was played, wherever its line lies; 2 if it cannot be played as \
asked, or a call leaves one of the five questions open: no answer is made up.";

const EXAMPLES: &str = "\
Examples:
  plimsoll loadline designs/incident.toml
  plimsoll loadline designs/balancer.toml --incident one-dies --probability 0.9
  plimsoll loadline designs/balancer.toml --format json";
