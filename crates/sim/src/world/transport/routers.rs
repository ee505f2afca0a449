//! What the routers of the regions know, how they learn it, and what they are made to believe.

use base::Instant;
use model::fault::RouteFault;
use netsim::l3::{Address, Announcement, Hop, Neighbour, Prefix};

use super::grid::{Grid, number};
use crate::plan::network::Place;

/// What one router says to the next (an update, in the words of RFC 2453).
#[derive(Clone, Copy, Debug)]
pub(super) struct Update {
    from: u16,
    to: u16,
    said: Announcement,
}

/// What a router believes something about.
#[derive(Clone, Copy, Debug)]
pub(super) enum About {
    Host(u32),
    Region(usize),
}

/// A router's links: first those to the other regions by number, then these.
pub(super) const HERE: Hop = Hop(u16::MAX);
pub(super) const BACK: Hop = Hop(u16::MAX - 1);
pub(super) const ELSEWHERE: Hop = Hop(u16::MAX - 2);
pub(super) const NOWHERE: Hop = Hop(u16::MAX - 3);

impl Grid {
    /// The network stood before the run began: everybody has heard of everybody.
    pub(super) fn introduce_routers(&mut self) {
        for at in 0..self.regions {
            let others = (0..self.regions).filter(|&other| other != at);
            let neighbours = others.map(|other| Hop(number(other)));
            for over in neighbours {
                self.routers[at].join(Neighbour { over, split_horizon: true });
            }
            self.routers[at].attach(prefix(at), HERE);
        }
        let mut said = self.announcements();
        while !said.is_empty() {
            for update in said {
                self.hear(&update);
            }
            said = self.announcements();
        }
    }

    /// Routers learn at once which of their own links are down, and which are up again.
    pub(super) fn refresh_links(&mut self) {
        for from in 0..self.regions {
            for to in (0..self.regions).filter(|&to| to != from) {
                let at = from * self.regions + to;
                let is_down = self.ways[self.between + at].is_down();
                let was_down = std::mem::replace(&mut self.down[at], is_down);
                let over = Hop(number(to));
                if is_down && !was_down {
                    self.routers[from].lose(over);
                } else if was_down && !is_down {
                    // The link is new to both: each tells the other all that it knows.
                    self.routers[from].join(Neighbour { over, split_horizon: true });
                }
            }
        }
    }

    /// What routers are made to believe; and they learn better when it is over.
    pub(super) fn refresh_routes(&mut self, routes: &[(Place, RouteFault)]) {
        for (at, about) in std::mem::take(&mut self.believed) {
            self.relearn(at, about);
        }
        for (place, how) in routes {
            let over = match how {
                RouteFault::Wrong => ELSEWHERE,
                RouteFault::Withdrawn => NOWHERE,
                RouteFault::Loop => BACK,
            };
            match place {
                Place::Cards { instances, .. } => {
                    for &instance in instances {
                        let at = usize::from(self.homes[instance as usize]);
                        self.believe(at, About::Host(instance), over);
                    }
                }
                Place::Region(region) => {
                    let to = region.index();
                    let others = (0..self.regions).filter(|&at| self.regions == 1 || at != to);
                    for at in others.collect::<Vec<_>>() {
                        self.believe(at, About::Region(to), over);
                    }
                }
                Place::Between(from, to) => {
                    self.believe(from.index(), About::Region(to.index()), over);
                }
                Place::Call(_) => {}
            }
        }
    }

    /// What routers have to say to each other.
    pub(super) fn announcements(&mut self) -> Vec<Update> {
        let mut all = Vec::new();
        for (from, router) in self.routers.iter_mut().enumerate() {
            while let Some((over, said)) = router.poll_announcement() {
                all.push(Update { from: number(from), to: over.0, said });
            }
        }
        all
    }

    /// When what a router says is heard by its neighbour, if it is.
    pub(super) fn tell(&mut self, now: Instant, update: &Update) -> Option<Instant> {
        let way = self.way(usize::from(update.from), usize::from(update.to));
        self.ways[way].send(now, ANNOUNCEMENT, false).ok().map(|transit| transit.arrives)
    }

    /// A router hears what its neighbour said.
    pub(super) fn hear(&mut self, update: &Update) {
        self.routers[usize::from(update.to)].hear(Hop(update.from), update.said);
    }

    fn believe(&mut self, at: usize, about: About, over: Hop) {
        let prefix = self.prefix_of(about);
        self.routers[at].believe(prefix, &[over]);
        self.believed.push((at, about));
    }

    /// Hears again what is so: the neighbour that is the place itself repeats what it said.
    fn relearn(&mut self, at: usize, about: About) {
        match about {
            About::Host(_) => {
                let prefix = self.prefix_of(about);
                self.routers[at].believe(prefix, &[]);
            }
            About::Region(region) if region == at => {
                self.routers[at].attach(prefix(region), HERE);
            }
            About::Region(region) => {
                let is_down = self.down[at * self.regions + region];
                let hops = if is_down { Announcement::UNREACHABLE } else { 1 };
                let said = Announcement { prefix: prefix(region), hops };
                self.routers[at].hear(Hop(number(region)), said);
            }
        }
    }

    fn prefix_of(&self, about: About) -> Prefix {
        match about {
            About::Host(instance) => Prefix::host(self.address(instance)),
            About::Region(region) => prefix(region),
        }
    }
}

/// A routing message with one entry, headers included (RFC 2453, 4).
const ANNOUNCEMENT: u32 = 52;

/// Addresses of a region begin alike.
fn prefix(region: usize) -> Prefix {
    Prefix::new(Address((u32::from(number(region)) + 1) << 16), 16)
}
