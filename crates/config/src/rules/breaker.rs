//! `breaker { error_rate, window, min_calls, cooldown, probes }`.

use policy::breaker::Params;

use super::Reading;
use super::reading::Group;
use crate::defaults;
use crate::read::Value;
use crate::report::Report;

const KEYS: &[&str] = &["error_rate", "window", "min_calls", "cooldown", "probes"];

pub(super) fn read(call: &mut Reading<'_, '_>) -> Option<Params> {
    let table = match call.group("breaker", KEYS) {
        Group::Unsaid => {
            call.default("breaker", &defaults::BREAKER);
            return None;
        }
        Group::None | Group::Wrong => return None,
        Group::Table(table) => table,
    };
    let error_rate = call.one(
        &table,
        "error_rate",
        "breaker.error_rate",
        Value::share,
        &defaults::BREAKER_ERROR_RATE,
    );
    let window =
        call.one(&table, "window", "breaker.window", Value::some_time, &defaults::BREAKER_WINDOW);
    let min_calls =
        call.one(&table, "min_calls", "breaker.min_calls", count, &defaults::BREAKER_MIN_CALLS);
    let cooldown = call.one(
        &table,
        "cooldown",
        "breaker.cooldown",
        Value::some_time,
        &defaults::BREAKER_COOLDOWN,
    );
    let probes = call.one(&table, "probes", "breaker.probes", count, &defaults::BREAKER_PROBES);
    call.accept(Params::new(error_rate?, window?, min_calls?, cooldown?, probes?))
}

fn count(value: &Value<'_>, report: &mut Report) -> Option<u32> {
    value.count(1, 1_000_000, report)
}
