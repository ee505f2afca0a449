//! Every value that a design does not have to give, with its reason and where it comes from.
//!
//! Defaults encode opinions, so ours are in the open: nowhere else in the product is a value
//! assumed that a design file could say. The answers to the five questions have no defaults.

use std::fmt::Display;

use base::{Bytes, Duration, Rate, Share};

/// A value that holds when the file does not give one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Default<T = String> {
    /// What it is called: `D` and two digits.
    pub code: &'static str,
    /// The key it stands for, dotted.
    pub key: &'static str,
    /// The value; in [`table`] as a design file writes it.
    pub value: T,
    /// Why this one.
    pub reason: &'static str,
    /// Who else does it so, or what it follows from.
    pub source: &'static str,
}

/// All of them, in the order of their codes.
pub fn table() -> Vec<Default> {
    all()
}

/// The default that a code stands for.
pub fn by_code(code: &str) -> Option<Default> {
    all().into_iter().find(|default| default.code == code)
}

impl<T: Display> Default<T> {
    fn shown(&self) -> Default {
        let Self { code, key, reason, source, .. } = *self;
        Default { code, key, value: self.value.to_string(), reason, source }
    }
}

macro_rules! defaults {
    ($($name:ident $type:ty = $value:expr, $code:literal $key:literal
        because $reason:literal source $source:literal;)*) => {
        $(
            pub(crate) const $name: Default<$type> = Default {
                code: $code,
                key: $key,
                value: $value,
                reason: $reason,
                source: $source,
            };
        )*
        fn all() -> Vec<Default> {
            vec![$($name.shown()),*]
        }
    };
}

