//! A service that does exactly what a test wants it to do.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::client::{Ended, field};
use crate::site::PATIENCE;

/// A service on loopback. It stops when the test is over.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    connections: AtomicUsize,
    requests: Mutex<Vec<String>>,
    open: Mutex<Vec<TcpStream>>,
    stopped: AtomicBool,
    told: Mutex<Vec<&'static str>>,
}

/// One connection to it.
pub(crate) struct Connection {
    socket: TcpStream,
    rest: Vec<u8>,
    shared: Arc<Shared>,
    /// From zero, in the order in which they came.
    pub(crate) number: usize,
}

impl Service {
    /// Runs a script on every connection, each on a thread of its own.
    pub(crate) fn script(script: impl Fn(&mut Connection) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let (script, accepting) = (Arc::new(script), Arc::clone(&shared));
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                if accepting.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(socket) = socket else { return };
                let mut connection = Connection::new(socket, Arc::clone(&accepting));
                let script = Arc::clone(&script);
                std::thread::spawn(move || script(&mut connection));
            }
        });
        Self { address, shared }
    }

    /// Gives the same answer to every request, for as long as connections last.
    pub(crate) fn answering(answer: &'static str) -> Self {
        Self::script(move |connection| {
            while connection.request().is_some() {
                connection.send(answer.as_bytes());
            }
        })
    }

    /// Answers every request with a 200 and a short body.
    pub(crate) fn well() -> Self {
        Self::answering("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell")
    }

    /// Sends back the body that it was sent.
    pub(crate) fn echo() -> Self {
        Self::script(|connection| {
            while let Some(request) = connection.request() {
                let body = connection.body(&request);
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                connection.send(head.as_bytes());
                connection.send(&body);
            }
        })
    }

    /// Heads of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// The head of the only request.
    pub(crate) fn only_request(&self) -> String {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests.into_iter().next().unwrap()
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Something that its script may ask for.
    pub(crate) fn tell(&self, what: &'static str) {
        self.shared.told.lock().unwrap().push(what);
    }

    /// Closes all connections, and takes no more: as if killed.
    pub(crate) fn kill(&self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the listener, which ends and closes with it.
        drop(TcpStream::connect(self.address));
        for socket in self.shared.open.lock().unwrap().drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// Closes the connections that are open, and goes on.
    pub(crate) fn close_all(&self) {
        for socket in self.shared.open.lock().unwrap().drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Connection {
    fn new(socket: TcpStream, shared: Arc<Shared>) -> Self {
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(4 * PATIENCE)).unwrap();
        let number = shared.connections.fetch_add(1, Ordering::SeqCst);
        shared.open.lock().unwrap().push(socket.try_clone().unwrap());
        Self { socket, rest: Vec::new(), shared, number }
    }

    /// The next head; nothing when there is none any more.
    pub(crate) fn request(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.rest.windows(4).position(|four| four == b"\r\n\r\n") {
                let head: Vec<u8> = self.rest.drain(..end + 4).collect();
                let head = String::from_utf8_lossy(&head).into_owned();
                self.shared.requests.lock().unwrap().push(head.clone());
                return Some(head);
            }
            if self.fill() == 0 {
                return None;
            }
        }
    }

    /// Has the test told it so?
    pub(crate) fn is_told(&self, what: &str) -> bool {
        self.shared.told.lock().unwrap().contains(&what)
    }

    /// The body of a request, without its chunks.
    pub(crate) fn body(&mut self, head: &str) -> Vec<u8> {
        if field(head, "transfer-encoding").is_some() {
            return self.chunks().0;
        }
        let length = field(head, "content-length").map_or(0, |length| length.parse().unwrap());
        self.exactly(length)
    }

    /// The data of a chunked body, and its trailers.
    pub(crate) fn chunks(&mut self) -> (Vec<u8>, String) {
        let mut data = Vec::new();
        loop {
            let line = self.line();
            let size = usize::from_str_radix(line.trim_end(), 16).unwrap_or(0);
            if size == 0 {
                break;
            }
            data.extend(self.exactly(size));
            self.line();
        }
        let mut trailers = String::new();
        loop {
            let line = self.line();
            if line == "\r\n" || line.is_empty() {
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
            if self.fill() == 0 {
                return String::new();
            }
        }
    }

    /// So many bytes; fewer if it ends before.
    pub(crate) fn exactly(&mut self, count: usize) -> Vec<u8> {
        while self.rest.len() < count && self.fill() > 0 {}
        self.rest.drain(..count.min(self.rest.len())).collect()
    }

    /// Whatever comes next; nothing at the end.
    pub(crate) fn some(&mut self) -> Vec<u8> {
        if self.rest.is_empty() {
            self.fill();
        }
        std::mem::take(&mut self.rest)
    }

    /// That nobody wants it any more is no failure of the test.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.socket.write_all(bytes);
    }

    /// Waits until the other side has ended the connection, and says how.
    pub(crate) fn ended(&mut self) -> Ended {
        let mut buffer = [0; 4_096];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => return Ended::Closed,
                Ok(count) => self.rest.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ended::Reset,
                Err(error) => panic!("the connection did not end: {error}"),
            }
        }
    }

    /// Closes only its side.
    pub(crate) fn close_write(&self) {
        self.socket.shutdown(Shutdown::Write).unwrap();
    }

    /// Waits until the other side has gone.
    pub(crate) fn until_closed(&mut self) {
        while self.fill() > 0 {}
    }

    /// Ends the connection with a reset.
    pub(crate) fn reset(&mut self) {
        let _ = socket2::SockRef::from(&self.socket).set_linger(Some(Duration::ZERO));
        self.close();
    }

    /// Lets go of the connection.
    pub(crate) fn close(&mut self) {
        // The copy that `close_all` would use has to go too, or nothing is closed.
        let own = self.socket.peer_addr().ok();
        let mut open = self.shared.open.lock().unwrap();
        open.retain(|socket| socket.peer_addr().ok() != own);
        // The last one is ours; it goes with a socket that leads nowhere in its place.
        let nowhere = TcpListener::bind("127.0.0.1:0").unwrap();
        let stand_in = TcpStream::connect(nowhere.local_addr().unwrap()).unwrap();
        drop(std::mem::replace(&mut self.socket, stand_in));
    }

    fn fill(&mut self) -> usize {
        let mut buffer = [0; 16_384];
        let count = self.socket.read(&mut buffer).unwrap_or(0);
        self.rest.extend_from_slice(&buffer[..count]);
        count
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

/// An address on which nobody listens, nor will: it is held until this process ends.
pub(crate) fn nobody() -> SocketAddr {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    std::mem::forget(socket);
    address
}
