//! Frames of HTTP/2 around what is said.

use wire::l7::http2::{PREFACE, fields, frame};

use super::{Fields, Said, Words, identity};
use crate::world::tap::packets::{Part, Side, Speech};

/// A frame of fields of exactly this size, if they fit into it.
pub(super) fn head(
    words: &Words,
    said: Said<'_>,
    ends: bool,
    fields: Fields,
    size: usize,
) -> Option<Vec<u8>> {
    let mut block = Vec::new();
    let out = &mut block;
    let is_grpc = said.speech == Speech::Grpc;
    let status = match said.message.part {
        Part::Answer { status, .. } => Some(status),
        Part::Upgraded => Some(200),
        _ => None,
    };
    match status {
        Some(status) => {
            if is_grpc || status == 200 {
                fields::known(fields::STATUS_200, out);
            } else {
                fields::named(fields::STATUS, status.to_string().as_bytes(), out);
            }
            if is_grpc {
                fields::named(fields::CONTENT_TYPE, b"application/grpc", out);
            }
            if is_grpc && ends {
                fields::literal("grpc-status", if status < 400 { b"0" } else { b"14" }, out);
            }
        }
        None => {
            let (method, path) = words.asked(said.message, fields);
            match method.as_str() {
                _ if is_grpc => fields::known(fields::METHOD_POST, out),
                "GET" => fields::known(fields::METHOD_GET, out),
                "POST" => fields::known(fields::METHOD_POST, out),
                method => fields::named(fields::METHOD, method.as_bytes(), out),
            }
            fields::known(fields::SCHEME_HTTP, out);
            fields::named(fields::PATH, path.as_bytes(), out);
            fields::named(fields::AUTHORITY, said.host.as_bytes(), out);
            if is_grpc {
                fields::literal("te", b"trailers", out);
                fields::named(fields::CONTENT_TYPE, b"application/grpc", out);
            }
        }
    }
    for (name, value) in identity(said.message, fields) {
        fields::literal(name, value.as_bytes(), out);
    }
    let room = size.checked_sub(frame::BYTES + block.len())?;
    pad(room, &mut block)?;
    let ends = if ends { frame::END_STREAM } else { 0 };
    Some(headers(said.message.stream, ends, &block))
}

/// A field of exactly this size. Lengths need a byte more from 127 on, so a size that one name
/// cannot make, the other can.
fn pad(size: usize, block: &mut Vec<u8>) -> Option<()> {
    let fits = |name: &&str| {
        let mut lengths = (1..=4).filter_map(|more| size.checked_sub(2 + name.len() + more));
        lengths.find(|&value| fields::literal_len(name.len(), value) == size)
    };
    let (name, value) =
        ["x-pad", "x-pads", "p"].iter().find_map(|name| Some((*name, fits(name)?)))?;
    fields::literal(name, &vec![b'~'; value], block);
    Some(())
}

fn headers(stream: u32, flags: u8, block: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let length = u32::try_from(block.len()).unwrap_or(0);
    let flags = flags | frame::END_HEADERS;
    frame::Head { length, kind: frame::Kind::Headers, flags, stream }.write(&mut out);
    out.extend_from_slice(block);
    out
}

/// What ends a gRPC answer.
pub(super) fn trailers(stream: u32) -> Vec<u8> {
    let mut block = Vec::new();
    fields::literal("grpc-status", b"0", &mut block);
    headers(stream, frame::END_STREAM, &block)
}

pub(super) fn opening(side: Side) -> Vec<u8> {
    let mut out = match side {
        Side::Caller => PREFACE.to_vec(),
        Side::Called => Vec::new(),
    };
    frame::Head { length: 0, kind: frame::Kind::Settings, flags: 0, stream: 0 }.write(&mut out);
    out
}

pub(super) fn cancel(stream: u32) -> Vec<u8> {
    let mut out = Vec::new();
    frame::Head { length: 4, kind: frame::Kind::RstStream, flags: 0, stream }.write(&mut out);
    out.extend(frame::CANCEL.to_be_bytes());
    out
}
