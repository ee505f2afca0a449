//! A connection to an endpoint: opened, found in the pool, or lost.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use base::{Duration, Instant};
use event::Cause;
use rustix::event::{PollFd, PollFlags, Timespec};
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::{TcpSocket, TcpStream};

use crate::limits;
use crate::plan::Endpoint;
use crate::seats::Seat;
use crate::timers::Timers;
use crate::turns::{Turn, Turns};

/// A connection to an endpoint, and its place among those that the endpoint may have.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: TcpStream,
    /// The event loop's turn in which it was used last.
    used: Turn,
    _seat: Seat,
}

/// A connection that is being made.
pub(crate) type Connecting = Pin<Box<dyn Future<Output = io::Result<Connection>>>>;

/// Connects to an endpoint, as soon as it may have one more connection: to the address that was
/// good last, else to the next one. Each but the last gets its part of the time `within` which
/// there must be a connection. If it may not, `ask` is to ask for one that idles.
pub(crate) fn connect(
    timers: Rc<Timers>,
    endpoint: Arc<Endpoint>,
    within: Option<Duration>,
    ask: impl FnOnce() + 'static,
) -> Connecting {
    Box::pin(async move {
        let seat = endpoint.seats.take(ask).await;
        let socket = reach(&timers, &endpoint, within).await?;
        Ok(Connection::new(socket, seat))
    })
}

/// The same beside those connections: for a check.
///
/// # Errors
/// No address takes a connection; the last one's error.
pub(crate) async fn reach(
    timers: &Rc<Timers>,
    endpoint: &Endpoint,
    within: Option<Duration>,
) -> io::Result<TcpStream> {
    let (addresses, first) = endpoint.addresses();
    let share = within.map(|all| part(all, addresses.len()));
    let mut last = io::Error::from(NO_ADDRESS);
    for turn in 0..addresses.len() {
        let at = (first + turn) % addresses.len();
        let share = share.filter(|_| turn + 1 < addresses.len());
        match open(timers, addresses[at], share).await {
            Ok(socket) => {
                endpoint.prefer(at);
                return Ok(socket);
            }
            Err(error) if is_exhausted(&error) => return Err(error),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn part(of: Duration, count: usize) -> Duration {
    Duration::from_nanos(of.as_nanos() / (count as u64).max(1))
}

async fn open(
    timers: &Rc<Timers>,
    address: SocketAddr,
    within: Option<Duration>,
) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_nodelay(true)?;
    SockRef::from(&socket).set_tcp_user_timeout(Some(limits::STUCK_TIMEOUT.into()))?;
    let until = within.map_or(Instant::NEVER, |within| timers.clock().now() + within);
    let connected = timers.within(until, socket.connect(address)).await;
    connected.unwrap_or_else(|| Err(ErrorKind::TimedOut.into()))
}

impl Connection {
    fn new(socket: TcpStream, seat: Seat) -> Self {
        Self { socket, used: Turn::default(), _seat: seat }
    }

    /// It has served its request, and goes to the pool.
    pub(crate) fn rest(self, turns: &Turns) -> Self {
        Self { used: turns.current(), ..self }
    }

    /// Whether it is of no more use: the peer has closed it, or said something that nobody asked
    /// for. A second answer that comes late would be taken for that to the next request, so the
    /// event loop is believed only if it has just heard from the kernel. (Whoever has read the answer
    /// before cannot tell: a close right behind it looks like nothing more to read.)
    pub(crate) fn is_stale(&self, now: Instant, turns: &Turns) -> bool {
        let has_heard = self.socket.try_io(Interest::READABLE, || Ok(())).is_ok();
        (has_heard || !turns.know(now, self.used)) && is_ready(&self.socket)
    }
}

/// Whether something has come, or the peer has closed. Asks the kernel: by poll(2), because to peek
/// would send an acknowledgement that can go with the request.
fn is_ready(socket: &TcpStream) -> bool {
    let mut asked = [PollFd::new(socket, PollFlags::IN | PollFlags::RDHUP)];
    rustix::event::poll(&mut asked, Some(&Timespec::default())) != Ok(0)
}

impl Deref for Connection {
    type Target = TcpStream;

    fn deref(&self) -> &TcpStream {
        &self.socket
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut TcpStream {
        &mut self.socket
    }
}

/// An endpoint's name has no address. No connection ends so.
const NO_ADDRESS: ErrorKind = ErrorKind::NotFound;

/// Why a connection could not be made.
pub(crate) fn connect_cause(error: &io::Error) -> Cause {
    match error.kind() {
        NO_ADDRESS => Cause::Unresolved,
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

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::timers;

    #[test]
    fn bytes_that_came_since_the_event_loop_last_turned_make_a_connection_stale() {
        within_a_loop(async |site, now| {
            let (rests, mut peer) = site.rested().await;
            assert!(!rests.is_stale(now, &site.turns));

            peer.write_all(b"HTTP/1.1 200 OK\r\n").unwrap();

            assert!(rests.is_stale(now, &site.turns), "said what nobody asked for");
            let (rests, peer) = site.rested().await;
            assert!(!rests.is_stale(now, &site.turns));

            drop(peer);

            assert!(rests.is_stale(now, &site.turns), "closed");
        });
    }

    #[test]
    fn an_event_loop_that_has_just_turned_is_believed_and_says_what_it_has_heard() {
        within_a_loop(async |site, now| {
            let (rests, mut peer) = site.rested().await;
            site.turns.on_turn(now);
            peer.write_all(b"HTTP/1.1 200 OK\r\n").unwrap();
            assert!(
                !rests.is_stale(now, &site.turns),
                "it came after the turn: nobody asks the kernel"
            );

            rests.readable().await.unwrap();

            assert!(rests.is_stale(now, &site.turns));
        });
    }

    #[test]
    fn a_close_right_behind_the_answer_is_seen_by_whoever_takes_the_connection_next() {
        within_a_loop(async |site, now| {
            let (mut connection, mut peer) = site.rested().await;
            peer.write_all(b"answer").unwrap();
            connection.readable().await.unwrap();
            drop(peer);

            assert_eq!(connection.read(&mut [0; 64]).await.unwrap(), 6);

            assert!(connection.rest(&site.turns).is_stale(now, &site.turns));
        });
    }

    #[test]
    fn small_pieces_leave_at_once_and_a_service_that_vanished_is_given_up() {
        within_a_loop(async |site, _| {
            let (connection, _) = site.rested().await;

            let socket = SockRef::from(&connection.socket);
            assert!(socket.tcp_nodelay().unwrap());
            assert_eq!(socket.tcp_user_timeout().unwrap(), Some(limits::STUCK_TIMEOUT.into()));
        });
    }

    /// Plays `story` in an event loop whose turns are told by hand.
    fn within_a_loop(story: impl AsyncFnOnce(&Site, Instant)) {
        timers::tests::within_a_loop(async |timers| {
            let timers = Rc::clone(timers);
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let site = Site { timers, turns: Turns::default(), listener };
            story(&site, Instant::from_secs(1)).await;
        });
    }

    struct Site {
        timers: Rc<Timers>,
        turns: Turns,
        listener: TcpListener,
    }

    impl Site {
        /// A connection that has just served a request, and its other end.
        async fn rested(&self) -> (Connection, std::net::TcpStream) {
            let to = self.listener.local_addr().unwrap();
            let socket = open(&self.timers, to, None).await.unwrap();
            let (peer, _) = self.listener.accept().unwrap();
            let seat = crate::seats::Seats::default().take(|| ()).await;
            (Connection::new(socket, seat).rest(&self.turns), peer)
        }
    }
}
