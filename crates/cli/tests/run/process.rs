//! A `plimsoll run` of its own for a test, and what stands around it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A process that listens.
pub(crate) struct Running {
    pub(crate) process: Child,
    pub(crate) stderr: BufReader<std::process::ChildStderr>,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Running {
    /// Before one service. What it says first is that it listens.
    pub(crate) fn start(folder: &Path, service: SocketAddr) -> Self {
        Self::start_with(folder, service, |command| command)
    }

    pub(crate) fn start_with(
        folder: &Path,
        service: SocketAddr,
        around: impl FnOnce(Command) -> Command,
    ) -> Self {
        let (address, admin) = (free(), free());
        let design = design(folder, address, service);
        let command = command(&[design.to_str().unwrap(), "--admin", &admin.to_string()]);
        let mut process =
            around(command).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(process.stderr.take().unwrap());
        let mut said = String::new();
        stderr.read_line(&mut said).unwrap();
        assert!(said.contains("listening on"), "{said}");
        Self { process, stderr, address, admin }
    }

    pub(crate) fn ask(&self) -> TcpStream {
        let mut socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.write_all(b"GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n").unwrap();
        socket
    }

    pub(crate) fn get(&self) -> String {
        let mut answer = String::new();
        self.ask().read_to_string(&mut answer).unwrap();
        answer
    }

    pub(crate) fn page(&self, path: &str) -> String {
        let mut socket = TcpStream::connect(self.admin).unwrap();
        write!(socket, "GET {path} HTTP/1.1\r\nHost: admin\r\n\r\n").unwrap();
        let mut page = String::new();
        socket.read_to_string(&mut page).unwrap();
        page
    }

    /// The next line that it says.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        line
    }

    pub(crate) fn signal(&self, signal: &str) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status().unwrap();
        assert!(sent.success());
    }

    /// How many descriptors it may have from now on; returns how many it might have before.
    pub(crate) fn limit_descriptors(&self, most: u64) -> u64 {
        use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
        let limit = Rlimit { current: Some(most), maximum: getrlimit(Resource::Nofile).maximum };
        let process = Pid::from_raw(self.process.id().try_into().unwrap());
        prlimit(process, Resource::Nofile, limit).unwrap().current.unwrap_or(1 << 16)
    }

    /// The processor time that it has taken, in hundredths of a second (proc(5), USER_HZ).
    pub(crate) fn processor_ticks(&self) -> u64 {
        let stat = format!("/proc/{}/stat", self.process.id());
        let stat = std::fs::read_to_string(stat).unwrap();
        let fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
        fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
    }

    pub(crate) fn until_refusing(&self) {
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(self.address).is_ok() {
            assert!(Instant::now() < until, "it still accepts");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn exit(mut self) -> Option<i32> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < until, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A process that does not outlive its test.
pub(crate) struct Reaped(pub(crate) Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Line by line, for whoever does not want to wait for ever.
pub(crate) fn lines_of(stderr: std::process::ChildStderr) -> std::sync::mpsc::Receiver<String> {
    let (tell, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        BufReader::new(stderr).lines().map_while(Result::ok).try_for_each(|line| tell.send(line))
    });
    lines
}

/// The same command, with at most so many open descriptors.
pub(crate) fn with_descriptors(limit: u32, command: &Command) -> Command {
    let script = format!("ulimit -n {limit} && exec \"$0\" \"$@\"");
    let mut limited = Command::new("sh");
    limited.args(["-c", &script]).arg(command.get_program()).args(command.get_args());
    limited
}

/// A service that answers everything with a short 200, for as long as the test runs.
pub(crate) fn answering() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || serve(&listener));
    address
}

pub(crate) fn serve(listener: &TcpListener) {
    for socket in listener.incoming() {
        let mut socket = socket.unwrap();
        std::thread::spawn(move || {
            let mut bytes = [0; 4_096];
            while socket.read(&mut bytes).is_ok_and(|count| count > 0) {
                let _ = socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
            }
        });
    }
}

/// The next request that arrives at a service, on its connection.
pub(crate) fn request_at(service: &TcpListener) -> TcpStream {
    loop {
        let (mut socket, _) = service.accept().unwrap();
        let mut bytes = [0; 4_096];
        let count = socket.read(&mut bytes).unwrap();
        let is_check = bytes[..count].starts_with(b"GET /healthz");
        if is_check {
            let _ = socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        } else {
            return socket;
        }
    }
}

/// The example, before one service, with time enough for a busy machine.
pub(crate) fn design(folder: &Path, listen: SocketAddr, service: SocketAddr) -> PathBuf {
    let text = std::fs::read_to_string(example("balancer.toml")).unwrap();
    // Its incident speaks of three endpoints.
    let (text, _) = text.split_once("[[incident").unwrap();
    let text = text
        .replace("127.0.0.1:8080", &listen.to_string())
        .replace(
            r#""127.0.0.1:9001", "127.0.0.1:9002", "127.0.0.1:9003""#,
            &format!("\"{service}\""),
        )
        .replace("every = \"2s\", timeout = \"500ms\"", "every = \"500ms\", timeout = \"400ms\"")
        .replace("timeout = \"800ms\"", "timeout = \"9s\"")
        .replace("timeout = \"2s\"", "timeout = \"20s\"")
        .replace("attempt_timeout = \"350ms\"", "attempt_timeout = \"4s\"");
    let file = folder.join("design.toml");
    std::fs::write(&file, text).unwrap();
    file
}

pub(crate) fn refused(arguments: &[&str]) -> Output {
    let admin = free().to_string();
    let arguments = [arguments, &["--admin", &admin]].concat();
    let mut command = command(&arguments);
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Who is not refused runs, and would do so for ever.
    let until = Instant::now() + PATIENCE;
    while process.try_wait().unwrap().is_none() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = process.kill();
    process.wait_with_output().unwrap()
}

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.arg("run").args(arguments).args(["--workers", "1"]).env("NO_COLOR", "1");
    command
}

pub(crate) fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../designs").join(name)
}

/// An address on which nobody listens, nor will: it is held until this process ends.
pub(crate) fn nobody() -> SocketAddr {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    std::mem::forget(socket);
    address
}

/// An address that nobody uses now.
pub(crate) fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
