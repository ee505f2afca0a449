//! Where an endpoint is: one address, or those that its name means now.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::seats::Seats;

/// One endpoint.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// Host and port as the design has them.
    pub(crate) name: String,
    /// The connections it may have.
    pub(crate) seats: Seats,
    addresses: RwLock<Arc<[SocketAddr]>>,
    /// Which of them took a connection last.
    good: AtomicUsize,
}

impl Endpoint {
    pub(super) fn new(name: &str, most: Option<u32>) -> Self {
        Self {
            name: name.to_owned(),
            seats: Seats::new(most),
            addresses: RwLock::new(name.parse().into_iter().collect()),
            good: AtomicUsize::new(0),
        }
    }

    /// Where it is, as far as its name has been resolved, and with which of these to begin.
    pub(crate) fn addresses(&self) -> (Arc<[SocketAddr]>, usize) {
        let addresses = self.addresses.read().unwrap_or_else(PoisonError::into_inner);
        (Arc::clone(&addresses), self.good.load(Ordering::Relaxed))
    }

    /// Whether it is known where it is.
    pub(crate) fn is_resolved(&self) -> bool {
        !self.addresses.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// The address at this position took a connection.
    pub(crate) fn prefer(&self, at: usize) {
        self.good.store(at, Ordering::Relaxed);
    }

    /// Its name means these addresses now. The one that was good last stays so, wherever it
    /// stands now: resolvers like to turn their answers round.
    pub(crate) fn set_addresses(&self, new: &[SocketAddr]) {
        let mut addresses = self.addresses.write().unwrap_or_else(PoisonError::into_inner);
        let good = addresses.get(self.good.load(Ordering::Relaxed));
        let at = good.and_then(|good| new.iter().position(|address| address == good));
        self.good.store(at.unwrap_or(0), Ordering::Relaxed);
        *addresses = new.into();
    }

    /// Has it a name that needs to be resolved?
    pub(crate) fn is_named(&self) -> bool {
        self.name.parse::<SocketAddr>().is_err()
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use base::Duration;

    use super::*;
    use crate::event_loop::Stream;
    use crate::event_loop::tests::within_a_loop;
    use crate::upstream;

    #[test]
    fn an_address_that_takes_no_connection_is_followed_by_the_next_and_the_good_one_is_kept() {
        within_a_loop(async |events| {
            let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let well = TcpListener::bind("127.0.0.2:0").unwrap();
            let good = well.local_addr().unwrap();
            let endpoint = Endpoint::new("several:80", None);
            assert!(
                upstream::reach(events, &endpoint, None).await.is_err(),
                "nothing is resolved yet"
            );

            endpoint.set_addresses(&[dead, good]);
            let socket = upstream::reach(events, &endpoint, None).await.unwrap();

            assert_eq!(peer_of(&socket), good);
            assert_eq!(endpoint.addresses().1, 1);
            endpoint.set_addresses(&[good, dead]);
            assert_eq!(endpoint.addresses().1, 0, "the same address, in another place");
        });
    }

    #[test]
    fn an_address_that_says_nothing_takes_no_more_than_its_part_of_the_time() {
        within_a_loop(async |events| {
            // A queue that is full: the kernel drops what comes.
            let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
            let full = full.unwrap();
            full.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
            full.listen(0).unwrap();
            let silent = full.local_addr().unwrap().as_socket().unwrap();
            let _queued = std::net::TcpStream::connect(silent).unwrap();
            let well = TcpListener::bind("127.0.0.1:0").unwrap();
            let good = well.local_addr().unwrap();
            let endpoint = Endpoint::new("several:80", None);
            endpoint.set_addresses(&[silent, good]);
            let began = std::time::Instant::now();

            let within = Duration::from_millis(400);
            let socket = upstream::reach(events, &endpoint, Some(within)).await.unwrap();

            assert_eq!(peer_of(&socket), good);
            assert!(began.elapsed() < within.into(), "{:?}", began.elapsed());
        });
    }

    fn peer_of(socket: &Stream) -> SocketAddr {
        socket2::SockRef::from(socket).peer_addr().unwrap().as_socket().unwrap()
    }
}
