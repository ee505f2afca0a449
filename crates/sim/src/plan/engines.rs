//! Which engine decides about a request, of those that an instance has for a call.
//!
//! Each worker has one. Who calls a database with copies has two for each worker, as programs have
//! two pools of connections: one for what may be read from the own region, and one for what has
//! to go to the primary.

use base::{CallId, RegionId, Share};
use config::Design;
use config::design::{Call, Database, NodeKind};
use engine::{EndpointSpec, Rules};
use policy::region;

use super::{Plan, workers_of};

impl Plan<'_> {
    /// How many engines an instance of the caller has for a call.
    pub(crate) fn engines_each(&self, call: CallId) -> u16 {
        each(self.design, self.design.call(call), self.workers)
    }

    /// Which of them decides about this kind of request at a worker.
    pub(crate) fn engine_number(&self, call: CallId, kind: u16, worker: u16) -> u16 {
        let call = self.design.call(call);
        let Some(database) = copied(self.design, call) else { return worker };
        let is_read = self.requests.kinds[usize::from(kind)].is_safe;
        let anywhere = is_read && database.reads_own_region;
        if anywhere { worker } else { worker + workers_of(self.design, call.from, self.workers) }
    }

    /// The rules and the endpoints of the engine of this number. To the primary there is one way,
    /// however far.
    pub(crate) fn choice(
        &self,
        call: CallId,
        from: u32,
        number: u16,
    ) -> (Rules, Vec<EndpointSpec>) {
        let (id, call) = (call, self.design.call(call));
        let (mut rules, mut endpoints) = (call.rules.clone(), self.endpoints(id, from));
        let Some(database) = copied(self.design, call) else { return (rules, endpoints) };
        if number < workers_of(self.design, call.from, self.workers) {
            if rules.region == region::Params::Any {
                rules.region = region::Params::Spill { at_most: Share::WHOLE };
            }
            return (rules, endpoints);
        }
        rules.region = region::Params::Own;
        let first = self.instance(call.to, 0);
        for (endpoint, at) in endpoints.iter_mut().zip(first..) {
            let is_copy = is_copy(database, self.instances[at as usize].region);
            endpoint.rank = if is_copy { EndpointSpec::OUT_OF_REACH } else { 0 };
        }
        (rules, endpoints)
    }
}

/// How many engines an instance of the caller has for a call, if it has so many workers.
pub(super) fn each(design: &Design, call: &Call, workers: u16) -> u16 {
    let workers = workers_of(design, call.from, workers);
    if copied(design, call).is_some() { workers * 2 } else { workers }
}

/// The database that a call leads to, if it has copies.
fn copied<'d>(design: &'d Design, call: &Call) -> Option<&'d Database> {
    match &design.node(call.to).kind {
        NodeKind::Database(database) if !database.replicas.is_empty() => Some(database),
        _ => None,
    }
}

fn is_copy(database: &Database, region: RegionId) -> bool {
    database.replicas.iter().any(|(copy, _)| *copy == region)
}
