//! What a request is for: the four forms of a target (RFC 9112 section 3.2).

use core::net::Ipv6Addr;

use super::method::Method;
use super::refusal::Refusal;
use super::span::Span;

/// The form a request target was written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// `/path?query`
    #[default]
    Origin,
    /// `http://host/path?query`, as to a proxy.
    Absolute,
    /// `host:port`, for CONNECT.
    Authority,
    /// `*`, for OPTIONS.
    Asterisk,
}

/// The parts of a target.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Target {
    pub(super) form: Form,
    pub(super) whole: Span,
    /// Empty in the origin and asterisk forms.
    pub(super) authority: Span,
    /// Empty when an absolute target has none, which means `/`.
    pub(super) path: Span,
    /// With its question mark.
    pub(super) query: Span,
}

impl Target {
    /// Takes `target` apart, which begins at `at`.
    pub(super) fn parse(target: &[u8], at: usize, method: Method) -> Result<Self, Refusal> {
        let whole = Span::new(at, at + target.len());
        let mut parts = match (target, method) {
            (_, Method::Connect) => Self::authority(target, whole)?,
            ([b'/', ..], _) => Self::origin(target, whole)?,
            (b"*", Method::Options) => {
                Self { form: Form::Asterisk, path: whole, ..Self::default() }
            }
            (b"*", _) => return Err(Refusal::TargetForm),
            _ => Self::absolute(target, whole)?,
        };
        parts.whole = whole;
        Ok(parts)
    }

    fn origin(target: &[u8], at: Span) -> Result<Self, Refusal> {
        let mut query = target.len();
        for (index, &byte) in target.iter().enumerate() {
            match CLASSES[usize::from(byte)] {
                Class::Both => {}
                Class::Mark if query == target.len() => query = index,
                Class::Mark => {}
                Class::Query if query < target.len() => {}
                Class::Query | Class::Neither => return Err(Refusal::Target),
            }
        }
        let start = usize::from(at.start);
        Ok(Self {
            path: Span::new(start, start + query),
            query: Span::new(start + query, start + target.len()),
            ..Self::default()
        })
    }

    fn absolute(target: &[u8], at: Span) -> Result<Self, Refusal> {
        let length = scheme_length(target)?;
        let (_, rest) = target.split_at(length);
        let end = rest.iter().position(|byte| b"/?".contains(byte)).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        check_authority(authority)?;
        let start = usize::from(at.start) + length;
        let from = Span::new(start + end, start + rest.len());
        let parts = Self::origin(path, from)?;
        let authority = Span::new(start, start + end);
        Ok(Self { form: Form::Absolute, authority, ..parts })
    }

    /// CONNECT must name a port (RFC 9110 section 9.3.6).
    fn authority(target: &[u8], at: Span) -> Result<Self, Refusal> {
        check_authority(target)?;
        if port(target).is_empty() {
            return Err(Refusal::Authority);
        }
        Ok(Self { form: Form::Authority, authority: at, ..Self::default() })
    }
}

/// The length of `http://` or `https://`.
fn scheme_length(target: &[u8]) -> Result<usize, Refusal> {
    let begins = |scheme: &[u8]| {
        target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    match () {
        () if begins(b"http://") => Ok(7),
        () if begins(b"https://") => Ok(8),
        () if target.windows(3).any(|three| three == b"://") => Err(Refusal::Scheme),
        () => Err(Refusal::TargetForm),
    }
}

/// Is this a host with an optional port, and nothing else?
///
/// Stricter than the grammar of RFC 3986, which lets a name contain `!$&'()*+,;=%`: no name that
/// resolves does, and a list in `Host` is a way to be read differently by the next server.
pub(super) fn check_authority(authority: &[u8]) -> Result<(), Refusal> {
    // Nearly always that is all.
    if !authority.is_empty() && authority.iter().all(|&byte| IN_HOST[usize::from(byte)]) {
        return Ok(());
    }
    let (host, port) = split_port(authority);
    if authority.contains(&b'@') {
        Err(Refusal::Userinfo)
    } else if is_host(host) && is_port(port) {
        Ok(())
    } else {
        Err(Refusal::Authority)
    }
}

/// The host without its port, with its brackets.
pub(super) fn host(authority: &[u8]) -> &[u8] {
    split_port(authority).0
}

fn port(authority: &[u8]) -> &[u8] {
    split_port(authority).1.strip_prefix(b":").unwrap_or_default()
}

/// A host, and a port with its colon.
fn split_port(authority: &[u8]) -> (&[u8], &[u8]) {
    let from = if authority.starts_with(b"[") {
        authority.iter().position(|&byte| byte == b']').map_or(authority.len(), |at| at + 1)
    } else {
        authority.iter().position(|&byte| byte == b':').unwrap_or(authority.len())
    };
    authority.split_at(from)
}

fn is_host(host: &[u8]) -> bool {
    match host {
        [] => false,
        [b'[', address @ .., b']'] => is_ipv6(address),
        _ => host.iter().all(|&byte| IN_HOST[usize::from(byte)]),
    }
}

fn is_ipv6(address: &[u8]) -> bool {
    core::str::from_utf8(address).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

fn is_port(port: &[u8]) -> bool {
    let Some(digits) = port.strip_prefix(b":") else {
        return port.is_empty();
    };
    let text = core::str::from_utf8(digits).unwrap_or("x");
    let is_digits = digits.iter().all(u8::is_ascii_digit);
    is_digits && (digits.is_empty() || text.parse::<u16>().is_ok())
}

/// Letters, digits, and what names are made of besides.
static IN_HOST: [bool; 256] = {
    let mut in_host = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        in_host[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        byte += 1;
    }
    in_host
};

/// Where in a target a byte may stand.
#[derive(Clone, Copy)]
enum Class {
    Neither,
    Both,
    Query,
    Mark,
}

/// RFC 3986, and what browsers leave as it is (`[ ] \ ^ | { }`, and a backtick in queries).
/// A fragment, quotes, angle brackets and bytes above 0x7f are never sent raw.
static CLASSES: [Class; 256] = {
    let mut classes = [Class::Neither; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        classes[byte as usize] = match byte {
            b'"' | b'#' | b'<' | b'>' => Class::Neither,
            b'`' => Class::Query,
            b'?' => Class::Mark,
            _ => Class::Both,
        };
        byte += 1;
    }
    classes
};
