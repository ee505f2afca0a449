//! A design made ready to be played: names are positions, tables are looked up once.
//!
//! A plan is read by all seeds on all threads and changed by none.

mod bounds;
mod engines;
mod faults;
mod need;
pub(crate) mod network;
mod places;
mod requests;
mod times;

pub(crate) use bounds::{FRAME_BODY, REQUEST_HEAD};
pub(crate) use faults::{Planned, What};
pub(crate) use requests::Asker;
pub use times::Times;

use base::{CallId, Duration, EndpointId, NodeId, RegionId};
use config::Design;
use config::design::NodeKind;
use engine::EndpointSpec;
use policy::region;

use crate::{Options, Refusal};

/// What all runs of a design have in common.
#[derive(Debug)]
pub(crate) struct Plan<'d> {
    pub(crate) design: &'d Design,
    pub(crate) instances: Vec<Instance>,
    /// Where the instances of a node begin, by node; one more at the end.
    first_instance: Vec<u32>,
    /// Where the engines of a call begin, by call; one more at the end.
    first_engine: Vec<u32>,
    /// How long a message takes, by region and region.
    delays: Vec<Duration>,
    pub(crate) network: network::Network,
    pub(crate) requests: requests::Requests,
    pub(crate) faults: Vec<Planned>,
    /// The incident's name.
    pub(crate) incident: Option<String>,
    pub(crate) times: Times,
    pub(crate) workers: u16,
    pub(crate) most_under_way: u32,
    /// What the file says and this simulation leaves out.
    pub(crate) not_played: Vec<String>,
}

/// One instance of a node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instance {
    pub(crate) node: NodeId,
    pub(crate) region: RegionId,
    /// Its number within its node.
    pub(crate) number: u32,
    /// Its part of the traffic.
    pub(crate) weight: u32,
}

impl<'d> Plan<'d> {
    /// # Errors
    /// Everything that keeps the design from being played as asked.
    pub(crate) fn new(design: &'d Design, options: &Options) -> Result<Self, Vec<Refusal>> {
        let mut refusals = Vec::new();
        let (instances, first_instance) = places::instances(design);
        let (incident, faults) = faults::plan(design, options, &instances, &mut refusals);
        let requests = requests::Requests::new(design, &mut refusals);
        let times = Times::new(&faults, requests.patience(design), options, &mut refusals);
        let network =
            network::Network::new(design, options, &instances, &requests, &faults, &mut refusals);
        requests.refuse_too_many(design, times, network.has_packets, options, &mut refusals);
        requests.refuse_too_large(design, &mut refusals);
        if !refusals.is_empty() {
            return Err(refusals);
        }
        let mut not_played = places::not_played(design, network.has_packets);
        not_played.extend(requests.not_played(design));
        not_played.extend(faults::not_played(design, incident.as_deref(), times));
        Ok(Self {
            design,
            first_engine: first_engines(design, &first_instance, options.workers),
            delays: places::delays(design),
            instances,
            first_instance,
            network,
            requests,
            faults,
            incident,
            times,
            workers: options.workers.max(1),
            most_under_way: options.most_under_way,
            not_played,
        })
    }

    /// The instance of a node by its number.
    pub(crate) fn instance(&self, node: NodeId, number: u32) -> u32 {
        self.first_instance[node.index()] + number
    }

    /// How many instances a node has.
    pub(crate) fn instance_count(&self, node: NodeId) -> u32 {
        self.first_instance[node.index() + 1] - self.first_instance[node.index()]
    }

    /// The engine of this number that an instance has for a call.
    pub(crate) fn engine(&self, call: CallId, from: u32, engine: u16) -> u32 {
        let number = self.instances[from as usize].number;
        self.first_engine[call.index()]
            + number * u32::from(self.engines_each(call))
            + u32::from(engine)
    }

    /// How many workers, each an engine of its own, an instance of a node has.
    pub(crate) fn workers_of(&self, node: NodeId) -> u16 {
        workers_of(self.design, node, self.workers)
    }

    /// The instance behind an endpoint of a call.
    pub(crate) fn target(&self, call: CallId, endpoint: EndpointId) -> u32 {
        self.first_instance[self.design.call(call).to.index()] + u32::from(endpoint.0)
    }

