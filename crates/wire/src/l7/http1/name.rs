//! The field names a proxy has to know.
//!
//! Each name of a head is looked at once, when it is parsed. What follows, framing, forwarding and
//! questions by the caller, compares small numbers instead of text.

use super::lex;

/// A field this codec treats in its own way. Everything else is [`Name::Other`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are the fields")]
pub enum Name {
    #[default]
    Other,
    Authorization,
    CacheControl,
    Connection,
    ContentLength,
    ContentType,
    Cookie,
    Date,
    Expect,
    Forwarded,
    Host,
    Http2Settings,
    IdempotencyKey,
    KeepAlive,
    MaxForwards,
    PlimsollAttempt,
    PlimsollTimeoutMs,
    ProxyAuthenticate,
    ProxyAuthenticationInfo,
    ProxyAuthorization,
    ProxyConnection,
    ProxyStatus,
    RetryAfter,
    Te,
    Trailer,
    TransferEncoding,
    Upgrade,
    Via,
    XForwardedFor,
    XForwardedProto,
    /// Any other field whose name begins with `X-Forwarded-`, and `X-Real-IP`.
    XForwardedOther,
    /// One of the others here with an underscore for a hyphen. Gateways to scripts (RFC 3875 section
    /// 4.1.18) make the same variable of both, so it could pass for what we have checked or set.
    Shadow,
}

impl Name {
    /// Which one `name` is; case does not matter. `None` if it is no token.
    pub(super) fn read(name: &[u8]) -> Option<Self> {
        if let Some(known) = Known::find(name) {
            return Some(known);
        }
        let kinds = name.iter().fold(0, |kinds, &byte| kinds | KINDS[usize::from(byte)]);
        match kinds {
            _ if name.is_empty() || kinds & UNFIT != 0 => None,
            WELL => Some(forwarded_or_other(name)),
            _ => Some(shadow_or_other(name)),
        }
    }
}

/// A name, as it is compared: the bytes at both ends, and where these are letters.
///
/// Setting one bit folds the case of letters. It would make a hyphen of a carriage return, so it is
/// set only where the name that is looked for has letters.
struct Known {
    text: &'static [u8],
    head: u64,
    head_case: u64,
    tail: u64,
    tail_case: u64,
    name: Name,
}

impl Known {
    /// The length decides nearly everything: few names share one.
    fn find(name: &[u8]) -> Option<Name> {
        let (from, to) = *LENGTHS.get(name.len())?;
        let candidates = KNOWN.get(from..to)?;
        let (head, tail) = ends(name);
        let found = candidates.iter().find(|known| known.has_ends(head, tail));
        found.filter(|known| known.is_whole(name)).map(|known| known.name)
    }

    const fn new(text: &'static str, name: Name) -> Self {
        let text = text.as_bytes();
        let mut letters = [0; LONGEST];
        let mut at = 0;
        while at < text.len() {
            letters[at] = if text[at].is_ascii_lowercase() { CASE } else { 0 };
            at += 1;
        }
        let (letters, _) = letters.split_at(text.len());
        let ((head, tail), (head_case, tail_case)) = (ends(text), ends(letters));
        Self { text, head, head_case, tail, tail_case, name }
    }

    fn has_ends(&self, head: u64, tail: u64) -> bool {
        (head | self.head_case) == self.head && (tail | self.tail_case) == self.tail
    }

    /// Of longer names the ends do not meet.
    fn is_whole(&self, name: &[u8]) -> bool {
        self.text.len() <= 16 || name.eq_ignore_ascii_case(self.text)
    }
}

