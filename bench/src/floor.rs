//! A proxy without any rule: what is left when nothing is decided.
//!
//! It finds where a request and its answer end, with httparse, keeps connections alive on both
//! sides, and copies. No timeout, no limit, no retry, no log, no header that has to go but
//! `Connection`. A proxy with rules cannot be cheaper than this, so its cost above this is what
//! the rules cost. It takes requests without a body only, and closes on whatever it does not
//! understand.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use crate::answer;
use crate::poll::{self, Interest, Poller, Slots};

/// Relays from a port of loopback to these upstreams in turn, until the process ends.
///
/// # Errors
///
/// When the port is taken or the kernel cannot wait.
pub fn relay(port: u16, upstreams: &[SocketAddr]) -> io::Result<()> {
    poll::raise_file_limit();
    let mut floor = Floor::new(port, upstreams)?;
    let mut ready = Vec::new();
    loop {
        floor.poller.wait(None, &mut ready)?;
        for &token in &ready {
            floor.on_ready(token);
        }
    }
}

struct Floor {
    poller: Poller,
    listener: TcpListener,
    upstreams: Vec<SocketAddr>,
    /// Connections to each upstream that wait for a request.
    idle: Vec<Vec<usize>>,
    turn: usize,
    ends: Slots<End>,
    scratch: Box<[u8]>,
}

/// One side of a relayed connection.
struct End {
    socket: TcpStream,
    side: Side,
    /// The other side while a request is under way.
    partner: Option<usize>,
    /// Read, and not understood yet.
    inbound: Vec<u8>,
    /// Found the socket full.
    outbound: Vec<u8>,
}

enum Side {
    Client {
        close: bool,
    },
    /// `missing` is what is still to come of the answer, if its head was seen.
    Upstream {
        index: usize,
        missing: Option<usize>,
    },
}

/// What was found in the bytes of a client.
enum Request {
    Partial,
    Unfit,
    Whole { len: usize, close: bool },
}

impl Floor {
    fn new(port: u16, upstreams: &[SocketAddr]) -> io::Result<Self> {
        let (poller, listener) = (Poller::new()?, poll::listen(port)?);
        poller.add(&listener, LISTENER, Interest::Read)?;
        Ok(Self {
            poller,
            listener,
            upstreams: upstreams.to_vec(),
            idle: vec![Vec::new(); upstreams.len()],
            turn: 0,
            ends: Slots::new(),
            scratch: vec![0; SCRATCH].into_boxed_slice(),
        })
    }

    fn on_ready(&mut self, token: usize) {
        if token == LISTENER {
            return self.accept();
        }
        let Some(end) = self.ends.get_mut(token) else {
            return;
        };
        let outcome = match (&end.side, end.outbound.is_empty()) {
            (_, false) => self.flush(token),
            (Side::Client { .. }, true) => self.on_client(token),
            (Side::Upstream { .. }, true) => self.on_upstream(token),
        };
        if outcome.is_err() {
            self.close(token);
        }
    }

    fn accept(&mut self) {
        while let Some(socket) = poll::accept(&self.listener) {
            // Refused by the kernel, the client finds its connection closed.
            let _ = self.insert(socket, Side::Client { close: false });
        }
    }

    fn insert(&mut self, socket: TcpStream, side: Side) -> io::Result<usize> {
        let end = End { socket, side, partner: None, inbound: Vec::new(), outbound: Vec::new() };
        let slot = self.ends.insert(end);
        let end = self.ends.get_mut(slot).ok_or(io::ErrorKind::NotFound)?;
        let watched = self.poller.add(&end.socket, slot, Interest::Read);
        if watched.is_err() {
            self.ends.remove(slot);
        }
        watched.map(|()| slot)
    }

    fn on_client(&mut self, client: usize) -> io::Result<()> {
        let mut scratch = std::mem::take(&mut self.scratch);
        let outcome = self.read_request(client, &mut scratch);
        self.scratch = scratch;
        outcome
    }

    fn read_request(&mut self, client: usize, scratch: &mut [u8]) -> io::Result<()> {
        let end = self.ends.get_mut(client).ok_or(io::ErrorKind::NotFound)?;
        let Some(n) = read(&mut end.socket, scratch)? else {
            return Ok(());
        };
        if end.partner.is_some() || !end.inbound.is_empty() {
            end.inbound.extend_from_slice(&scratch[..n]);
            return self.next_request(client);
        }
        let used = self.forward(client, &scratch[..n])?;
        let end = self.ends.get_mut(client).ok_or(io::ErrorKind::NotFound)?;
        end.inbound.extend_from_slice(&scratch[used..n]);
        Ok(())
    }

