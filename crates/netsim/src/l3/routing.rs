//! What routers tell each other: how far away a prefix is, hop by hop.
//!
//! It is the distance-vector protocol of RFC 2453 without its packets: a router knows no map, only
//! what its neighbours said last. So bad news travels slowly, and two routers can each believe that
//! the way is over the other. Whoever drives the routers carries the announcements, as late as
//! the links between them are slow.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::address::Prefix;
use super::table::{Hop, Table};

/// A router at the other end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The link to it.
    pub over: Hop,
    /// Whether it is spared what was learned from it (split horizon with poisoned reverse, RFC
    /// 2453, 3.4.3). Without that, two routers can count to infinity together.
    pub split_horizon: bool,
}

/// "I reach this prefix in so many hops."
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// What is reached.
    pub prefix: Prefix,
    /// In how many hops; [`Announcement::UNREACHABLE`] and more for not at all.
    pub hops: u8,
}

impl Announcement {
    /// Infinity is small, so that counting to it ends (RFC 2453, 3.6).
    pub const UNREACHABLE: u8 = 16;
}

/// What a router has heard, and what it still has to say.
#[derive(Clone, Debug, Default)]
pub(super) struct Routing {
    neighbours: Vec<Neighbour>,
    learned: Vec<Learned>,
    to_say: VecDeque<(Hop, Announcement)>,
}

#[derive(Clone, Debug)]
struct Learned {
    prefix: Prefix,
    /// Over which link, in how many hops: the last word of each.
    heard: Vec<(Hop, u8)>,
    /// The shortest of these, as the neighbours know it.
    best: u8,
}

impl Routing {
    pub(super) fn join(&mut self, neighbour: Neighbour) {
        self.neighbours.push(neighbour);
        let known: Vec<_> = self.learned.iter().map(|learned| learned.prefix).collect();
        for prefix in known {
            self.say(prefix, neighbour);
        }
    }

    pub(super) fn hear(&mut self, table: &mut Table, from: Hop, said: Announcement) {
        let hops = said.hops.saturating_add(1).min(Announcement::UNREACHABLE);
        let learned = self.entry(said.prefix);
        match learned.heard.iter_mut().find(|(over, _)| *over == from) {
            Some(word) => word.1 = hops,
            None => learned.heard.push((from, hops)),
        }
        self.decide(table, said.prefix);
    }

    pub(super) fn lose(&mut self, table: &mut Table, over: Hop) {
        let over_it = |learned: &&Learned| learned.heard.iter().any(|(hop, _)| *hop == over);
        let gone: Vec<_> = self.learned.iter().filter(over_it).map(|one| one.prefix).collect();
        for prefix in gone {
            self.hear(table, over, Announcement { prefix, hops: Announcement::UNREACHABLE });
        }
    }

    pub(super) fn poll(&mut self) -> Option<(Hop, Announcement)> {
        self.to_say.pop_front()
    }

    fn decide(&mut self, table: &mut Table, prefix: Prefix) {
        let learned = self.entry(prefix);
        let (best, hops) = shortest(&learned.heard);
        let is_news = best != learned.best;
        learned.best = best;
        table.set(prefix, &hops);
        if is_news {
            for neighbour in self.neighbours.clone() {
                self.say(prefix, neighbour);
            }
        }
    }

    fn say(&mut self, prefix: Prefix, to: Neighbour) {
        let learned = self.entry(prefix);
        let (best, hops) = shortest(&learned.heard);
        let from_it = to.split_horizon && hops.contains(&to.over);
        let hops = if from_it { Announcement::UNREACHABLE } else { best };
        self.to_say.push_back((to.over, Announcement { prefix, hops }));
    }

    fn entry(&mut self, prefix: Prefix) -> &mut Learned {
        let at = self.learned.iter().position(|learned| learned.prefix == prefix);
        let at = at.unwrap_or_else(|| {
            let best = Announcement::UNREACHABLE;
            self.learned.push(Learned { prefix, heard: Vec::new(), best });
            self.learned.len() - 1
        });
        &mut self.learned[at]
    }
}

/// The fewest hops, and all links over which they lead, in order.
fn shortest(heard: &[(Hop, u8)]) -> (u8, Vec<Hop>) {
    let best = heard.iter().map(|(_, hops)| *hops).min().unwrap_or(Announcement::UNREACHABLE);
    let reaches = |hops: u8| hops == best && best < Announcement::UNREACHABLE;
    let mut over: Vec<_> =
        heard.iter().filter(|(_, hops)| reaches(*hops)).map(|(over, _)| *over).collect();
    over.sort_unstable();
    (best, over)
}
