//! The one binary: a file a command, and what they share.

mod check;
mod demo;
mod design_file;
mod loadline;
mod onlooker;
mod output;
mod run;
mod sim;
mod time;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(
    name = "plimsoll",
    version,
    about = HEAD,
    long_about = ABOUT,
    after_help = "`plimsoll --help` shows examples, `plimsoll COMMAND --help` all of a command.",
    after_long_help = EXAMPLES
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Args),
    Sim(sim::Args),
    Loadline(loadline::Args),
    Run(run::Args),
    Demo(demo::Args),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Check(args) => check::run(&args),
        Command::Sim(args) => sim::run(&args),
        Command::Loadline(args) => loadline::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Demo(args) => demo::run(&args),
    }
}

const HEAD: &str = "Find out what a network of services can take, and carry its traffic that way";

const ABOUT: &str = "\
Find out what a network of services can take, and carry its traffic that way.

One file, the design file, says which nodes there are, which network calls they make, and under \
which rules. Every command works on that file: what was checked and simulated is what runs.";

const EXAMPLES: &str = "\
Examples:
  plimsoll check designs/balancer.toml       review a design: five questions for every call
  plimsoll check --explain R04               what a code means; without one: all codes
  plimsoll sim designs/incident.toml         play it through its incident, in virtual time
  plimsoll loadline designs/incident.toml    the highest traffic from which it recovers by itself
  plimsoll run designs/balancer.toml         carry real traffic under the design's rules
  plimsoll demo                              check, simulate and really play an example

Exit codes:
  0  well
  1  the design has errors, or what was asked for did not succeed
  2  the file or the command line cannot be used";
