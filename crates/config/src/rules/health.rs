//! `health { path, every, timeout, up_after, down_after }` and
//! `eject { consecutive_failures, time, at_most }`.

use base::Duration;
use policy::health::{check, ejection};

use super::Reading;
use super::reading::Group;
use crate::codes::{CONTRADICTION, MISSING_KEY};
use crate::defaults;
use crate::matching;
use crate::read::{Table, Value};
use crate::report::Report;

const CHECK_KEYS: &[&str] = &["path", "every", "timeout", "up_after", "down_after"];
const EJECT_KEYS: &[&str] = &["consecutive_failures", "time", "at_most"];

/// Asking endpoints how they are, and by which path; at L4 connecting is the question.
pub(super) fn check(call: &mut Reading<'_, '_>) -> (Option<check::Params>, Option<String>) {
    let table = match call.group("health", CHECK_KEYS) {
        Group::Unsaid => {
            call.default("health", &defaults::HEALTH);
            return (None, None);
        }
        Group::None | Group::Wrong => return (None, None),
        Group::Table(table) => table,
    };
    let path = path(call, &table);
    let every = call.one(&table, "every", "health.every", every, &defaults::HEALTH_EVERY);
    let timeout = timeout(call, &table, every);
    let up_after =
        call.one(&table, "up_after", "health.up_after", count, &defaults::HEALTH_UP_AFTER);
    let down_after =
        call.one(&table, "down_after", "health.down_after", count, &defaults::HEALTH_DOWN_AFTER);
    let params = || Some((every?, timeout?, up_after?, down_after?));
    let params = params().and_then(|(every, timeout, up_after, down_after)| {
        call.accept(check::Params::new(every, timeout, up_after, down_after))
    });
    (params, path)
}

fn path(call: &mut Reading<'_, '_>, table: &Table<'_>) -> Option<String> {
    let Some(value) = table.get("path") else {
        if !call.is_l4() {
            call.report.push(
                MISSING_KEY
                    .at(table.span, "`health` has no `path`")
                    .because("what a healthy endpoint answers is the service's own contract")
                    .instead("write `path = \"/healthz\"`, or whatever the service has"),
            );
        }
        return None;
    };
    if call.is_l4() {
        call.report.push(
            value
                .wrong(&CONTRADICTION, "stands in a check of connections")
                .because(
                    "at L4 an endpoint is well when it accepts a connection; no path is asked for",
                )
                .instead("leave `path` out"),
        );
        return None;
    }
    let path = matching::target(&value, "/healthz", call.report)?;
    call.say("health.path", path, value.span);
    Some(path.to_owned())
}

fn timeout(
    call: &mut Reading<'_, '_>,
    table: &Table<'_>,
    every: Option<Duration>,
) -> Option<Duration> {
    match table.get("timeout") {
        Some(value) => call.said(&value, "health.timeout", Value::some_time),
        None => {
            call.default_as("health.timeout", &defaults::HEALTH_TIMEOUT, every?);
            every
        }
    }
}

/// Leaving out endpoints that fail.
pub(super) fn ejection(call: &mut Reading<'_, '_>) -> Option<ejection::Params> {
    let table = match call.group("eject", EJECT_KEYS) {
        Group::Unsaid => {
            call.default("eject", &defaults::EJECT);
            return None;
        }
        Group::None | Group::Wrong => return None,
        Group::Table(table) => table,
    };
    let failures = call.one(
        &table,
        "consecutive_failures",
        "eject.consecutive_failures",
        count,
        &defaults::EJECT_FAILURES,
    );
    let time = call.one(&table, "time", "eject.time", Value::some_time, &defaults::EJECT_TIME);
    let at_most = table.require("at_most", "\"33%\"", call.report)?;
    let at_most = call.said(&at_most, "eject.at_most", Value::share);
    call.accept(ejection::Params::new(failures?, time?, at_most?))
}

/// Checks that come faster than this are load, and find out nothing sooner.
const SHORTEST_EVERY: Duration = Duration::from_millis(10);

fn every(value: &Value<'_>, report: &mut Report) -> Option<Duration> {
    value.time_from(SHORTEST_EVERY, report)
}

fn count(value: &Value<'_>, report: &mut Report) -> Option<u32> {
    value.count(1, 1_000_000, report)
}
