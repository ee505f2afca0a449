//! What a connection may become after a 101 (RFC 9110 section 7.8).

use super::list::elements;

/// A protocol in which further requests would be hidden from whoever passes on the bytes: HTTP/2
/// without TLS (RFC 7540 section 3.2, obsolete since RFC 9113), any other HTTP, and TLS (RFC 2817).
pub(super) fn carries_http(protocol: &[u8]) -> bool {
    let name = protocol.split(|&byte| byte == b'/').next().unwrap_or_default();
    [&b"h2c"[..], b"h2", b"http", b"tls"].iter().any(|hidden| name.eq_ignore_ascii_case(hidden))
}

/// Whether a switch to `chosen` is one that was `asked` for, both as `Upgrade` has them. Several
/// are layers on top of each other: each must have been asked for.
pub(super) fn is_among(chosen: &[u8], asked: &[u8]) -> bool {
    elements(chosen).all(|one| elements(asked).any(|other| one.eq_ignore_ascii_case(other)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_is_known_under_all_its_names_and_nothing_else_is_taken_for_it() {
        for hidden in [&b"h2c"[..], b"H2C", b"h2", b"HTTP/2.0", b"http/1.1", b"TLS/1.0", b"tls"] {
            assert!(carries_http(hidden), "{}", hidden.escape_ascii());
        }
        for open in [&b"websocket"[..], b"h2cx", b"IRC/6.9", b"", b"xhttp/2"] {
            assert!(!carries_http(open), "{}", open.escape_ascii());
        }
    }

    #[test]
    fn a_switch_is_only_to_what_was_asked_for() {
        assert!(is_among(b"WebSocket", b"irc/6.9, websocket"));
        assert!(is_among(b"a, b", b"b,a,c"));
        for other in [&b"websocket/13"[..], b"", b"a, smtp"] {
            assert!(!is_among(other, b"websocket, a"), "{}", other.escape_ascii());
        }
    }
}
