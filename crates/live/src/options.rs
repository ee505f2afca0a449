//! How a design is to be run.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::limits::Limits;
use crate::log::Target;

/// The file that a design was read from, so that it can be shown where its values stand.
#[derive(Clone, Debug)]
pub struct DesignFile {
    /// As it was given.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// How to run a design.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where the design comes from.
    pub file: Option<DesignFile>,
    /// Which balancer; the only one if nothing is said.
    pub node: Option<String>,
    /// In which region; the only one of the node if nothing is said.
    pub region: Option<String>,
    /// Which of several instances in one process this is: what it says on standard error has it.
    pub number: Option<usize>,
    /// How many workers; as many as there are cores if nothing is said.
    pub workers: Option<usize>,
    /// Where the admin pages are; nowhere if nothing is said.
    pub admin: Option<SocketAddr>,
    /// Where the access log goes.
    pub log: Target,
    /// Where decisions are recorded, for one worker: see [`crate::replay`].
    pub record: Option<PathBuf>,
    /// The ends of what clients and services may do, where the design says nothing.
    pub limits: Limits,
    /// Where all chance comes from.
    pub seed: u64,
}
