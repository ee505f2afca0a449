//! The transport layer of the world: connections, the datagrams that carry them, and the kernels
//! that know of them.
//!
//! It tells the applications what happened ([`News`]) and never acts for them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use base::Instant;
use config::design::NodeKind;
use event::{Event as Happened, Scope, Sink, l3, l4};
use netsim::l4::tcp::{Backlog, End as Why, Listener, Ports, Profile};
use netsim::{Party, Queue};

use super::super::ears::Ears;
use super::super::event::Event;
use super::super::slab::{Handle, Slab};
use super::channel::Channel;
use super::connection::{CALLER, Connection};
use super::datagram::{Datagram, Whole};
use super::grid::Grid;
use super::handshake::profiles;
use super::host::Host;
use super::routers;
use super::seats::Seats;
use crate::plan::Plan;
use crate::world::tap::packets::Side;

/// Everything below the messages.
#[derive(Clone, Debug)]
pub(in crate::world) struct Net {
    pub(super) grid: Grid,
    pub(super) connections: Slab<Connection>,
    pub(super) datagrams: Slab<Datagram>,
    /// Messages without a connection.
    pub(super) whole: Slab<Whole>,
    announced: Slab<routers::Update>,
    pub(super) hosts: Vec<Host>,
    /// Whose the network's own events are.
    own: Party,
    /// Of each engine: its connections.
    pub(super) channels: Vec<Channel>,
    /// What those of an instance share.
    pub(super) seats: Vec<Seats>,
    pub(super) profiles: Vec<[Arc<Profile>; 2]>,
    pub(super) ports: BTreeMap<(u32, u32), Ports>,
    pub(super) news: VecDeque<News>,
}

/// What the network needs of the world around it.
pub(super) struct Around<'w> {
    pub(super) queue: &'w mut Queue<Event>,
    pub(super) ears: Ears<'w>,
}

/// What an application learns of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct News {
    pub(super) connection: Handle,
    pub(super) side: u8,
    pub(super) what: Tidings,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Tidings {
    /// It stands.
    Connected,
    /// The process has taken it.
    Accepted,
    /// A message of the other side has arrived.
    Said(Event),
    /// The other side writes no more.
    PeerClosed,
    Ended(Why),
    /// The kernel has forgotten it.
    Gone,
    /// A message without a connection was lost.
    Lost(Event),
}

impl Net {
    pub(in crate::world) fn new(plan: &Plan<'_>, seed: u64, own: Party, parties: &[Party]) -> Self {
        let host = |(at, &party): (usize, &Party)| {
            let node = plan.design.node(plan.instances[at].node);
            let most_accepted = match &node.kind {
                NodeKind::Database(database) => database.connections,
                _ => None,
            };
            let name = format!("{}/{}", node.name, plan.instances[at].number);
            Host {
                party,
                identity: base::hash_name(&name),
                listener: Listener::new(Backlog::default()),
                runs: true,
                descriptors: 0,
                most_descriptors: node.descriptors,
                accepted: 0,
                most_accepted,
            }
        };
        let (channels, seats) = super::channel::channels(plan);
        Self {
            grid: Grid::new(plan, seed),
            connections: Slab::new(),
            datagrams: Slab::new(),
            whole: Slab::new(),
            announced: Slab::new(),
            hosts: parties.iter().enumerate().map(host).collect(),
            own,
            channels,
            seats,
            profiles: plan.design.calls.iter().map(|call| profiles(plan.design, call)).collect(),
            ports: BTreeMap::new(),
            news: VecDeque::new(),
        }
    }

    /// A router hears what another said.
    pub(super) fn on_announced(&mut self, now: Instant, handle: Handle, around: &mut Around<'_>) {
        if let Some(update) = self.announced.remove(handle) {
            self.grid.hear(&update);
            self.spread(now, around);
        }
    }

    /// The incident has changed something.
    pub(super) fn refresh(&mut self, now: Instant, plan: &Plan<'_>, around: &mut Around<'_>) {
        let changes = self.grid.refresh(now, plan);
        self.reschedule(now, &changes, around);
        self.spread(now, around);
    }

    /// What routers have to say goes on its way.
    fn spread(&mut self, now: Instant, around: &mut Around<'_>) {
        let party = self.own;
        for update in self.grid.announcements() {
            if let Some(at) = self.grid.tell(now, &update) {
                let announcement = self.announced.insert(update);
                around.queue.push(at, party, party, Event::Announced { announcement });
            }
        }
    }
}

impl Around<'_> {
    /// What happens next is of this end.
    pub(super) fn turn(&mut self, id: u64, side: u8) {
        self.ears.tap.turn_to_end(id, whose(side));
    }

    pub(super) fn emit(&mut self, now: Instant, scope: Scope, event: l4::Event) {
        self.ears.emit(now, scope, Happened::L4(event));
    }

    /// Something out of the ordinary happened to a datagram on this row.
    pub(super) fn drop(&mut self, now: Instant, scope: Scope, row: usize, event: l3::Event) {
        self.ears.stats.layers.happened(now, row, event);
        self.ears.emit(now, scope, Happened::L3(event));
    }
}

pub(super) const fn whose(side: u8) -> Side {
    if side == CALLER { Side::Caller } else { Side::Called }
}
