//! `connections { most, streams, idle_timeout }`.

use crate::codes::CONTRADICTION;
use crate::defaults;
use crate::design::{Connections, Protocol};
use crate::read::{Table, Value};
use crate::report::Report;

use super::Reading;
use super::reading::Group;

const KEYS: &[&str] = &["most", "streams", "idle_timeout"];

pub(super) fn read(call: &mut Reading<'_, '_>) -> Connections {
    let table = match call.group("connections", KEYS) {
        Group::Table(table) => Some(table),
        Group::Unsaid | Group::None | Group::Wrong => None,
    };
    Connections {
        most: most(call, table.as_ref()),
        streams: streams(call, table.as_ref()),
        idle_timeout: idle_timeout(call, table.as_ref()),
    }
}

fn most(call: &mut Reading<'_, '_>, table: Option<&Table<'_>>) -> Option<u32> {
    match table.and_then(|table| table.get("most")) {
        None => {
            call.default("connections.most", &defaults::CONNECTIONS_MOST);
            None
        }
        Some(value) if value.is_none() => {
            call.say("connections.most", "none", value.span);
            None
        }
        Some(value) => call.said(&value, "connections.most", count),
    }
}

fn streams(call: &mut Reading<'_, '_>, table: Option<&Table<'_>>) -> u32 {
    let default = match call.protocol {
        Protocol::Grpc => &defaults::STREAMS_GRPC,
        Protocol::Http | Protocol::Tcp | Protocol::Udp => &defaults::STREAMS_ONE,
    };
    let key = "connections.streams";
    match table.and_then(|table| table.get("streams")) {
        None => call.default(key, default),
        Some(value) => {
            let streams = call.said(&value, key, count).unwrap_or(default.value);
            if streams > 1 && call.protocol == Protocol::Http {
                call.report.push(
                    value
                        .wrong(
                            &CONTRADICTION,
                            format!("is {streams}, and the call speaks HTTP/1.1"),
                        )
                        .because("an HTTP/1.1 connection carries one request at a time")
                        .instead("leave `streams` out"),
                );
            }
            streams
        }
    }
}

fn idle_timeout(call: &mut Reading<'_, '_>, table: Option<&Table<'_>>) -> base::Duration {
    let default = match call.protocol {
        Protocol::Http => &defaults::CONNECTION_IDLE_HTTP,
        Protocol::Grpc => &defaults::CONNECTION_IDLE_GRPC,
        Protocol::Tcp | Protocol::Udp => &defaults::CONNECTION_IDLE_L4,
    };
    let key = "connections.idle_timeout";
    match table.and_then(|table| table.get("idle_timeout")) {
        None => call.default(key, default),
        Some(value) => call.said(&value, key, Value::some_time).unwrap_or(default.value),
    }
}

fn count(value: &Value<'_>, report: &mut Report) -> Option<u32> {
    value.count(1, 1_000_000, report)
}
