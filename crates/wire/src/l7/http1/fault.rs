//! What is wrong with a head that cannot be read.
//!
//! Whoever reads a head stops at the first byte that does not fit. What that means to its sender is
//! found out here, by a second look, which no good message pays for.

use super::limits::Limits;
use super::list::is_token;
use super::refusal::Refusal;

/// Which part did not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Method or target.
    Request,
    /// The version, or what is behind it.
    Version,
    /// The status, or the reason.
    Status,
    FieldName,
    FieldValue,
    TooManyFields,
}

impl Fault {
    /// In a head.
    pub(super) fn in_head(self, head: &[u8], limits: &Limits) -> Refusal {
        if is_line_too_long(head, limits) {
            return Refusal::LineTooLong;
        }
        let fault = lines(head).enumerate().find_map(|(number, line)| in_line(number, line));
        fault.unwrap_or_else(|| self.by_part(head))
    }

    /// In a field section.
    pub(super) fn in_fields(self, section: &[u8]) -> Refusal {
        let fault = lines(section).find_map(|line| in_line(1, line));
        fault.unwrap_or_else(|| self.by_part(section))
    }

    fn by_part(self, head: &[u8]) -> Refusal {
        match self {
            Self::Request => in_request(head),
            Self::Version => in_version(head),
            Self::Status => Refusal::StatusLine,
            Self::FieldName => Refusal::FieldName,
            Self::FieldValue => Refusal::FieldValue,
            Self::TooManyFields => Refusal::TooManyFields,
        }
    }
}

fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split_inclusive(|&byte| byte == b'\n').take_while(|&line| line != b"\r\n")
}

fn in_line(number: usize, line: &[u8]) -> Option<Refusal> {
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
        in_field(text, ended)
    } else {
        None
    }
}

fn in_field(line: &[u8], ended: bool) -> Option<Refusal> {
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

/// Another version of HTTP, or no version at all.
fn in_version(head: &[u8]) -> Refusal {
    let line = &head[..first_line(head).unwrap_or(head.len())];
    let response = line.split(|&byte| byte == b' ').next().filter(|word| is_version(word));
    let request = line.splitn(3, |&byte| byte == b' ').nth(2).filter(|word| is_version(word));
    if response.or(request).is_some() { Refusal::VersionUnsupported } else { Refusal::Version }
}

fn is_version(word: &[u8]) -> bool {
    matches!(word, [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'])
}

fn in_request(head: &[u8]) -> Refusal {
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
