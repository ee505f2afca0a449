//! What requests may be told apart by: their paths, hosts and methods.
//!
//! A route or an `only` table for what no request has looks like a rule that holds. So each is held
//! against what requests can be, wherever it stands in the file.

use crate::codes::NO_REQUEST;
use crate::diagnostic::Diagnostic;
use crate::names::{meant, shown};
use crate::path;
use crate::read::Value;
use crate::report::Report;

/// A path that takes what is below it.
pub(crate) fn path<'t>(value: &Value<'t>, report: &mut Report) -> Option<&'t str> {
    let text = value.text(report)?;
    let reason = if !text.starts_with('/') || !text.bytes().all(is_of_path) {
        "a path takes everything below it, by whole segments; it knows no patterns and no queries"
    } else if path::plain(text).is_err() {
        DOT_SEGMENTS
    } else {
        return Some(text);
    };
    let told = wrong(value, "path", text).because(reason);
    report.push(told.instead(match meant_path(text) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => "begin with `/` and write plain segments: \"/items\"".to_owned(),
    }));
    None
}

/// What a request of a client asks for: a path, and perhaps a query. Our balancers refuse one with
/// dot segments.
pub(crate) fn asked<'t>(value: &Value<'t>, report: &mut Report) -> Option<&'t str> {
    let text = target(value, "/items", report)?;
    if path::asked(text).is_ok() {
        return Some(text);
    }
    let told = wrong(value, "path", text).because(DOT_SEGMENTS);
    report.push(told.instead(match meant_target(text) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => "write plain segments: \"/items\"".to_owned(),
    }));
    None
}

/// What is asked for: a path, and perhaps a query; for example this one.
pub(crate) fn target<'t>(value: &Value<'t>, example: &str, report: &mut Report) -> Option<&'t str> {
    let text = value.text(report)?;
    let is_target = |byte: u8| is_of_path(byte) || matches!(byte, b'?' | b'*' | b'`');
    if text.starts_with('/') && text.bytes().all(is_target) {
        return Some(text);
    }
    let told = wrong(value, "path", text).because(
        "it is sent as it stands: a path and perhaps a query, without spaces or a fragment",
    );
    report.push(told.instead(match meant_target(text) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => format!("write for example \"{example}\""),
    }));
    None
}

/// What gRPC calls a method is a path of two segments, service and method (gRPC over HTTP/2,
/// "Requests").
pub(crate) fn grpc_method<'t>(value: &Value<'t>, report: &mut Report) -> Option<&'t str> {
    let text = value.text(report)?;
    let bare = text.trim_matches('/');
    let is_method = bare
        .split_once('/')
        .is_some_and(|(service, name)| is_grpc_name(service) && is_grpc_name(name));
    if is_method && text.strip_prefix('/') == Some(bare) {
        return Some(text);
    }
    report.push(
        wrong(value, "method", text)
            .because("a method of gRPC is asked for by its service and its name")
            .instead(if is_method {
                format!("did you mean \"/{bare}\"?")
            } else {
                "write it as requests have it: \"/chat.v1.Chat/Send\"".to_owned()
            }),
    );
    None
}

/// The first segment of the path of every method.
pub(crate) fn grpc_service<'t>(value: &Value<'t>, report: &mut Report) -> Option<&'t str> {
    let text = value.text(report)?;
    if is_grpc_name(text) {
        return Some(text);
    }
    let bare = text.trim_end_matches('*').trim_matches('/');
    report.push(
        wrong(value, "service", text)
            .because("a service takes all its methods, and its name is one segment of a path")
            .instead(if is_grpc_name(bare) {
                format!("did you mean \"{bare}\"?")
            } else {
                "write its full name: \"chat.v1.Chat\"".to_owned()
            }),
    );
    None
}

/// Hosts are compared without regard to case (RFC 9110, section 4.2.3); the port is not part of it.
pub(crate) fn host(value: &Value<'_>, report: &mut Report) -> Option<String> {
    let text = value.text(report)?;
    if is_host(text) {
        return Some(text.to_ascii_lowercase());
    }
    let bare = text.trim_start_matches(['*', '.']);
    let way_out = if bare != text && is_host(bare) {
        format!("write a route for each name: \"{bare}\", \"www.{bare}\"; or none, for every host")
    } else {
        "write the name alone: \"shop.example\"".to_owned()
    };
    report.push(
        wrong(value, "host", text)
            .because("hosts are compared as a whole: there are no patterns, and the port is not part of it")
            .instead(way_out),
    );
    None
}

