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
}

impl Upstream {
    fn new(ports: &[u16]) -> io::Result<Self> {
        let poller = Poller::new()?;
        let listeners: Vec<_> =
            ports.iter().map(|port| poll::listen(*port)).collect::<io::Result<_>>()?;
        for (index, listener) in listeners.iter().enumerate() {
            poller.add(listener, LISTENERS + index, Interest::Read)?;
        }
        let (small, large) = (whole(&answer::body(100)), whole(&answer::body(64 * 1024)));
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
            let connection = Connection { socket, inbound: Vec::new(), outbound: Vec::new() };
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

    fn advance(&mut self, slot: usize) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(slot) else {
            return Ok(());
        };
        if !connection.outbound.is_empty() {
            let done = flush(connection)?;
            return if done {
                self.poller.change(&connection.socket, slot, Interest::Read)
            } else {
                Ok(())
            };
        }
        connection.read()?;
        while let Some(end) = end_of_head(&connection.inbound) {
            let count;
            let answer = match path(&connection.inbound[..end]) {
                "/count" => {
                    count = whole(self.answered.to_string().as_bytes());
                    &count
                }
                HEALTH => &self.small,
                path => {
                    self.answered += 1;
                    if answer::size_of(path) == 100 { &self.small } else { &self.large }
                }
            };
            connection.send(answer)?;
            connection.inbound.drain(..end);
        }
        if connection.outbound.is_empty() {
            return Ok(());
        }
        self.poller.change(&connection.socket, slot, Interest::Write)
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
}

fn flush(connection: &mut Connection) -> io::Result<bool> {
    let sent = write(&mut connection.socket, &connection.outbound)?;
    connection.outbound.drain(..sent);
    Ok(connection.outbound.is_empty())
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
    fn the_path_is_the_second_word() {
        assert_eq!(path(b"GET /r1/large HTTP/1.1\r\n\r\n"), "/r1/large");
        assert_eq!(path(b"\r\n\r\n"), "");
    }
}