    /// Goes on with what a client has sent ahead.
    fn next_request(&mut self, client: usize) -> io::Result<()> {
        let end = self.ends.get_mut(client).ok_or(io::ErrorKind::NotFound)?;
        if end.partner.is_some() || end.inbound.is_empty() {
            return Ok(());
        }
        let mut inbound = std::mem::take(&mut end.inbound);
        let used = self.forward(client, &inbound)?;
        inbound.drain(..used);
        let end = self.ends.get_mut(client).ok_or(io::ErrorKind::NotFound)?;
        end.inbound = inbound;
        Ok(())
    }

    /// Sends one request on, and returns how many bytes it had; 0 while it is not complete.
    fn forward(&mut self, client: usize, bytes: &[u8]) -> io::Result<usize> {
        let (len, close) = match request(bytes) {
            Request::Partial => return Ok(0),
            Request::Unfit => return Err(io::ErrorKind::InvalidData.into()),
            Request::Whole { len, close } => (len, close),
        };
        let upstream = self.upstream()?;
        if let Some(end) = self.ends.get_mut(client) {
            end.partner = Some(upstream);
            end.side = Side::Client { close };
        }
        if let Some(end) = self.ends.get_mut(upstream) {
            end.partner = Some(client);
        }
        if close {
            self.send(upstream, &without_connection(&bytes[..len]))?;
        } else {
            self.send(upstream, &bytes[..len])?;
        }
        Ok(len)
    }

    /// A connection to the upstream whose turn it is.
    fn upstream(&mut self) -> io::Result<usize> {
        let index = self.turn;
        self.turn = (self.turn + 1) % self.upstreams.len();
        if let Some(idle) = self.idle[index].pop() {
            return Ok(idle);
        }
        let socket = poll::connect(self.upstreams[index])?;
        self.insert(socket, Side::Upstream { index, missing: None })
    }

    fn on_upstream(&mut self, upstream: usize) -> io::Result<()> {
        let mut scratch = std::mem::take(&mut self.scratch);
        let outcome = self.read_answer(upstream, &mut scratch);
        self.scratch = scratch;
        outcome
    }

    fn read_answer(&mut self, upstream: usize, scratch: &mut [u8]) -> io::Result<()> {
        let end = self.ends.get_mut(upstream).ok_or(io::ErrorKind::NotFound)?;
        let Some(n) = read(&mut end.socket, scratch)? else {
            return Ok(());
        };
        let client = end.partner.ok_or(io::ErrorKind::InvalidData)?;
        let Side::Upstream { missing, .. } = &mut end.side else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        if let Some(missing) = missing {
            *missing = missing.checked_sub(n).ok_or(io::ErrorKind::InvalidData)?;
            return self.pass_on(upstream, client, &scratch[..n]);
        }
        if end.inbound.is_empty() {
            let Some(head) = head(&scratch[..n])? else {
                end.inbound.extend_from_slice(&scratch[..n]);
                return Ok(());
            };
            *missing = Some(rest(&head, n)?);
            return self.pass_on(upstream, client, &scratch[..n]);
        }
        end.inbound.extend_from_slice(&scratch[..n]);
        let Some(head) = head(&end.inbound)? else {
            return Ok(());
        };
        let start = std::mem::take(&mut end.inbound);
        *missing = Some(rest(&head, start.len())?);
        self.pass_on(upstream, client, &start)
    }

    fn pass_on(&mut self, upstream: usize, client: usize, bytes: &[u8]) -> io::Result<()> {
        self.send(client, bytes)?;
        let end = self.ends.get_mut(upstream).ok_or(io::ErrorKind::NotFound)?;
        match &mut end.side {
            Side::Upstream { index, missing } if *missing == Some(0) => {
                *missing = None;
                end.partner = None;
                self.idle[*index].push(upstream);
                self.on_answered(client)
            }
            _ => self.pause_behind(upstream, client),
        }
    }

    fn on_answered(&mut self, client: usize) -> io::Result<()> {
        let end = self.ends.get_mut(client).ok_or(io::ErrorKind::NotFound)?;
        end.partner = None;
        if end.outbound.is_empty() { self.on_delivered(client) } else { Ok(()) }
    }

    /// The client has every byte of its answer.
    fn on_delivered(&mut self, client: usize) -> io::Result<()> {
        let end = self.ends.get_mut(client).ok_or(io::ErrorKind::NotFound)?;
        match end.side {
            Side::Client { close: true } => {
                self.ends.remove(client);
                Ok(())
            }
            _ if end.inbound.is_empty() => Ok(()),
            _ => self.next_request(client),
        }
    }

