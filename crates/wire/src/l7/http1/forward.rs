//! A head for the next hop.
//!
//! What concerned one connection is taken out, what we know is put in, and the framing is always
//! our own words: no length or coding of a peer is repeated as it was spelt. The rest is copied in
//! as few pieces as it lies in.

use alloc::vec::Vec;

use super::fields::Field;
use super::framing::Framing;
use super::name::{HOP_BY_HOP, Name, Names};
use super::request::Request;
use super::response::Response;
use super::target::Form;
use super::version::Version;
use super::write;

/// What a request is given on its way to an upstream.
#[derive(Clone, Copy, Debug)]
pub struct RequestHop<'a> {
    /// Our name in `Via`: a token.
    pub pseudonym: &'a str,
    /// The `Host` to send in place of the client's, which is sent on otherwise.
    pub host: Option<&'a str>,
    /// How we frame the body; [`Request::framing`] in most cases.
    pub framing: Framing,
    /// The client's address as text, appended to `X-Forwarded-For`.
    pub client: Option<&'a str>,
    /// `http` or `https`, for `X-Forwarded-Proto`: how the client reached us.
    pub scheme: Option<&'a str>,
    /// Pass on what [`Request::upgrade`] asks for.
    pub upgrade: bool,
    /// Pass on `Expect: 100-continue`. Not when it was answered already.
    pub expect: bool,
    /// Ask the upstream to close after its response.
    pub close: bool,
    /// Milliseconds left for this attempt, as `Plimsoll-Timeout-Ms`.
    pub timeout_ms: Option<u64>,
    /// Which attempt this is, from one, as `Plimsoll-Attempt`.
    pub attempt: Option<u64>,
    /// Fields to set. They replace any that the client sent under the same names.
    pub set: &'a [(&'a str, &'a [u8])],
}

impl<'a> RequestHop<'a> {
    /// The least: `Via`, and the framing that the client declared.
    pub fn new(pseudonym: &'a str, request: &Request<'_>) -> Self {
        Self {
            pseudonym,
            host: None,
            framing: request.framing(),
            client: None,
            scheme: None,
            upgrade: false,
            expect: request.expects_continue(),
            close: false,
            timeout_ms: None,
            attempt: None,
            set: &[],
        }
    }
}

impl Request<'_> {
    /// Writes the head for the next hop: in origin-form, as HTTP/1.1, with `Host` first.
    ///
    /// Look at [`Request::max_forwards`] and [`Request::has_been_through`] before.
    pub fn forward(&self, hop: &RequestHop<'_>, out: &mut Vec<u8>) {
        self.write_request_line(out);
        match hop.host {
            Some(host) => write::field(out, "Host", host.as_bytes()),
            None => write::checked_field(out, "Host", self.authority_bytes()),
        }
        let dropped = self.dropped(hop);
        self.head.fields.copy_to(out, self.bytes, |field| {
            dropped.has(field.known) || is_replaced(field, self.bytes, hop.set)
        });
        self.write_forwarded_for(hop.client, out);
        self.write_ours(hop, out);
        write_framing(hop.framing, out);
        write_connection(hop.close, self.upgrade().filter(|_| hop.upgrade), out);
        write::end(out);
    }

    fn write_request_line(&self, out: &mut Vec<u8>) {
        let (path, query) = match self.form() {
            Form::Origin => (self.path_bytes(), self.query_bytes()),
            Form::Authority => (self.target().as_bytes(), &b""[..]),
            _ => (self.path().as_bytes(), self.query_bytes()),
        };
        for part in [self.method_bytes(), b" ", path, query, b" HTTP/1.1\r\n"] {
            out.extend_from_slice(part);
        }
    }

    /// What is not copied, because it ends here or because we write it anew.
    fn dropped(&self, hop: &RequestHop<'_>) -> Names {
        let mut dropped = HOP_BY_HOP
            .with(Name::Host)
            .with(Name::ContentLength)
            .with(Name::PlimsollAttempt)
            .with(Name::PlimsollTimeoutMs);
        if !hop.expect {
            dropped = dropped.with(Name::Expect);
        }
        if hop.client.is_some() {
            dropped = dropped.with(Name::XForwardedFor);
        }
        if hop.scheme.is_some() {
            dropped = dropped.with(Name::XForwardedProto);
        }
        if self.max_forwards().is_some() {
            dropped = dropped.with(Name::MaxForwards);
        }
        dropped
    }

    /// In one line: some readers look at the first only, others at the last.
    fn write_forwarded_for(&self, client: Option<&str>, out: &mut Vec<u8>) {
        let Some(client) = client else {
            return;
        };
        out.extend_from_slice(b"X-Forwarded-For: ");
        for earlier in self.known_all(Name::XForwardedFor).filter(|value| !value.is_empty()) {
            out.extend_from_slice(earlier);
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(client.as_bytes());
        out.extend_from_slice(b"\r\n");
    }

    fn write_ours(&self, hop: &RequestHop<'_>, out: &mut Vec<u8>) {
        if let Some(scheme) = hop.scheme {
            write::checked_field(out, "X-Forwarded-Proto", scheme.as_bytes());
        }
        if let Some(left) = self.max_forwards() {
            write::number_field(out, "Max-Forwards", left.saturating_sub(1));
        }
        if let Some(left) = hop.timeout_ms {
            write::number_field(out, "Plimsoll-Timeout-Ms", left);
        }
        if let Some(attempt) = hop.attempt {
            write::number_field(out, "Plimsoll-Attempt", attempt);
        }
        for (name, value) in hop.set {
            write::field(out, name, value);
        }
        write_via(self.version(), hop.pseudonym, out);
    }
}

