//! Question four: how much of it at once, and who waits? `in_flight`, `queue`.

use policy::admission::Params;

use super::Reading;
use crate::read::Value;

const MOST: u32 = 10_000_000;

pub(super) fn read(call: &mut Reading<'_, '_>) -> Params {
    let in_flight = in_flight(call);
    let queue = queue(call, in_flight.is_some());
    call.accept(Params::new(in_flight, queue)).unwrap_or_default()
}

fn in_flight(call: &mut Reading<'_, '_>) -> Option<u32> {
    let Some(value) = call.get("in_flight") else {
        call.missing("in_flight");
        return None;
    };
    count_or_none(call, &value, "in_flight", 1)
}

/// Where there is no limit, nobody waits: then the question does not arise.
fn queue(call: &mut Reading<'_, '_>, limited: bool) -> Option<u32> {
    match call.get("queue") {
        Some(value) => count_or_none(call, &value, "queue", 0),
        None if limited => {
            call.missing("queue");
            Some(0)
        }
        None => None,
    }
}

fn count_or_none(
    call: &mut Reading<'_, '_>,
    value: &Value<'_>,
    key: &'static str,
    least: u32,
) -> Option<u32> {
    if value.is_none() {
        call.say(key, "none", value.span);
        return None;
    }
    call.said(value, key, |value, report| value.count(least, MOST, report))
}
