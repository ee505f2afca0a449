//! A path as routes compare it.
//!
//! What is matched and what the service reads must be the same place, or a request gets past the
//! route that was meant for it. Two ways to write one path are made one here (RFC 3986 section
//! 6.2.2): the service gets the bytes as they came, which mean the same. A path with dot segments
//! means another place to those who resolve them than to those who do not, and nobody can know what
//! the service does: it is refused. Browsers and libraries resolve them before they send.

use std::borrow::Cow;

/// A path that some would read as another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ambiguous;

/// The path with everything percent-encoded that needs to be and nothing else, in upper case.
///
/// # Errors
/// A segment is `.` or `..` for somebody: also percent-encoded, before a parameter (`..;a`), or
/// between encoded slashes and backslashes, which some servers decode first.
pub fn plain(path: &str) -> Result<Cow<'_, str>, Ambiguous> {
    if !path.bytes().any(|byte| matches!(byte, b'%' | b'.')) {
        return Ok(Cow::Borrowed(path));
    }
    let path = decode_unreserved(path);
    if has_dot_segment(&path) { Err(Ambiguous) } else { Ok(path) }
}

/// The path of what a request asks for, without the query, as [`plain`] writes it.
///
/// # Errors
/// As [`plain`].
pub fn asked(target: &str) -> Result<Cow<'_, str>, Ambiguous> {
    plain(target.split('?').next().unwrap_or_default())
}

/// A route's path as [`plain`] writes it, without a slash at its end. One with dot segments takes
/// nothing: no request has them.
pub fn as_route(path: &str) -> String {
    route_form(path).into_owned()
}

/// As [`as_route`], without a copy where there is nothing to change.
pub(crate) fn route_form(path: &str) -> Cow<'_, str> {
    decode_unreserved(path.trim_end_matches('/'))
}

/// Whether a path that [`plain`] wrote is a route's, as [`as_route`] has it, or below it. By whole
/// segments: `/a` takes `/a` and `/a/b`, not `/ab`.
pub fn is_below(path: &str, route: &str) -> bool {
    path.strip_prefix(route).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The path with its dot segments resolved, as browsers do before they send (RFC 3986 section
/// 5.2.4); for people, who may have meant that.
pub(crate) fn without_dot_segments(path: &str) -> String {
    let path = decode_unreserved(path);
    let mut segments = Vec::new();
    for segment in path.trim_matches('/').split('/') {
        match segment {
            "." => {}
            ".." => _ = segments.pop(),
            segment => segments.push(segment),
        }
    }
    format!("/{}", segments.join("/"))
}

/// `%41` becomes `A`, `%2f` becomes `%2F`. What is no percent-encoding stays.
fn decode_unreserved(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let mut plain = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, behind)) = rest.split_once('%') {
        plain.push_str(before);
        let code = behind.get(..2).filter(|code| code.bytes().all(|at| at.is_ascii_hexdigit()));
        let Some(code) = code else {
            plain.push('%');
            rest = behind;
            continue;
        };
        match u8::from_str_radix(code, 16) {
            Ok(byte) if is_unreserved(byte) => plain.push(char::from(byte)),
            _ => {
                plain.push('%');
                plain.push_str(&code.to_ascii_uppercase());
            }
        }
        rest = &behind[2..];
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

fn has_dot_segment(path: &str) -> bool {
    let mut rest = path;
    loop {
        let (segment, behind) = split_segment(rest);
        let name = segment.split(';').next().unwrap_or_default();
        if matches!(name, "." | "..") {
            return true;
        }
        match behind {
            Some(behind) => rest = behind,
            None => return false,
        }
    }
}

/// Up to the next slash or backslash, encoded or not.
fn split_segment(path: &str) -> (&str, Option<&str>) {
    for (at, byte) in path.bytes().enumerate() {
        let length = match byte {
            b'/' | b'\\' => 1,
            b'%' if path[at..].starts_with("%2F") || path[at..].starts_with("%5C") => 3,
            _ => continue,
        };
        return (&path[..at], Some(&path[at + length..]));
    }
    (path, None)
}

/// RFC 3986 section 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ways_to_write_a_path_are_one() {
        for (path, is) in [
            ("/a/b", "/a/b"),
            ("/%61/%7e%2D%5f%2e1", "/a/~-_.1"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/a%2fb", "/a%2Fb"),
            ("/100%", "/100%"),
            ("/%zz%4", "/%zz%4"),
            ("/%2561", "/%2561"),
            ("*", "*"),
        ] {
            assert_eq!(plain(path).as_deref(), Ok(is), "{path}");
        }
    }

    #[test]
    fn what_somebody_reads_as_a_dot_segment_is_refused_and_nothing_else() {
        for path in [
            "/..",
            "/.",
            "/a/../b",
            "/a/./b",
            "/a/..",
            "/%2e",
            "/%2E%2e/b",
            "/.%2e/b",
            "/..;/b",
            "/a/.;x/b",
            "/..%2fb",
            "/a%2F..",
            "/..%5Cb",
            "/a/..\\b",
        ] {
            assert_eq!(plain(path), Err(Ambiguous), "{path}");
        }
        for path in ["/...", "/.a", "/a.", "/a..b/..c", "/a;../b", "/%252e%252e/", "/"] {
            assert!(plain(path).is_ok(), "{path}");
        }
    }
}
