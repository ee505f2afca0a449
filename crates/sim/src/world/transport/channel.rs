//! The connections of one engine: which stand idle, which carry requests, and who waits for one.
//!
//! HTTP/1.1 carries one request at a time on a connection, so there are as many as there are
//! requests, up to a bound. HTTP/2 and gRPC let many share a few.

use base::{CallId, Duration, EndpointId, Instant};
use config::design::{NodeKind, Protocol};
use engine::Pool;

use super::super::slab::{Handle, Slab};
use super::connection::{Connection, Stage};
use super::handshake::SERVICE_PORT;
use super::seats::Seats;
use super::waiting::Waiting;
use crate::plan::Plan;
use crate::stats::mix;
use crate::world::tap::packets::Speech;

/// The connections of one engine, which gRPC calls a channel.
#[derive(Clone, Debug)]
pub(super) struct Channel {
    pub(super) call: CallId,
    /// What is spoken.
    pub(super) speech: Speech,
    /// The port that is called.
    pub(super) port: u16,
    /// How many requests share a connection.
    pub(super) streams: u32,
    /// Which of the [`Seats`] its connections take.
    pub(super) seats: usize,
    pub(super) keep: Duration,
    /// Those that carry one request at a time and have none.
    pool: Pool<Handle>,
    endpoints: Vec<Endpoint>,
    /// A look at what has idled for too long is in the event queue.
    pub(super) is_armed: bool,
    identity: u64,
    opened: u64,
}

/// What goes to one endpoint.
#[derive(Clone, Debug, Default)]
struct Endpoint {
    /// Those that requests share.
    shared: Vec<Handle>,
    waiting: Waiting,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Place {
    /// On this one.
    On(Handle),
    /// On a new one.
    New,
    /// It has to wait for one.
    Wait,
}

/// One for each engine, and the seats that those of an instance share.
pub(super) fn channels(plan: &Plan<'_>) -> (Vec<Channel>, Vec<Seats>) {
    let (mut channels, mut seats) = (Vec::new(), Vec::new());
    for at in 0..plan.design.calls.len() {
        let id = CallId::from_index(at);
        let call = plan.design.call(id);
        let endpoints = plan.instance_count(call.to) as usize;
        for instance in 0..plan.instance_count(call.from) {
            let first = u32::try_from(channels.len()).unwrap_or(u32::MAX);
            let engines = first..first + u32::from(plan.engines_each(id));
            seats.push(Seats::new(call.connections.most, endpoints, engines));
            for number in 0..plan.engines_each(id) {
                let name = format!("{}/{instance}/{number}", plan.design.call_name(id));
                channels.push(Channel::new(plan, id, &name, endpoints, seats.len() - 1));
            }
        }
    }
    (channels, seats)
}

const fn speech(protocol: Protocol) -> Speech {
    match protocol {
        Protocol::Http => Speech::Http1,
        Protocol::Grpc => Speech::Grpc,
        Protocol::Tcp | Protocol::Udp => Speech::Opaque,
    }
}

/// Where a node listens: as the file says, if it does.
fn port(node: &config::design::Node) -> u16 {
    let listens = match &node.kind {
        NodeKind::Balancer(balancer) => balancer.listen.first().map(|it| it.address.port()),
        _ => node.endpoints().first().and_then(|endpoint| {
            endpoint.address.rsplit_once(':').and_then(|(_, port)| port.parse().ok())
        }),
    };
    listens.unwrap_or(SERVICE_PORT)
}

impl Channel {
    fn new(plan: &Plan<'_>, call: CallId, name: &str, endpoints: usize, seats: usize) -> Self {
        let config::design::Call { connections, protocol, to, .. } = plan.design.call(call);
        let keep = connections.idle_timeout;
        Self {
            call,
            speech: speech(*protocol),
            port: port(plan.design.node(*to)),
            streams: connections.streams.max(1),
            seats,
            keep,
            pool: Pool::new(endpoints, keep, usize::MAX),
            endpoints: vec![Endpoint::default(); endpoints],
            is_armed: false,
            identity: base::hash_name(name),
            opened: 0,
        }
    }

    pub(super) const fn is_shared(&self) -> bool {
        self.streams > 1
    }

