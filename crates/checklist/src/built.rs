//! What a design may ask for and `plimsoll run` does not carry yet.
//!
//! Such a design is reviewed and simulated like any other. To carry half of it would be worse than
//! to refuse: so the parts are named, one by one.

use base::{CallId, NodeId};
use config::design::{Call, Listen, NodeKind, OnFailure, Protocol, Source};
use config::diagnostic::{Diagnostic, Severity};
use config::{Design, Span};

use crate::question::answer;

/// The code of everything that is not built yet.
pub const NOT_BUILT: &str = "N01";

/// Why `plimsoll run` refuses it.
pub(crate) const NOT_BUILT_REASON: &str = "`plimsoll run` would have to leave this out, and the design \
    would not be what was reviewed and simulated. It can be checked and simulated.";

/// What a balancer needs and does not get from `plimsoll run`; nothing if all is there. Of a node
/// that is no balancer there is nothing to run.
pub fn not_built(design: &Design, node: NodeId) -> Vec<Diagnostic> {
    let NodeKind::Balancer(balancer) = &design.node(node).kind else {
        return Vec::new();
    };
    let listeners = balancer.listen.iter().flat_map(of_listener);
    let calls = design.calls_from(node).flat_map(|call| of_call(design, call));
    listeners.chain(calls).collect()
}

fn of_listener(listen: &Listen) -> Vec<Diagnostic> {
    let mut missing = Vec::new();
    if listen.protocol != Protocol::Http {
        let name = protocol(listen.protocol);
        missing.push(missing_part(listen.span, format!("a listener for {name} is not built yet")));
    }
    if listen.tls.is_some() {
        missing.push(missing_part(listen.span, "TLS is not built yet".to_owned()));
    }
    missing
}

fn of_call(design: &Design, id: CallId) -> Vec<Diagnostic> {
    let call = design.call(id);
    let mut missing = Vec::new();
    let mut miss = |span: Span, what: &str| {
        missing.push(missing_part(span, format!("{}: {what}", design.call_in_words(id))));
    };
    if call.protocol != Protocol::Http {
        let what = format!("a call over {} is not built yet", protocol(call.protocol));
        miss(call.span, &what);
    }
    match design.node(call.to).kind {
        NodeKind::Cache(_) => miss(call.span, "a cache is not built yet"),
        NodeKind::Balancer(_) => miss(call.span, "a call to another balancer is not built yet"),
        NodeKind::Client(_) | NodeKind::Service(_) | NodeKind::Database(_) => {}
    }
    let in_words = design.call_in_words(id);
    missing.extend(failure(call).map(|what| {
        missing_part(call.on_failure.span, format!("{in_words}: {what}"))
            .instead("write `on_failure = \"error\"` for now")
    }));
    missing.extend(stuck_timeout(call).map(|span| {
        missing_part(span, format!("{in_words}: a `stuck_timeout` of its own is not built yet"))
            .instead("leave it out: `plimsoll run` waits 30 s for an acknowledgement")
    }));
    missing
}

/// What happens instead of an error, where that is not built. Without requests (L4) a reset is how
/// a connection fails.
fn failure(call: &Call) -> Option<&'static str> {
    match call.on_failure.value {
        OnFailure::Stale(_) => Some("stale answers are not built yet"),
        OnFailure::Fallback(_) => Some("a fallback is not built yet"),
        OnFailure::Omit => Some("an answer without this part is not built yet"),
        OnFailure::Reset if call.protocol == Protocol::Http => {
            Some("a reset instead of an answer is not built yet")
        }
        OnFailure::Error | OnFailure::Reset | OnFailure::Missing => None,
    }
}

/// Where a call of requests says how long bytes may stay unacknowledged.
fn stuck_timeout(call: &Call) -> Option<Span> {
    call.stuck_timeout.filter(|_| call.protocol == Protocol::Http)?;
    match answer(call, "stuck_timeout")?.source {
        Source::File(span) => Some(span),
        Source::Default(_) | Source::Missing => None,
    }
}

const fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Http => "HTTP",
        Protocol::Grpc => "gRPC",
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
    }
}

fn missing_part(span: Span, message: String) -> Diagnostic {
    Diagnostic::new(NOT_BUILT, Severity::Error, span, message)
        .because(NOT_BUILT_REASON)
        .instead("leave it out of this balancer for now")
}
