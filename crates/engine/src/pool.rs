//! Connections that stand and wait for the next attempt.
//!
//! A new connection costs a round trip and a handshake, so one that has served its request is kept
//! for a while. For a shorter while than the other side keeps it: a connection that the peer
//! closes at the moment we use it is a failure that nobody had to have.
//!
//! The newest is used first: the others grow old and go, and the pool shrinks with the traffic.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use base::{Duration, EndpointId, Instant};

/// Idle connections of one worker to the endpoints of one call. `C` is whatever a driver calls a
/// connection.
#[derive(Clone, Debug)]
pub struct Pool<C> {
    /// By endpoint; the newest last.
    idle: Vec<VecDeque<Idle<C>>>,
    keep: Duration,
    most: usize,
    len: usize,
}

#[derive(Clone, Debug)]
struct Idle<C> {
    since: Instant,
    connection: C,
}

impl<C> Pool<C> {
    /// Keeps connections for `keep`, at most `most` an endpoint.
    pub fn new(endpoints: usize, keep: Duration, most: usize) -> Self {
        Self { idle: (0..endpoints).map(|_| VecDeque::new()).collect(), keep, most, len: 0 }
    }

    /// How many are idle.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether none is idle.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A connection for an attempt: the newest idle one, if it has not idled too long. The caller
    /// opens one if there is none, and throws away what turns out to be closed.
    pub fn take(&mut self, now: Instant, endpoint: EndpointId) -> Option<C> {
        let newest = self.idle.get_mut(endpoint.index())?.pop_back()?;
        self.len -= 1;
        (now.since(newest.since) < self.keep).then_some(newest.connection)
    }

    /// A connection has served its request and could serve another. Given back if there is no room
    /// for it: close it.
    pub fn put(&mut self, now: Instant, endpoint: EndpointId, connection: C) -> Option<C> {
        let Some(idle) = self.idle.get_mut(endpoint.index()) else {
            return Some(connection);
        };
        idle.push_back(Idle { since: now, connection });
        self.len += 1;
        if idle.len() <= self.most {
            return None;
        }
        self.len -= 1;
        idle.pop_front().map(|oldest| oldest.connection)
    }

    /// The connection to an endpoint that has idled longest: when somebody else needs its place.
    pub fn take_oldest(&mut self, endpoint: EndpointId) -> Option<C> {
        let oldest = self.idle.get_mut(endpoint.index())?.pop_front()?;
        self.len -= 1;
        Some(oldest.connection)
    }

    /// The next connection that has idled too long: close it. Ask until there is none.
    pub fn expired(&mut self, now: Instant) -> Option<C> {
        let keep = self.keep;
        let old = |idle: &&mut VecDeque<Idle<C>>| {
            idle.front().is_some_and(|oldest| now.since(oldest.since) >= keep)
        };
        let oldest = self.idle.iter_mut().find(old)?.pop_front();
        self.len -= usize::from(oldest.is_some());
        oldest.map(|oldest| oldest.connection)
    }

    /// All connections to an endpoint: when it is down, or gone from the design.
    pub fn drain(&mut self, endpoint: EndpointId) -> impl Iterator<Item = C> {
        let all = self.idle.get_mut(endpoint.index()).map(core::mem::take).unwrap_or_default();
        self.len -= all.len();
        all.into_iter().map(|idle| idle.connection)
    }

    /// When the oldest has idled too long.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.idle
            .iter()
            .filter_map(|idle| idle.front())
            .map(|oldest| oldest.since + self.keep)
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_used_first_and_the_oldest_goes() {
        let mut pool = pool();
        for (ms, name) in [(0, "old"), (10, "new")] {
            assert_eq!(pool.put(Instant::from_millis(ms), A, name), None);
        }

        assert_eq!(pool.take(Instant::from_millis(20), A), Some("new"));
        assert_eq!(pool.expired(Instant::from_secs(4)), Some("old"));
        assert_eq!(pool.expired(Instant::from_secs(4)), None);
        assert!(pool.is_empty());
    }

    #[test]
    fn what_has_idled_as_long_as_the_peer_allows_is_not_used() {
        let mut pool = pool();
        pool.put(Instant::ZERO, A, "stale");

        assert_eq!(pool.take(Instant::from_secs(4), A), None);
        assert_eq!(pool.len(), 0);
    }

    #[test]
    fn there_is_an_end_to_what_is_kept() {
        let mut pool = pool();

        let refused = ["1", "2", "3"].map(|name| pool.put(Instant::ZERO, A, name));

        assert_eq!(refused, [None, None, Some("1")]);
        assert_eq!(pool.len(), 2);
    }

    #[test]
    fn who_needs_a_place_gets_that_of_the_oldest_of_this_endpoint() {
        let mut pool = pool();
        for (endpoint, name) in [(B, "b"), (A, "old"), (A, "new")] {
            pool.put(Instant::ZERO, endpoint, name);
        }

        assert_eq!([(); 3].map(|()| pool.take_oldest(A)), [Some("old"), Some("new"), None]);
        assert_eq!(pool.len(), 1);
    }

    #[test]
    fn an_endpoint_that_is_down_loses_all_and_others_keep_theirs() {
        let mut pool = pool();
        pool.put(Instant::ZERO, A, "a");
        pool.put(Instant::ZERO, B, "b");

        assert!(pool.drain(A).eq(["a"]));
        assert_eq!(pool.take(Instant::ZERO, B), Some("b"));
    }

    const A: EndpointId = EndpointId(0);
    const B: EndpointId = EndpointId(1);

    fn pool() -> Pool<&'static str> {
        Pool::new(2, Duration::from_secs(4), 2)
    }
}
