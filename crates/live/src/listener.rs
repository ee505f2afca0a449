//! Where clients come in: a listener for each worker, all on the same address.
//!
//! The kernel shares connections out among listeners that have `SO_REUSEPORT`. It would also share
//! them with a second process, so that two balancers on one port would go unnoticed: therefore the
//! address is first asked for without it.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

use crate::{Refused, limits};

/// Listeners on one address for so many workers.
///
/// # Errors
/// The address is taken, not ours, or not allowed to us.
pub(crate) fn bind(address: SocketAddr, workers: usize) -> Result<Vec<TcpListener>, Refused> {
    let refused = |error: io::Error| Refused::Listen(address, error);
    let probe = socket(address).map_err(refused)?;
    probe.bind(&address.into()).map_err(refused)?;
    probe.listen(1).map_err(refused)?;
    let address = probe.local_addr().map_err(refused)?.as_socket().unwrap_or(address);
    drop(probe);
    (0..workers).map(|_| listen(address).map_err(refused)).collect()
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Connections of an earlier process that have yet to time out are no reason to wait.
    socket.set_reuse_address(true)?;
    Ok(socket)
}

/// Accepted connections take these options over, which saves a system call for each.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(address)?;
    socket.set_reuse_port(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_user_timeout(Some(limits::STUCK_TIMEOUT.into()))?;
    socket.bind(&address.into())?;
    socket.listen(limits::BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// A descriptor kept for bad times: with none left a connection cannot even be refused, and waits
/// in the kernel until its client gives up.
#[derive(Debug)]
pub(crate) struct Reserve(Option<File>);

impl Reserve {
    pub(crate) fn new() -> Self {
        Self(File::open("/dev/null").ok())
    }

    /// Gives it up to take one connection, if there is one. To be renewed when that is closed.
    pub(crate) fn accept_one<T>(&mut self, accept: impl FnOnce() -> Option<T>) -> Option<T> {
        self.0 = None;
        accept()
    }

    /// Takes it again, unless it is there.
    pub(crate) fn renew(&mut self) {
        if self.0.is_none() {
            *self = Self::new();
        }
    }
}

/// The connection broke before it was accepted: no reason to stop accepting.
pub(crate) fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use socket2::SockRef;

    use super::*;

    #[test]
    fn small_pieces_leave_at_once_and_a_client_that_vanished_is_given_up() {
        let listener = bind(([127, 0, 0, 1], 0).into(), 1).unwrap().pop().unwrap();
        listener.set_nonblocking(false).unwrap();
        let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();

        let (accepted, _) = listener.accept().unwrap();

        let socket = SockRef::from(&accepted);
        assert!(socket.tcp_nodelay().unwrap());
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(limits::STUCK_TIMEOUT.into()));
    }
}
