//! One HTTP/1.1 connection of a caller.

use std::io;
use std::net::SocketAddr;

use base::Duration;
use event::Cause;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire::l7::http1::{Asked, Body, Framing, Limits, Method, Parse, ResponseHead, Then};

/// A connection that stands.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    head: ResponseHead,
}

/// The head of an answer.
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    /// The cause that a balancer gives for a failure.
    pub(crate) told: Option<Cause>,
    framing: Framing,
    persistent: bool,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, Cause> {
        let stream = TcpStream::connect(address).await.map_err(|error| not_connected(&error))?;
        let _no_delay = stream.set_nodelay(true);
        Ok(Self { stream, buffer: Vec::new(), head: ResponseHead::new() })
    }

    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<(), Cause> {
        self.stream.write_all(request).await.map_err(|error| broken(&error))
    }

    /// The next head that is not interim.
    pub(crate) async fn head(&mut self, method: &str) -> Result<Head, Cause> {
        let asked = Asked { method: Method::from_bytes(method.as_bytes()), upgrade: false };
        loop {
            self.head.clear();
            let consumed = loop {
                let parsed = self.head.parse(&self.buffer, asked, &Limits::default());
                match parsed.map_err(|_| Cause::Garbage)? {
                    Parse::Complete { consumed } => break consumed,
                    Parse::Partial => self.more().await?,
                }
            };
            let response = self.head.over(&self.buffer);
            let head = Head {
                status: response.status(),
                retry_after: response.retry_after_secs(seconds_since_1970).map(Duration::from_secs),
                told: response.field("Proxy-Status").and_then(told),
                framing: response.framing(),
                persistent: response.is_persistent(),
            };
            let interim = response.is_interim();
            self.buffer.drain(..consumed);
            if !interim {
                return Ok(head);
            }
        }
    }

    /// Reads the body to its end; whether the connection can serve another request.
    pub(crate) async fn finish(&mut self, head: &Head) -> Result<bool, Cause> {
        let mut body = Body::new(head.framing);
        while !body.is_done() {
            let step = body.decode(&self.buffer).map_err(|_| Cause::Garbage)?;
            self.buffer.drain(..step.consumed);
            match step.then {
                Then::End => break,
                Then::More if step.consumed > 0 => {}
                Then::More => match self.more().await {
                    Err(Cause::Closed) if body.on_close().is_ok() => return Ok(false),
                    other => other?,
                },
                // No one here asks for trailers.
                Then::Trailers => return Err(Cause::Garbage),
            }
        }
        Ok(head.persistent && self.buffer.is_empty())
    }

    async fn more(&mut self) -> Result<(), Cause> {
        self.buffer.reserve(READ_AT_ONCE);
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) => Err(Cause::Closed),
            Ok(_) => Ok(()),
            Err(error) => Err(broken(&error)),
        }
    }
}

/// `details` of RFC 9209 is free text; our balancer writes the name of the cause there.
fn told(proxy_status: &[u8]) -> Option<Cause> {
    let text = std::str::from_utf8(proxy_status).ok()?;
    let (_, details) = text.split_once("details=\"")?;
    let (name, _) = details.split_once('"')?;
    Cause::ALL.into_iter().find(|cause| cause.name() == name)
}

fn not_connected(error: &io::Error) -> Cause {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Cause::Refused,
        io::ErrorKind::TimedOut => Cause::ConnectTimeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Cause::Unreachable,
        io::ErrorKind::ConnectionReset => Cause::Reset,
        // No port or descriptor is left.
        _ => Cause::Exhausted,
    }
}

fn broken(error: &io::Error) -> Cause {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Cause::Closed,
        _ => Cause::Reset,
    }
}

/// How many bytes a caller wants the answer's body to have: the model of a service knows nothing
/// of sizes, the requests of a client do.
pub(crate) const SIZE_FIELD: &str = "Standin-Bytes";

/// Larger than the heads and bodies of a demo, small enough for thousands of connections.
pub(crate) const READ_AT_ONCE: usize = 2_048;

fn seconds_since_1970() -> u64 {
    std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_that_a_balancer_gives_is_understood() {
        let said = b"plimsoll; error=connection_limit_reached; details=\"queue_full\"";

        assert_eq!(told(said), Some(Cause::QueueFull));
        assert_eq!(told(b"other; error=proxy_internal_error"), None);
        assert_eq!(told(b"other; details=\"the dog ate it\""), None);
    }
}
