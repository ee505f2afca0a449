//! Why a design is not run.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use config::diagnostic::Diagnostic;

/// Why a design is not run.
#[derive(Debug)]
pub enum Refused {
    /// There is no node of this name; the balancers there are.
    NoNode(String, Vec<String>),
    /// The node is not one of ours.
    NotABalancer(String),
    /// There are several balancers, or none.
    WhichNode(Vec<String>),
    /// There is no region of this name in which the node runs.
    NoRegion {
        /// The balancer.
        node: String,
        /// What was asked for.
        region: String,
        /// Where it runs.
        known: Vec<String>,
    },
    /// The node runs in several regions.
    WhichRegion(Vec<String>),
    /// Something of the balancer cannot be carried: see [`lacking`](crate::lacking).
    Lacking(Vec<Diagnostic>),
    /// An address cannot be listened on.
    Listen(SocketAddr, io::Error),
    /// A log cannot be opened: the access log, or that of the decisions.
    Log(String, io::Error),
    /// A decision log is that of one worker.
    RecordsOneWorker,
    /// There are fewer descriptors than one client of each worker takes.
    Descriptors {
        /// By the process's limit, or by the design.
        allowed: u64,
        /// At the least.
        needed: u64,
    },
    /// The machine gives us no thread or event loop.
    Machine(io::Error),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNode(name, known) => {
                write!(f, "the design has no node \"{name}\"; its balancers: {}", known.join(", "))
            }
            Self::NotABalancer(name) => write!(f, "\"{name}\" is not a balancer"),
            Self::WhichNode(known) if known.is_empty() => f.write_str(
                "the design has no balancer, so there is nothing to carry: add a \
                 `[balancer.NAME]`, or look at it with `plimsoll sim`",
            ),
            Self::WhichNode(known) => {
                write!(f, "the design has several balancers; say --node: {}", known.join(", "))
            }
            Self::NoRegion { node, region, known } => {
                let known = known.join(", ");
                write!(f, "`{node}` does not run in a region \"{region}\"; it runs in: {known}")
            }
            Self::WhichRegion(known) => {
                write!(f, "the node runs in several regions; say --region: {}", known.join(", "))
            }
            Self::Lacking(lacking) => write!(f, "cannot be run: {}", messages(lacking)),
            Self::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
            Self::Log(name, error) => write!(f, "cannot open the log `{name}`: {error}"),
            Self::RecordsOneWorker => f.write_str(
                "decisions are recorded of one worker only: give `--workers 1` beside `--record`",
            ),
            Self::Descriptors { allowed, needed } => write!(
                f,
                "{allowed} descriptors are allowed (`ulimit -n`, or `descriptors` in the design) \
                 and at least {needed} are needed; allow more, or take fewer workers"
            ),
            Self::Machine(error) => write!(f, "cannot start: {error}"),
        }
    }
}

impl std::error::Error for Refused {}

fn messages(diagnostics: &[Diagnostic]) -> String {
    let messages: Vec<_> = diagnostics.iter().map(|one| one.message.as_str()).collect();
    messages.join("; ")
}