    /// A client that reads slowly stops the reading from its upstream.
    fn pause_behind(&mut self, upstream: usize, client: usize) -> io::Result<()> {
        let full = self.ends.get_mut(client).is_some_and(|end| !end.outbound.is_empty());
        match self.ends.get_mut(upstream) {
            Some(end) if full => self.poller.change(&end.socket, upstream, Interest::Nothing),
            _ => Ok(()),
        }
    }

    fn send(&mut self, to: usize, bytes: &[u8]) -> io::Result<()> {
        let end = self.ends.get_mut(to).ok_or(io::ErrorKind::NotFound)?;
        let sent = if end.outbound.is_empty() { write(&mut end.socket, bytes)? } else { 0 };
        if sent == bytes.len() {
            return Ok(());
        }
        end.outbound.extend_from_slice(&bytes[sent..]);
        self.poller.change(&end.socket, to, Interest::Write)
    }

    fn flush(&mut self, slot: usize) -> io::Result<()> {
        let end = self.ends.get_mut(slot).ok_or(io::ErrorKind::NotFound)?;
        let sent = write(&mut end.socket, &end.outbound)?;
        end.outbound.drain(..sent);
        if !end.outbound.is_empty() {
            return Ok(());
        }
        self.poller.change(&end.socket, slot, Interest::Read)?;
        match (end.partner, &end.side) {
            (None, Side::Client { .. }) => self.on_delivered(slot),
            (Some(upstream), Side::Client { .. }) => {
                let end = self.ends.get_mut(upstream).ok_or(io::ErrorKind::NotFound)?;
                self.poller.change(&end.socket, upstream, Interest::Read)
            }
            _ => Ok(()),
        }
    }

    /// Closes an end, and the partner that cannot be served without it.
    fn close(&mut self, slot: usize) {
        let Some(end) = self.ends.remove(slot) else {
            return;
        };
        if let Side::Upstream { index, .. } = end.side {
            self.idle[index].retain(|idle| *idle != slot);
        }
        if let Some(partner) = end.partner {
            self.ends.remove(partner);
        }
    }
}

fn request(bytes: &[u8]) -> Request {
    let mut fields = [httparse::EMPTY_HEADER; answer::FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let len = match request.parse(bytes) {
        Err(_) => return Request::Unfit,
        Ok(httparse::Status::Partial) => return Request::Partial,
        Ok(httparse::Status::Complete(len)) => len,
    };
    let is = |field: &httparse::Header<'_>, name: &str| field.name.eq_ignore_ascii_case(name);
    let has_body = |field: &httparse::Header<'_>| {
        is(field, "content-length") || is(field, "transfer-encoding")
    };
    if request.headers.iter().any(has_body) {
        return Request::Unfit;
    }
    Request::Whole { len, close: request.headers.iter().any(|field| is(field, "connection")) }
}

/// The connection to the upstream is not the client's to close.
fn without_connection(head: &[u8]) -> Vec<u8> {
    let lines = head.split_inclusive(|byte| *byte == b'\n');
    lines
        .filter(|line| {
            !line.get(..11).is_some_and(|name| name.eq_ignore_ascii_case(b"connection:"))
        })
        .flatten()
        .copied()
        .collect()
}

fn head(bytes: &[u8]) -> io::Result<Option<answer::Head>> {
    answer::head(bytes).map_err(|answer::Malformed| io::ErrorKind::InvalidData.into())
}

/// How much of an answer is missing after `n` bytes of it.
fn rest(head: &answer::Head, n: usize) -> io::Result<usize> {
    (head.len + head.body).checked_sub(n).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn read(socket: &mut TcpStream, into: &mut [u8]) -> io::Result<Option<usize>> {
    match socket.read(into) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(n) => Ok(Some(n)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

fn write(socket: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    match socket.write(bytes) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}

const LISTENER: usize = 1 << 32;
const SCRATCH: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_word_on_its_connection_does_not_reach_the_upstream() {
        let head = b"GET / HTTP/1.1\r\nConnection: close\r\nHost: a\r\n\r\n";

        assert_eq!(without_connection(head), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }

    #[test]
    fn a_request_with_a_body_is_not_relayed() {
        let with_body = b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\na";

        assert!(matches!(request(with_body), Request::Unfit));
        assert!(matches!(request(b"GET / HTTP/1.1\r\n"), Request::Partial));
        assert!(matches!(
            request(b"GET / HTTP/1.1\r\n\r\nGET"),
            Request::Whole { len: 18, close: false }
        ));
    }
}
