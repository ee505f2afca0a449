//! The pieces of a message, written.
//!
//! Everything appends to the caller's buffer. Values that come from outside cannot break out of
//! their line: bytes that would are written as spaces.

use alloc::vec::Vec;

/// A request line. `target` is taken as it is.
pub fn request_line(out: &mut Vec<u8>, method: &str, target: &str) {
    for part in [method, " ", target, " HTTP/1.1\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// A status line with the status's usual reason.
pub fn status_line(out: &mut Vec<u8>, status: u16) {
    status_line_with(out, status, reason(status).as_bytes());
}

/// A status line with another reason.
pub fn status_line_with(out: &mut Vec<u8>, status: u16, reason: &[u8]) {
    out.extend_from_slice(b"HTTP/1.1 ");
    decimal(out, u64::from(status));
    out.push(b' ');
    clean(out, reason);
    out.extend_from_slice(b"\r\n");
}

/// A field line.
pub fn field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    clean(out, name.as_bytes());
    out.extend_from_slice(b": ");
    clean(out, value);
    out.extend_from_slice(b"\r\n");
}

/// A field line of our own words, or of parts that were checked when they were read.
#[inline]
pub(super) fn checked_field(out: &mut Vec<u8>, name: &'static str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// A field line whose value is a whole number.
#[inline]
pub fn number_field(out: &mut Vec<u8>, name: &'static str, value: u64) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    decimal(out, value);
    out.extend_from_slice(b"\r\n");
}

/// The empty line that ends a head, or a trailer section.
pub fn end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n");
}

/// What goes before `size` bytes of data. Not for zero, which would be the last chunk.
pub fn chunk_head(out: &mut Vec<u8>, size: u64) {
    debug_assert!(size > 0, "an empty chunk ends the body");
    let digits = (64 - size.leading_zeros()).div_ceil(4);
    for digit in (0..digits).rev() {
        let value = usize::try_from(size >> (4 * digit) & 0xf).unwrap_or(0);
        out.push(b"0123456789abcdef"[value]);
    }
    out.extend_from_slice(b"\r\n");
}

/// What goes behind the data of each chunk.
pub const CHUNK_END: &[u8] = b"\r\n";

/// What ends a body in chunks that has no trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// What ends the wait of a client that sent `Expect: 100-continue`.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Digits of a whole number.
pub fn decimal(out: &mut Vec<u8>, mut number: u64) {
    // Most are statuses, times in milliseconds, or counts.
    if let Ok(number @ 0..1_000) = u16::try_from(number) {
        let digit = |number: u16| b'0' + u8::try_from(number % 10).unwrap_or(0);
        let digits = [digit(number / 100), digit(number / 10), digit(number)];
        let from = usize::from(number < 100) + usize::from(number < 10);
        return out.extend_from_slice(&digits[from..]);
    }
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// The reason phrase of RFC 9110 section 15 and the registry; empty for a status without one.
pub fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        414 => "URI Too Long",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        425 => "Too Early",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        508 => "Loop Detected",
        _ => "",
    }
}

fn clean(out: &mut Vec<u8>, text: &[u8]) {
    let start = out.len();
    out.extend_from_slice(text);
    for byte in &mut out[start..] {
        if matches!(*byte, b'\r' | b'\n' | 0) {
            *byte = b' ';
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn numbers_of_any_size_are_written_as_people_do() {
        for number in [0, 9, 10, 99, 100, 101, 999, 1_000, 65_535, 65_536, u64::MAX] {
            let mut out = Vec::new();

            decimal(&mut out, number);

            assert_eq!(out, number.to_string().into_bytes());
        }
    }
}
