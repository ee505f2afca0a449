//! `cargo xtask`: set-up, tests and benchmarks of this repository.
//!
//! A contributor and CI type the same command, and it does its own set-up. What a step needs and
//! cannot get is a failure with the line that would install it; nothing is skipped silently.

mod bench;
mod fidelity;
mod needs;
mod shell;
mod test;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Set-up, tests and benchmarks of Plimsoll")]
enum Task {
    /// Runs every check that a change must pass
    Test(test::Options),
    /// Measures what Plimsoll costs, beside other proxies
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Holds the simulation against what it should be and writes docs/fidelity.md
    Fidelity(fidelity::Options),
    /// Installs what the tests need, and runs nothing
    Setup,
}

fn main() -> ExitCode {
    let outcome = match Task::parse() {
        Task::Test(options) => test::run(&options),
        Task::Bench(bench) => bench::run(&bench),
        Task::Fidelity(options) => fidelity::run(&options),
        Task::Setup => test::set_up(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}
