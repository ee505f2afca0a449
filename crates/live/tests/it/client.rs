//! A client that says exactly what a test wants it to say.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use crate::site::PATIENCE;

/// A connection.
pub(crate) struct Client {
    socket: TcpStream,
    /// Read, and not yet part of an answer.
    rest: Vec<u8>,
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// With the status line.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Closed,
    Reset,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_nodelay(true).unwrap();
        Self { socket, rest: Vec::new() }
    }

    /// That the other side does not want it any more is no failure of the test.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.socket.write_all(bytes);
    }

    /// Reads up to the end of a head. `None` if the connection ended before.
    pub(crate) fn head(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.rest.windows(4).position(|four| four == b"\r\n\r\n") {
                let head: Vec<u8> = self.rest.drain(..end + 4).collect();
                return Some(String::from_utf8(head).unwrap());
            }
            if self.fill() == 0 {
                return None;
            }
        }
    }

    /// The next final answer, whole. Interim ones are skipped.
    pub(crate) fn answer(&mut self) -> Answer {
        self.answer_to("GET")
    }

    /// As [`Client::answer`], to a request with this method.
    pub(crate) fn answer_to(&mut self, method: &str) -> Answer {
        loop {
            let head = self.head().expect("an answer");
            let status = status(&head);
            if !(100..200).contains(&status) || status == 101 {
                let body = self.body(&head, method == "HEAD" || [101, 204, 304].contains(&status));
                return Answer { status, head, body };
            }
        }
    }

    fn body(&mut self, head: &str, none: bool) -> Vec<u8> {
        let length = field(head, "content-length").map(|length| length.parse().unwrap());
        if none {
            Vec::new()
        } else if field(head, "transfer-encoding") == Some("chunked") {
            self.chunks().0
        } else if let Some(length) = length {
            self.exactly(length)
        } else {
            self.rest().0
        }
    }

    /// The data of a chunked body, and its trailers.
    pub(crate) fn chunks(&mut self) -> (Vec<u8>, String) {
        let mut data = Vec::new();
        loop {
            let line = self.line();
            let size = usize::from_str_radix(line.trim_end(), 16).unwrap();
            if size == 0 {
                break;
            }
            data.extend(self.exactly(size));
            assert_eq!(self.line(), "\r\n");
        }
        let mut trailers = String::new();
        loop {
            let line = self.line();
            if line == "\r\n" {
                return (data, trailers);
            }
            trailers.push_str(&line);
        }
    }

    fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.rest.iter().position(|&byte| byte == b'\n') {
                return String::from_utf8(self.rest.drain(..=end).collect()).unwrap();
            }
            assert!(self.fill() > 0, "the connection ended within a line");
        }
    }

    /// So many bytes.
    pub(crate) fn exactly(&mut self, count: usize) -> Vec<u8> {
        while self.rest.len() < count {
            assert!(self.fill() > 0, "the connection ended after {} of {count}", self.rest.len());
        }
        self.rest.drain(..count).collect()
    }

    /// Everything up to the end of the connection, and how it ended.
    pub(crate) fn rest(&mut self) -> (Vec<u8>, Ended) {
        let mut buffer = [0; 4_096];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => return (std::mem::take(&mut self.rest), Ended::Closed),
                Ok(count) => self.rest.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                    return (std::mem::take(&mut self.rest), Ended::Reset);
                }
                Err(error) => panic!("the connection did not end: {error}"),
            }
        }
    }

    /// Reads a little at a time until the connection ends; how many bytes that was.
    pub(crate) fn sip(&mut self) -> usize {
        let (mut buffer, mut taken) = (vec![0; 65_536], self.rest.len());
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => return taken,
                Ok(count) => taken += count,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return taken,
                Err(error) => panic!("the connection did not end: {error}"),
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// Sends for as long as the other side takes it; how many bytes that was.
    pub(crate) fn send_until_cut_off(&mut self) -> usize {
        self.socket.set_write_timeout(Some(PATIENCE)).unwrap();
        let mut sent = 0;
        loop {
            match self.socket.write(&[b'x'; 65_536]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("it is still there"),
                Err(_) => return sent,
            }
        }
    }

    /// Closes only our side.
    pub(crate) fn close_write(&mut self) {
        self.socket.shutdown(Shutdown::Write).unwrap();
    }

    /// Goes away without a word.
    pub(crate) fn reset(self) {
        socket2::SockRef::from(&self.socket).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    }

    fn fill(&mut self) -> usize {
        let mut buffer = [0; 16_384];
        let count = match self.socket.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
            Err(error) => panic!("nothing came: {error}"),
        };
        self.rest.extend_from_slice(&buffer[..count]);
        count
    }
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        field(&self.head, name)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The cause that a failure of ours names in its body.
    pub(crate) fn cause(&self) -> Option<String> {
        let body: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        Some(body.get("cause")?.as_str()?.to_owned())
    }
}

pub(crate) fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

/// The first field of this name.
pub(crate) fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    fields(head, name).next()
}

/// All fields of this name.
pub(crate) fn fields<'a>(head: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    head.lines().skip(1).filter_map(move |line| {
        let (other, value) = line.split_once(':')?;
        other.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
