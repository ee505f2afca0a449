//! Heads of HTTP/1.1.

use wire::l7::http1::write;

use super::{Fields, Said, Words, identity, stays_open};
use crate::world::tap::packets::Part;

/// A head of exactly this size, if the fields fit into it.
pub(super) fn head(
    words: &Words,
    said: Said<'_>,
    body: usize,
    fields: Fields,
    size: usize,
) -> Option<Vec<u8>> {
    let mut out = written(words, said, body, fields);
    let padding = size.checked_sub(out.len() + LAST)?;
    write::field(&mut out, "x-pad", &vec![b'~'; padding]);
    write::end(&mut out);
    Some(out)
}

/// The size of a head without padding.
pub(super) fn least(words: &Words, said: Said<'_>, body: usize, fields: Fields) -> usize {
    written(words, said, body, fields).len() + LAST
}

/// Everything but the last field and the empty line.
fn written(words: &Words, said: Said<'_>, body: usize, fields: Fields) -> Vec<u8> {
    let mut out = Vec::new();
    match said.message.part {
        Part::Answer { status, .. } => write::status_line(&mut out, status),
        Part::Upgraded => write::status_line(&mut out, SWITCHING),
        _ => {
            let (method, path) = words.asked(said.message, fields);
            write::request_line(&mut out, &method, &path);
            write::field(&mut out, "host", said.host.as_bytes());
        }
    }
    for (name, value) in identity(said.message, fields) {
        write::field(&mut out, name, value.as_bytes());
    }
    if stays_open(said.message.part) {
        upgrade(&mut out, said.message.part);
        return out;
    }
    if body > 0 {
        write::field(&mut out, "content-type", b"text/plain");
    }
    write::number_field(&mut out, "content-length", body as u64);
    out
}

/// A handshake of WebSockets, with the key and the answer of RFC 6455, 1.3.
fn upgrade(out: &mut Vec<u8>, part: Part) {
    write::field(out, "connection", b"Upgrade");
    write::field(out, "upgrade", b"websocket");
    if part == Part::Upgraded {
        write::field(out, "sec-websocket-accept", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    } else {
        write::field(out, "sec-websocket-version", b"13");
        write::field(out, "sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ==");
    }
}

/// The last field, without padding, and the empty line.
const LAST: usize = "x-pad: \r\n\r\n".len();
/// Switching Protocols (RFC 9110, 15.2.2).
const SWITCHING: u16 = 101;
