//! The balancer as an operator starts it: the built binary, a design file, its admin pages.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::design::Design;
use crate::http::{self, Answer};
use crate::programs::{self, PATIENCE, Running, free_address, until};

/// A running balancer. [`Balancer::finish`] looks whether it has kept anything.
#[derive(Debug)]
pub(crate) struct Balancer {
    /// Where it takes requests.
    pub(crate) address: SocketAddr,
    admin: SocketAddr,
    program: Running,
    folder: TempDir,
}

impl Balancer {
    /// Starts it with one worker, and waits until it says that it is ready.
    pub(crate) fn start(design: &Design) -> Self {
        Self::start_with(design, 1, plimsoll())
    }

    /// The same with more workers, or with a command of one's own around it.
    pub(crate) fn start_with(design: &Design, workers: u32, mut command: Command) -> Self {
        let (address, admin) = (free_address(), free_address());
        let folder = programs::folder().expect("a temporary folder");
        let complaints = File::create(folder.path().join("stderr")).expect("a new file");
        command.args(run(&folder, design, address)).args(["--workers", &workers.to_string()]);
        command.args(["--admin", &admin.to_string()]);
        command.arg("--log").arg(folder.path().join("log"));
        let program = Running::start(command.stdout(Stdio::null()).stderr(complaints));
        let mut balancer = Self { address, admin, program, folder };
        balancer.wait_until_ready();
        balancer
    }

    /// GET on a connection of its own. Fails the test if there is no whole answer.
    pub(crate) fn get(&self, path: &str) -> Answer {
        http::get(self.address, path).unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    /// The process.
    pub(crate) fn program(&mut self) -> &mut Running {
        &mut self.program
    }

    /// The TCP connections that it has, to anybody.
    pub(crate) fn connections(&self) -> Vec<String> {
        // The kernel may list one twice when others come and go meanwhile.
        let listed: std::collections::BTreeSet<_> =
            self.program.connections().into_iter().collect();
        listed.into_iter().collect()
    }

    /// A page of the admin address.
    pub(crate) fn page(&self, path: &str) -> Answer {
        http::get(self.admin, path).unwrap_or_else(|error| panic!("admin {path}: {error}"))
    }

    /// The sum of all series of this name, whatever their labels.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        sum(&self.page("/metrics").text(), name, "")
    }

    /// The sum of all series of this name with this label.
    pub(crate) fn metric_with(&self, name: &str, label: &str) -> f64 {
        sum(&self.page("/metrics").text(), name, label)
    }

    /// The access log up to now, without a line that is being written.
    pub(crate) fn log(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let lines = whole.lines().map(serde_json::from_str);
        lines.collect::<Result<_, _>>().expect("a line of the log is JSON")
    }

    /// The record of the request for this path, once it is there.
    pub(crate) fn record(&self, path: &str) -> Value {
        until(PATIENCE, "the log tells of the request", || {
            self.log().into_iter().find(|record| record["path"] == path)
        })
    }

    /// What it has written to its standard error up to now.
    pub(crate) fn complaint(&self) -> String {
        fs::read_to_string(self.folder.path().join("stderr")).expect("we made it")
    }

    /// Asks it to end, and tells how it did.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.program.signal(Signal::TERM);
        self.program.end_within(PATIENCE)
    }

    /// Nothing may be left of the requests: no permit, no place in the queue, no connection. Then
    /// ends it, which it must do well and without a complaint.
    pub(crate) fn finish(mut self) {
        self.wait_until_idle();
        let status = self.stop();
        assert_eq!(status.code(), Some(0), "{}", self.complaint());
        assert!(!self.complaint().contains("panicked"), "{}", self.complaint());
    }

    /// Waits until everything has been given back, and fails the test if it is not.
    pub(crate) fn wait_until_idle(&self) {
        for level in LEVELS {
            let left = || Some(self.metric(level)).filter(|&left| left != 0.0);
            settled(|| left().map(|left| format!("{level} {left}")));
        }
        // No page is asked for meanwhile: that would be a connection more.
        let open = || Some(self.program.connections()).filter(|open| !open.is_empty());
        settled(|| open().map(|open| format!("connections: {}", open.join(", "))));
    }

    fn wait_until_ready(&mut self) {
        let (admin, folder) = (self.admin, self.folder.path().join("stderr"));
        until(PATIENCE, "the balancer is ready", || {
            let complaint = || fs::read_to_string(&folder).unwrap_or_default();
            assert_eq!(self.program.ended(), None, "{}", complaint());
            http::get(admin, "/readyz").ok().filter(|answer| answer.status() == 200)
        });
    }
}

/// The binary under test.
pub(crate) fn plimsoll() -> Command {
    Command::new(env!("CARGO_BIN_EXE_plimsoll"))
}

/// The binary under test, with at most so many open descriptors.
pub(crate) fn plimsoll_with_descriptors(limit: u32) -> Command {
    let mut command = Command::new("sh");
    let script = format!("ulimit -n {limit} && exec \"$0\" \"$@\"");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_plimsoll")]);
    command
}

/// `run FILE` for a design that is written into the folder.
pub(crate) fn run(folder: &TempDir, design: &Design, listen: SocketAddr) -> Vec<String> {
    let file: PathBuf = folder.path().join("design.toml");
    fs::write(&file, design.text(listen)).expect("it can be written");
    ["run".to_owned(), file.display().to_string()].to_vec()
}

fn sum(metrics: &str, name: &str, label: &str) -> f64 {
    let samples = metrics.lines().filter(|line| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']))
            && line.contains(label)
    });
    let values: Vec<f64> =
        samples.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
    assert!(!values.is_empty(), "no series is called {name}{{{label}}}:\n{metrics}");
    values.iter().sum()
}

/// Waits until nothing is left.
fn settled(left: impl Fn() -> Option<String>) {
    let began = Instant::now();
    while let Some(left) = left() {
        assert!(began.elapsed() < PATIENCE, "kept when nobody asks for anything any more: {left}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// What is zero when nobody asks for anything.
const LEVELS: &[&str] = &[
    "plimsoll_in_flight",
    "plimsoll_queue",
    "plimsoll_breaker_probes",
    "plimsoll_retries_in_flight",
];
