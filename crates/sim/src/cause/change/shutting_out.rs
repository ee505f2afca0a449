//! What would have shut out the rest: bounds, breakers, ejection and health checks.

use base::{Duration, NodeId, Share};
use config::Design;
use policy::health::{check, ejection};
use policy::{admission, breaker};

use super::{Change, LEAST_TIMEOUT, Ordinary, clients_calls, each_call, told, whole};

/// As many as are there when each answer takes half of the time that its caller gives it (Little's
/// law), and nobody waits for a place; but so few that all calls of a node together leave some of its
/// workers free, and never fewer than an ordinary day needs. A crowd of clients shares no bound.
pub(in crate::cause) fn bound_calls(
    design: &mut Design,
    ordinary: &Ordinary<'_>,
) -> Option<Change> {
    let is_clients = clients_calls(design);
    let calls = each_call(design, |id, call| {
        let is_open = call.rules.admission.in_flight.is_none() && !is_clients[id.index()];
        (is_open && !call.stream).then(|| {
            let patience = ordinary.patience(id).unwrap_or(LEAST_TIMEOUT);
            let by_time = patience.as_secs_f64() / 2.0 * ordinary.rate_from(id);
            let share = share_of_workers(ordinary.plan.design, call.from).unwrap_or(by_time);
            let most = whole(by_time.min(share).max(ordinary.most_in_flight(id))).max(2);
            call.rules.admission = admission::Params { in_flight: Some(most), queue: Some(0) };
        })
    });
    told(&calls, |calls| {
        Change::new(
            format!("calls without a bound in flight: {calls}"),
            format!("the missing in-flight bounds of {calls}"),
        )
    })
}

/// Of the workers of a node that waits for its calls, the part of each call, and one is left over.
fn share_of_workers(design: &Design, node: NodeId) -> Option<f64> {
    let workers = design.node(node).model()?.workers;
    Some(f64::from(workers) / (design.calls_from(node).count() + 1) as f64)
}

/// That of the example designs, but little is lost by trying again. A crowd of clients shares none.
pub(in crate::cause) fn give_breakers(design: &mut Design) -> Option<Change> {
    let (window, cooldown) = (Duration::from_secs(10), Duration::from_secs(10));
    let usual = breaker::Params::new(Share::percent(50), window, 20, cooldown, 1).ok()?;
    let is_clients = clients_calls(design);
    let calls = each_call(design, |id, call| {
        let has_none = call.rules.breaker.is_none() && !is_clients[id.index()];
        has_none.then(|| call.rules.breaker = Some(usual))
    });
    told(&calls, |calls| {
        Change::new(
            format!("calls without a breaker: {calls}"),
            format!("the missing breakers of {calls}"),
        )
    })
}

/// That of the example designs, but one of two can go, and for so long that little is lost by trying
/// again. A crowd of clients shares no experience.
pub(in crate::cause) fn give_ejections(
    design: &mut Design,
    ordinary: &Ordinary<'_>,
) -> Option<Change> {
    let usual = ejection::Params::new(5, Duration::from_secs(60), Share::percent(50)).ok()?;
    let is_clients = clients_calls(design);
    let calls = each_call(design, |id, call| {
        let has_none = call.rules.ejection.is_none() && !is_clients[id.index()];
        (has_none && ordinary.has_choice(id)).then(|| call.rules.ejection = Some(usual))
    });
    told(&calls, |calls| {
        Change::new(
            format!("calls that go on asking an instance that fails: {calls}"),
            format!("the missing ejection of {calls}"),
        )
    })
}

/// Those of the example designs. A crowd of clients checks nobody.
pub(in crate::cause) fn give_checks(
    design: &mut Design,
    ordinary: &Ordinary<'_>,
) -> Option<Change> {
    let (every, timeout) = (Duration::from_secs(2), Duration::from_millis(500));
    let usual = check::Params::new(every, timeout, 2, 3).ok()?;
    let is_clients = clients_calls(design);
    let calls = each_call(design, |id, call| {
        let has_none = call.rules.health.is_none() && !is_clients[id.index()];
        (has_none && ordinary.has_choice(id)).then(|| call.rules.health = Some(usual))
    });
    told(&calls, |calls| {
        Change::new(
            format!("calls that go on asking an instance that is down: {calls}"),
            format!("the missing health checks of {calls}"),
        )
    })
}
