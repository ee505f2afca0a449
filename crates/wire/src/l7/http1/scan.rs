//! One pass over the bytes of a head.
//!
//! Each part is found where the one before it ended, and nothing but CR LF ends a line. Where a byte
//! does not fit, [`Fault`] finds out afterwards what is wrong.

use core::ops::Range;

use super::fault::{Fault, first_line, is_line_too_long};
use super::lex;
use super::limits::Limits;
use super::name::Name;
use super::refusal::Refusal;
use super::version::Version;

/// How far a head has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Parse {
    /// The head is not whole yet: read more behind what is there, and ask again.
    Partial,
    /// The head is whole.
    Complete {
        /// Its length in bytes. What follows in the buffer is the body, or the next message.
        consumed: usize,
    },
}

/// Remembers, between calls for one partial head, what need not be looked at again.
///
/// Without this a head that arrives byte by byte would be read from its start each time. A line
/// is judged when it has ended, so nothing is looked at until a line feed arrives.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Resume {
    scanned: usize,
    has_line: bool,
}

impl Resume {
    /// May anything have changed since the last look?
    pub(super) fn is_worth_a_look(&mut self, bytes: &[u8], limits: &Limits) -> bool {
        let Some(fresh) = bytes.get(self.scanned..).filter(|_| self.scanned > 0) else {
            return true;
        };
        let bound = if self.has_line { limits.head() } else { limits.line.min(limits.head()) };
        let changed = fresh.contains(&b'\n') || bytes.len() >= bound;
        self.scanned = bytes.len();
        changed
    }

    pub(super) fn after(&mut self, bytes: &[u8], outcome: Result<Parse, Refusal>) {
        let partial = outcome == Ok(Parse::Partial);
        self.scanned = if partial { bytes.len() } else { 0 };
        let line = bytes.strip_prefix(b"\r\n").unwrap_or(bytes);
        self.has_line = partial && first_line(line).is_some();
    }
}

/// What to say when there is not all of it: the limits may have been reached already. The start line
/// begins at `from`.
pub(super) fn partial(bytes: &[u8], from: usize, limits: &Limits) -> Result<Parse, Refusal> {
    if is_line_too_long(bytes.get(from..).unwrap_or_default(), limits) {
        Err(Refusal::LineTooLong)
    } else if bytes.len() >= limits.head() {
        Err(Refusal::HeadTooLarge)
    } else {
        Ok(Parse::Partial)
    }
}

/// A request line, as places.
#[derive(Clone, Debug)]
pub(super) struct RequestLine {
    pub(super) method: Range<usize>,
    pub(super) target: Range<usize>,
    pub(super) version: Version,
    /// Where the next line begins.
    pub(super) end: usize,
}

/// The request line that begins at `from`. `None` while it may still become one.
pub(super) fn request_line(bytes: &[u8], from: usize) -> Result<Option<RequestLine>, Fault> {
    let method = from..lex::token_end(bytes, from);
    if !is_followed_by_space(bytes, &method)? {
        return Ok(None);
    }
    let target = method.end + 1..lex::target_end(bytes, method.end + 1);
    if !is_followed_by_space(bytes, &target)? {
        return Ok(None);
    }
    let rest = bytes.get(target.end + 1..).unwrap_or_default();
    let version = match rest.first_chunk() {
        Some(b"HTTP/1.1\r\n") => Version::Http11,
        Some(b"HTTP/1.0\r\n") => Version::Http10,
        Some(_) => return Err(Fault::Version),
        None => return may_become_version(rest, [b"HTTP/1.1\r\n", b"HTTP/1.0\r\n"]).map(|()| None),
    };
    let end = target.end + " HTTP/1.1\r\n".len();
    Ok(Some(RequestLine { method, target, version, end }))
}

fn is_followed_by_space(bytes: &[u8], word: &Range<usize>) -> Result<bool, Fault> {
    match bytes.get(word.end) {
        Some(b' ') if !word.is_empty() => Ok(true),
        Some(_) => Err(Fault::Request),
        None => Ok(false),
    }
}

