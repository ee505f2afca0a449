//! Fields behind a chunked body (RFC 9110 section 6.5).
//!
//! They arrive when the message has been routed, authorised and framed, so those that would have
//! had a say in that are not passed on. The others stay trailers: they are never merged into the
//! head.

use alloc::vec::Vec;

use super::fields::{Field, Fields};
use super::limits::Limits;
use super::list::elements;
use super::name::{HOP_BY_HOP, Name, PROTECTED};
use super::refusal::Refusal;
use super::scan::Parse;
use super::write;

/// The trailer section of one message, as places in the buffer: about 1.3 KiB, reusable.
#[derive(Clone, Debug)]
pub struct Trailers {
    fields: Fields,
}

impl Trailers {
    /// No trailers.
    pub fn new() -> Self {
        Self { fields: Fields::new() }
    }

    /// Reads the section from the start of `bytes`, to its empty line.
    ///
    /// # Errors
    ///
    /// The sender's fault, by the same rules as for the fields of a head.
    pub fn parse(&mut self, bytes: &[u8], limits: &Limits) -> Result<Parse, Refusal> {
        let window = &bytes[..bytes.len().min(limits.trailers())];
        match self.fields.read(window, 0, limits.fields()) {
            Ok(Some(consumed)) => Ok(Parse::Complete { consumed }),
            Ok(None) if bytes.len() >= limits.trailers() => Err(Refusal::TrailersTooLarge),
            Ok(None) => Ok(Parse::Partial),
            Err(fault) => Err(fault.in_fields(window)),
        }
    }

    /// The fields, read from the `bytes` they were parsed from.
    pub fn fields<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.fields.texts(bytes)
    }

    /// Writes the last chunk and those of the fields that may be passed on, to the very end of
    /// the message. Not those that `Connection` named in the head: `nominated` (RFC 9110 section
    /// 7.6.1).
    pub fn write_last_chunk(&self, bytes: &[u8], nominated: &[u8], out: &mut Vec<u8>) {
        let is_nominated = |field: &Field| {
            let name = field.name.bytes(bytes);
            elements(nominated).any(|option| option.eq_ignore_ascii_case(name))
        };
        out.extend_from_slice(b"0\r\n");
        self.fields.copy_to(out, bytes, |field| is_forbidden(field, bytes) || is_nominated(field));
        write::end(out);
    }
}

impl Default for Trailers {
    fn default() -> Self {
        Self::new()
    }
}

/// `Proxy-Status` may be a trailer (RFC 9209 section 2).
fn is_forbidden(field: &Field, bytes: &[u8]) -> bool {
    let name = field.name.bytes(bytes);
    HOP_BY_HOP.has(field.known)
        || PROTECTED.without(Name::ProxyStatus).has(field.known)
        || FORBIDDEN.iter().any(|other| name.eq_ignore_ascii_case(other.as_bytes()))
}

/// RFC 9110 section 6.5.1: framing, routing, request modifiers, authentication, control of the
/// response, and how to read the content. [`HOP_BY_HOP`] and [`PROTECTED`] have the rest.
const FORBIDDEN: [&str; 24] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "age",
    "content-encoding",
    "content-location",
    "content-range",
    "cookie2",
    "expires",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "location",
    "origin",
    "pragma",
    "range",
    "referer",
    "set-cookie",
    "vary",
    "warning",
    "www-authenticate",
];
