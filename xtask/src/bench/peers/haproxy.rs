//! HAProxy, as Debian packages it.

use std::process::Command;

use super::{Peer, Site};
use crate::needs::Need;
use crate::shell::{Outcome, output_of, program};

pub(super) const PEER: Peer = Peer {
    name: "HAProxy",
    needs: &[Need::Debian { program: "haproxy", package: "haproxy" }],
    version,
    command,
};

fn version() -> Outcome<String> {
    let said = output_of(program("haproxy").arg("-v"))?;
    Ok(said.split_whitespace().nth(2).unwrap_or_default().into())
}

fn command(site: &Site) -> Outcome<Command> {
    let file = site.write("haproxy.cfg", &configuration(site))?;
    let mut command = match &site.log {
        None => program("haproxy"),
        // It writes no files: its log is its standard output, which we lead into one.
        Some(log) => {
            let mut shell = program("sh");
            shell.args(["-c", "exec haproxy \"$@\" >\"$0\""]).arg(log);
            shell
        }
    };
    command.args(["-db", "-f"]).arg(file);
    Ok(command)
}

/// `http-reuse always`: with the default, a client's first request opens a connection of its own,
/// and the row with a new connection for each request would compare something else.
fn configuration(site: &Site) -> String {
    let (globals, log) = match site.log {
        None => ("", ""),
        Some(_) => ("  log stdout format raw local0\n", "  log global\n  option httplog\n"),
    };
    let servers = site.each_upstream(|index, to| format!("  server s{index} {to}\n"));
    format!(
        "global
  nbthread 1
  maxconn 9000
{globals}defaults
  mode http
  timeout connect 1s
  timeout client 600s
  timeout server 30s
  timeout http-keep-alive 600s
  http-reuse always
{log}frontend f
  bind 127.0.0.1:{port}
  default_backend b
backend b
  balance leastconn
{servers}",
        port = site.port
    )
}
