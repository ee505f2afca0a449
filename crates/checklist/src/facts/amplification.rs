//! How far retries multiply along the way from a client.
//!
//! Each layer that retries multiplies what the layers before it send: three layers of three tries
//! are 27 attempts for one request. A budget does not change what one unlucky request may cost,
//! but it bounds what all requests together cost for longer than a moment: the factor of its layer
//! is 1 + share.

use base::{CallId, NodeId};
use config::Design;
use config::design::Call;

use super::neighbours::Neighbours;

/// The product of the tries along the worst path from a client to the end of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Amplification {
    /// The most attempts of this call that one request can cause.
    pub worst: u64,
    /// The most attempts per request that last, over many requests: budgets count.
    pub lasting: f64,
    /// The call before this one on the worst path.
    pub before: Option<CallId>,
}

/// For each call of the design.
pub(super) fn of(design: &Design, neighbours: &Neighbours, order: &[NodeId]) -> Vec<Amplification> {
    let start = Amplification { worst: 1, lasting: 1.0, before: None };
    let mut all: Vec<Amplification> = design.calls.iter().map(|call| start.times(call)).collect();
    for &node in order {
        let at_node = worst_at(neighbours.to(node), &all).unwrap_or(start);
        for &call in neighbours.from(node) {
            all[call.index()] = at_node.times(design.call(call));
        }
    }
    all
}

/// The factor of one call over many requests.
pub fn lasting_factor(call: &Call) -> f64 {
    let attempts = f64::from(call.rules.retry.attempts);
    match &call.rules.budget {
        Some(budget) => attempts.min(1.0 + budget.share().as_f64()),
        None => attempts,
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
    Some(Amplification { lasting, before: Some(*worst), worst: of(worst).worst })
}

impl Amplification {
    /// After one more call.
    fn times(self, call: &Call) -> Self {
        let attempts = u64::from(call.rules.retry.attempts);
        Self {
            worst: self.worst.saturating_mul(attempts),
            lasting: self.lasting * lasting_factor(call),
            before: self.before,
        }
    }
}