/// The shortest first.
static KNOWN: [Known; 30] = [
    Known::new("te", Name::Te),
    Known::new("via", Name::Via),
    Known::new("host", Name::Host),
    Known::new("date", Name::Date),
    Known::new("cookie", Name::Cookie),
    Known::new("expect", Name::Expect),
    Known::new("upgrade", Name::Upgrade),
    Known::new("trailer", Name::Trailer),
    Known::new("forwarded", Name::Forwarded),
    Known::new("x-real-ip", Name::XForwardedOther),
    Known::new("connection", Name::Connection),
    Known::new("keep-alive", Name::KeepAlive),
    Known::new("retry-after", Name::RetryAfter),
    Known::new("content-type", Name::ContentType),
    Known::new("max-forwards", Name::MaxForwards),
    Known::new("proxy-status", Name::ProxyStatus),
    Known::new("cache-control", Name::CacheControl),
    Known::new("authorization", Name::Authorization),
    Known::new("content-length", Name::ContentLength),
    Known::new("http2-settings", Name::Http2Settings),
    Known::new("x-forwarded-for", Name::XForwardedFor),
    Known::new("idempotency-key", Name::IdempotencyKey),
    Known::new("proxy-connection", Name::ProxyConnection),
    Known::new("plimsoll-attempt", Name::PlimsollAttempt),
    Known::new("transfer-encoding", Name::TransferEncoding),
    Known::new("x-forwarded-proto", Name::XForwardedProto),
    Known::new("proxy-authenticate", Name::ProxyAuthenticate),
    Known::new("plimsoll-timeout-ms", Name::PlimsollTimeoutMs),
    Known::new("proxy-authorization", Name::ProxyAuthorization),
    Known::new("proxy-authentication-info", Name::ProxyAuthenticationInfo),
];

/// Where in the table the names of each length begin and end.
static LENGTHS: [(usize, usize); LONGEST] = {
    let mut lengths = [(0, 0); LONGEST];
    let mut at = 0;
    while at < KNOWN.len() {
        let length = KNOWN[at].text.len();
        assert!(at == 0 || KNOWN[at - 1].text.len() <= length, "the shortest first");
        if lengths[length].1 == 0 {
            lengths[length].0 = at;
        }
        at += 1;
        lengths[length].1 = at;
    }
    lengths
};

/// The bytes at the start and at the end of a name of two bytes or more: together all of it, up to
/// sixteen. For texts of one length they are of one size.
const fn ends(name: &[u8]) -> (u64, u64) {
    if let (Some(head), Some(tail)) = (name.first_chunk(), name.last_chunk()) {
        (u64::from_le_bytes(*head), u64::from_le_bytes(*tail))
    } else if let (Some(head), Some(tail)) = (name.first_chunk(), name.last_chunk()) {
        (u32::from_le_bytes(*head) as u64, u32::from_le_bytes(*tail) as u64)
    } else if let (Some(head), Some(tail)) = (name.first_chunk(), name.last_chunk()) {
        (u16::from_le_bytes(*head) as u64, u16::from_le_bytes(*tail) as u64)
    } else {
        (0, 0)
    }
}

/// What the bytes of a name are: nothing to mention, an underscore, or no part of a token.
static KINDS: [u8; 256] = {
    let mut kinds = [UNFIT; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        kinds[byte as usize] = match byte {
            b'_' => SHADOWY,
            _ if lex::is_token_byte(byte) => WELL,
            _ => UNFIT,
        };
        byte += 1;
    }
    kinds
};

const WELL: u8 = 0;
const SHADOWY: u8 = 1;
const UNFIT: u8 = 2;

/// A set of names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Names(u64);

impl Names {
    pub(super) const fn of(names: &[Name]) -> Self {
        let mut set = Self(0);
        let mut i = 0;
        while i < names.len() {
            set = set.with(names[i]);
            i += 1;
        }
        set
    }

    pub(super) const fn with(self, name: Name) -> Self {
        Self(self.0 | 1 << name as u8)
    }

    pub(super) const fn without(self, name: Name) -> Self {
        Self(self.0 & !(1 << name as u8))
    }

    pub(super) const fn has(self, name: Name) -> bool {
        self.0 & 1 << name as u8 != 0
    }
}

/// What concerns one connection only (RFC 9110 section 7.6.1, and 11.7 for the proxy's own
/// credentials). `HTTP2-Settings` goes with an upgrade that is never forwarded; a shadow goes with what
/// it would be taken for.
pub(super) const HOP_BY_HOP: Names = Names::of(&[
    Name::Connection,
    Name::Http2Settings,
    Name::KeepAlive,
    Name::ProxyAuthenticate,
    Name::ProxyAuthenticationInfo,
    Name::ProxyAuthorization,
    Name::ProxyConnection,
    Name::Shadow,
    Name::Te,
    Name::TransferEncoding,
    Name::Upgrade,
]);

