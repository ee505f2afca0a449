//! The network layer of the world: cards, regions, the ways between them, and routers that have
//! to learn where everybody is.
//!
//! ```text
//!   instance ── card ── router of its region ── way between regions ── router ── card ── instance
//! ```
//!
//! A hop at which nothing can wait, be lost or be overtaken is no event of its own: an ordinary
//! datagram within a region is one event, its arrival.

use base::{Instant, RegionId};
use event::l3;
use model::fault::{Fault, RouteFault};
use netsim::l3::{Address, Announcement, Change, Hop, Neighbour, Prefix, Router};

use super::ways::{Firewall, Way};
use crate::plan::network::Place;
use crate::plan::{Plan, Planned, What};

/// All ways and routers.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    ways: Vec<Way>,
    regions: usize,
    /// The region of each instance.
    homes: Vec<u16>,
    /// Where the ways between regions begin, row by row.
    between: usize,
    /// What a region's router does to all that passes, if an incident makes it do something.
    fabric: Vec<Option<usize>>,
    /// What happens to what a call says, there and back, if an incident makes something happen.
    calls: Vec<Option<[usize; 2]>>,
    routers: Vec<Router>,
    /// Ways between regions that both ends know to be down.
    down: Vec<bool>,
    /// What routers were made to believe.
    believed: Vec<(usize, About)>,
}

/// Where a datagram is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    /// It has not left the call that it belongs to.
    Call,
    /// Before the sender's card.
    Card,
    /// Before what the region does to it.
    Fabric(u16),
    /// At the region's router.
    Router(u16),
    /// There.
    Host,
}

/// A datagram, as far as the network looks at it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Envelope {
    pub(super) call: u16,
    /// In the direction of the call: 1, else 0.
    pub(super) forth: bool,
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) bytes: u32,
    pub(super) hops_left: u8,
    /// It asks for a new connection.
    pub(super) is_new: bool,
    /// Keeps the datagrams of a connection on one of several equal ways.
    pub(super) flow: u64,
}

/// A step of a datagram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) spot: Spot,
    pub(super) arrives: Instant,
    pub(super) again: Option<Instant>,
    pub(super) damaged: bool,
    pub(super) held_back: bool,
    pub(super) hops_left: u8,
    /// How long it waited for others to leave.
    pub(super) waited: base::Duration,
    /// Nobody can overtake it on the way: the next step may be taken at once.
    pub(super) is_usual: bool,
    /// The way, and when its last bit has left for it.
    pub(super) way: u32,
    pub(super) leaves: Instant,
}

/// Why a datagram does not arrive, and who is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drop {
    pub(super) why: l3::Event,
    pub(super) told: Told,
}

/// What the sender of a lost datagram is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    /// There is no way (ICMP).
    Unreachable,
    /// Nobody listens there (a reset).
    Rejected,
}

/// A router's links: first those to the other regions by number, then these.
const HERE: Hop = Hop(u16::MAX);
const BACK: Hop = Hop(u16::MAX - 1);
const ELSEWHERE: Hop = Hop(u16::MAX - 2);
const NOWHERE: Hop = Hop(u16::MAX - 3);

impl Grid {
    pub(super) fn new(plan: &Plan<'_>, seed: u64) -> Self {
        let regions = plan.design.regions.len().max(1);
        let mut grid = Self {
            ways: Vec::new(),
            regions,
            homes: plan.instances.iter().map(|one| number(one.region.index())).collect(),
            between: 2 * plan.instances.len(),
            fabric: vec![None; regions],
            calls: vec![None; plan.design.calls.len()],
            routers: vec![Router::default(); regions],
            down: vec![false; regions * regions],
            believed: Vec::new(),
        };
        for instance in &plan.instances {
            let name = format!("{}/{}", plan.design.node(instance.node).name, instance.number);
            for direction in ["up", "down"] {
                let name = format!("{direction} {name}");
                grid.ways.push(Way::new(seed, &name, plan.network.card.clone()));
            }
        }
        let name = |at: usize| plan.design.regions.get(at).map_or("", |one| one.name.as_str());
        for from in 0..regions {
            for to in 0..regions {
                let params = &plan.network.between[from * regions + to];
                let name = format!("between {}/{}", name(from), name(to));
                grid.ways.push(Way::new(seed, &name, params.clone()));
            }
        }
        for fault in &plan.faults {
            grid.make_room(plan, seed, fault);
        }
        grid.introduce_routers();
        grid
    }

    /// Where an instance is: the region in the upper half, the instance in the lower.
    pub(super) fn address(&self, instance: u32) -> Address {
        Address((u32::from(self.homes[instance as usize]) + 1) << 16 | instance & 0xffff)
    }

    /// The row of the way from one instance to the other.
    pub(super) fn row(&self, from: u32, to: u32) -> usize {
        let home = |instance: u32| usize::from(self.homes[instance as usize]);
        home(from) * self.regions + home(to)
    }

