//! How far retries multiply along the way from a client.
//!
//! Each layer that retries multiplies what the layers before it send: three layers of three tries
//! are 27 attempts for one request. A budget does not change what one unlucky request may cost,
//! but it bounds what all requests together cost for longer than a moment: the factor of its layer
//! is 1 + share.

use base::{CallId, NodeId};
use config::Design;
use config::design::Call;

/// The product of the tries along the worst path from a client to the end of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Amplification {
    /// The most attempts of this call that one request can cause.
    pub worst: u64,
    /// The most attempts per request that last, over many requests: budgets count.
    pub lasting: f64,
    /// The calls of the worst path, this one last.
    pub path: Vec<CallId>,
}

/// For each call of the design.
pub(super) fn of(design: &Design, order: &[NodeId]) -> Vec<Amplification> {
    let mut all: Vec<Amplification> =
        (0..design.calls.len()).map(|at| of_one(design, CallId::from_index(at), None)).collect();
    for &node in order {
        let before = worst_before(design, &all, node);
        for call in design.calls_from(node) {
            all[call.index()] = of_one(design, call, before.as_ref());
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

fn worst_before(design: &Design, all: &[Amplification], node: NodeId) -> Option<Amplification> {
    let calls = || {
        let asks = |(_, call): &(usize, &Call)| call.to == node;
        design.calls.iter().enumerate().filter(asks).map(|(at, _)| &all[at])
    };
    let worst =
        calls().max_by(|a, b| a.worst.cmp(&b.worst).then(a.lasting.total_cmp(&b.lasting)))?;
    let lasting = calls().map(|before| before.lasting).fold(1.0, f64::max);
    Some(Amplification { lasting, ..worst.clone() })
}

fn of_one(design: &Design, id: CallId, before: Option<&Amplification>) -> Amplification {
    let call = design.call(id);
    let mut path = before.map_or_else(Vec::new, |before| before.path.clone());
    path.push(id);
    Amplification {
        worst: before
            .map_or(1, |before| before.worst)
            .saturating_mul(u64::from(call.rules.retry.attempts)),
        lasting: before.map_or(1.0, |before| before.lasting) * lasting_factor(call),
        path,
    }
}
