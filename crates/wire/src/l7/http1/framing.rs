//! Where a body ends (RFC 9112 section 6).

use super::list::{elements, is_token, whole_number};
use super::refusal::Refusal;
use super::version::Version;

/// How a message's body is delimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// There is none: the message ends with its head.
    #[default]
    Empty,
    /// This many bytes.
    Length(u64),
    /// Chunks, then trailers.
    Chunked,
    /// Everything until the connection closes. Responses only.
    UntilClose,
    /// Not HTTP any more: bytes both ways, after a 101 or a successful CONNECT.
    Tunnel,
}

/// What the fields of a head say of its body.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Declared {
    pub(super) length: Option<u64>,
    encoded: bool,
    chunked: bool,
    unknown: bool,
}

impl Declared {
    /// Reads one `Content-Length` field. Even an equal second one is refused: RFC 9110 section
    /// 8.6 allows that, and no honest sender needs it.
    pub(super) fn add_length(&mut self, value: &[u8]) -> Result<(), Refusal> {
        if self.length.is_some() {
            return Err(Refusal::LengthRepeated);
        }
        self.length = Some(whole_number(value).ok_or_else(|| not_a_length(value))?);
        Ok(())
    }

    /// Reads one `Transfer-Encoding` field.
    pub(super) fn add_encoding(&mut self, value: &[u8]) -> Result<(), Refusal> {
        self.encoded = true;
        for coding in elements(value) {
            let chunked = coding.eq_ignore_ascii_case(b"chunked");
            match (self.chunked, chunked) {
                (true, true) => return Err(Refusal::EncodingRepeated),
                (true, false) => return Err(Refusal::EncodingNotChunked),
                (false, true) => self.chunked = true,
                (false, false) if is_token(coding) => self.unknown = true,
                (false, false) => return Err(Refusal::EncodingInvalid),
            }
        }
        Ok(())
    }

    /// Are both fields, or the field and the version, in agreement?
    ///
    /// # Errors
    ///
    /// Anything but no field, one valid length, or `chunked` alone.
    pub(super) fn check(&self, version: Version) -> Result<(), Refusal> {
        match self {
            Self { encoded: false, .. } => Ok(()),
            Self { length: Some(_), .. } => Err(Refusal::LengthAndEncoding),
            _ if version == Version::Http10 => Err(Refusal::EncodingInHttp10),
            Self { chunked: false, .. } => Err(Refusal::EncodingNotChunked),
            Self { unknown: true, .. } => Err(Refusal::EncodingUnknown),
            _ => Ok(()),
        }
    }

    /// What they declare, `otherwise` if they are silent.
    pub(super) fn framing(&self, otherwise: Framing) -> Framing {
        match self.length {
            _ if self.chunked => Framing::Chunked,
            Some(length) => Framing::Length(length),
            None => otherwise,
        }
    }
}

fn not_a_length(value: &[u8]) -> Refusal {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    if digits { Refusal::LengthTooLarge } else { Refusal::LengthInvalid }
}