    /// One way from instance to instance.
    pub(crate) fn delay(&self, from: u32, to: u32) -> Duration {
        let (from, to) = (self.instances[from as usize].region, self.instances[to as usize].region);
        self.delays[from.index() * self.design.regions.len().max(1) + to.index()]
    }

    /// The endpoints of a call as an instance sees them: the own region first, then those it may
    /// spill to, in their order. The others are out of reach, unless geography is ignored.
    pub(crate) fn endpoints(&self, call: CallId, from: u32) -> Vec<EndpointSpec> {
        let home = self.instances[from as usize].region;
        let call = self.design.call(call);
        let rank = |region: RegionId| {
            let spill = call.spill.iter().position(|&other| other == region);
            let rank =
                |place: usize| u16::try_from(place + 1).unwrap_or(EndpointSpec::OUT_OF_REACH);
            match spill {
                _ if region == home => 0,
                Some(place) => rank(place),
                None if call.rules.region == region::Params::Any => rank(call.spill.len()),
                None => EndpointSpec::OUT_OF_REACH,
            }
        };
        let (first, end) =
            (self.first_instance[call.to.index()], self.first_instance[call.to.index() + 1]);
        self.instances[first as usize..end as usize]
            .iter()
            .map(|instance| EndpointSpec { weight: instance.weight, rank: rank(instance.region) })
            .collect()
    }
}

/// How many sessions are open on average, all kinds of all clients together.
pub(crate) fn open_sessions(design: &Design) -> f64 {
    let requests = requests::Requests::new(design, &mut Vec::new());
    requests.open_sessions(design).map(|(_, open)| open).sum()
}

/// Ours are run by workers that share nothing but numbers; other people's code is one engine an
/// instance.
fn workers_of(design: &Design, node: NodeId, workers: u16) -> u16 {
    match design.node(node).kind {
        NodeKind::Balancer(_) => workers.max(1),
        _ => 1,
    }
}

fn first_engines(design: &Design, first_instance: &[u32], workers: u16) -> Vec<u32> {
    let mut first = vec![0];
    let mut next = 0;
    for call in &design.calls {
        let from = call.from.index();
        let count = first_instance[from + 1] - first_instance[from];
        next += count * u32::from(engines::each(design, call, workers));
        first.push(next);
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::{design, variant};

    #[test]
    fn who_may_not_leave_the_own_region_or_not_to_there_does_not_reach_it() {
        let ranks = |regions: &str| {
            let text = FAR.replace("REGIONS", regions);
            let design = design(&text);
            let plan = Plan::new(&design, &Options::default()).unwrap();
            let specs = plan.endpoints(CallId(0), 0);
            specs.iter().map(|spec| spec.rank).collect::<Vec<_>>()
        };
        const FAR_OFF: u16 = EndpointSpec::OUT_OF_REACH;

        assert_eq!(ranks("\"own\""), [0, FAR_OFF, FAR_OFF]);
        assert_eq!(ranks("{ spill = [\"us\"], at_most = \"20%\" }"), [0, 1, FAR_OFF]);
        assert_eq!(ranks("\"any\""), [0, 1, 1]);
    }

    /// 4 in a second, each held for 1,061 s on average.
    #[test]
    fn as_many_sessions_are_open_as_littles_law_gives() {
        let open = open_sessions(&variant("grpc", &[]));

        assert!((open - 4_244.0).abs() < 10.0, "{open}");
        assert_eq!(open_sessions(&variant("balancer", &[])), 0.0);
    }

    const FAR: &str = r#"
[region.eu]
at = [53.3, -6.3]
[region.us]
at = [39.0, -77.5]
[region.ca]
at = [45.5, -73.6]
[client.users]
region = "eu"
traffic = "1/s"
requests = [{ share = "100%", method = "GET", path = "/" }]
[service.svc]
instances = { eu = 1, us = 1, ca = 1 }
model = { workers = 1, queue = 1, service_time = "1ms" }
[call.users.svc]
timeout = "1s"
idempotent = true
on_failure = "error"
in_flight = "none"
retry = "none"
regions = REGIONS
"#;
}
