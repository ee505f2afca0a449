//! `cargo xtask fidelity`: holds the simulation against formulas, ns-3 and the kernel, and writes
//! docs/fidelity.md.

use clap::Args;

use crate::needs::Need;
use crate::shell::{Outcome, cargo, output_of, program, root, run as shell_run};

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Measures these parts alone
    #[arg(long, value_name = "PART")]
    only: Vec<String>,
    /// Measures briefly, with wide intervals, and writes nothing
    #[arg(long)]
    quick: bool,
    /// Lists the parts and what each needs, and measures nothing
    #[arg(long)]
    list: bool,
}

/// What the parts need together; the kernel's also needs root.
pub(crate) const NEEDS: &[Need] = &[
    Need::Debian { program: "c++", package: "g++" },
    Need::Headers { path: "/usr/include/ns3/core-module.h", package: "libns3-dev" },
    Need::Debian { program: "ip", package: "iproute2" },
];

/// Measures, and writes the page.
pub(crate) fn run(options: &Options) -> Outcome {
    let is_all = options.only.is_empty() && !options.list;
    let wants = |part: &str| is_all || options.only.iter().any(|only| only == part);
    if wants("ns3") || wants("kernel") {
        NEEDS.iter().try_for_each(|need| need.meet())?;
    }
    let date = output_of(program("date").args(["-u", "+%Y-%m-%d %H:%M UTC"]))?;
    let mut measure = cargo("run --quiet --release -p plimsoll-fidelity -- --page");
    measure.arg(root().join("docs/fidelity.md")).args(["--date", date.trim()]);
    for part in &options.only {
        measure.args(["--only", part]);
    }
    for (is_set, flag) in [(options.quick, "--quick"), (options.list, "--list")] {
        if is_set {
            measure.arg(flag);
        }
    }
    shell_run(&mut measure)
}

/// Every comparison, briefly: whether it still works, and whether a figure has left its bound.
pub(crate) fn briefly() -> Outcome {
    run(&Options { only: Vec::new(), quick: true, list: false })
}
