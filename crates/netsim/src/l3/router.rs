//! Where a datagram goes next, by what the router believes.
//!
//! A router does not know whether a route is right. Stale, wrong and circular ones look like good
//! ones; the hop limit is what ends a circle.

use event::l3::Event;

use super::address::{Address, Prefix};
use super::routing::{Announcement, Neighbour, Routing};
use super::table::{Hop, Table};

/// How many routers a datagram may pass: the recommended default (RFC 1700; Linux's too).
pub const HOP_LIMIT: u8 = 64;

/// What a router does with a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The link it goes out on.
    pub over: Hop,
    /// How many routers it may still pass.
    pub hops_left: u8,
}

/// A router: a table, and what its neighbours said.
#[derive(Clone, Debug, Default)]
pub struct Router {
    table: Table,
    routing: Routing,
}

impl Router {
    /// Where a datagram goes next.
    ///
    /// # Errors
    ///
    /// [`Event::HopLimit`] if it has passed enough routers, [`Event::NoRoute`] if no prefix fits.
    #[inline]
    pub fn forward(&self, to: Address, flow: u64, hops_left: u8) -> Result<Forward, Event> {
        // RFC 1812, 5.3.1: who would make it zero drops it.
        if hops_left <= 1 {
            return Err(Event::HopLimit);
        }
        let over = self.table.next(to, flow).ok_or(Event::NoRoute)?;
        Ok(Forward { over, hops_left: hops_left - 1 })
    }

    /// The prefix is at the other end of this link.
    pub fn attach(&mut self, prefix: Prefix, over: Hop) {
        self.hear(over, Announcement { prefix, hops: 0 });
    }

    /// Another router is at the other end of a link. It is told what is known.
    pub fn join(&mut self, neighbour: Neighbour) {
        self.routing.join(neighbour);
    }

    /// A neighbour has said something. Answers are due: [`Router::poll_announcement`].
    pub fn hear(&mut self, from: Hop, said: Announcement) {
        self.routing.hear(&mut self.table, from, said);
    }

    /// A link is known to be down: nothing is reached over it.
    pub fn lose(&mut self, over: Hop) {
        self.routing.lose(&mut self.table, over);
    }

    /// What to tell whom next.
    pub fn poll_announcement(&mut self) -> Option<(Hop, Announcement)> {
        self.routing.poll()
    }

    /// Somebody makes it believe this about a prefix, wrong as it may be, until it learns better.
    pub fn believe(&mut self, prefix: Prefix, over: &[Hop]) {
        self.table.set(prefix, over);
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn routes_are_learned_hop_by_hop() {
        let mut chain = Chain::new(3, true);
        chain.routers[2].attach(PREFIX, HOST);

        assert_eq!(chain.walk(), Err(Event::NoRoute), "the first router has not heard of it");
        chain.settle();
        assert_eq!(chain.walk(), Ok(3));
    }

    #[test]
    fn a_circle_ends_at_the_hop_limit() {
        let mut chain = Chain::new(3, true);
        chain.routers[2].attach(PREFIX, HOST);
        chain.settle();
        chain.routers[1].believe(PREFIX, &[LEFT]);

        assert_eq!(chain.walk(), Err(Event::HopLimit));
    }

    #[test]
    fn bad_news_without_split_horizon_makes_a_circle_until_they_have_counted_to_infinity() {
        let mut chain = Chain::new(3, false);
        chain.routers[2].attach(PREFIX, HOST);
        chain.settle();
        chain.routers[2].lose(HOST);
        for _ in 0..3 {
            chain.step();
        }

        assert_eq!(chain.walk(), Err(Event::HopLimit));
        chain.settle();
        assert_eq!(chain.walk(), Err(Event::NoRoute));
    }

    #[test]
    fn bad_news_with_split_horizon_is_believed_at_once() {
        let mut chain = Chain::new(3, true);
        chain.routers[2].attach(PREFIX, HOST);
        chain.settle();
        chain.routers[2].lose(HOST);
        chain.settle();

        assert_eq!(chain.walk(), Err(Event::NoRoute));
    }

    #[test]
    fn two_ways_of_the_same_length_are_both_taken() {
        let mut router = Router::default();
        router.attach(PREFIX, LEFT);
        router.attach(PREFIX, RIGHT);

        let over: Vec<_> =
            (0..64).filter_map(|flow| router.forward(Address(9), flow, 64).ok()).collect();

        assert!(over.iter().any(|forward| forward.over == LEFT));
        assert!(over.iter().any(|forward| forward.over == RIGHT));
    }

    const PREFIX: Prefix = Prefix::ALL;
    const LEFT: Hop = Hop(0);
    const RIGHT: Hop = Hop(1);
    const HOST: Hop = Hop(2);

    /// Routers in a row, each told of its neighbours.
    struct Chain {
        routers: Vec<Router>,
    }

    impl Chain {
        fn new(count: usize, split_horizon: bool) -> Self {
            let mut routers: Vec<_> = (0..count).map(|_| Router::default()).collect();
            for (at, router) in routers.iter_mut().enumerate() {
                if at > 0 {
                    router.join(Neighbour { over: LEFT, split_horizon });
                }
                if at + 1 < count {
                    router.join(Neighbour { over: RIGHT, split_horizon });
                }
            }
            Self { routers }
        }

        /// Everybody says everything they have to say; whether anybody did.
        fn step(&mut self) -> bool {
            let mut said = Vec::new();
            for (at, router) in self.routers.iter_mut().enumerate() {
                while let Some((over, announcement)) = router.poll_announcement() {
                    said.push((at, over, announcement));
                }
            }
            for &(at, over, announcement) in &said {
                let (to, from) = if over == LEFT { (at - 1, RIGHT) } else { (at + 1, LEFT) };
                self.routers[to].hear(from, announcement);
            }
            !said.is_empty()
        }

        fn settle(&mut self) {
            while self.step() {}
        }

        /// How many routers a datagram passes from the first to the host.
        fn walk(&self) -> Result<usize, Event> {
            let (mut at, mut hops_left) = (0, HOP_LIMIT);
            for passed in 1.. {
                let forward = self.routers[at].forward(Address(9), 7, hops_left)?;
                hops_left = forward.hops_left;
                match forward.over {
                    LEFT => at -= 1,
                    RIGHT => at += 1,
                    _ => return Ok(passed),
                }
            }
            Err(Event::HopLimit)
        }
    }
}
