//! One connection of the load: sends a request, and checks the answer while it comes in.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use crate::answer;
use crate::poll;

/// A connection and the request that it waits for.
#[derive(Debug)]
pub(super) struct Connection {
    socket: TcpStream,
    waits: Option<Waits>,
    /// The head so far, while it is not complete.
    head: Vec<u8>,
}

#[derive(Debug)]
struct Waits {
    due: Instant,
    /// Which of the expected bodies is to come.
    which: usize,
    /// How far the body has come, and how long it says it is; `None` before its head.
    body: Option<(usize, usize)>,
    right: bool,
}

/// What reading has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// More is to come.
    Waiting,
    /// The whole answer is there.
    Answered { due: Instant, right: bool },
    /// Closed, and nothing was lost by it.
    Ended,
    /// Closed or garbled before the answer was whole.
    Broken,
}

impl Connection {
    pub(super) fn open(to: SocketAddr) -> io::Result<Self> {
        Ok(Self { socket: poll::connect(to)?, waits: None, head: Vec::new() })
    }

    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    pub(super) fn send(&mut self, request: &[u8], which: usize, due: Instant) -> io::Result<()> {
        self.waits = Some(Waits { due, which, body: None, right: true });
        // So short a request fits an empty socket buffer.
        self.socket.write_all(request)
    }

    pub(super) fn read(&mut self, scratch: &mut [u8], expected: &[Vec<u8>]) -> Progress {
        match self.socket.read(scratch) {
            Ok(0) if self.waits.is_none() => Progress::Ended,
            Ok(0) => Progress::Broken,
            Ok(n) => self.take(&scratch[..n], expected),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Progress::Waiting,
            Err(_) if self.waits.is_none() => Progress::Ended,
            Err(_) => Progress::Broken,
        }
    }

    fn take(&mut self, bytes: &[u8], expected: &[Vec<u8>]) -> Progress {
        let Some(waits) = &mut self.waits else {
            return Progress::Broken;
        };
        if waits.body.is_some() {
            return self.take_body(bytes, expected);
        }
        self.head.extend_from_slice(bytes);
        match answer::head(&self.head) {
            Err(answer::Malformed) => Progress::Broken,
            Ok(None) => Progress::Waiting,
            Ok(Some(head)) => {
                waits.body = Some((0, head.body));
                waits.right = head.status == 200 && head.body == expected[waits.which].len();
                let start = std::mem::take(&mut self.head);
                self.take_body(&start[head.len..], expected)
            }
        }
    }

    fn take_body(&mut self, bytes: &[u8], expected: &[Vec<u8>]) -> Progress {
        let Some(Waits { due, which, body: Some((at, len)), right }) = &mut self.waits else {
            return Progress::Broken;
        };
        let come = *at + bytes.len();
        *right &= expected[*which].get(*at..come) == Some(bytes);
        *at = come;
        if come < *len {
            return Progress::Waiting;
        }
        let answered = Progress::Answered { due: *due, right: *right && come == *len };
        self.waits = None;
        answered
    }
}

/// The bytes of a request.
pub(super) fn request(path: &str, fresh: bool) -> Vec<u8> {
    let close = if fresh { "Connection: close\r\n" } else { "" };
    let fields = "User-Agent: bench-load\r\nAccept: */*\r\n";
    format!("GET {path} HTTP/1.1\r\nHost: bench.test\r\n{fields}{close}\r\n").into_bytes()
}

/// What the upstream will answer to it.
pub(super) fn expected(path: &str) -> Vec<u8> {
    answer::body(answer::size_of(path))
}
