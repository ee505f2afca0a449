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
use model::fault::Fault;
use netsim::l3::{Address, Change, Hop, Router};

use super::routers::{About, BACK, ELSEWHERE, HERE, NOWHERE};
use super::ways::{Firewall, Way};
use crate::plan::network::Place;
use crate::plan::{Plan, Planned, What};

/// All ways and routers.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    pub(super) ways: Vec<Way>,
    pub(super) regions: usize,
    /// The region of each instance.
    pub(super) homes: Vec<u16>,
    /// Where the ways between regions begin, row by row.
    pub(super) between: usize,
    /// What a region's router does to all that passes, if an incident makes it do something.
    fabric: Vec<Option<usize>>,
    /// What happens to what a call says, there and back, if an incident makes something happen.
    calls: Vec<Option<[usize; 2]>>,
    pub(super) routers: Vec<Router>,
    /// Ways between regions that both ends know to be down.
    pub(super) down: Vec<bool>,
    /// What routers were made to believe.
    pub(super) believed: Vec<(usize, About)>,
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

    pub(super) const fn way(&self, from: usize, to: usize) -> usize {
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
}

impl Drop {
    const fn silent(why: l3::Event) -> Self {
        Self { why, told: Told::Nothing }
    }
}

pub(super) fn number(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(u16::MAX)
}

/// Only in one direction: partitions that say so, and walls against new connections.
const fn is_one_way(fault: &Fault) -> bool {
    matches!(fault, Fault::Partition { one_way: true } | Fault::Firewall { .. })
}