/// Methods are compared with regard to case (RFC 9110, section 9.1).
pub(crate) fn method(value: &Value<'_>, report: &mut Report) -> Option<String> {
    let text = value.text(report)?;
    let capitals = text.to_ascii_uppercase();
    let is_slip = text != capitals && METHODS.contains(&capitals.as_str());
    if is_token(text) && !is_slip {
        return Some(text.to_owned());
    }
    report.push(
        wrong(value, "method", text)
            .because("methods are compared letter by letter, and requests have them in capitals")
            .instead(match meant(text, METHODS) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => "write one method as requests have it: \"POST\"".to_owned(),
            }),
    );
    None
}

fn wrong(value: &Value<'_>, what: &str, text: &str) -> Diagnostic {
    value.wrong(&NO_REQUEST, format!("is no {what}: \"{}\"", shown(text)))
}

/// As [`meant_path`], with the query.
fn meant_target(written: &str) -> Option<String> {
    let query = written.split('#').next()?.trim().split_once('?').map(|(_, query)| query);
    let encoded = |query: &str| query.bytes().map(encoded).collect::<String>();
    let query = query.map(|query| format!("?{}", encoded(query)));
    Some(meant_path(written)? + &query.unwrap_or_default())
}

/// The path in what somebody wrote, as requests have it; `None` if it is anybody's guess.
fn meant_path(written: &str) -> Option<String> {
    let bare = written.split(['?', '#']).next()?.trim().trim_end_matches(['*', '/']);
    let rooted = format!("/{}", bare.trim_start_matches('/'));
    let encoded: String = rooted.bytes().map(encoded).collect();
    let meant = path::without_dot_segments(&encoded);
    let is_path = meant.bytes().all(is_of_path) && !meant.contains("://");
    (is_path && path::plain(&meant).is_ok()).then_some(meant)
}

const DOT_SEGMENTS: &str =
    "a request whose path has dot segments is refused: what it means is not sure";

/// As a path has it where it may not stand as it is (RFC 3986, section 2.1).
fn encoded(byte: u8) -> String {
    if byte.is_ascii_graphic() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
}

/// What requests have in their paths; `*` could be, but nobody means it.
fn is_of_path(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"?#*\"<>`".contains(&byte)
}

/// A name or an address of four numbers, perhaps with the dot of the root.
fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    text.strip_suffix('.').unwrap_or(text).split('.').all(is_label)
}

/// Of a service or a method, as Protocol Buffers have them; others would be percent-encoded.
fn is_grpc_name(text: &str) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_of_names = |name: &str| !name.is_empty() && name.bytes().all(is_of_name);
    text.split('.').all(is_of_names)
}

/// RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    let is_of_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(is_of_token)
}

/// RFC 9110, RFC 5789 and RFC 4918; and what caches are purged with.
const METHODS: [&str; 18] = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "CONNECT",
    "OPTIONS",
    "TRACE",
    "PATCH",
    "QUERY",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "PURGE",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_by_a_bad_path_is_a_good_one_or_nothing() {
        for (written, meant) in [
            ("/admin/*", "/admin"),
            ("admin", "/admin"),
            ("/a/../admin", "/admin"),
            ("/a/%2e%2E/./admin/", "/admin"),
            ("/..", "/"),
            ("*", "/"),
            ("/search?q=1", "/search"),
            ("/healthz#top", "/healthz"),
            ("/a b", "/a%20b"),
            ("/caf\u{e9}", "/caf%C3%A9"),
        ] {
            assert_eq!(meant_path(written).as_deref(), Some(meant), "{written}");
        }
        for written in ["/a/*/b", "/a/..;x/b", "/..%2fb", "http://svc/a", "/a\"b"] {
            assert_eq!(meant_path(written), None, "{written}");
        }
    }

    #[test]
    fn a_host_is_a_name_without_patterns() {
        for good in ["shop.example", "EX.com", "ex.net.", "10.0.0.1", "my_host", "xn--caf-dma.fr"] {
            assert!(is_host(good), "{good}");
        }
        for bad in
            ["*.ex.com", ".ex.com", "ex..com", "ex.com:80", "a b", "a/b", "caf\u{e9}.fr", "", "."]
        {
            assert!(!is_host(bad), "{bad}");
        }
    }
}
