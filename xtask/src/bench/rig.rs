//! The bench itself: the upstream, and one proxy after another before it.
//!
//! The proxies share one core and the load and the upstream the other. All proxies of a comparison
//! run at the same time and are loaded in turn, so a busy machine is busy for all of them.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use super::load::{Load, Measure};
use super::peers::{Peer, Site};
use super::process::Running;
use crate::shell::{self, Outcome, program, target};

/// Where the proxies run.
pub(crate) const PROXY_CORE: u32 = 0;
/// Where everything around them runs.
pub(crate) const LOAD_CORE: u32 = 1;

/// The upstream, and a folder for what the programs write.
pub(crate) struct Rig {
    folder: PathBuf,
    ports: Vec<u16>,
    _upstream: Running,
}

/// A proxy that runs before the upstream.
pub(crate) struct Proxy<'a> {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    rig: &'a Rig,
    running: Option<Running>,
    log: Option<PathBuf>,
}

impl Rig {
    /// Builds what the bench consists of, and starts the upstream.
    pub(crate) fn set_up() -> Outcome<Self> {
        shell::run(&mut shell::cargo("build --release -p plimsoll-bench"))?;
        let folder = target().join("bench");
        fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let ports = free_ports(3)?;
        let list: Vec<_> = ports.iter().map(u16::to_string).collect();
        let mut command = program(target().join("release/bench-upstream"));
        command.args(["--ports", &list.join(",")]);
        let mut upstream = Running::start("upstream", &command, LOAD_CORE, &folder)?;
        upstream.wait_for(ports[0])?;
        Ok(Self { folder, ports, _upstream: upstream })
    }

    /// Starts a proxy, with or without its access log.
    pub(crate) fn start(&self, peer: &Peer, logs: bool, routes: usize) -> Outcome<Proxy<'_>> {
        let folder = self.folder.join(peer.name);
        fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let ports = free_ports(2)?;
        let log = logs.then(|| folder.join("access.log"));
        if let Some(log) = &log {
            fs::write(log, "").map_err(|e| format!("{}: {e}", log.display()))?;
        }
        let site = Site {
            folder,
            port: ports[0],
            admin: ports[1],
            upstreams: self.ports.iter().map(|port| ([127, 0, 0, 1], *port).into()).collect(),
            log: log.clone(),
            routes,
        };
        let command = (peer.command)(&site)?;
        let mut running = Running::start(peer.name, &command, PROXY_CORE, &site.folder)?;
        running
            .wait_for(site.port)
            .map_err(|why| format!("{why}\n{}", said(&site.folder, peer.name)))?;
        Ok(Proxy { name: peer.name, port: site.port, rig: self, running: Some(running), log })
    }

    /// The upstream without any proxy: what the load itself and the kernel take.
    pub(crate) fn direct(&self) -> Proxy<'_> {
        Proxy { name: "none", port: self.ports[0], rig: self, running: None, log: None }
    }

    /// How many requests the upstream has answered.
    fn count(&self) -> Outcome<u64> {
        let address = SocketAddr::from(([127, 0, 0, 1], self.ports[0]));
        let ask = || -> std::io::Result<String> {
            let mut socket = TcpStream::connect(address)?;
            socket.write_all(b"GET /count HTTP/1.1\r\nHost: bench.test\r\n\r\n")?;
            let mut answer = [0; 1_024];
            let n = socket.read(&mut answer)?;
            Ok(String::from_utf8_lossy(&answer[..n]).into_owned())
        };
        let answer = ask().map_err(|e| format!("the upstream does not tell its count: {e}"))?;
        let count = answer.rsplit("\r\n").next().unwrap_or_default();
        count.parse().map_err(|_| format!("the upstream says {answer:?}"))
    }
}

impl Proxy<'_> {
    /// Sends a load through it.
    ///
    /// # Errors
    ///
    /// When an answer was wrong, or the upstream did not answer as many requests as were sent.
    pub(crate) fn measure(&self, load: &Load) -> Outcome<Measure> {
        let before = self.rig.count()?;
        let measure = load.send(self.port, &self.processes()).map_err(|why| self.blame(&why))?;
        match self.rig.count()? - before {
            reached if reached == measure.sent => Ok(measure),
            reached => {
                Err(self.blame(&format!("{} sent, {reached} at the upstream", measure.sent)))
            }
        }
    }

    /// The processes that it consists of.
    pub(crate) fn processes(&self) -> Vec<u32> {
        self.running.as_ref().map_or_else(Vec::new, Running::processes)
    }

    /// Ends it, and makes sure that it wrote the log it was to write.
    pub(crate) fn stop(mut self, requests: u64) -> Outcome {
        drop(self.running.take());
        let Some(log) = &self.log else {
            return Ok(());
        };
        let text = fs::read(log).map_err(|e| format!("{}: {e}", log.display()))?;
        let lines = text.iter().filter(|byte| **byte == b'\n').count() as u64;
        // Tens of thousands of lines would only fill the disk.
        let _ = fs::remove_file(log);
        if self.name == "floor" || lines >= requests {
            return Ok(());
        }
        Err(self.blame(&format!("{requests} requests, {lines} lines in its log")))
    }

    fn blame(&self, why: &str) -> String {
        format!("{}: {why}\n{}", self.name, said(&self.rig.folder.join(self.name), self.name))
    }
}

fn said(folder: &Path, name: &str) -> String {
    let said = fs::read_to_string(folder.join(format!("{name}.out"))).unwrap_or_default();
    said.chars().take(2_000).collect()
}

/// Ports that nobody uses now.
fn free_ports(n: usize) -> Outcome<Vec<u16>> {
    let held: Vec<_> = (0..n)
        .map(|_| TcpListener::bind("127.0.0.1:0"))
        .collect::<std::io::Result<_>>()
        .map_err(|e| format!("no free port: {e}"))?;
    Ok(held.iter().filter_map(|held| Some(held.local_addr().ok()?.port())).collect())
}
