//! Services behind the balancer: three that others wrote, and one that misbehaves to order.
//!
//! The three serve the same small contract: `/healthz`, the files of [`Files`] by their names
//! (with `/chunked/` before it: in chunks), `/empty` (204), and a store under `/store/` (PUT, GET).
//! Each answer of theirs says in `X-Connection` on which of their connections it left. Python and
//! Node also echo a POST, show under `/seen` what reached them, and are slow under `/slow/MS`.

pub(crate) mod scripted;

use std::net::SocketAddr;
use std::process::Stdio;
use std::{env, fs};

use tempfile::TempDir;

use crate::programs::{self, Running, free_address, listening, script};

/// Which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// nginx, one process.
    Nginx,
    /// Python's `http.server`, a thread a connection.
    Python,
    /// Node's `http`.
    Node,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Nginx, Self::Python, Self::Node];
}

/// The files that each upstream serves.
#[derive(Debug)]
pub(crate) struct Files {
    /// `/small`.
    pub(crate) small: Vec<u8>,
    /// `/large`, of one mebibyte.
    pub(crate) large: Vec<u8>,
}

impl Files {
    /// Bytes of every value, and a text that no one else would send.
    pub(crate) fn new() -> Self {
        Self { small: b"a small answer of thirty bytes".to_vec(), large: noise(1 << 20) }
    }
}

/// Bytes that look random and are the same every time (xorshift64).
pub(crate) fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(&mut next).flatten().take(count).collect()
}

/// A running service of somebody else.
#[derive(Debug)]
pub(crate) struct Upstream {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    kind: Kind,
    keep_alive_ms: u32,
    program: Running,
    folder: TempDir,
}

impl Upstream {
    /// Starts one that keeps idle connections for a minute.
    pub(crate) fn start(kind: Kind) -> Self {
        Self::keeping_idle(kind, 60_000)
    }

    /// Starts one that closes connections after so many idle milliseconds. Python never does.
    pub(crate) fn keeping_idle(kind: Kind, keep_alive_ms: u32) -> Self {
        let (address, folder) = (free_address(), prepared_folder());
        let program = run(kind, address, &folder, keep_alive_ms);
        Self { address, kind, keep_alive_ms, program, folder }
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        self.program.kill();
    }

    /// Starts it again at the same address.
    pub(crate) fn restart(&mut self) {
        self.program.kill();
        self.program = run(self.kind, self.address, &self.folder, self.keep_alive_ms);
    }
}

fn prepared_folder() -> TempDir {
    let (folder, files) = (programs::folder().expect("a temporary folder"), Files::new());
    let www = folder.path().join("www");
    fs::create_dir(&www).expect("a new folder");
    fs::write(www.join("small"), files.small).expect("it can be written");
    fs::write(www.join("large"), files.large).expect("it can be written");
    folder
}

fn run(kind: Kind, address: SocketAddr, folder: &TempDir, keep_alive_ms: u32) -> Running {
    let mut command = match kind {
        Kind::Nginx => nginx(address, folder, keep_alive_ms),
        Kind::Python => served_by(programs::python(), "upstream.py", address, folder),
        Kind::Node => served_by(programs::node(), "upstream.mjs", address, folder),
    };
    if kind == Kind::Node {
        command.arg(keep_alive_ms.to_string());
    }
    let mut program = Running::start(command.env_clear().env("PATH", path()));
    listening(&mut program, address);
    program
}

fn nginx(address: SocketAddr, folder: &TempDir, keep_alive_ms: u32) -> std::process::Command {
    let (template, place) = (script("nginx.conf"), folder.path().display().to_string());
    let settings = fs::read_to_string(template)
        .expect("it lies beside this test")
        .replace("FOLDER", &place)
        .replace("ADDRESS", &address.to_string())
        .replace("KEEP_ALIVE", &format!("{keep_alive_ms}ms"));
    let file = folder.path().join("nginx.conf");
    fs::write(&file, settings).expect("it can be written");
    let mut command = programs::program("nginx", "apt-get install nginx-light");
    command.arg("-e").arg(folder.path().join("error.log")).arg("-c").arg(file);
    command.stderr(Stdio::null());
    command
}

fn served_by(
    mut command: std::process::Command,
    name: &str,
    address: SocketAddr,
    folder: &TempDir,
) -> std::process::Command {
    command.arg(script(name)).arg(address.ip().to_string()).arg(address.port().to_string());
    command.arg(folder.path().join("www"));
    command
}

fn path() -> std::ffi::OsString {
    env::var_os("PATH").unwrap_or_default()
}
