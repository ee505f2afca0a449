//! How far retries multiply along the way from a client.
//!
//! Each layer that retries multiplies what the layers before it send: three layers of three tries
//! are 27 attempts for one request. A budget does not change what one unlucky request may cost,
//! but it bounds what all requests together cost for longer than a moment: to its share of them and
//! its floor.

use base::{CallId, NodeId};
use config::Design;
use config::design::Call;

use super::budgets::Tries;
use super::flow::Flows;
use super::neighbours::Neighbours;

/// The product of the tries along the worst path from a client to the end of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Amplification {
    /// The most attempts of this call that one request can cause.
    pub worst: u64,
    /// How many calls these are attempts of: more than one where a step is repeated.
    pub calls: u64,
    /// The most attempts of each of these calls that last, over many requests: budgets count.
    pub lasting: f64,
    /// The same of the calls before this one.
    pub asked: f64,
    /// The call before this one on the worst path.
    pub before: Option<CallId>,
}

/// For each call of the design.
pub(super) fn of(
    design: &Design,
    neighbours: &Neighbours,
    order: &[NodeId],
    flows: &Flows,
    fanout: &[u64],
) -> Vec<Amplification> {
    let start = Amplification { worst: 1, calls: 1, lasting: 1.0, asked: 1.0, before: None };
    let ids = (0..design.calls.len()).map(CallId::from_index);
    let mut all: Vec<_> = ids.map(|id| start.times(design, id, flows, fanout)).collect();
    for &node in order {
        let at_node = worst_at(neighbours.to(node), &all).unwrap_or(start);
        for &call in neighbours.from(node) {
            all[call.index()] = at_node.times(design, call, flows, fanout);
        }
    }
    all
}

/// The attempts that last, for each request of a client, when `asked` arrive for each of them and
/// `traffic` per second of those is known. A floor weighs as much as that traffic is small; where
/// nobody knows the traffic, only the share is counted.
pub(super) fn lasting(design: &Design, call: &Call, asked: f64, traffic: Option<f64>) -> f64 {
    let tries = Tries::of(design, call);
    match traffic.filter(|traffic| *traffic > 0.0) {
        Some(traffic) => {
            let requests = traffic * asked;
            tries.for_longer_than_a_moment(requests).when_all_fails(requests) / traffic
        }
        None => asked * tries.when_asked_without_end(),
    }
}

/// What the worst of the calls to a node brings there.
fn worst_at(calls: &[CallId], all: &[Amplification]) -> Option<Amplification> {
    let of = |call: &CallId| all[call.index()];
    let by_worst = |a: &&CallId, b: &&CallId| {
        of(a).worst.cmp(&of(b).worst).then(of(a).lasting.total_cmp(&of(b).lasting))
    };
    let worst = calls.iter().max_by(by_worst)?;
    let lasting = calls.iter().map(|call| of(call).lasting).fold(1.0, f64::max);
    Some(Amplification { lasting, asked: lasting, before: Some(*worst), ..of(worst) })
}

impl Amplification {
    /// The most attempts of one of these calls.
    pub const fn tries(&self) -> u64 {
        self.worst / self.calls
    }

    /// By how much this call multiplies it, over many requests.
    pub fn lasting_factor(&self) -> f64 {
        self.lasting / self.asked
    }

    /// After one more call.
    fn times(self, design: &Design, id: CallId, flows: &Flows, fanout: &[u64]) -> Self {
        let call = design.call(id);
        let attempts = u64::from(call.rules.retry.attempts);
        Self {
            worst: self.worst.saturating_mul(attempts).saturating_mul(fanout[id.index()]),
            calls: self.calls.saturating_mul(fanout[id.index()]),
            lasting: lasting(design, call, self.lasting, flows.traffic(id)),
            asked: self.lasting,
            before: self.before,
        }
    }
}
