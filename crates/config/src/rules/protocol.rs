//! The words of `protocol`, and what is said of others that people know.

use crate::codes::UNKNOWN_WORD;
use crate::design::Protocol;
use crate::names::{one_of, shown};
use crate::read::Value;
use crate::report::Report;

/// The words.
pub(crate) const PROTOCOLS: [(&str, Protocol); 4] = [
    ("http", Protocol::Http),
    ("grpc", Protocol::Grpc),
    ("tcp", Protocol::Tcp),
    ("udp", Protocol::Udp),
];

/// Words that stand for a protocol elsewhere, with what to write here.
const ELSEWHERE: [(&[&str], &str); 5] = [
    (
        &["https", "tls", "ssl"],
        "write `protocol = \"http\"`. TLS is no protocol of its own here: a listener that ends it \
         says `tls = { certificate = \"cert.pem\", key = \"key.pem\" }`; that is checked, and \
         `plimsoll run` does not carry it yet. To the services that are asked nothing is encrypted \
         yet",
    ),
    (
        &["grpcs"],
        "write `protocol = \"grpc\"`. TLS is no protocol of its own here: a listener that ends it \
         says `tls = { certificate = \"cert.pem\", key = \"key.pem\" }`",
    ),
    (
        &["http1", "http1.1", "http/1", "http/1.1", "rest"],
        "write `protocol = \"http\"`, which is HTTP/1.1",
    ),
    (
        &["http2", "http/2", "h2", "h2c"],
        "write `protocol = \"grpc\"` if it is gRPC; else \"http\", which is HTTP/1.1: HTTP/2 \
         without gRPC is not carried yet",
    ),
    (
        &["ws", "wss", "websocket", "websockets"],
        "write `protocol = \"http\"`: WebSockets begin as HTTP/1.1 and are passed through",
    ),
];

/// What is spoken.
pub(crate) fn read(value: &Value<'_>, report: &mut Report) -> Option<Protocol> {
    let word = value.as_text().map(str::to_lowercase);
    let elsewhere = word.and_then(|word| {
        ELSEWHERE.iter().find(|(words, _)| words.contains(&word.as_str())).map(|(_, way)| *way)
    });
    let Some(way_out) = elsewhere else {
        return value.word(&PROTOCOLS, report);
    };
    let message = format!("cannot be \"{}\"", shown(value.as_text().unwrap_or_default()));
    let known = one_of(PROTOCOLS.iter().map(|(word, _)| *word));
    report.push(
        value
            .wrong(&UNKNOWN_WORD, message)
            .because(format!("what is spoken is {known}"))
            .instead(way_out),
    );
    None
}