/// What a response is given on its way to the client.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHop<'a> {
    /// Our name in `Via`: a token.
    pub pseudonym: &'a str,
    /// The client's version. HTTP/1.0 has to be told that a connection stays open.
    pub client: Version,
    /// How we frame the body; [`Response::framing_towards`] in most cases.
    pub framing: Framing,
    /// The connection closes after this response. A body until close closes it anyway.
    pub close: bool,
    /// The date, for an answer that has none: whoever has a clock has to add it (RFC 9110 section
    /// 6.6.1).
    pub date: Option<&'a str>,
    /// An entry for `Proxy-Status` (RFC 9209), behind those of others.
    pub proxy_status: Option<&'a [u8]>,
    /// How many attempts the response took, as `Plimsoll-Attempt`. What the upstream said of its
    /// own goes no further.
    pub attempts: Option<u64>,
    /// Fields to set. They replace any that the upstream sent under the same names.
    pub set: &'a [(&'a str, &'a [u8])],
}

impl<'a> ResponseHop<'a> {
    /// The least: `Via`, and a framing that the client understands.
    pub fn new(pseudonym: &'a str, client: Version, response: &Response<'_>) -> Self {
        let framing = response.framing_towards(client);
        Self {
            pseudonym,
            client,
            framing,
            close: false,
            date: None,
            proxy_status: None,
            attempts: None,
            set: &[],
        }
    }
}

