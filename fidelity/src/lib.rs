//! How true the simulation is.
//!
//! A simulator that nobody has held against anything is an opinion. Here each of its figures
//! stands beside what it should be: an exact probability, a published formula, another simulator,
//! the running kernel. [`Section`]s are measured, judged, and written to `docs/fidelity.md`.
//!
//! Adding a comparison: a function `fn(Effort) -> Result<Section, Missing>`, and a line in
//! [`PARTS`]. The same function, with little effort, is an ordinary test in `tests/quick.rs`.

pub mod causes;
mod crowd;
pub mod distance;
mod interval;
mod page;
pub mod queues;
mod row;
pub mod tcp;

pub use crowd::over_seeds;
pub use interval::{Interval, joint, mean};
pub use page::{Facts, renew};
pub use row::{Criterion, Row, Section, Unit, Verdict};

/// How much is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// For the published figures: minutes.
    Full,
    /// For a test of every change: seconds, with wider intervals.
    Quick,
}

impl Effort {
    /// The one or the other.
    pub const fn choose<T: Copy>(self, full: T, quick: T) -> T {
        match self {
            Self::Full => full,
            Self::Quick => quick,
        }
    }
}

/// What a comparison needs and this machine does not give, and how to get it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing(pub String);

/// A part of the page, by the name that `--only` knows.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// One word.
    pub name: &'static str,
    /// What else must be there than this program.
    pub needs: &'static str,
    /// Measures it.
    pub run: fn(Effort) -> Result<Section, Missing>,
}

/// Everything that is compared, in the order of the page.
pub const PARTS: &[Part] = &[
    Part { name: "queues", needs: "", run: queues::waits::section },
    Part { name: "two-choices", needs: "", run: queues::two_choices::section },
    Part { name: "retries", needs: "", run: queues::retries::section },
    Part { name: "storms", needs: "", run: queues::storms::section },
    Part { name: "causes", needs: "", run: causes::section },
    Part { name: "coverage", needs: "", run: queues::coverage::section },
    Part { name: "distance", needs: "", run: distance::section },
    Part { name: "short-responses", needs: "", run: tcp::short::section },
    Part { name: "long-transfers", needs: "", run: tcp::long::section },
    Part { name: "cubic", needs: "", run: tcp::cubic::section },
    Part { name: "fairness", needs: "", run: tcp::fairness::section },
    Part { name: "ns3", needs: "libns3-dev and g++", run: tcp::ns3::section },
    Part { name: "kernel", needs: "root, /dev/net/tun, ip (iproute2)", run: tcp::kernel::section },
];
