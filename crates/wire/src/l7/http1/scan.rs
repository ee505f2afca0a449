//! One pass over the bytes of a head, and a second only over those that are refused.
//!
//! httparse finds the parts with SIMD. It is kinder than we are about line ends, which is checked
//! at the places it found, and it says little about what is wrong, which is found out afterwards,
//! off the path of a good message.

use super::limits::Limits;
use super::list::is_token;
use super::refusal::Refusal;

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
        self.has_line = partial && first_line(bytes).is_some();
    }
}

/// What to say when httparse wants more: the limits may have been reached already.
pub(super) fn partial(bytes: &[u8], limits: &Limits) -> Result<Parse, Refusal> {
    if is_line_too_long(bytes, limits) {
        Err(Refusal::LineTooLong)
    } else if bytes.len() >= limits.head() {
        Err(Refusal::HeadTooLarge)
    } else {
        Ok(Parse::Partial)
    }
}

/// The start line, without its end, must fit.
pub(super) fn is_line_too_long(bytes: &[u8], limits: &Limits) -> bool {
    let length = first_line(bytes).unwrap_or(bytes.len().saturating_sub(1));
    length > limits.line
}

/// The length of the start line, if it has ended.
pub(super) fn first_line(bytes: &[u8]) -> Option<usize> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    Some(end.saturating_sub(1))
}

/// What is wrong with a head that httparse refused.
pub(super) fn diagnose(head: &[u8], limits: &Limits, error: httparse::Error) -> Refusal {
    if is_line_too_long(head, limits) {
        return Refusal::LineTooLong;
    }
    let lines = head.split_inclusive(|&byte| byte == b'\n').take_while(|&line| line != b"\r\n");
    let fault = lines.enumerate().find_map(|(number, line)| fault_in_line(number, line));
    fault.unwrap_or_else(|| by_kind(head, error))
}

/// What is wrong with a field section that httparse refused.
pub(super) fn diagnose_fields(section: &[u8], error: httparse::Error) -> Refusal {
    let lines = section.split_inclusive(|&byte| byte == b'\n').take_while(|&line| line != b"\r\n");
    let fault = lines.enumerate().find_map(|(number, line)| fault_in_line(number + 1, line));
    fault.unwrap_or_else(|| by_kind(section, error))
}

fn fault_in_line(number: usize, line: &[u8]) -> Option<Refusal> {
    let (text, ended) = match line.strip_suffix(b"\n") {
        Some(text) => (text, true),
        None => (line, false),
    };
    let Some(text) = text.strip_suffix(b"\r").or((!ended).then_some(text)) else {
        return Some(Refusal::BareLf);
    };
    if text.contains(&b'\r') {
        Some(Refusal::BareCr)
    } else if text.iter().any(|&byte| byte.is_ascii_control() && byte != b'\t') {
        Some(Refusal::ControlByte)
    } else if number > 0 {
        fault_in_field(text, ended)
    } else {
        None
    }
}

fn fault_in_field(line: &[u8], ended: bool) -> Option<Refusal> {
    if line.starts_with(b" ") || line.starts_with(b"\t") {
        return Some(Refusal::ObsFold);
    }
    let Some(colon) = line.iter().position(|&byte| byte == b':') else {
        return ended.then_some(Refusal::FieldName);
    };
    let name = &line[..colon];
    if name.ends_with(b" ") || name.ends_with(b"\t") {
        Some(Refusal::SpaceBeforeColon)
    } else {
        (!is_token(name)).then_some(Refusal::FieldName)
    }
}

fn by_kind(head: &[u8], error: httparse::Error) -> Refusal {
    match error {
        httparse::Error::HeaderName => Refusal::FieldName,
        httparse::Error::HeaderValue => Refusal::FieldValue,
        httparse::Error::Status => Refusal::StatusLine,
        httparse::Error::TooManyHeaders => Refusal::TooManyFields,
        httparse::Error::Version | httparse::Error::NewLine => unknown_version(head),
        httparse::Error::Token => start_line(head),
    }
}

/// Another version of HTTP, or no version at all.
fn unknown_version(head: &[u8]) -> Refusal {
    let line = &head[..first_line(head).unwrap_or(head.len())];
    let response = line.split(|&byte| byte == b' ').next().filter(|word| is_version(word));
    let request = line.splitn(3, |&byte| byte == b' ').nth(2).filter(|word| is_version(word));
    if response.or(request).is_some() { Refusal::VersionUnsupported } else { Refusal::Version }
}

fn is_version(word: &[u8]) -> bool {
    matches!(word, [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'])
}

fn start_line(head: &[u8]) -> Refusal {
    let line = &head[..first_line(head).unwrap_or(head.len())];
    let mut words = line.split(|&byte| byte == b' ');
    if !words.next().is_some_and(is_token) {
        return Refusal::Method;
    }
    match words.next() {
        Some(target) if target.iter().any(|byte| !byte.is_ascii_graphic()) => Refusal::Target,
        _ => Refusal::StartLine,
    }
}