    /// Where a datagram begins its way.
    pub(super) fn start(&self, call: u16) -> Spot {
        if self.calls[usize::from(call)].is_some() { Spot::Call } else { Spot::Card }
    }

    /// The next step of a datagram.
    pub(super) fn step(&mut self, now: Instant, spot: Spot, it: &Envelope) -> Result<Step, Drop> {
        let home = self.homes[it.from as usize];
        let (way, next, hops_left) = match spot {
            Spot::Call => {
                let ways = self.calls[usize::from(it.call)].unwrap_or_default();
                (ways[usize::from(!it.forth)], Spot::Card, it.hops_left)
            }
            Spot::Card => (2 * it.from as usize, Spot::Fabric(home), it.hops_left),
            Spot::Fabric(at) => match self.fabric[usize::from(at)] {
                Some(way) => (way, Spot::Router(at), it.hops_left),
                None => return self.step(now, Spot::Router(at), it),
            },
            Spot::Router(at) => self.route(at, it)?,
            Spot::Host => return Err(Drop::silent(l3::Event::Lost)),
        };
        let number = u32::try_from(way).unwrap_or(u32::MAX);
        let waited = self.ways[way].queueing(now);
        let way = &mut self.ways[way];
        match way.send(now, it.bytes, it.is_new) {
            Ok(transit) => Ok(Step {
                spot: next,
                arrives: transit.arrives,
                again: transit.again,
                damaged: transit.damaged,
                held_back: transit.held_back,
                hops_left,
                waited,
                is_usual: way.is_usual(now, transit.arrives),
                way: number,
                leaves: transit.leaves,
            }),
            Err(why) => {
                let told = match (why, way.firewall()) {
                    (l3::Event::Filtered, Some(Firewall::Reject)) => Told::Rejected,
                    (l3::Event::LinkDown, _) => Told::Unreachable,
                    _ => Told::Nothing,
                };
                Err(Drop { why, told })
            }
        }
    }

    fn route(&self, at: u16, it: &Envelope) -> Result<(usize, Spot, u8), Drop> {
        let router = &self.routers[usize::from(at)];
        let to = self.address(it.to);
        let mut hops_left = it.hops_left;
        loop {
            let forward = router.forward(to, it.flow, hops_left).map_err(|why| {
                let is_known = matches!(why, l3::Event::NoRoute);
                Drop { why, told: if is_known { Told::Unreachable } else { Told::Nothing } }
            })?;
            hops_left = forward.hops_left;
            match forward.over {
                BACK => {}
                NOWHERE => {
                    return Err(Drop { why: l3::Event::NoRoute, told: Told::Unreachable });
                }
                ELSEWHERE => return Err(Drop::silent(l3::Event::NoRoute)),
                HERE if self.homes[it.to as usize] == at => {
                    return Ok((2 * it.to as usize + 1, Spot::Host, hops_left));
                }
                HERE => return Err(Drop::silent(l3::Event::NoRoute)),
                Hop(to) => {
                    let way = self.way(usize::from(at), usize::from(to));
                    return Ok((way, Spot::Fabric(to), hops_left));
                }
            }
        }
    }

    const fn way(&self, from: usize, to: usize) -> usize {
        self.between + from * self.regions + to
    }

    /// Ways that only an incident needs.
    fn make_room(&mut self, plan: &Plan<'_>, seed: u64, fault: &Planned) {
        match &fault.what {
            What::Network(Place::Region(region)) => {
                let name = format!("in {}", plan.design.regions[region.index()].name);
                let next = self.ways.len();
                if self.fabric[region.index()].is_none() {
                    self.fabric[region.index()] = Some(next);
                    self.ways.push(Way::harmless(seed, &name));
                }
            }
            What::Network(Place::Call(call)) => {
                let call = plan.design.call(*call);
                let same = plan.design.calls.iter().enumerate();
                let same: Vec<_> = same
                    .filter(|(_, other)| (other.from, other.to) == (call.from, call.to))
                    .map(|(at, _)| at)
                    .collect();
                if self.calls[same[0]].is_some() {
                    return;
                }
                let next = self.ways.len();
                let (from, to) =
                    (&plan.design.node(call.from).name, &plan.design.node(call.to).name);
                for name in [format!("{from} -> {to}"), format!("{to} -> {from}")] {
                    self.ways.push(Way::harmless(seed, &name));
                }
                for at in same {
                    self.calls[at] = Some([next, next + 1]);
                }
            }
            _ => {}
        }
    }

