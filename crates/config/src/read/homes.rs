//! Where a key belongs that stands in a table which does not read it.
//!
//! Only keys that belong to one kind of table are here: of `share` or `at` nobody can tell.

/// The table in which this key would be read.
pub(super) fn home_of(key: &str) -> Option<&'static str> {
    HOMES.iter().find(|(_, keys)| keys.contains(&key)).map(|(home, _)| *home)
}

const HOMES: [(&str, &[&str]); 12] = [
    ("`[client.NAME]`", &["traffic", "requests"]),
    ("`[balancer.NAME]`", &["listen"]),
    ("`[[balancer.NAME.listen]]`", &["address", "tls", "routes"]),
    ("`[service.NAME]`, beside `model`", &["steps", "schema"]),
    ("`[service.NAME]` or `[database.NAME]`", &["endpoints", "model"]),
    ("`model = { … }` of a service or database", &["workers", "service_time", "contention"]),
    ("`[database.NAME]`", &["primary", "replicas", "reads"]),
    ("the table of a node", &["region", "instances", "owner", "descriptors"]),
    (
        "`[call.FROM.TO]` or the rules that it takes",
        &[
            "timeout",
            "attempt_timeout",
            "idle_timeout",
            "connect_timeout",
            "stuck_timeout",
            "idempotent",
            "on_failure",
            "in_flight",
            "cancel",
            "retry",
            "breaker",
            "eject",
            "health",
            "balance",
            "carried_by",
        ],
    ),
    ("`retry = { … }` of a call", &["attempts", "backoff", "budget"]),
    ("`budget = { … }` in `retry`", &["floor", "burst"]),
    ("`[objective]`", &["goodput"]),
];
