//! Question one: how long may it take? `timeout`, `attempt_timeout`, `idle_timeout`,
//! `connect_timeout`, and at L4 `stuck_timeout`.

use base::Duration;
use policy::deadline::Params;

use super::Reading;
use crate::codes::CONTRADICTION;
use crate::defaults;
use crate::read::Value;

/// All times of a call.
pub(super) struct Times {
    pub(super) deadline: Params,
    /// The whole has no end: it is a stream.
    pub(super) stream: bool,
    pub(super) connect: Option<Duration>,
    pub(super) idle: Option<Duration>,
    pub(super) stuck: Option<Duration>,
}

pub(super) fn read(call: &mut Reading<'_, '_>) -> Times {
    let (timeout, stream) = timeout(call);
    let attempt = attempt_timeout(call, timeout, stream);
    let deadline = call.accept(Params::new(timeout, attempt)).unwrap_or_default();
    Times {
        deadline,
        stream,
        connect: connect_timeout(call, attempt.or(timeout)),
        idle: idle_timeout(call, stream),
        stuck: stated(call, "stuck_timeout"),
    }
}

/// The whole, and whether it is a stream.
fn timeout(call: &mut Reading<'_, '_>) -> (Option<Duration>, bool) {
    match call.get("timeout") {
        // At L4 the question is about the connection.
        None if call.is_carried_l4() => (None, false),
        None => {
            call.missing("timeout");
            (None, false)
        }
        Some(value) if value.as_text() == Some("stream") => {
            call.say("timeout", "stream", value.span);
            (None, true)
        }
        Some(value) => (time_or_none(call, &value, "timeout"), false),
    }
}

fn attempt_timeout(
    call: &mut Reading<'_, '_>,
    timeout: Option<Duration>,
    stream: bool,
) -> Option<Duration> {
    let Some(value) = call.get("attempt_timeout") else {
        let retries = call.get("retry").is_some_and(|retry| !retry.is_none());
        if retries && timeout.is_some() {
            call.default("attempt_timeout", &defaults::ATTEMPT_TIMEOUT);
        }
        return None;
    };
    // A stream that inherits the time of one try would be cut by it.
    if stream {
        stream_has_no_tries(call, &value);
        return None;
    }
    time_or_none(call, &value, "attempt_timeout")
}

fn stream_has_no_tries(call: &mut Reading<'_, '_>, attempt: &Value<'_>) {
    let Some(timeout) = call.get("timeout") else {
        return;
    };
    if call.layers.are_in_one_table("timeout", "attempt_timeout") {
        call.report.push(
            attempt
                .wrong(&CONTRADICTION, "cannot end a try of a stream")
                .because("a stream lasts as long as it lasts; only silence ends it")
                .see(timeout.span, "this makes it a stream")
                .instead("leave `attempt_timeout` out and write `idle_timeout`"),
        );
    }
}

fn connect_timeout(call: &mut Reading<'_, '_>, longest: Option<Duration>) -> Option<Duration> {
    if let Some(value) = call.get("connect_timeout") {
        let connect = time_or_none(call, &value, "connect_timeout")?;
        if longest.is_some_and(|longest| connect > longest) {
            call.report.push(
                value
                    .wrong(&CONTRADICTION, format!("is {connect}, longer than the whole try"))
                    .because("the try ends first, so this time never runs out")
                    .instead("make it shorter, or leave it out"),
            );
        }
        return Some(connect);
    }
    if call.is_carried_l4() {
        call.missing("connect_timeout");
        return None;
    }
    call.is_carried().then(|| {
        let default = defaults::CONNECT_TIMEOUT.value;
        let connect = longest.map_or(default, |longest| default.min(longest));
        call.default_as("connect_timeout", &defaults::CONNECT_TIMEOUT, connect);
        connect
    })
}

fn idle_timeout(call: &mut Reading<'_, '_>, stream: bool) -> Option<Duration> {
    if call.get("idle_timeout").is_some() {
        return stated(call, "idle_timeout");
    }
    if stream || call.is_carried_l4() {
        call.missing("idle_timeout");
        return None;
    }
    call.is_carried().then(|| call.default("idle_timeout", &defaults::IDLE_TIMEOUT))
}

fn stated(call: &mut Reading<'_, '_>, key: &'static str) -> Option<Duration> {
    let value = call.get(key)?;
    time_or_none(call, &value, key)
}

fn time_or_none(
    call: &mut Reading<'_, '_>,
    value: &Value<'_>,
    key: &'static str,
) -> Option<Duration> {
    if value.is_none() {
        call.say(key, "none", value.span);
        return None;
    }
    let time = value.duration(call.report)?;
    call.say(key, time, value.span);
    if time.is_zero() && matches!(key, "idle_timeout" | "connect_timeout" | "stuck_timeout") {
        value.some_time(call.report)?;
    }
    Some(time)
}
