//! Where connections come in.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with};

use super::reactor::Registered;
use super::{EventLoop, Stream};

/// A listener, watched by an event loop.
#[derive(Debug)]
pub(crate) struct Listener {
    events: Rc<EventLoop>,
    registered: Registered,
    socket: TcpListener,
}

impl Listener {
    /// A listener that does not block.
    ///
    /// # Errors
    /// The kernel cannot watch it.
    pub(crate) fn new(events: &Rc<EventLoop>, socket: TcpListener) -> io::Result<Self> {
        let registered = events.reactor.register(&socket)?;
        Ok(Self { events: Rc::clone(events), registered, socket })
    }

    /// The next connection.
    pub(crate) fn poll_accept(&self, cx: &Context<'_>) -> Poll<io::Result<(Stream, SocketAddr)>> {
        loop {
            ready!(self.registered.poll_readable(cx));
            match self.accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.registered.mark_unreadable();
                }
                other => return Poll::Ready(other),
            }
        }
    }

    /// The next connection, as the kernel has it: the event loop may not have heard of it yet.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if there is none; or it cannot be had.
    pub(crate) fn accept(&self) -> io::Result<(Stream, SocketAddr)> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let (socket, peer) = acceptfrom_with(&self.socket, flags)?;
        let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
        let peer = peer.ok_or_else(|| io::Error::from(Errno::AFNOSUPPORT))?;
        Ok((Stream::new(&self.events, socket)?, peer))
    }
}
