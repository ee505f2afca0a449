//! The instances of nodes: processes on machines.

use base::{Instant, NodeId, Random};
use config::design::NodeKind;
use model::cache::Cache;
use model::clock::Clock;
use model::fault::LAME_DUCK;
use model::service::Service;
use netsim::{Party, Queue};

use super::cache;
use super::event::Event;
use super::slab::Handle;
use crate::plan::Plan;

#[derive(Clone)]
pub(super) struct Instance {
    pub(super) party: Party,
    pub(super) node: NodeId,
    pub(super) role: Role,
    /// The process is gone.
    pub(super) down: bool,
    /// Since when it is being taken out in good order; never, if it is not.
    pub(super) drains: Instant,
    /// What it believes the time is.
    pub(super) clock: Clock,
    /// Jobs that are here.
    pub(super) present: u32,
    /// It may send requests to the wrong place.
    pub(super) misroutes: bool,
}

#[derive(Clone)]
pub(super) enum Role {
    /// Sends requests and gets none.
    Client,
    /// Passes requests on.
    Relay,
    /// Answers what it has, and passes the rest on.
    Cache(Cache<Handle>),
    /// Works on requests. Without a model, at once and without end.
    Server(Option<Service<Handle>>),
}

impl Instance {
    /// Whether it accepts what comes: not when the process is gone, and not when it has been taken
    /// out and those who ask had time to learn of it.
    pub(super) fn accepts(&self, now: Instant) -> bool {
        !self.down && (self.drains == Instant::NEVER || now < self.drains + LAME_DUCK)
    }

    /// What it says when it is asked how it is.
    pub(super) const fn is_well(&self) -> bool {
        !self.down && self.drains.as_nanos() == Instant::NEVER.as_nanos()
    }
}

pub(super) fn instances(plan: &Plan<'_>, seed: u64, queue: &mut Queue<Event>) -> Vec<Instance> {
    let instance = |spec: &crate::plan::Instance| {
        let node = plan.design.node(spec.node);
        let role = match &node.kind {
            NodeKind::Client(_) => Role::Client,
            NodeKind::Balancer(_) => Role::Relay,
            NodeKind::Cache(cache) => Role::Cache(cache::cold(cache)),
            NodeKind::Service(_) | NodeKind::Database(_) => {
                // All instances of a node draw from one stream: a request needs the same time on
                // each of them, so that runs with other choices can be compared.
                let random = || Random::of(seed, &node.name, "work");
                Role::Server(node.model().map(|params| Service::new(params, random())))
            }
        };
        let name = format!("{}/{}", node.name, spec.number);
        let clock = Clock::new(&mut Random::of(seed, &name, "clock"));
        Instance {
            party: queue.party(&name),
            node: spec.node,
            role,
            down: false,
            drains: Instant::NEVER,
            clock,
            present: 0,
            misroutes: false,
        }
    };
    plan.instances.iter().map(instance).collect()
}
