//! What one instance of a balancer needs to know of the design.

mod endpoint;
mod lacking;
mod place;
mod route;

use std::net::SocketAddr;
use std::sync::Arc;

use base::{CallId, Instant, RegionId};
use config::design::{Balancer, Connections, Design, Listen, NodeKind};
use engine::{EndpointSpec, Rules, Shared};

pub(crate) use endpoint::Endpoint;
pub use lacking::lacking;
pub(crate) use place::{Place, place};
pub(crate) use route::{Found, Router};

use crate::Refused;

/// One instance's part of a design.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The node's name.
    pub(crate) node: String,
    /// Where it listens.
    pub(crate) listeners: Vec<Listener>,
    /// The calls that it carries, by the number that they have here: in the order of the design,
    /// those of others left out.
    pub(crate) calls: Vec<CallPlan>,
    /// What we are called in `Via`. Another balancer of the same name is no loop, so it is a name
    /// of this process.
    pub(crate) pseudonym: String,
}

/// One address.
#[derive(Debug)]
pub(crate) struct Listener {
    /// Which.
    pub(crate) address: SocketAddr,
    /// Where its requests go.
    pub(crate) router: Router,
}

/// One call.
#[derive(Debug)]
pub(crate) struct CallPlan {
    /// When it began: for the rules that count time.
    pub(crate) started: Instant,
    /// Its number here.
    pub(crate) id: CallId,
    /// Its number in the design.
    pub(crate) in_design: CallId,
    /// `FROM.TO`, in the log and the metrics.
    pub(crate) name: String,
    /// `FROM -> TO`, for people.
    pub(crate) in_words: String,
    /// Its rules.
    pub(crate) rules: Rules,
    /// Whom it can ask.
    pub(crate) endpoints: Vec<Arc<Endpoint>>,
    /// The same, as the engine knows them.
    pub(crate) specs: Vec<EndpointSpec>,
    /// What its health checks ask for.
    pub(crate) health_path: Option<String>,
    /// Its connections.
    pub(crate) connections: Connections,
    /// The numbers that all workers share.
    pub(crate) shared: Arc<Shared>,
}

impl Plan {
    /// The part of a design that runs at a place.
    ///
    /// # Errors
    /// The node is not a balancer, or something of it cannot be carried.
    pub(crate) fn new(now: Instant, design: &Design, place: Place) -> Result<Self, Refused> {
        let Place { node, region } = place;
        let NodeKind::Balancer(balancer) = &design.node(node).kind else {
            return Err(Refused::NotABalancer(design.node(node).name.clone()));
        };
        let lacking = lacking::lacking_at(design, place);
        if !lacking.is_empty() {
            return Err(Refused::Lacking(lacking));
        }
        let carried: Vec<CallId> = design.calls_from(node).collect();
        let own =
            |id: CallId| carried.iter().position(|&other| other == id).map(CallId::from_index);
        let calls = carried.iter().enumerate().map(|(number, &in_design)| {
            CallPlan::new(now, design, CallId::from_index(number), in_design, region)
        });
        let calls = calls.collect();
        let name = design.node(node).name.clone();
        Ok(Self {
            listeners: listeners(design, balancer, own),
            calls,
            pseudonym: format!("{name}-{:08x}", unique()),
            node: name,
        })
    }

    /// Requests under way or waiting, of all calls.
    pub(crate) fn in_flight(&self) -> u32 {
        self.calls.iter().map(|call| call.shared.in_flight() + call.shared.queued()).sum()
    }

    /// A call by its number here.
    pub(crate) fn call(&self, id: CallId) -> &CallPlan {
        &self.calls[id.index()]
    }
}

fn listeners(
    design: &Design,
    balancer: &Balancer,
    own: impl Fn(CallId) -> Option<CallId> + Copy,
) -> Vec<Listener> {
    let listen = |listen: &Listen| Listener {
        address: listen.address,
        router: Router::new(design, &listen.routes, own),
    };
    balancer.listen.iter().map(listen).collect()
}

impl CallPlan {
    fn new(
        now: Instant,
        design: &Design,
        id: CallId,
        in_design: CallId,
        region: Option<RegionId>,
    ) -> Self {
        let call = design.call(in_design);
        let reachable = lacking::reachable(design, in_design, region).map(|(endpoint, rank)| {
            let own = Endpoint::new(&endpoint.address, call.connections.most);
            (Arc::new(own), EndpointSpec { weight: endpoint.weight, rank })
        });
        let (endpoints, specs) = reachable.unzip();
        Self {
            started: now,
            id,
            in_design,
            name: design.call_name(in_design),
            in_words: design.call_in_words(in_design),
            shared: Arc::new(Shared::new(now, &call.rules)),
            rules: call.rules.clone(),
            endpoints,
            specs,
            health_path: call.health_path.clone(),
            connections: call.connections,
        }
    }
}

/// A number that no other process has: by its own and by the time it started.
fn unique() -> u32 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let hash = base::hash_name(&format!("{}-{}", std::process::id(), since.as_nanos()));
    (hash >> 32) as u32
}