impl Response<'_> {
    /// How to frame the body for a client of this version. Where the upstream ends a body by
    /// closing, HTTP/1.1 clients get chunks and keep their connection; HTTP/1.0 never sees a
    /// chunk, it gets the data until close.
    pub fn framing_towards(&self, client: Version) -> Framing {
        match (self.framing(), client) {
            (Framing::Chunked | Framing::UntilClose, Version::Http11) => Framing::Chunked,
            (Framing::Chunked | Framing::UntilClose, Version::Http10) => Framing::UntilClose,
            (other, _) => other,
        }
    }

    /// Writes a final head, or that of a 101, for the client.
    pub fn forward(&self, hop: &ResponseHop<'_>, out: &mut Vec<u8>) {
        self.write_status_line(out);
        self.copy_fields(hop.set, out);
        if let Some(date) = hop.date.filter(|_| self.known(Name::Date).is_none()) {
            write::checked_field(out, "Date", date.as_bytes());
        }
        if let Some(entry) = hop.proxy_status {
            write::field(out, "Proxy-Status", entry);
        }
        if let Some(attempts) = hop.attempts {
            write::number_field(out, "Plimsoll-Attempt", attempts);
        }
        for (name, value) in hop.set {
            write::field(out, name, value);
        }
        write_via(self.version(), hop.pseudonym, out);
        write_framing(self.framing_in_words(hop.framing), out);
        self.write_connection(hop, out);
        write::end(out);
    }

    /// Writes an interim head (100, 103) for the client. HTTP/1.0 knows none: nothing is written
    /// for it (RFC 9110 section 15.2).
    pub fn forward_interim(&self, pseudonym: &str, client: Version, out: &mut Vec<u8>) {
        if client == Version::Http10 {
            return;
        }
        self.write_status_line(out);
        self.copy_fields(&[], out);
        write_via(self.version(), pseudonym, out);
        write::end(out);
    }

    /// As it came, but for the version, and for the space that may be missing before no reason.
    fn write_status_line(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"HTTP/1.1");
        out.extend_from_slice(self.status_bytes());
        if self.reason().is_empty() && out.last() != Some(&b' ') {
            out.push(b' ');
        }
        out.extend_from_slice(b"\r\n");
    }

    fn copy_fields(&self, set: &[(&str, &[u8])], out: &mut Vec<u8>) {
        let dropped = HOP_BY_HOP.with(Name::ContentLength).with(Name::PlimsollAttempt);
        self.head.fields.copy_to(out, self.bytes, |field| {
            dropped.has(field.known) || is_replaced(field, self.bytes, set)
        });
    }

    /// Where there is no body by nature, HEAD and 304 still tell its length.
    fn framing_in_words(&self, framing: Framing) -> Framing {
        let told = self.content_length().filter(|_| !matches!(self.status(), 100..=199 | 204));
        match (framing, told) {
            (Framing::Empty, Some(length)) => Framing::Length(length),
            (framing, _) => framing,
        }
    }

    fn write_connection(&self, hop: &ResponseHop<'_>, out: &mut Vec<u8>) {
        let close = hop.close || hop.framing == Framing::UntilClose;
        match hop.framing {
            Framing::Tunnel => write_connection(false, self.known(Name::Upgrade), out),
            _ if close => write_connection(true, None, out),
            _ => write_keep_alive(hop.client, out),
        }
    }
}

/// An answer of our own, whole.
///
/// `fields` must not frame it: that is done here. The body is left out for HEAD, its length is
/// told all the same.
pub fn answer(
    out: &mut Vec<u8>,
    status: u16,
    fields: &[(&str, &[u8])],
    body: &[u8],
    to: Recipient,
) {
    write::status_line(out, status);
    for (name, value) in fields {
        write::field(out, name, value);
    }
    write::number_field(out, "Content-Length", body.len() as u64);
    if to.close {
        write_connection(true, None, out);
    } else {
        write_keep_alive(to.version, out);
    }
    write::end(out);
    if !to.head_only {
        out.extend_from_slice(body);
    }
}

/// Whom an answer of our own is for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Recipient {
    /// The client's version.
    pub version: Version,
    /// The connection closes after it.
    pub close: bool,
    /// The request was a HEAD.
    pub head_only: bool,
}

fn write_framing(framing: Framing, out: &mut Vec<u8>) {
    match framing {
        Framing::Length(length) => write::number_field(out, "Content-Length", length),
        Framing::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        Framing::Empty | Framing::UntilClose | Framing::Tunnel => {}
    }
}

fn write_connection(close: bool, upgrade: Option<&[u8]>, out: &mut Vec<u8>) {
    if let Some(protocols) = upgrade {
        write::field(out, "Connection", b"upgrade");
        write::field(out, "Upgrade", protocols);
    } else if close {
        out.extend_from_slice(b"Connection: close\r\n");
    }
}

/// HTTP/1.1 takes it for granted.
fn write_keep_alive(client: Version, out: &mut Vec<u8>) {
    if client == Version::Http10 {
        out.extend_from_slice(b"Connection: keep-alive\r\n");
    }
}

#[inline]
fn write_via(received: Version, pseudonym: &str, out: &mut Vec<u8>) {
    for part in ["Via: ", received.number(), " ", pseudonym, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

fn is_replaced(field: &Field, bytes: &[u8], set: &[(&str, &[u8])]) -> bool {
    let name = field.name.bytes(bytes);
    set.iter().any(|(other, _)| name.eq_ignore_ascii_case(other.as_bytes()))
}