/// A status line, as places.
#[derive(Clone, Debug)]
pub(super) struct StatusLine {
    pub(super) version: Version,
    /// Three digits, whatever they mean.
    pub(super) status: u16,
    pub(super) reason: Range<usize>,
    /// Where the next line begins.
    pub(super) end: usize,
}

/// The status line at the start. `None` while it may still become one.
pub(super) fn status_line(bytes: &[u8]) -> Result<Option<StatusLine>, Fault> {
    let Some((start, rest)) = bytes.split_first_chunk() else {
        return may_become_version(bytes, [b"HTTP/1.1 ", b"HTTP/1.0 "]).map(|()| None);
    };
    let version = match start {
        b"HTTP/1.1 " => Version::Http11,
        b"HTTP/1.0 " => Version::Http10,
        _ => return Err(Fault::Version),
    };
    let digits = rest.first_chunk::<3>();
    if !digits.map_or(rest, |digits| digits).iter().all(u8::is_ascii_digit) {
        return Err(Fault::Status);
    }
    let Some(digits) = digits else {
        return Ok(None);
    };
    let status = digits.iter().fold(0, |sum, digit| 10 * sum + u16::from(digit - b'0'));
    let behind = start.len() + digits.len();
    // Without a reason its space may be missing too.
    let reason = match bytes.get(behind) {
        Some(b' ') => behind + 1..lex::text_end(bytes, behind + 1),
        _ => behind..behind,
    };
    let ended = ends_line(bytes, reason.end, Fault::Status)?;
    Ok(ended.then(|| StatusLine { version, status, end: reason.end + LINE_END, reason }))
}

/// A field line, as places.
#[derive(Clone, Debug)]
pub(super) struct FieldLine {
    pub(super) name: Range<usize>,
    pub(super) known: Name,
    /// Without the white space around it.
    pub(super) value: Range<usize>,
    /// Where the next line begins.
    pub(super) end: usize,
}

/// The field line that begins at `from`. `None` while it may still become one: a name is judged when
/// its colon is there, or the end of the line.
pub(super) fn field_line(bytes: &[u8], from: usize) -> Result<Option<FieldLine>, Fault> {
    let name = from..lex::colon(bytes, from);
    if name.end == bytes.len() {
        return if bytes[name].contains(&b'\n') { Err(Fault::FieldName) } else { Ok(None) };
    }
    let known = Name::read(&bytes[name.clone()]).ok_or(Fault::FieldName)?;
    let mut value = name.end + 1..name.end + 1;
    while let Some(b' ' | b'\t') = bytes.get(value.start) {
        value.start += 1;
    }
    let line = lex::text_end(bytes, value.start);
    value.end = line;
    while let Some(b' ' | b'\t') = bytes.get(value.start..value.end).and_then(<[u8]>::last) {
        value.end -= 1;
    }
    let ended = ends_line(bytes, line, Fault::FieldValue)?;
    Ok(ended.then_some(FieldLine { name, known, value, end: line + LINE_END }))
}

/// Whether a line ends at `at`. Not yet, if it still may.
pub(super) fn ends_line(bytes: &[u8], at: usize, otherwise: Fault) -> Result<bool, Fault> {
    match bytes.get(at..) {
        Some([b'\r', b'\n', ..]) => Ok(true),
        Some([] | [b'\r']) | None => Ok(false),
        Some(_) => Err(otherwise),
    }
}

/// These bytes are too few to be one of the `words`, but may be the start of one.
fn may_become_version<const N: usize>(bytes: &[u8], words: [&[u8; N]; 2]) -> Result<(), Fault> {
    let fits = words.iter().any(|word| word.starts_with(bytes));
    if fits { Ok(()) } else { Err(Fault::Version) }
}

pub(super) const LINE_END: usize = "\r\n".len();
