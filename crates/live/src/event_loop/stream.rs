//! A TCP connection.

use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll, ready};

use base::Duration;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::EventLoop;
use super::reactor::Registered;
use crate::limits;

/// A connection, watched by an event loop.
#[derive(Debug)]
pub(crate) struct Stream {
    registered: Registered,
    socket: OwnedFd,
}

impl Stream {
    /// A socket that does not block.
    pub(super) fn new(events: &EventLoop, socket: OwnedFd) -> io::Result<Self> {
        Ok(Self { registered: events.reactor.register(&socket)?, socket })
    }

    /// Connects. Small pieces leave at once, and a peer that vanished is given up.
    ///
    /// # Errors
    /// Nobody is there, or the machine has nothing left to connect with.
    pub(crate) async fn connect(events: &EventLoop, address: SocketAddr) -> io::Result<Self> {
        let kind = Type::STREAM.nonblocking();
        let socket = Socket::new(Domain::for_address(address), kind, Some(Protocol::TCP))?;
        socket.set_tcp_nodelay(true)?;
        socket.set_tcp_user_timeout(Some(limits::STUCK_TIMEOUT.into()))?;
        let under_way = match socket.connect(&address.into()) {
            Ok(()) => false,
            Err(error) if Errno::from_io_error(&error) == Some(Errno::INPROGRESS) => true,
            Err(error) => return Err(error),
        };
        let stream = Self::new(events, socket.into())?;
        if under_way {
            stream.registered.mark_unwritable();
            poll_fn(|cx| stream.poll_write_ready(cx)).await;
            if let Some(error) = stream.take_error()? {
                return Err(error);
            }
        }
        Ok(stream)
    }

    /// Ready when there may be something to read, or the end.
    pub(crate) fn poll_read_ready(&self, cx: &Context<'_>) -> Poll<()> {
        self.registered.poll_readable(cx)
    }

    fn poll_write_ready(&self, cx: &Context<'_>) -> Poll<()> {
        self.registered.poll_writable(cx)
    }

    /// Reads once. `Ok(0)` is the peer's end.
    pub(crate) fn poll_read(
        &mut self,
        cx: &Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_read_ready(cx));
            match rustix::net::recv(&self.socket, &mut *into, RecvFlags::empty()) {
                Ok((count, _)) => {
                    if 0 < count && count < into.len() {
                        self.registered.mark_drained();
                    }
                    return Poll::Ready(Ok(count));
                }
                Err(Errno::AGAIN) => self.registered.mark_unreadable(),
                Err(Errno::INTR) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    /// Writes once: how much the kernel took.
    pub(crate) fn poll_write(&mut self, cx: &Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let all = bytes.len();
        self.poll_send(cx, all, |socket| rustix::net::send(socket, bytes, SendFlags::NOSIGNAL))
    }

    /// Writes once, of several pieces in their order.
    pub(crate) fn poll_write_vectored(
        &mut self,
        cx: &Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all = pieces.iter().map(|piece| piece.len()).sum();
        self.poll_send(cx, all, |socket| {
            let nothing_else = &mut SendAncillaryBuffer::default();
            rustix::net::sendmsg(socket, pieces, nothing_else, SendFlags::NOSIGNAL)
        })
    }

    fn poll_send(
        &self,
        cx: &Context<'_>,
        all: usize,
        send: impl Fn(&OwnedFd) -> Result<usize, Errno>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_write_ready(cx));
            match send(&self.socket) {
                Ok(count) => {
                    if count < all {
                        self.registered.mark_unwritable();
                    }
                    return Poll::Ready(Ok(count));
                }
                Err(Errno::AGAIN) => self.registered.mark_unwritable(),
                Err(Errno::INTR) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    /// Writes what goes at once, and waits for nothing.
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] if nothing does; or the connection is lost.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let outcome = rustix::net::send(&self.socket, bytes, SendFlags::NOSIGNAL);
        if outcome == Err(Errno::AGAIN) {
            self.registered.mark_unwritable();
        }
        Ok(outcome?)
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// The connection is lost.
    pub(crate) async fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match poll_fn(|cx| self.poll_write(cx, bytes)).await? {
                0 => return Err(ErrorKind::WriteZero.into()),
                count => bytes = &bytes[count..],
            }
        }
        Ok(())
    }

    /// Reads once, behind what is there. `Ok(0)` is the peer's end.
    ///
    /// # Errors
    /// The connection is lost.
    pub(crate) async fn read_more(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        let mut piece = [0; 4_096];
        let count = poll_fn(|cx| self.poll_read(cx, &mut piece)).await?;
        into.extend_from_slice(&piece[..count]);
        Ok(count)
    }

    /// Nothing more is written: the peer is told.
    pub(crate) fn close_write(&self) {
        // It fails where there is nobody any more to be told.
        let _ = SockRef::from(&self.socket).shutdown(Shutdown::Write);
    }

    /// Closing it will be a reset.
    pub(crate) fn reset_on_close(&self) {
        let _ = SockRef::from(&self.socket).set_linger(Some(Duration::ZERO.into()));
    }

    /// What has happened to the connection, if something has; told once.
    pub(crate) fn take_error(&self) -> io::Result<Option<io::Error>> {
        SockRef::from(&self.socket).take_error()
    }

    /// Whether the kernel has told that there is something to read, or the end.
    pub(crate) fn has_heard(&self) -> bool {
        self.registered.has_heard()
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
