//! Programs that others wrote, started and ended.
//!
//! A program that is missing is a failure that says what to install: a test that is skipped
//! silently proves nothing.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};
use std::{env, fs};

use rustix::process::{Pid, Signal, kill_process};

/// A program as `PATH` and Debian's places for servers have it. Fails the test if it is missing.
pub(crate) fn program(name: &str, install: &str) -> Command {
    let found = places().map(|folder| folder.join(name)).find(|file| is_program(file));
    Command::new(found.unwrap_or_else(|| panic!("{name} is missing; install it: {install}")))
}

/// A Python that has httpx.
pub(crate) fn python_with_httpx() -> Command {
    let path = python().get_program().to_owned();
    let asked = Command::new(&path).args(["-c", "import httpx"]).stderr(Stdio::null()).status();
    assert!(
        asked.is_ok_and(|status| status.success()),
        "httpx for Python is missing; install it: cargo xtask setup"
    );
    Command::new(path)
}

/// Any Python 3.
pub(crate) fn python() -> Command {
    program("python3", "apt-get install python3")
}

/// Node.
pub(crate) fn node() -> Command {
    program("node", "apt-get install nodejs")
}

/// A file of the folder `scripts` beside these tests.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real_programs/scripts").join(name)
}

/// What it prints on its standard output. Fails the test if it fails.
pub(crate) fn output_of(command: &mut Command) -> String {
    let output = command.output().expect("the program starts");
    let (printed, complaint) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{printed}\n{complaint}", output.status);
    printed
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// First the Python that `cargo xtask setup` has made, last where Debian keeps nginx.
fn places() -> impl Iterator<Item = PathBuf> {
    let ours = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../tools/python/bin");
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<_> = env::split_paths(&path).collect();
    [ours].into_iter().chain(on_path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from))
}

fn is_program(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// A process that we started. It is killed with its test.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
}

impl Running {
    /// Starts it, with nothing to read from us.
    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).spawn();
        Self { child: child.unwrap_or_else(|error| panic!("{command:?}: {error}")) }
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.id()).ok().and_then(Pid::from_raw).expect("a process has one");
        kill_process(id, signal).expect("our own child, not yet waited for");
    }

    /// Kills it, as a crash would, and returns once it is gone.
    pub(crate) fn kill(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("our own child")
    }

    /// How it ends, within `limit`. Fails the test if it does not.
    pub(crate) fn end_within(&mut self, limit: Duration) -> ExitStatus {
        until(limit, "the program ends", || self.ended())
    }

    /// What it says on the pipe of its errors, if there is one, from now to its end.
    pub(crate) fn complaint(&mut self) -> String {
        let mut text = String::new();
        if let Some(mut pipe) = self.child.stderr.take() {
            pipe.read_to_string(&mut text).expect("it speaks UTF-8");
        }
        text
    }

    /// Processor time that it has used so far, its own and the kernel's for it.
    pub(crate) fn processor_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id())).expect("it runs");
        // The name in brackets may hold anything; the fields behind it are numbers. Fields 14 and
        // 15 of proc(5) are hundredths of a second.
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let ticks: u64 =
            fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Duration::from_millis(ticks * 10)
    }

    /// The TCP connections that it holds, as proc(5) writes them: addresses and state in
    /// hexadecimal. Listeners are none.
    pub(crate) fn connections(&self) -> Vec<String> {
        let held: BTreeSet<_> = self.descriptors().collect();
        let table = fs::read_to_string(format!("/proc/{}/net/tcp", self.id())).expect("it runs");
        let rows = table.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
        let connections = rows.filter(|row| row[3] != LISTENING);
        let held = connections.filter(|row| held.contains(&format!("socket:[{}]", row[9])));
        held.map(|row| row[1..4].join(" ")).collect()
    }

    fn descriptors(&self) -> impl Iterator<Item = String> {
        let folder = fs::read_dir(format!("/proc/{}/fd", self.id())).expect("it runs");
        let targets = folder.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
        targets.map(|target| target.to_string_lossy().into_owned())
    }
}

/// `TCP_LISTEN` of the kernel.
const LISTENING: &str = "0A";

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A loopback address where nobody listens.
///
/// The whole of 127.0.0.0/8 is loopback. Each test process takes an address of its own in it, made
/// of its number, so that a port that was free when we asked is still free when we use it.
pub(crate) fn free_address() -> SocketAddr {
    let mut given = GIVEN.lock().expect("nobody panics while asking");
    loop {
        let asked = TcpListener::bind((own_host(), 0)).and_then(|listener| listener.local_addr());
        let address = asked.expect("loopback has free ports");
        if !given.contains(&address) {
            given.push(address);
            return address;
        }
    }
}

static GIVEN: Mutex<Vec<SocketAddr>> = Mutex::new(Vec::new());

fn own_host() -> Ipv4Addr {
    let [_, a, b, c] = process::id().to_be_bytes();
    Ipv4Addr::new(127, a.saturating_add(1), b, c)
}

/// Waits until somebody listens there.
pub(crate) fn listening(program: &mut Running, address: SocketAddr) {
    until(PATIENCE, "somebody listens", || {
        assert_eq!(program.ended(), None, "it ended before it listened on {address}");
        TcpStream::connect(address).ok()
    });
}

/// Asks again and again until there is an answer, and fails the test if there is none in time.
pub(crate) fn until<T>(limit: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < limit, "{what}: not within {limit:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// How long anything may take that should take a moment. Tests of other crates run beside us.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A folder that goes away with its test, and that servers without privileges can read.
pub(crate) fn folder() -> io::Result<tempfile::TempDir> {
    tempfile::Builder::new()
        .prefix("plimsoll-")
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir()
}
