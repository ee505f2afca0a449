//! The smallest client: a socket, and a reader of answers that is not the balancer's own.
//!
//! It is strict about framing and knows nothing else. What is sent is any bytes at all.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::SockRef;

/// A connection to a server.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    /// Read, and not yet used.
    unread: Vec<u8>,
}

/// What a server answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    /// The statuses before the final one.
    pub(crate) interim: Vec<Head>,
    /// The final head.
    pub(crate) head: Head,
    /// Without its framing.
    pub(crate) body: Vec<u8>,
    /// Fields behind the body.
    pub(crate) trailers: Vec<(String, String)>,
}

/// A status and its fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    /// Three digits.
    pub(crate) status: u16,
    /// In their order, names in lower case.
    pub(crate) fields: Vec<(String, String)>,
}

impl Head {
    /// The first field of this name, in lower case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Answer {
    /// Its status.
    pub(crate) fn status(&self) -> u16 {
        self.head.status
    }

    /// The first field of this name, in lower case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.field(name)
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends one GET on a connection of its own.
pub(crate) fn get(to: SocketAddr, path: &str) -> io::Result<Answer> {
    let mut connection = Connection::open(to)?;
    connection.send(get_head(path).as_bytes())?;
    connection.answer("GET")
}

/// Sends one POST with a body of known length on a connection of its own.
pub(crate) fn post(to: SocketAddr, path: &str, body: &[u8]) -> io::Result<Answer> {
    let mut connection = Connection::open(to)?;
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n");
    connection.send(&[head.as_bytes(), body].concat())?;
    connection.answer("POST")
}

/// A GET as it is sent.
pub(crate) fn get_head(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n")
}

impl Connection {
    /// Connects. Everything on it ends after a while: a test never hangs.
    pub(crate) fn open(to: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(to)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, unread: Vec::new() })
    }

    /// Sends bytes.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends a GET and reads its answer.
    pub(crate) fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.send(get_head(path).as_bytes())?;
        self.answer("GET")
    }

    /// Reads one whole answer to a request of this method.
    pub(crate) fn answer(&mut self, method: &str) -> io::Result<Answer> {
        let mut answer = Answer::default();
        loop {
            let head = self.head()?;
            if (102..200).contains(&head.status) || head.status == 100 {
                answer.interim.push(head);
            } else {
                answer.head = head;
                break;
            }
        }
        self.body(method, &mut answer)?;
        Ok(answer)
    }

    /// Reads a head and nothing behind it.
    pub(crate) fn head(&mut self) -> io::Result<Head> {
        let end = loop {
            if let Some(at) = find(&self.unread, b"\r\n\r\n") {
                break at;
            }
            self.more()?;
        };
        let head: Vec<u8> = self.unread.drain(..end + 4).collect();
        parse(&head).ok_or_else(|| invalid("a head", &head))
    }

    /// Reads exactly `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.unread.len() < count {
            self.more()?;
        }
        Ok(self.unread.drain(..count).collect())
    }

    /// Reads up to the end of the connection. A reset is an error, an end is not.
    pub(crate) fn rest(&mut self) -> io::Result<Vec<u8>> {
        self.stream.read_to_end(&mut self.unread)?;
        Ok(std::mem::take(&mut self.unread))
    }

    /// Whether the peer has ended it, or does so soon. Fails if the peer sends something instead.
    pub(crate) fn is_ended(&mut self) -> io::Result<bool> {
        match self.stream.read(&mut [0]) {
            Ok(0) => Ok(true),
            Ok(_) => Err(invalid("the end", b"more")),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    /// Goes away as a process does that is killed with unread data: with a reset.
    pub(crate) fn reset(self) -> io::Result<()> {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))
    }

    /// How long to wait for bytes from now on.
    pub(crate) fn wait_at_most(&mut self, limit: Duration) -> io::Result<()> {
        self.stream.set_read_timeout(Some(limit))
    }

    fn body(&mut self, method: &str, answer: &mut Answer) -> io::Result<()> {
        let status = answer.status();
        if method == "HEAD" || matches!(status, 101 | 204 | 304) {
            return Ok(());
        }
        if answer.field("transfer-encoding").is_some() {
            return self.chunks(answer);
        }
        answer.body = match answer.field("content-length").map(str::parse) {
            Some(Ok(length)) => self.take(length)?,
            Some(Err(_)) => return Err(invalid("a length", b"")),
            None => self.rest()?,
        };
        Ok(())
    }

    fn chunks(&mut self, answer: &mut Answer) -> io::Result<()> {
        loop {
            let line = self.line()?;
            let size = usize::from_str_radix(line.split(';').next().unwrap_or_default(), 16);
            let size = size.map_err(|_| invalid("a chunk size", line.as_bytes()))?;
            if size == 0 {
                break;
            }
            answer.body.extend(self.take(size)?);
            if !self.line()?.is_empty() {
                return Err(invalid("the end of a chunk", b"data"));
            }
        }
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(());
            }
            answer.trailers.push(field(&line).ok_or_else(|| invalid("a field", line.as_bytes()))?);
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let end = loop {
            if let Some(at) = find(&self.unread, b"\r\n") {
                break at;
            }
            self.more()?;
        };
        let line: Vec<u8> = self.unread.drain(..end + 2).collect();
        Ok(String::from_utf8_lossy(&line[..end]).into_owned())
    }

    fn more(&mut self) -> io::Result<()> {
        let mut bytes = [0; 65_536];
        match self.stream.read(&mut bytes)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            count => {
                self.unread.extend_from_slice(&bytes[..count]);
                Ok(())
            }
        }
    }
}

fn parse(head: &[u8]) -> Option<Head> {
    let head = std::str::from_utf8(head).ok()?;
    let mut lines = head.split("\r\n").take_while(|line| !line.is_empty());
    let mut start = lines.next()?.splitn(3, ' ');
    let status = start.nth(1)?.parse().ok()?;
    Some(Head { status, fields: lines.map(field).collect::<Option<_>>()? })
}

fn field(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once(':')?;
    Some((name.to_ascii_lowercase(), value.trim().to_owned()))
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn invalid(wanted: &str, got: &[u8]) -> io::Error {
    let got = String::from_utf8_lossy(got);
    io::Error::new(ErrorKind::InvalidData, format!("not {wanted}: {got:?}"))
}

/// No step of a test takes this long.
const LIMIT: Duration = Duration::from_secs(15);
