//! The floor: a relay without any rule, from this repository.

use std::process::Command;

use super::{Peer, Site};
use crate::shell::{Outcome, program, target};

pub(super) const PEER: Peer = Peer { name: "floor", needs: &[], version, command };

fn version() -> Outcome<String> {
    Ok("no rules, no log".into())
}

fn command(site: &Site) -> Outcome<Command> {
    let upstreams: Vec<_> = site.upstreams.iter().map(ToString::to_string).collect();
    let mut command = program(target().join("release/bench-floor"));
    command.args(["--port", &site.port.to_string(), "--upstreams", &upstreams.join(",")]);
    Ok(command)
}
