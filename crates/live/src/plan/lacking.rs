//! What of a design keeps it from being carried here: all of it, so that it is mended in one go.

use base::{CallId, RegionId};
use config::design::{Design, Endpoint, NodeKind};
use config::diagnostic::Diagnostic;

use super::place::{Place, place};
use crate::options::Options;

/// What the place that the options name asks for and is not built yet, and which calls have nowhere
/// to go from there, in the order of the file. Nothing where no such place is: [`start`](crate::start)
/// says so.
pub fn lacking(design: &Design, options: &Options) -> Vec<Diagnostic> {
    place(design, options).map(|place| lacking_at(design, place)).unwrap_or_default()
}

pub(super) fn lacking_at(design: &Design, place: Place) -> Vec<Diagnostic> {
    let NodeKind::Balancer(_) = design.node(place.node).kind else {
        return Vec::new();
    };
    let mut lacking = checklist::not_built(design, place.node);
    let needs_endpoints = |call: &CallId| {
        let to = &design.node(design.call(*call).to).kind;
        matches!(to, NodeKind::Service(_) | NodeKind::Database(_))
    };
    for call in design.calls_from(place.node).filter(needs_endpoints) {
        if reachable(design, call, place.region).next().is_none() {
            lacking.push(checklist::nowhere(design, call, place.region));
        }
    }
    lacking.sort_by_key(|lacks| lacks.span.start);
    // Calls to one service all lack its endpoints.
    lacking.dedup();
    lacking
}

/// The endpoints that a call may use from a region, and which of them comes first: 0 is the best.
pub(super) fn reachable(
    design: &Design,
    call: CallId,
    from: Option<RegionId>,
) -> impl Iterator<Item = (&Endpoint, u16)> {
    let call = design.call(call);
    let anywhere = call.rules.region == policy::region::Params::Any;
    let rank = move |of: Option<RegionId>| match (from, of) {
        (Some(own), Some(of)) if own != of => {
            let place = call.spill.iter().position(|&spill| spill == of)?;
            u16::try_from(place + 1).ok()
        }
        _ => Some(0),
    };
    design.node(call.to).endpoints().iter().filter_map(move |endpoint| {
        let rank = rank(endpoint.region).or(anywhere.then_some(0))?;
        Some((endpoint, rank))
    })
}
