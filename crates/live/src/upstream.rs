//! A connection to an endpoint: opened, found in the pool, or lost.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;

use event::Cause;
use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};

use crate::limits;

/// A connection that is being made.
pub(crate) type Connecting = Pin<Box<dyn Future<Output = io::Result<TcpStream>>>>;

/// Opens a connection to an address.
pub(crate) fn connect(address: SocketAddr) -> Connecting {
    Box::pin(async move {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_nodelay(true)?;
        SockRef::from(&socket).set_tcp_user_timeout(Some(limits::STUCK_TIMEOUT.into()))?;
        socket.connect(address).await
    })
}

/// Whether an idle connection is of no more use: the peer has closed it, or said something that
/// nobody asked for. Costs nothing while the event loop has heard nothing from it.
pub(crate) fn is_stale(socket: &TcpStream) -> bool {
    !matches!(socket.try_read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
}

/// Why a connection could not be made.
pub(crate) fn connect_cause(error: &io::Error) -> Cause {
    match error.kind() {
        ErrorKind::ConnectionRefused => Cause::Refused,
        ErrorKind::ConnectionReset => Cause::Reset,
        ErrorKind::TimedOut => Cause::ConnectTimeout,
        _ if is_exhausted(error) => Cause::Exhausted,
        _ => Cause::Unreachable,
    }
}

/// Why a connection that stood was lost.
pub(crate) fn loss_cause(error: &io::Error) -> Cause {
    match error.kind() {
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::TimedOut => {
            Cause::Unreachable
        }
        _ => Cause::Reset,
    }
}

/// No descriptor, port or memory is left on this machine.
pub(crate) fn is_exhausted(error: &io::Error) -> bool {
    use rustix::io::Errno;
    const EXHAUSTED: [Errno; 5] =
        [Errno::MFILE, Errno::NFILE, Errno::ADDRNOTAVAIL, Errno::NOBUFS, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|errno| EXHAUSTED.contains(&errno))
}