/// What a peer cannot strip by naming it in `Connection`: whom the request is for, who sent it,
/// how it is framed, and what bounds its retries.
pub(super) const PROTECTED: Names = Names::of(&[
    Name::Authorization,
    Name::CacheControl,
    Name::ContentLength,
    Name::ContentType,
    Name::Cookie,
    Name::Date,
    Name::Expect,
    Name::Forwarded,
    Name::Host,
    Name::IdempotencyKey,
    Name::MaxForwards,
    Name::PlimsollAttempt,
    Name::PlimsollTimeoutMs,
    Name::ProxyStatus,
    Name::RetryAfter,
    Name::Trailer,
    Name::Via,
    Name::XForwardedFor,
    Name::XForwardedOther,
    Name::XForwardedProto,
]);

fn forwarded_or_other(name: &[u8]) -> Name {
    let begins =
        name.first_chunk::<12>().is_some_and(|start| start.eq_ignore_ascii_case(b"x-forwarded-"));
    if begins { Name::XForwardedOther } else { Name::Other }
}

fn shadow_or_other(name: &[u8]) -> Name {
    let mut plain = [b'-'; LONGEST];
    let Some(plain) = plain.get_mut(..name.len()) else {
        // Only names that begin with `X-Forwarded-` are longer, and their beginning tells.
        let start = name.get(..LONGEST).unwrap_or_default();
        return shadow_or_other(start);
    };
    for (plain, &byte) in plain.iter_mut().zip(name) {
        *plain = if byte == b'_' { b'-' } else { byte };
    }
    match Name::read(plain) {
        Some(Name::Other) | None => Name::Other,
        Some(_) => Name::Shadow,
    }
}

/// Longer than any name in [`Known`], and than the beginning `x-forwarded-`.
const LONGEST: usize = 32;
/// Set in lower-case letters, and not in upper-case ones.
const CASE: u8 = 0x20;

#[cfg(test)]
mod tests {
    use super::super::list::is_token;
    use super::*;

    #[test]
    fn every_name_of_the_table_is_found_whichever_case_it_is_in() {
        for known in &KNOWN {
            for name in [known.text.to_vec(), known.text.to_ascii_uppercase()] {
                assert_eq!(Name::read(&name), Some(known.name), "{}", name.escape_ascii());
            }
        }
    }

    #[test]
    fn names_are_known_in_any_case() {
        assert_eq!(Name::read(b"tRaNsFeR-eNcOdInG"), Some(Name::TransferEncoding));
        assert_eq!(Name::read(b"HTTP2-Settings"), Some(Name::Http2Settings));
        assert_eq!(Name::read(b"proxy-authentication-info"), Some(Name::ProxyAuthenticationInfo));
        assert_eq!(Name::read(b"X-Forwarded-Port"), Some(Name::XForwardedOther));
        assert_eq!(Name::read(b"X-Forward"), Some(Name::Other));
        assert_eq!(Name::read(b""), None);
    }

    #[test]
    fn nothing_else_is_taken_for_a_name_we_know_nor_for_a_token() {
        let known = [
            &b"te"[..],
            b"via",
            b"trailer",
            b"content-length",
            b"proxy-authentication-info",
            b"x-real-ip",
        ];
        for name in known {
            for (at, byte) in (0..name.len()).flat_map(|at| (0..=255).map(move |byte| (at, byte))) {
                let mut other = name.to_vec();
                other[at] = byte;
                let same = other.eq_ignore_ascii_case(name);
                let found = Name::read(&other);
                assert_eq!(found == Name::read(name), same, "{}", other.escape_ascii());
                assert_eq!(found.is_some(), is_token(&other), "{}", other.escape_ascii());
            }
        }
    }

    #[test]
    fn an_underscore_makes_no_second_way_to_write_a_name() {
        for name in [
            &b"Content_Length"[..],
            b"Transfer_Encoding",
            b"X_Forwarded-For",
            b"x_real_ip",
            b"X_FORWARDED_PORT",
            b"x-forwarded_a-name-that-is-longer-than-any-that-we-know",
            b"Plimsoll_Attempt",
        ] {
            assert_eq!(Name::read(name), Some(Name::Shadow), "{}", name.escape_ascii());
        }
        for name in [&b"api_key"[..], b"_", b"Content_Lengths", b"X_Forwarded", b"_host"] {
            assert_eq!(Name::read(name), Some(Name::Other), "{}", name.escape_ascii());
        }
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        assert!(HOP_BY_HOP.has(Name::Te) && !HOP_BY_HOP.has(Name::Host));
        assert!(!HOP_BY_HOP.without(Name::Te).has(Name::Te));
    }
}
