//! Which way a router believes to be the right one: the longest prefix that fits.
//!
//! Several equal ways share the flows, and a flow keeps to its way, so that its datagrams do not
//! overtake each other (RFC 2992). A table holds whatever it was told: it may be stale or wrong.

use alloc::vec::Vec;

use super::address::{Address, Prefix};

/// One of a router's links, by its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hop(pub u16);

/// Prefixes and the ways to them.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The longest prefixes first: the first that fits is the answer.
    routes: Vec<Route>,
}

#[derive(Clone, Debug)]
struct Route {
    prefix: Prefix,
    /// Invariant: never empty.
    hops: Vec<Hop>,
}

impl Table {
    /// From now on, `prefix` is reached over these, and no others. None withdraws it.
    pub fn set(&mut self, prefix: Prefix, hops: &[Hop]) {
        self.routes.retain(|route| route.prefix != prefix);
        if hops.is_empty() {
            return;
        }
        let longer = |route: &Route| route.prefix.length() >= prefix.length();
        let at = self.routes.partition_point(longer);
        self.routes.insert(at, Route { prefix, hops: hops.to_vec() });
    }

    /// The next link for a flow; nothing if no prefix fits.
    #[inline]
    pub fn next(&self, to: Address, flow: u64) -> Option<Hop> {
        let route = self.routes.iter().find(|route| route.prefix.contains(to))?;
        let count = route.hops.len() as u64;
        #[expect(clippy::cast_possible_truncation, reason = "below the count of hops")]
        let which = ((u128::from(spread(flow)) * u128::from(count)) >> 64) as usize;
        route.hops.get(which).copied()
    }
}

/// Flows with neighbouring numbers go different ways.
#[inline]
const fn spread(flow: u64) -> u64 {
    let folded = (flow ^ (flow >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (folded ^ (folded >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_that_fits_decides() {
        let mut table = Table::default();
        table.set(Prefix::ALL, &[Hop(0)]);
        table.set(Prefix::new(Address(0x0a00_0000), 8), &[Hop(1)]);
        table.set(Prefix::new(Address(0x0a01_0000), 16), &[Hop(2)]);

        let hops = [0x0a01_0203, 0x0a02_0203, 0x0b00_0001].map(|to| table.next(Address(to), 7));

        assert_eq!(hops, [Some(Hop(2)), Some(Hop(1)), Some(Hop(0))]);
    }

    #[test]
    fn a_withdrawn_route_leaves_the_next_shorter_or_none() {
        let mut table = Table::default();
        let host = Prefix::host(Address(9));
        table.set(host, &[Hop(1)]);
        table.set(host, &[]);

        assert_eq!(table.next(Address(9), 7), None);
    }

    #[test]
    fn equal_ways_share_the_flows_and_a_flow_keeps_to_its_way() {
        let mut table = Table::default();
        table.set(Prefix::ALL, &[Hop(0), Hop(1)]);

        let over_first = (0..1_000).filter(|&flow| table.next(Address(1), flow) == Some(Hop(0)));

        let count = over_first.count();
        assert!((400..600).contains(&count), "{count}");
        assert_eq!(table.next(Address(1), 5), table.next(Address(1), 5));
    }
}
