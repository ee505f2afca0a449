//! The steps of `cargo xtask test`, in the order in which they run: the cheap ones first.
//!
//! A new step is one more entry of this table.

use crate::needs::Need;
use crate::shell::{self, Outcome, cargo, run};
use crate::test::{designs, fuzz, properties};
use crate::{bench, fidelity};

/// One check.
pub(crate) struct Step {
    /// What `--only` calls it.
    pub(crate) name: &'static str,
    /// What it checks, for the person who reads the log.
    pub(crate) what: &'static str,
    /// Runs only with `--all` or by its name.
    pub(crate) slow: bool,
    /// What must be installed first.
    pub(crate) needs: &'static [Need],
    /// Does it.
    pub(crate) run: fn() -> Outcome,
}

/// Every step there is.
pub(crate) const STEPS: &[Step] = &[
    Step { name: "format", what: "the code is formatted", slow: false, needs: &[], run: format },
    Step { name: "lint", what: "clippy has nothing to say", slow: false, needs: &[], run: lint },
    Step {
        name: "tests",
        what: "unit, property and integration tests, real programs included",
        slow: false,
        needs: &[NEXTEST, NGINX, CURL, NODE, HTTPX, TSHARK, PROMTOOL, CHROMIUM],
        run: tests,
    },
    Step {
        name: "doc-tests",
        what: "the examples in the docs",
        slow: false,
        needs: &[],
        run: doc_tests,
    },
    Step {
        name: "docs",
        what: "the docs build without warnings",
        slow: false,
        needs: &[],
        run: docs,
    },
    Step {
        name: "designs",
        what: "each example design is reviewed as it should be",
        slow: false,
        needs: &[],
        run: designs::review,
    },
    Step {
        name: "loom",
        what: "every interleaving of the numbers that workers share",
        slow: false,
        needs: &[],
        run: loom,
    },
    Step {
        name: "fuzz",
        what: "each fuzz target for a few seconds",
        slow: false,
        needs: &[CPP],
        run: fuzz::briefly,
    },
    Step {
        name: "fuzz-long",
        what: "each fuzz target for minutes",
        slow: true,
        needs: &[CPP],
        run: fuzz::at_length,
    },
    Step {
        name: "properties",
        what: "the property tests with many more cases",
        slow: true,
        needs: &[NEXTEST],
        run: properties::at_length,
    },
    Step {
        name: "bench",
        what: "the benchmark works: every proxy answers, rightly, and logs",
        slow: true,
        needs: &[],
        run: bench::http1_briefly,
    },
    Step {
        name: "syscalls",
        what: "a request costs no more system calls than it should; needs leave to trace",
        slow: true,
        needs: &[],
        run: bench::syscalls_of_ours,
    },
    Step {
        name: "bench-sim",
        what: "the benchmark of the simulator works",
        slow: true,
        needs: &[],
        run: bench::sim_briefly,
    },
    Step {
        name: "lab",
        what: "packets between two network namespaces; needs root",
        slow: true,
        needs: &[NEXTEST, IP],
        run: lab,
    },
    Step {
        name: "fidelity",
        what: "the simulation against formulas, ns-3 and the kernel; needs root",
        slow: true,
        needs: fidelity::NEEDS,
        run: fidelity::briefly,
    },
];

const NEXTEST: Need = Need::Subcommand("nextest", "cargo install --locked cargo-nextest");
const NGINX: Need = Need::Debian { program: "nginx", package: "nginx-light" };
const CURL: Need = Need::Debian { program: "curl", package: "curl" };
const TSHARK: Need = Need::Debian { program: "tshark", package: "tshark" };
const PROMTOOL: Need = Need::Debian { program: "promtool", package: "prometheus" };
const CHROMIUM: Need = Need::Debian { program: "chromium", package: "chromium" };
const NODE: Need = Need::Debian { program: "node", package: "nodejs" };
/// libFuzzer is compiled from its source.
const CPP: Need = Need::Debian { program: "c++", package: "g++" };
const IP: Need = Need::Debian { program: "ip", package: "iproute2" };
const HTTPX: Need = Need::PyPi { package: "httpx", version: "0.28.1" };

fn format() -> Outcome {
    run(&mut cargo("fmt --all --check"))?;
    run(&mut cargo("fmt --check --manifest-path fuzz/Cargo.toml"))
}

fn lint() -> Outcome {
    run(&mut cargo("clippy --workspace --all-targets --features plimsoll-lab/root -- -D warnings"))
}

fn tests() -> Outcome {
    run(&mut cargo("nextest run --workspace --no-fail-fast"))
}

fn doc_tests() -> Outcome {
    run(&mut cargo("test --workspace --doc"))
}

fn docs() -> Outcome {
    run(cargo("doc --workspace --no-deps").env("RUSTDOCFLAGS", "-D warnings"))
}

/// In a target folder of its own: other flags would throw away what the other steps have built.
fn loom() -> Outcome {
    run(cargo("test -p plimsoll-engine --release --test loom")
        .env("RUSTFLAGS", "--cfg loom")
        .env("LOOM_MAX_PREEMPTIONS", "3")
        .env("CARGO_TARGET_DIR", shell::target().join("loom")))
}

fn lab() -> Outcome {
    run(&mut cargo("nextest run -p plimsoll-lab --features root"))
}
