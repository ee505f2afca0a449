//! A service that costs next to nothing: it answers from memory and never waits.
//!
//! It counts what it answers, because a proxy that answers by itself, or asks twice, is fast for
//! the wrong reason. `GET /count` tells the count and is not counted; neither are health checks.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::answer;
use crate::poll::{self, Interest, Poller, Slots};

/// Answers on these ports of loopback until the process ends.
///
/// # Errors
///
/// When a port is taken or the kernel cannot wait.
pub fn serve(ports: &[u16]) -> io::Result<()> {
    poll::raise_file_limit();
    let mut upstream = Upstream::new(ports)?;
    let mut ready = Vec::new();
    loop {
        upstream.poller.wait(None, &mut ready)?;
        for &token in &ready {
            upstream.on_ready(token);
        }
    }
}

struct Upstream {
    poller: Poller,
    listeners: Vec<TcpListener>,
    connections: Slots<Connection>,
    small: Vec<u8>,
    large: Vec<u8>,
    answered: u64,
}

struct Connection {
    socket: TcpStream,
    /// Bytes of requests that are not answered yet.
    inbound: Vec<u8>,
    /// Bytes of answers that found the socket full.
    outbound: Vec<u8>,
    /// The request asked for the connection to be closed after its answer.
    last: bool,
}

impl Upstream {
    fn new(ports: &[u16]) -> io::Result<Self> {
        let poller = Poller::new()?;
        let listeners: Vec<_> =
            ports.iter().map(|port| poll::listen(*port)).collect::<io::Result<_>>()?;
        for (index, listener) in listeners.iter().enumerate() {
            poller.add(listener, LISTENERS + index, Interest::Read)?;
        }
        let (small, large) =
            (whole(&answer::body(answer::SMALL)), whole(&answer::body(answer::LARGE)));
        Ok(Self { poller, listeners, connections: Slots::new(), small, large, answered: 0 })
    }

    fn on_ready(&mut self, token: usize) {
        if token >= LISTENERS {
            self.accept(token - LISTENERS);
        } else if self.advance(token).is_err() {
            self.connections.remove(token);
        }
    }

    fn accept(&mut self, listener: usize) {
        while let Some(socket) = poll::accept(&self.listeners[listener]) {
            let connection =
                Connection { socket, inbound: Vec::new(), outbound: Vec::new(), last: false };
            let slot = self.connections.insert(connection);
            let watched = self
                .connections
                .get_mut(slot)
                .map(|connection| self.poller.add(&connection.socket, slot, Interest::Read));
            if matches!(watched, Some(Err(_))) {
                self.connections.remove(slot);
            }
        }
    }

    /// Does what can be done on a connection; an error says that it is to be closed.
    fn advance(&mut self, slot: usize) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(slot) else {
            return Ok(());
        };
        let was_full = !connection.outbound.is_empty();
        if was_full {
            connection.flush()?;
        } else {
            connection.read()?;
        }
        self.answer_all(slot)?;
        self.watch(slot, was_full)
    }

    fn answer_all(&mut self, slot: usize) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(slot) else {
            return Ok(());
        };
        while let Some(end) = end_of_head(&connection.inbound) {
            let count;
            let answer = match path(&connection.inbound[..end]) {
                COUNT => {
                    count = whole(self.answered.to_string().as_bytes());
                    &count
                }
                HEALTH => &self.small,
                path => {
                    self.answered += 1;
                    if answer::is_large(path) { &self.large } else { &self.small }
                }
            };
            connection.last = asks_to_close(&connection.inbound[..end]);
            connection.send(answer)?;
            connection.inbound.drain(..end);
        }
        Ok(())
    }

    /// Waits for what comes next: room for the rest of an answer, a request, or nothing any more.
    fn watch(&mut self, slot: usize, was_full: bool) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(slot) else {
            return Ok(());
        };
        match (was_full, !connection.outbound.is_empty()) {
            (false, true) => self.poller.change(&connection.socket, slot, Interest::Write),
            (_, false) if connection.last => Err(io::ErrorKind::ConnectionAborted.into()),
            (true, false) => self.poller.change(&connection.socket, slot, Interest::Read),
            _ => Ok(()),
        }
    }
}

impl Connection {
    fn read(&mut self) -> io::Result<()> {
        let mut scratch = [0; 4_096];
        match self.socket.read(&mut scratch) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                self.inbound.extend_from_slice(&scratch[..n]);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn send(&mut self, answer: &[u8]) -> io::Result<()> {
        let sent = if self.outbound.is_empty() { write(&mut self.socket, answer)? } else { 0 };
        self.outbound.extend_from_slice(&answer[sent..]);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let sent = write(&mut self.socket, &self.outbound)?;
        self.outbound.drain(..sent);
        Ok(())
    }
}

fn write(socket: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    match socket.write(bytes) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

fn asks_to_close(head: &[u8]) -> bool {
    let line = b"connection: close\r\n";
    head.windows(line.len()).any(|bytes| bytes.eq_ignore_ascii_case(line))
}

fn path(head: &[u8]) -> &str {
    let mut words = head.split(|byte| *byte == b' ');
    words.nth(1).and_then(|path| std::str::from_utf8(path).ok()).unwrap_or_default()
}

fn whole(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

const COUNT: &str = "/count";
const HEALTH: &str = "/healthz";
/// Tokens from here on are listeners.
const LISTENERS: usize = 1 << 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_ends_with_its_empty_line() {
        assert_eq!(end_of_head(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET"), Some(27));
        assert_eq!(end_of_head(b"GET / HTTP/1.1\r\nHost: a\r\n"), None);
    }

    #[test]
    fn a_client_can_ask_for_the_last_answer() {
        assert!(asks_to_close(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"));
        assert!(!asks_to_close(b"GET / HTTP/1.1\r\nConnection: keep-alive\r\n\r\n"));
    }

    #[test]
    fn the_path_is_the_second_word() {
        assert_eq!(path(b"GET /r1/large HTTP/1.1\r\n\r\n"), "/r1/large");
        assert_eq!(path(b"\r\n\r\n"), "");
    }
}
