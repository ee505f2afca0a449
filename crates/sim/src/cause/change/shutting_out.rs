//! What would have shut out the rest: bounds and breakers.

use base::{Duration, Share};
use config::Design;
use policy::{admission, breaker};

use super::{Change, LEAST_TIMEOUT, Ordinary, clients, each_call, told, whole};

/// As many as are there when each answer takes half of the time that its caller gives it (Little's
/// law), and nobody waits for a place. A crowd of clients shares no bound.
pub(in crate::cause) fn bound_calls(
    design: &mut Design,
    ordinary: &Ordinary<'_>,
) -> Option<Change> {
    let clients = clients(design);
    let calls = each_call(design, |id, call| {
        let is_open = call.rules.admission.in_flight.is_none() && !clients[call.from.index()];
        (is_open && !call.stream).then(|| {
            let patience = ordinary.patience(id).unwrap_or(LEAST_TIMEOUT);
            let most = whole(patience.as_secs_f64() / 2.0 * ordinary.rate_from(id)).max(2);
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

/// The breaker of the example designs. A crowd of clients shares none.
pub(in crate::cause) fn give_breakers(design: &mut Design) -> Option<Change> {
    let (window, cooldown) = (Duration::from_secs(10), Duration::from_secs(5));
    let usual = breaker::Params::new(Share::percent(50), window, 20, cooldown, 3).ok()?;
    let clients = clients(design);
    let calls = each_call(design, |_, call| {
        let has_none = call.rules.breaker.is_none() && !clients[call.from.index()];
        has_none.then(|| call.rules.breaker = Some(usual))
    });
    told(&calls, |calls| {
        Change::new(
            format!("calls without a breaker: {calls}"),
            format!("the missing breakers of {calls}"),
        )
    })
}
