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

use crate::event_loop::{EventLoop, Stream, Turn, Turns};
use crate::plan::Endpoint;
use crate::seats::Seat;

/// A connection to an endpoint, and its place among those that the endpoint may have.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: Stream,
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
    events: Rc<EventLoop>,
    endpoint: Arc<Endpoint>,
    within: Option<Duration>,
    ask: impl FnOnce() + 'static,
) -> Connecting {
    Box::pin(async move {
        let seat = endpoint.seats.take(ask).await;
        let socket = reach(&events, &endpoint, within).await?;
        Ok(Connection::new(socket, seat))
    })
}

/// The same beside those connections: for a check.
///
/// # Errors
/// No address takes a connection; the last one's error.
pub(crate) async fn reach(
    events: &EventLoop,
    endpoint: &Endpoint,
    within: Option<Duration>,
) -> io::Result<Stream> {
    let (addresses, first) = endpoint.addresses();
    let share = within.map(|all| part(all, addresses.len()));
    let mut last = io::Error::from(NO_ADDRESS);
    for turn in 0..addresses.len() {
        let at = (first + turn) % addresses.len();
        let share = share.filter(|_| turn + 1 < addresses.len());
        match open(events, addresses[at], share).await {
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
    events: &EventLoop,
    address: SocketAddr,
    within: Option<Duration>,
) -> io::Result<Stream> {
    let timers = &events.timers;
    let until = within.map_or(Instant::NEVER, |within| timers.now() + within);
    let connected = timers.within(until, Stream::connect(events, address)).await;
    connected.unwrap_or_else(|| Err(ErrorKind::TimedOut.into()))
}

impl Connection {
    fn new(socket: Stream, seat: Seat) -> Self {
        Self { socket, used: Turn::default(), _seat: seat }
    }

    /// It has served its request, and goes to the pool.
    pub(crate) fn rest(self, turns: &Turns) -> Self {
        Self { used: turns.current(), ..self }
    }

    /// Whether it is of no more use: the peer has closed it, or said something that nobody asked
    /// for. A second answer that comes late would be taken for that to the next request, so the
    /// event loop is believed only if it has just heard from the kernel. (Whoever has read the answer
    /// before cannot tell: a close right behind it looks like nothing more to read.) In the middle of a
    /// long batch it is made to listen: that serves all who are asked within a moment.
    pub(crate) fn is_stale(&self, now: Instant, events: &EventLoop) -> bool {
        if !events.turns.know(now, self.used) {
            events.catch_up();
        }
        self.socket.has_heard() && is_ready(&self.socket)
    }
}

/// Whether something is there, or the peer has closed: the event loop tells of what may be so. Asks
/// the kernel, by poll(2): to peek would send an acknowledgement that can go with the request.
fn is_ready(socket: &Stream) -> bool {
    let mut asked = [PollFd::new(socket, PollFlags::IN | PollFlags::RDHUP)];
    rustix::event::poll(&mut asked, Some(&Timespec::default())) != Ok(0)
}

impl Deref for Connection {
    type Target = Stream;

    fn deref(&self) -> &Stream {
        &self.socket
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut Stream {
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
    // NOSPC: so many sockets may a user have watched (`fs.epoll.max_user_watches`).
    const EXHAUSTED: [Errno; 6] = [
        Errno::MFILE,
        Errno::NFILE,
        Errno::ADDRNOTAVAIL,
        Errno::NOBUFS,
        Errno::NOMEM,
        Errno::NOSPC,
    ];
    Errno::from_io_error(error).is_some_and(|errno| EXHAUSTED.contains(&errno))
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::Write;
    use std::net::TcpListener;

    use socket2::SockRef;

    use super::*;
    use crate::event_loop::tests::within_a_loop;
    use crate::event_loop::yield_now;
    use crate::limits;

    #[test]
    fn bytes_that_came_since_the_event_loop_last_turned_make_a_connection_stale() {
        within_a_loop(async |events| {
            let (rests, _peer) = rested(events).await;
            assert!(!is_stale(&rests, events));
            let (rests, mut peer) = rested(events).await;

            peer.write_all(b"HTTP/1.1 200 OK\r\n").unwrap();

            assert!(is_stale(&rests, events), "said what nobody asked for");
            let (rests, peer) = rested(events).await;

            drop(peer);

            assert!(is_stale(&rests, events), "closed");
        });
    }

    #[test]
    fn an_event_loop_that_has_just_turned_is_believed_and_says_what_it_has_heard() {
        within_a_loop(async |events| {
            let (rests, mut peer) = rested(events).await;
            yield_now().await;
            let turned = events.turns.now();
            peer.write_all(b"HTTP/1.1 200 OK\r\n").unwrap();
            assert!(
                !rests.is_stale(turned, events),
                "it came after the turn: nobody asks the kernel"
            );

            readable(&rests).await;

            assert!(is_stale(&rests, events));
        });
    }

    #[test]
    fn a_close_right_behind_the_answer_is_seen_by_whoever_takes_the_connection_next() {
        within_a_loop(async |events| {
            let (mut connection, mut peer) = rested(events).await;
            peer.write_all(b"answer").unwrap();
            readable(&connection).await;
            drop(peer);

            assert_eq!(connection.read_more(&mut Vec::new()).await.unwrap(), 6);

            assert!(is_stale(&connection.rest(&events.turns), events));
        });
    }

    #[test]
    fn small_pieces_leave_at_once_and_a_service_that_vanished_is_given_up() {
        within_a_loop(async |events| {
            let (connection, _) = rested(events).await;

            let socket = SockRef::from(&connection.socket);
            assert!(socket.tcp_nodelay().unwrap());
            assert_eq!(socket.tcp_user_timeout().unwrap(), Some(limits::STUCK_TIMEOUT.into()));
        });
    }

    fn is_stale(connection: &Connection, events: &EventLoop) -> bool {
        connection.is_stale(events.turns.now(), events)
    }

    async fn readable(connection: &Connection) {
        poll_fn(|cx| connection.poll_read_ready(cx)).await;
    }

    /// A connection that has just served a request, and its other end.
    async fn rested(events: &EventLoop) -> (Connection, std::net::TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = open(events, listener.local_addr().unwrap(), None).await.unwrap();
        let (peer, _) = listener.accept().unwrap();
        let seat = crate::seats::Seats::default().take(|| ()).await;
        (Connection::new(socket, seat).rest(&events.turns), peer)
    }
}
