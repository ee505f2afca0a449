//! The field names a proxy has to know.
//!
//! Each name of a head is looked at once, when it is parsed. What follows, framing, forwarding and
//! questions by the caller, compares small numbers instead of text.

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
    /// Which one `name`, a token, is; case does not matter. The length decides nearly everything:
    /// few names share one.
    pub fn of(name: &[u8]) -> Self {
        let candidates: &[(&str, Self)] = match name.len() {
            2 => &[("te", Self::Te)],
            3 => &[("via", Self::Via)],
            4 => &[("host", Self::Host), ("date", Self::Date)],
            6 => &[("cookie", Self::Cookie), ("expect", Self::Expect)],
            7 => &[("upgrade", Self::Upgrade), ("trailer", Self::Trailer)],
            9 => &[("forwarded", Self::Forwarded), ("x-real-ip", Self::XForwardedOther)],
            10 => &[("connection", Self::Connection), ("keep-alive", Self::KeepAlive)],
            11 => &[("retry-after", Self::RetryAfter)],
            12 => &[
                ("content-type", Self::ContentType),
                ("max-forwards", Self::MaxForwards),
                ("proxy-status", Self::ProxyStatus),
            ],
            13 => &[("cache-control", Self::CacheControl), ("authorization", Self::Authorization)],
            14 => {
                &[("content-length", Self::ContentLength), ("http2-settings", Self::Http2Settings)]
            }
            15 => &[
                ("x-forwarded-for", Self::XForwardedFor),
                ("idempotency-key", Self::IdempotencyKey),
            ],
            16 => &[
                ("proxy-connection", Self::ProxyConnection),
                ("plimsoll-attempt", Self::PlimsollAttempt),
            ],
            17 => &[
                ("transfer-encoding", Self::TransferEncoding),
                ("x-forwarded-proto", Self::XForwardedProto),
            ],
            18 => &[("proxy-authenticate", Self::ProxyAuthenticate)],
            19 => &[
                ("plimsoll-timeout-ms", Self::PlimsollTimeoutMs),
                ("proxy-authorization", Self::ProxyAuthorization),
            ],
            25 => &[("proxy-authentication-info", Self::ProxyAuthenticationInfo)],
            _ => &[],
        };
        let found = candidates.iter().find(|(text, _)| is(name, text.as_bytes()));
        match found.map_or_else(|| forwarded_or_other(name), |&(_, known)| known) {
            Self::Other if name.contains(&b'_') => shadow_or_other(name),
            known => known,
        }
    }
}

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
    if name.first_chunk::<12>().is_some_and(|start| is(start, b"x-forwarded-")) {
        Name::XForwardedOther
    } else {
        Name::Other
    }
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
    if Name::of(plain) == Name::Other { Name::Other } else { Name::Shadow }
}

/// Both of one length, `text` of lower-case letters, digits and hyphens.
///
/// Eight bytes at a time: setting one bit folds the case of letters, and turns no other byte of a
/// token into one of these.
fn is(name: &[u8], text: &[u8]) -> bool {
    let (Some(name_end), Some(text_end)) = (name.last_chunk(), text.last_chunk()) else {
        return name.iter().zip(text).all(|(byte, other)| byte | CASE == *other);
    };
    let words = name.as_chunks().0.iter().zip(text.as_chunks().0);
    folded(name_end) == folded(text_end) && words.into_iter().all(|(a, b)| folded(a) == folded(b))
}

fn folded(word: &[u8; 8]) -> u64 {
    u64::from_ne_bytes(*word) | u64::from_ne_bytes([CASE; 8])
}

/// The longest name of a length of its own is shorter.
const LONGEST: usize = 32;
/// Set in lower-case letters, in digits and in the hyphen.
const CASE: u8 = 0x20;

#[cfg(test)]
mod tests {
    use super::super::list::is_token;
    use super::*;

    #[test]
    fn names_are_known_in_any_case() {
        assert_eq!(Name::of(b"tRaNsFeR-eNcOdInG"), Name::TransferEncoding);
        assert_eq!(Name::of(b"HTTP2-Settings"), Name::Http2Settings);
        assert_eq!(Name::of(b"proxy-authentication-info"), Name::ProxyAuthenticationInfo);
        assert_eq!(Name::of(b"X-Forwarded-Port"), Name::XForwardedOther);
        assert_eq!(Name::of(b"X-Forward"), Name::Other);
        assert_eq!(Name::of(b""), Name::Other);
    }

    #[test]
    fn no_other_token_is_taken_for_a_name_we_know() {
        let known = [&b"te"[..], b"content-length", b"proxy-authentication-info", b"x-real-ip"];
        for name in known {
            for (at, byte) in (0..name.len()).flat_map(|at| (0..=127).map(move |byte| (at, byte))) {
                let mut other = name.to_vec();
                other[at] = byte;
                let same = other.eq_ignore_ascii_case(name);
                let found = Name::of(&other) == Name::of(name);
                assert!(found == same || !is_token(&other), "{}", other.escape_ascii());
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
            assert_eq!(Name::of(name), Name::Shadow, "{}", name.escape_ascii());
        }
        for name in [&b"api_key"[..], b"_", b"Content_Lengths", b"X_Forwarded", b"_host"] {
            assert_eq!(Name::of(name), Name::Other, "{}", name.escape_ascii());
        }
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        assert!(HOP_BY_HOP.has(Name::Te) && !HOP_BY_HOP.has(Name::Host));
        assert!(!HOP_BY_HOP.without(Name::Te).has(Name::Te));
    }
}
