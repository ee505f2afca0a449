//! The proxies that are compared, one file each: how to configure it and how to start it.
//!
//! Each gets one worker, the same three upstream addresses, connections kept alive on both sides,
//! and otherwise what its defaults are.

mod envoy;
mod floor;
mod haproxy;
mod nginx;
mod plimsoll;

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use crate::needs::Need;
use crate::shell::Outcome;

/// A proxy to compare.
pub(crate) struct Peer {
    /// What `--peers` and the tables call it.
    pub(crate) name: &'static str,
    /// What must be installed.
    pub(crate) needs: &'static [Need],
    /// Which version is measured.
    pub(crate) version: fn() -> Outcome<String>,
    /// Writes its configuration and says how to start it.
    pub(crate) command: fn(&Site) -> Outcome<Command>,
}

/// Where a proxy stands in a run.
pub(crate) struct Site {
    /// For its files.
    pub(crate) folder: PathBuf,
    /// Where it listens, on loopback.
    pub(crate) port: u16,
    /// A second port, for those that have an admin page.
    pub(crate) admin: u16,
    /// Where its requests go.
    pub(crate) upstreams: Vec<SocketAddr>,
    /// Its access log; without one it writes none.
    pub(crate) log: Option<PathBuf>,
    /// 1, or how many prefixes `/r0`, `/r1`, … lead to the upstreams.
    pub(crate) routes: usize,
}

/// Every proxy, in the order of the tables.
pub(crate) const PEERS: &[&Peer] =
    &[&plimsoll::PEER, &floor::PEER, &nginx::PEER, &haproxy::PEER, &envoy::PEER];

impl Site {
    /// Writes a configuration file and returns where it is.
    fn write(&self, name: &str, text: &str) -> Outcome<PathBuf> {
        let path = self.folder.join(name);
        fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(path)
    }

    /// One line for each upstream.
    fn each_upstream(&self, line: impl Fn(usize, &SocketAddr) -> String) -> String {
        self.upstreams.iter().enumerate().map(|(index, to)| line(index, to)).collect()
    }
}