    /// The network stood before the run began: everybody has heard of everybody.
    fn introduce_routers(&mut self) {
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
            for news in said {
                self.hear(&news);
            }
            said = self.announcements();
        }
    }

    /// What routers have to say to each other.
    pub(super) fn announcements(&mut self) -> Vec<News> {
        let mut all = Vec::new();
        for (from, router) in self.routers.iter_mut().enumerate() {
            while let Some((over, said)) = router.poll_announcement() {
                all.push(News { from: number(from), to: over.0, said });
            }
        }
        all
    }

    /// When what a router says is heard by its neighbour, if it is.
    pub(super) fn tell(&mut self, now: Instant, news: &News) -> Option<Instant> {
        let way = self.way(usize::from(news.from), usize::from(news.to));
        self.ways[way].send(now, ANNOUNCEMENT, false).ok().map(|transit| transit.arrives)
    }

    /// A router hears what its neighbour said.
    pub(super) fn hear(&mut self, news: &News) {
        self.routers[usize::from(news.to)].hear(Hop(news.from), news.said);
    }

    /// Brings all that an incident hits into the state that all its faults together give it. Which
    /// ways change for those who wait before them.
    pub(super) fn refresh(&mut self, now: Instant, plan: &Plan<'_>) -> Vec<(u32, Change)> {
        let mut harms: Vec<_> = self.ways.iter().map(Way::unharmed).collect();
        let mut routes = Vec::new();
        for fault in &plan.faults {
            let size = fault.course.size(now);
            let is_there = now >= fault.course.at && now < fault.course.ends();
            if !is_there {
                continue;
            }
            if let (What::Network(place), Fault::Route(how)) = (&fault.what, &fault.fault) {
                routes.push((place.clone(), *how));
            } else {
                for way in self.hit_by(fault) {
                    harms[way].add(&fault.fault, size);
                }
            }
        }
        let ways = (0..).zip(self.ways.iter_mut().zip(harms));
        let changes =
            ways.filter_map(|(at, (way, harm))| Some((at, way.set(now, harm)?))).collect();
        self.refresh_links();
        self.refresh_routes(&routes);
        changes
    }

    /// The ways that a fault hits.
    fn hit_by(&self, fault: &Planned) -> Vec<usize> {
        let cards = |instances: &[u32], (up, down): (bool, bool)| {
            let both = instances.iter().map(|&one| 2 * one as usize);
            both.flat_map(|one| up.then_some(one).into_iter().chain(down.then_some(one + 1)))
                .collect::<Vec<_>>()
        };
        match (&fault.what, &fault.fault) {
            (What::Instances(hit), Fault::RegionLoss) => cards(hit, (true, true)),
            (What::Network(Place::Cards { instances, are_clients }), kind) => {
                let inwards = is_one_way(kind);
                cards(instances, (!inwards || *are_clients, !inwards || !*are_clients))
            }
            (What::Network(Place::Region(region)), kind) => self.of_region(*region, kind),
            (What::Network(Place::Between(from, to)), kind) => {
                let there = self.way(from.index(), to.index());
                let back = self.way(to.index(), from.index());
                if is_one_way(kind) { vec![there] } else { vec![there, back] }
            }
            (What::Network(Place::Call(call)), kind) => {
                let ways = self.calls[call.index()].unwrap_or_default();
                if is_one_way(kind) { vec![ways[0]] } else { ways.to_vec() }
            }
            _ => Vec::new(),
        }
    }

    /// A region is cut off at its borders; everything else happens to all that passes through it.
    fn of_region(&self, region: RegionId, kind: &Fault) -> Vec<usize> {
        let others = || (0..self.regions).filter(|&other| other != region.index());
        let inwards = others().map(|other| self.way(other, region.index()));
        let outwards = others().map(|other| self.way(region.index(), other));
        match kind {
            _ if is_one_way(kind) => inwards.collect(),
            Fault::Partition { .. } | Fault::LinkDown => inwards.chain(outwards).collect(),
            _ => self.fabric[region.index()].into_iter().collect(),
        }
    }

    /// Everything is cut off, or is well.
    #[cfg(test)]
    pub(super) fn cut(&mut self, is_cut: bool) {
        for way in &mut self.ways {
            let mut harm = way.unharmed();
            if is_cut {
                harm.part();
            }
            way.set(Instant::ZERO, harm);
        }
    }

    /// Routers learn at once which of their own links are down, and which are up again.
    fn refresh_links(&mut self) {
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
    fn refresh_routes(&mut self, routes: &[(Place, RouteFault)]) {
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

/// What a router believes something about.
#[derive(Clone, Copy, Debug)]
enum About {
    Host(u32),
    Region(usize),
}

/// What one router says to the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct News {
    from: u16,
    to: u16,
    said: Announcement,
}

impl Drop {
    const fn silent(why: l3::Event) -> Self {
        Self { why, told: Told::Nothing }
    }
}

/// A routing message with one entry, headers included (RFC 2453, 4).
const ANNOUNCEMENT: u32 = 52;

/// Addresses of a region begin alike.
fn prefix(region: usize) -> Prefix {
    Prefix::new(Address((u32::from(number(region)) + 1) << 16), 16)
}

fn number(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(u16::MAX)
}

/// Only in one direction: partitions that say so, and walls against new connections.
const fn is_one_way(fault: &Fault) -> bool {
    matches!(fault, Fault::Partition { one_way: true } | Fault::Firewall { .. })
}