defaults! {
    REGION &'static str = "here", "D01" "region"
        because "a design without regions is in one place; with exactly one region, everything is there"
        source "ours";
    INSTANCES u32 = 1, "D02" "instances"
        because "what is not said to be there twice is there once: the safe assumption for whoever asks what its loss costs"
        source "ours";
    WEIGHT u32 = 1, "D03" "endpoints.weight"
        because "endpoints are alike unless the design says otherwise"
        source "nginx, HAProxy and Envoy: weight 1";
    GOODPUT Share = Share::percent(99), "D04" "objective.goodput"
        because "a system that answers less than this right and in time has not recovered, whatever its averages say"
        source "ours; a common objective of services without a stated one";
    LISTEN_PROTOCOL &'static str = "http", "D05" "listen.protocol"
        because "most listeners speak it"
        source "ours";
    CALL_PROTOCOL &'static str = "as its listener, else http", "D06" "call.protocol"
        because "the two ends of a call speak the same; where no listener says what, it is HTTP"
        source "ours";
    METHOD &'static str = "GET", "D07" "requests.method"
        because "the commonest method, and one that may be repeated"
        source "RFC 9110, section 9.3.1";
    PATH &'static str = "/", "D08" "requests.path"
        because "every server has it"
        source "RFC 9110, section 4.2.3";
    REQUEST_SIZE Bytes = Bytes(0), "D09" "requests.request"
        because "a GET has no body"
        source "RFC 9110, section 9.3.1";
    RESPONSE_SIZE Bytes = Bytes(1 << 10), "D10" "requests.response"
        because "a small answer that fits one packet: sizes then play no part until the design gives them one"
        source "ours";
    WHOLE_TRAFFIC Share = Share::WHOLE, "D11" "requests.share"
        because "a single kind of request is all the traffic"
        source "follows from the shares adding up";
    ZIPF &'static str = "0", "D12" "requests.keys.zipf"
        because "keys are equally popular unless the design says otherwise; that is the hardest case for a cache"
        source "ours";
    CONNECT_TIMEOUT Duration = Duration::from_secs(1), "D20" "connect_timeout"
        because "after one second without an answer the first packet was lost, and another endpoint is the better bet; never longer than the try itself"
        source "RFC 6298, section 2.1: the first packet is sent again after 1 s; Finagle: 1 s";
    IDLE_TIMEOUT Duration = Duration::from_secs(60), "D21" "idle_timeout"
        because "a body or tunnel on which nothing moved for a minute has lost its other end"
        source "nginx: proxy_read_timeout 60s";
    CONNECTION_IDLE_HTTP Duration = Duration::from_secs(4), "D22" "connections.idle_timeout (http)"
        because "ours must end first: a request on a connection that the service is just closing fails, and may not be repeated; the shortest common keep-alive of services is five seconds"
        source "Node.js: server.keepAliveTimeout 5 s; Apache httpd: KeepAliveTimeout 5; nginx: keepalive_timeout 75s";
    CONNECTION_IDLE_GRPC Duration = Duration::from_secs(60), "D23" "connections.idle_timeout (grpc)"
        because "HTTP/2 says which requests were not processed when a connection closes, so an idle one may live longer; still below what servers close by themselves"
        source "nginx: keepalive_timeout 75s; RFC 9113, section 6.8";
    CONNECTION_IDLE_L4 Duration = Duration::from_secs(300), "D24" "connections.idle_timeout (tcp, udp)"
        because "a pool of the application keeps connections for minutes; middleboxes forget silent ones after more than that"
        source "RFC 5382, REQ-5: two hours and four minutes for established TCP; HikariCP: idleTimeout 10 min";
    STREAMS_ONE u32 = 1, "D25" "connections.streams (http, tcp, udp)"
        because "an HTTP/1.1 connection carries one request at a time"
        source "RFC 9112, section 9.3.2: pipelining is optional, and ours does not";
    STREAMS_GRPC u32 = 100, "D26" "connections.streams (grpc)"
        because "what servers are asked to allow at least"
        source "RFC 9113, section 6.5.2: not smaller than 100";
    CONNECTIONS_MOST &'static str = "none", "D27" "connections.most"
        because "in_flight bounds the requests, and with it the connections"
        source "follows from in_flight";
    CANCEL bool = false, "D28" "cancel"
        because "most servers work on when the caller has gone; assuming otherwise hides the load of dead requests"
        source "ours; a PostgreSQL query runs on unless it is cancelled by a request of its own";
    ATTEMPT_TIMEOUT &'static str = "none", "D29" "attempt_timeout"
        because "one try may use up the whole timeout"
        source "Envoy: per_try_timeout is the global timeout unless set";
    BALANCE &'static str = "least-of-two", "D30" "balance"
        because "it needs no history, and no endpoint is flooded because it looked best to everybody"
        source "Mitzenmacher, The Power of Two Choices in Randomized Load Balancing, 1996; Envoy: least request with two choices";
    REGIONS &'static str = "any", "D31" "regions"
        because "every endpoint is used; staying in the own region is a choice with a cost, so the design makes it"
        source "ours";
    BREAKER &'static str = "none", "D32" "breaker"
        because "whether a whole call may be refused is the design's decision; in_flight and the retry budget bound the damage without it"
        source "ours; Envoy and nginx have no error-rate breaker unless configured";
    EJECT &'static str = "none", "D33" "eject"
        because "leaving endpoints out takes capacity away from the others"
        source "Envoy: no outlier detection unless configured";
    HEALTH &'static str = "none", "D34" "health"
        because "what an endpoint answers to a check is the service's own contract"
        source "nginx, HAProxy and Envoy: no active checks unless configured";
    SLOW_START &'static str = "none", "D35" "balance.slow_start"
        because "how long a service takes to warm up is its own affair; most need no time at all"
        source "HAProxy (slowstart), nginx (slow_start) and Envoy (slow_start_config): none unless configured";
    BALANCE_OF_CLIENTS &'static str = "round-robin", "D36" "balance (of a client)"
        because "a client is a crowd: none of them knows what the others have under way, so a dead or slow address gets its share like any other"
        source "RFC 1794: a name with several addresses is answered with them in turn";
    RETRY_ON &'static str = "connect reset timeout 502 503 504", "D40" "retry.on"
        because "faults of one endpoint that another may not have; not 500: an endpoint that answers so is at work, and the next would likely say the same"
        source "nginx: proxy_next_upstream error timeout; Envoy: gateway-error is 502 503 504";
    BUDGET_FLOOR Rate = Rate::per_sec(1), "D41" "retry.budget.floor"
        because "a quiet caller earns almost nothing by its share, and could never retry at all"
        source "Finagle: RetryBudget with minRetriesPerSec 10, for each process; ours is for all together";
    BUDGET_BURST u32 = 10, "D42" "retry.budget.burst"
        because "enough for the retries of one endpoint's restart, too few to hurt a service"
        source "gRPC (gRFC A6): maxTokens 10 in its example";
    BUDGET_IN_FLIGHT &'static str = "burst", "D43" "retry.budget.in_flight"
        because "a rate alone does not bound retries when failures are slow"
        source "Envoy: retry budgets bound concurrent retries";
    BREAKER_ERROR_RATE Share = Share::percent(50), "D44" "breaker.error_rate"
        because "when half of all attempts fail, waiting for the other half is no longer worth it"
        source "Hystrix: errorThresholdPercentage 50";
    BREAKER_WINDOW Duration = Duration::from_secs(10), "D45" "breaker.window"
        because "long enough to have evidence, short enough to notice"
        source "Hystrix: rolling window 10 s";
    BREAKER_MIN_CALLS u32 = 20, "D46" "breaker.min_calls"
        because "two failures of three attempts prove nothing; each worker of an instance has to have seen so many itself"
        source "Hystrix: requestVolumeThreshold 20";
    BREAKER_COOLDOWN Duration = Duration::from_secs(5), "D47" "breaker.cooldown"
        because "room to recover, without turning callers away for longer than needed"
        source "Hystrix: sleepWindow 5 s";
    BREAKER_PROBES u32 = 3, "D48" "breaker.probes"
        because "one lucky answer should not close it, and a service that hangs is not flooded"
        source "Hystrix closes after one; ours asks for a little more";
    EJECT_FAILURES u32 = 5, "D49" "eject.consecutive_failures"
        because "five in a row are hardly chance"
        source "Envoy: consecutive_5xx 5";
    EJECT_TIME Duration = Duration::from_secs(30), "D50" "eject.time"
        because "about what a process needs to come back"
        source "Envoy: base_ejection_time 30 s";
    HEALTH_EVERY Duration = Duration::from_secs(2), "D51" "health.every"
        because "a dead endpoint is found within seconds, at a cost nobody notices"
        source "HAProxy: inter 2s";
    HEALTH_TIMEOUT &'static str = "every", "D52" "health.timeout"
        because "a check must end before the next begins"
        source "HAProxy: a check may take as long as inter";
    HEALTH_UP_AFTER u32 = 2, "D53" "health.up_after"
        because "one good answer may be luck"
        source "HAProxy: rise 2";
    HEALTH_DOWN_AFTER u32 = 3, "D54" "health.down_after"
        because "one lost packet is not a dead endpoint"
        source "HAProxy: fall 3";
    COLLAPSE bool = true, "D60" "cache.collapse"
        because "when a popular key runs out, a thousand misses would otherwise ask the service at once"
        source "ours; nginx has it as proxy_cache_lock";
    READS &'static str = "primary", "D61" "database.reads"
        because "a copy may be behind; reading from it is a choice"
        source "ours; PostgreSQL sends nothing to a standby by itself";
    RESTART_TAKES Duration = Duration::from_secs(5), "D70" "incident.takes"
        because "a process that starts, connects and is found healthy again; measure yours and say it"
        source "ours";
    RAMP Duration = Duration::ZERO, "D71" "incident.ramp"
        because "a fault is there at once unless it creeps"
        source "ours";
    ERROR_STATUS u16 = 500, "D72" "incident.status"
        because "what a server answers that fails without saying why"
        source "RFC 9110, section 15.6.1";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_rise_and_each_default_has_a_reason_and_a_source() {
        let table = table();

        assert!(table.is_sorted_by(|a, b| a.code < b.code));
        assert!(table.iter().all(|default| !default.reason.is_empty()));
        assert!(table.iter().all(|default| !default.source.is_empty()));
    }

    #[test]
    fn what_the_policies_assume_is_what_the_table_says() {
        use policy::{balance, region};

        assert_eq!(balance::Params::default(), balance::Params::LeastOfTwo);
        assert_eq!(region::Params::default(), region::Params::Any);
        assert_eq!(crate::design::Objective::default().goodput, GOODPUT.value);
    }
}
