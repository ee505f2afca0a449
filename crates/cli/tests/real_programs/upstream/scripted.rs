//! A service that does what a test tells it, byte by byte: hangs, resets, answers nonsense.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use crate::programs::free_address;

/// A service that listens until the test ends.
#[derive(Debug)]
pub(crate) struct Scripted {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    seen: Arc<Heads>,
}

/// What has reached it.
type Heads = Mutex<Vec<String>>;

/// A connection from the balancer, behind the head of a request.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The head as it came.
    pub(crate) head: String,
    stream: TcpStream,
    unread: Vec<u8>,
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// The next request is read.
    Stay,
    /// It is closed in good order.
    Close,
    /// It is reset.
    Reset,
}

/// What a script does with a request.
type Script = dyn Fn(&mut Asked) -> io::Result<Then> + Send + Sync;

impl Scripted {
    /// Starts one. Requests for `/healthz` are answered well without asking the script.
    pub(crate) fn start(
        script: impl Fn(&mut Asked) -> io::Result<Then> + Send + Sync + 'static,
    ) -> Self {
        let address = free_address();
        let listener = TcpListener::bind(address).expect("the address is free");
        let (seen, script): (Arc<Heads>, Arc<Script>) = (Arc::default(), Arc::new(script));
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, script) = (Arc::clone(&shared), Arc::clone(&script));
                thread::spawn(move || serve(stream, &seen, &*script));
            }
        });
        Self { address, seen }
    }

    /// The heads of all requests so far, health checks left out.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.seen.lock().expect("no script panics with it").clone()
    }
}

/// An answer with this status and body, on a connection that stays.
pub(crate) fn answer(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} Scripted\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

impl Asked {
    /// The path that was asked for.
    pub(crate) fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// Answers, and keeps the connection.
    pub(crate) fn answer(&mut self, status: u16, body: &str) -> io::Result<Then> {
        self.send(answer(status, body).as_bytes())?;
        Ok(Then::Stay)
    }

    /// Sends bytes.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    fn read_head(&mut self) -> io::Result<()> {
        loop {
            if let Some(at) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = self.unread.drain(..at + 4).collect();
                self.head = String::from_utf8(head).map_err(|_| ErrorKind::InvalidData)?;
                return Ok(());
            }
            self.more()?;
        }
    }

    fn more(&mut self) -> io::Result<()> {
        let mut bytes = [0; 16_384];
        match self.stream.read(&mut bytes)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            count => {
                self.unread.extend_from_slice(&bytes[..count]);
                Ok(())
            }
        }
    }

    /// Does nothing until the balancer leaves; whatever it sends is thrown away.
    pub(crate) fn hang(&mut self) -> io::Result<Then> {
        while self.more().is_ok() {
            self.unread.clear();
        }
        Ok(Then::Close)
    }
}

/// Ends with the connection; an error is an end like any other.
fn serve(stream: TcpStream, seen: &Heads, script: &Script) {
    let _ = stream.set_nodelay(true);
    let mut asked = Asked { head: String::new(), stream, unread: Vec::new() };
    while asked.read_head().is_ok() {
        if asked.head.starts_with("GET /healthz ") {
            let _ = asked.answer(200, "ok");
            continue;
        }
        seen.lock().expect("no script panics with it").push(asked.head.clone());
        match script(&mut asked) {
            Ok(Then::Stay) => {}
            Ok(Then::Close) | Err(_) => return,
            Ok(Then::Reset) => {
                let _ = SockRef::from(&asked.stream).set_linger(Some(Duration::ZERO));
                return;
            }
        }
    }
}
