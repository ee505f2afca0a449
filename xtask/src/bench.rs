//! `cargo xtask bench`: what Plimsoll costs, beside what others cost, measured in the same run.

mod decisions;
mod http1;
mod load;
mod machine;
mod packets;
mod peers;
mod process;
mod report;
mod rig;
mod sim;
mod spread;
mod syscalls;

use clap::Subcommand;

use crate::shell::Outcome;

/// What to measure.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// Compares proxies on HTTP/1.1 and writes docs/performance.md
    Http1(http1::Options),
    /// Counts system calls for each request and writes docs/performance.md
    Syscalls,
    /// Times the deciding code alone and writes docs/performance.md
    Decisions,
    /// Times the simulation and writes docs/performance.md
    Sim,
}

/// Measures it.
pub(crate) fn run(bench: &Bench) -> Outcome {
    match bench {
        Bench::Http1(options) => http1::run(options),
        Bench::Syscalls => syscalls::run(),
        Bench::Decisions => decisions::run(),
        Bench::Sim => sim::run().and_then(|()| packets::run()),
    }
}

/// Runs the comparison so briefly that its figures say nothing, and writes none of them.
pub(crate) fn http1_briefly() -> Outcome {
    http1::run(&http1::Options::brief())
}

/// Runs the simulator so briefly that its figures say nothing, and writes none of them.
pub(crate) fn sim_briefly() -> Outcome {
    sim::briefly()
}

/// Counts the system calls of Plimsoll alone, and holds them against what they may be.
pub(crate) fn syscalls_of_ours() -> Outcome {
    syscalls::ours()
}