    /// A number for a new connection that hangs on names alone.
    pub(super) fn next_id(&mut self) -> u64 {
        self.opened += 1;
        mix(self.identity ^ mix(self.opened))
    }

    /// Where the next request for an endpoint goes, if there may be a new connection or not.
    pub(super) fn place(
        &mut self,
        now: Instant,
        to: EndpointId,
        connections: &Slab<Connection>,
        may_open: bool,
    ) -> Place {
        let usable = |handle: Handle| connections.get(handle).filter(|it| it.is_usable());
        if self.is_shared() {
            let endpoint = &mut self.endpoints[to.index()];
            endpoint.shared.retain(|&handle| usable(handle).is_some());
            let load = |handle: Handle| usable(handle).map_or(usize::MAX, |it| it.streams.len());
            let best = endpoint.shared.iter().copied().min_by_key(|&handle| load(handle));
            if let Some(handle) = best.filter(|&best| load(best) < self.streams as usize) {
                return Place::On(handle);
            }
        } else {
            while let Some(handle) = self.pool.take(now, to) {
                if usable(handle).is_some() {
                    return Place::On(handle);
                }
            }
        }
        if may_open { Place::New } else { Place::Wait }
    }

    /// A connection that stands idle. It is no longer to be found here.
    pub(super) fn take_idle(
        &mut self,
        now: Instant,
        to: EndpointId,
        connections: &Slab<Connection>,
    ) -> Option<Handle> {
        let is_idle = |handle: &Handle| {
            let connection = connections.get(*handle).filter(|it| it.is_usable());
            connection.is_some_and(|it| matches!(it.stage, Stage::Idle(_)))
        };
        if self.is_shared() {
            let shared = &mut self.endpoints[to.index()].shared;
            return shared.iter().position(is_idle).map(|at| shared.remove(at));
        }
        std::iter::from_fn(|| self.pool.take(now, to)).find(is_idle)
    }

    /// Who waits for a connection to an endpoint.
    pub(super) fn waiting(&self, to: EndpointId) -> &Waiting {
        &self.endpoints[to.index()].waiting
    }

    pub(super) fn waiting_mut(&mut self, to: EndpointId) -> &mut Waiting {
        &mut self.endpoints[to.index()].waiting
    }

    /// There is one more connection; if it is somebody's alone, nobody else finds it.
    pub(super) fn opened(&mut self, to: EndpointId, handle: Handle, is_alone: bool) {
        if self.is_shared() && !is_alone {
            self.endpoints[to.index()].shared.push(handle);
        }
    }

    /// A connection is of no more use.
    pub(super) fn closed(&mut self, to: EndpointId, handle: Handle) {
        self.endpoints[to.index()].shared.retain(|&other| other != handle);
    }

    /// A connection has nothing to do.
    pub(super) fn put(&mut self, now: Instant, to: EndpointId, handle: Handle) {
        if !self.is_shared() {
            // The pool has no bound of its own here: the seats bound what is open.
            let _ = self.pool.put(now, to, handle);
        }
    }

    /// Connections that have idled for too long.
    pub(super) fn expired(&mut self, now: Instant, connections: &Slab<Connection>) -> Vec<Handle> {
        if !self.is_shared() {
            return std::iter::from_fn(|| self.pool.expired(now)).collect();
        }
        let keep = self.keep;
        let is_old = |handle: &&Handle| {
            connections.get(**handle).is_some_and(|connection| match connection.stage {
                Stage::Idle(since) => now.since(since) >= keep,
                _ => false,
            })
        };
        let shared = self.endpoints.iter().flat_map(|endpoint| &endpoint.shared);
        shared.filter(is_old).copied().collect()
    }

    /// When the next one has idled for too long.
    pub(super) fn next_expiry(&self, connections: &Slab<Connection>) -> Option<Instant> {
        if !self.is_shared() {
            return self.pool.next_deadline();
        }
        let shared = self.endpoints.iter().flat_map(|endpoint| &endpoint.shared);
        let since = |handle: &Handle| match connections.get(*handle)?.stage {
            Stage::Idle(since) => Some(since + self.keep),
            _ => None,
        };
        shared.filter_map(since).min()
    }
}
