//! The rules of a call: one file a rule, named as in `policy`.

mod admission;
mod balance;
mod breaker;
mod connections;
mod deadline;
mod failure;
mod health;
mod idempotence;
pub(crate) mod protocol;
mod reading;
mod region;
mod retry;

pub(crate) use protocol::PROTOCOLS;
pub(crate) use reading::Reading;

use base::Duration;
use engine::Rules;
use engine::{Carrier, Idempotence};

use crate::codes::CONTRADICTION;
use crate::design::{Connections, OnFailure};
use crate::span::Traced;

/// What may be said of a call, in its own table, under `only`, and in named rules.
pub(crate) const KEYS: &[&str] = &[
    "timeout",
    "attempt_timeout",
    "idle_timeout",
    "connect_timeout",
    "stuck_timeout",
    "idempotent",
    "on_failure",
    "in_flight",
    "queue",
    "cancel",
    "retry",
    "breaker",
    "eject",
    "health",
    "balance",
    "regions",
    "connections",
];

/// All that the tables of a call say.
pub(crate) struct Said {
    pub(crate) rules: Rules,
    pub(crate) on_failure: Traced<OnFailure>,
    pub(crate) cancel: bool,
    pub(crate) stream: bool,
    pub(crate) connections: Connections,
    pub(crate) health_path: Option<String>,
    pub(crate) spill: Vec<base::RegionId>,
    pub(crate) stuck_timeout: Option<Duration>,
}

/// Reads every rule of a call.
pub(crate) fn read(call: &mut Reading<'_, '_>) -> Said {
    let times = deadline::read(call);
    let idempotence = idempotence::read(call);
    let on_failure = failure::read(call);
    let admission = admission::read(call);
    let cancel = failure::cancel(call);
    let (retry, budget) = retry::read(call);
    let breaker = breaker::read(call);
    let ejection = health::ejection(call);
    let (health, health_path) = health::check(call);
    let (balance, slow_start) = balance::read(call);
    let (region, spill) = region::read(call);
    let connections = connections::read(call);
    let rules = Rules {
        deadline: times.deadline,
        connect_timeout: times.connect,
        idle_timeout: times.idle,
        idempotence,
        admission,
        retry,
        budget,
        breaker,
        ejection,
        health,
        balance,
        slow_start,
        region,
        carrier: call.carrier,
    };
    connect_only_fits(call, &rules);
    Said {
        rules,
        on_failure,
        cancel,
        stream: times.stream,
        connections,
        health_path,
        spill,
        stuck_timeout: times.stuck,
    }
}

/// `connect-only` is the answer of streams of bytes: requests have better ones.
fn connect_only_fits(call: &mut Reading<'_, '_>, rules: &Rules) {
    let by_message = matches!(
        rules.idempotence,
        Idempotence::ByMethod | Idempotence::ByKey | Idempotence::BySchema
    );
    if !(call.is_l4() && call.carrier == Carrier::Plimsoll && by_message) {
        return;
    }
    if let Some(value) = call.get("idempotent") {
        call.report.push(
            value
                .wrong(&CONTRADICTION, "asks for what a stream of bytes does not show")
                .because(
                    "at L4 there are no methods and no keys: bytes that left are never sent again",
                )
                .instead("write `idempotent = \"connect-only\"`"),
        );
    }
}
