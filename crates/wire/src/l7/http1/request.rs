//! A request's head: parsed once, asked many times.

use alloc::vec::Vec;
use core::ops::Deref;

use super::fault::Fault;
use super::fields::Fields;
use super::framing::{Declared, Framing};
use super::limits::Limits;
use super::lines::Lines;
use super::list::{at_most_largest, elements};
use super::method::Method;
use super::name::Name;
use super::options::Options;
use super::refusal::Refusal;
use super::scan::{self, Parse, RequestLine, Resume};
use super::span::Span;
use super::target::{self, Form, Target};
use super::upgrade;
use super::version::Version;
use super::via;

/// The places of a request's parts in the buffer it was parsed from, about 1.4 KiB.
///
/// Keep one per connection and parse every request into it; nothing is allocated. Ask it through
/// [`RequestHead::over`], with the same bytes.
#[derive(Clone, Debug)]
pub struct RequestHead {
    pub(super) fields: Fields,
    pub(super) version: Version,
    method: Method,
    method_name: Span,
    target: Target,
    host: Span,
    declared: Declared,
    options: Options,
    expects_continue: bool,
    max_forwards: Option<u64>,
    length: usize,
    resume: Resume,
}

impl RequestHead {
    /// An empty head.
    pub fn new() -> Self {
        Self {
            fields: Fields::new(),
            version: Version::Http11,
            method: Method::Get,
            method_name: Span::EMPTY,
            target: Target::default(),
            host: Span::EMPTY,
            declared: Declared::default(),
            options: Options::default(),
            expects_continue: false,
            max_forwards: None,
            length: 0,
            resume: Resume::default(),
        }
    }

    /// Reads a head from the start of `bytes`.
    ///
    /// On [`Parse::Partial`] call again with the same bytes and more behind them. A head that is
    /// given up half-way needs a [`RequestHead::clear`] before the next.
    ///
    /// # Errors
    ///
    /// The client's fault: answer [`Refusal::status`] and close the connection.
    pub fn parse(&mut self, bytes: &[u8], limits: &Limits) -> Result<Parse, Refusal> {
        if !self.resume.is_worth_a_look(bytes, limits) {
            return Ok(Parse::Partial);
        }
        let outcome = self.parse_from_start(bytes, limits);
        self.resume.after(bytes, outcome);
        outcome
    }

    /// Forgets a partial head.
    pub fn clear(&mut self) {
        self.resume = Resume::default();
        self.fields.clear();
    }

    /// The request, read from the `bytes` it was parsed from (the head is enough). They may have
    /// been moved, not changed.
    pub fn over<'a>(&'a self, bytes: &'a [u8]) -> Request<'a> {
        debug_assert!(bytes.len() >= self.length, "the bytes that were parsed");
        let lines = Lines { fields: &self.fields, bytes, length: self.length };
        Request { head: self, lines }
    }

    fn parse_from_start(&mut self, bytes: &[u8], limits: &Limits) -> Result<Parse, Refusal> {
        let Some(skipped) = leading_line(bytes)? else {
            return Ok(Parse::Partial);
        };
        let window = &bytes[..bytes.len().min(limits.head())];
        let line = window.get(skipped..).unwrap_or_default();
        match self.read(window, skipped, limits) {
            Ok(Some((line, consumed))) => {
                self.take(window, &line, consumed, limits)?;
                Ok(Parse::Complete { consumed })
            }
            Ok(None) => scan::partial(window, skipped, limits),
            Err(fault) => Err(fault.in_head(line, limits)),
        }
    }

    /// The request line, the fields, and where the head ends. `None` while there is not all of it.
    fn read(
        &mut self,
        bytes: &[u8],
        from: usize,
        limits: &Limits,
    ) -> Result<Option<(RequestLine, usize)>, Fault> {
        let Some(line) = scan::request_line(bytes, from)? else {
            return Ok(None);
        };
        let consumed = self.fields.read(bytes, line.end, limits.fields())?;
        Ok(consumed.map(|consumed| (line, consumed)))
    }

    fn take(
        &mut self,
        bytes: &[u8],
        line: &RequestLine,
        consumed: usize,
        limits: &Limits,
    ) -> Result<(), Refusal> {
        let (method, target) = (&bytes[line.method.clone()], &bytes[line.target.clone()]);
        if method.len() + target.len() + LINE_REST > limits.line {
            return Err(Refusal::LineTooLong);
        }
        self.length = consumed;
        self.version = line.version;
        self.method = Method::from_bytes(method);
        self.method_name = Span::new(line.method.start, line.method.end);
        self.target = Target::parse(target, line.target.start, self.method)?;
        self.understand(bytes)
    }

    /// One walk over the fields for everything they say to a proxy.
    fn understand(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let mut declared = Declared::default();
        let mut options = Options::default();
        let mut host = None;
        (self.expects_continue, self.max_forwards) = (false, None);
        for field in self.fields.iter() {
            let value = field.value.bytes(bytes);
            match field.known {
                Name::ContentLength => declared.add_length(value)?,
                Name::TransferEncoding => declared.add_encoding(value)?,
                Name::Connection => options.add(value)?,
                Name::Host if host.is_some() => return Err(Refusal::HostRepeated),
                Name::Host => host = Some(field.value),
                Name::Expect => self.expects_continue |= expects_continue(value)?,
                Name::MaxForwards if self.counts_forwards() => {
                    self.max_forwards = Some(max_forwards(value, self.max_forwards)?);
                }
                _ => {}
            }
        }
        declared.check(self.version)?;
        (self.declared, self.options) = (declared, options);
        self.host = self.checked_host(host, bytes)?;
        if options.nominates {
            self.fields.nominate_all(bytes);
        }
        Ok(())
    }

    fn checked_host(&self, host: Option<Span>, bytes: &[u8]) -> Result<Span, Refusal> {
        match host {
            Some(host) if target::check_authority(host.bytes(bytes)).is_err() => {
                Err(Refusal::HostInvalid)
            }
            Some(host) => Ok(host),
            None if self.version == Version::Http11 => Err(Refusal::HostMissing),
            None => Ok(Span::EMPTY),
        }
    }

    /// Only these two methods count hops (RFC 9110 section 7.6.2).
    fn counts_forwards(&self) -> bool {
        matches!(self.method, Method::Trace | Method::Options)
    }
}

impl Default for RequestHead {
    fn default() -> Self {
        Self::new()
    }
}

/// A request, with the bytes it stands in.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub(super) head: &'a RequestHead,
    lines: Lines<'a>,
}

/// Of its fields one asks as of any message's.
impl<'a> Deref for Request<'a> {
    type Target = Lines<'a>;

    fn deref(&self) -> &Lines<'a> {
        &self.lines
    }
}

impl<'a> Request<'a> {
    /// What it asks to be done.
    pub fn method(&self) -> Method {
        self.head.method
    }

    /// The method as it was written.
    pub fn method_name(&self) -> &'a str {
        self.head.method_name.text(self.bytes)
    }

    /// The parts of the first line as they lie in the buffer, for copying.
    pub(super) fn method_bytes(&self) -> &'a [u8] {
        self.head.method_name.bytes(self.bytes)
    }

    pub(super) fn path_bytes(&self) -> &'a [u8] {
        self.head.target.path.bytes(self.bytes)
    }

    pub(super) fn query_bytes(&self) -> &'a [u8] {
        self.head.target.query.bytes(self.bytes)
    }

    pub(super) fn authority_bytes(&self) -> &'a [u8] {
        let target = self.head.target.authority;
        let span = if target.is_empty() { self.head.host } else { target };
        span.bytes(self.bytes)
    }

    /// The client's version.
    pub fn version(&self) -> Version {
        self.head.version
    }

    /// The target as it was written, for logs.
    pub fn target(&self) -> &'a str {
        self.head.target.whole.text(self.bytes)
    }

    /// The form the target was written in.
    pub fn form(&self) -> Form {
        self.head.target.form
    }

    /// The path, without the query, for routing: `/` when an absolute target has none, `*` for a
    /// whole server, empty for CONNECT. Percent-encoding and dot segments are left as they came.
    pub fn path(&self) -> &'a str {
        let target = &self.head.target;
        match target.form {
            Form::Absolute if target.path.is_empty() && self.is_for_server() => "*",
            Form::Absolute if target.path.is_empty() => "/",
            _ => target.path.text(self.bytes),
        }
    }

    /// The query with its question mark; empty if there is none.
    pub fn query(&self) -> &'a str {
        self.head.target.query.text(self.bytes)
    }

    /// Host and optional port that the request is for: of the target if it names one, else of
    /// `Host` (RFC 9112 section 3.2.2). `None` only in HTTP/1.0.
    pub fn authority(&self) -> Option<&'a str> {
        let target = self.head.target.authority;
        let span = if target.is_empty() { self.head.host } else { target };
        Some(span.text(self.bytes)).filter(|text| !text.is_empty())
    }

    /// The host that the request is for, without its port; an IPv6 address has its brackets.
    pub fn host(&self) -> Option<&'a str> {
        let authority = self.authority()?;
        authority.get(..target::host(authority.as_bytes()).len())
    }

    /// Where the body ends. Never [`Framing::UntilClose`]; [`Framing::Tunnel`] is for the
    /// response to decide.
    pub fn framing(&self) -> Framing {
        self.head.declared.framing(Framing::Empty)
    }

    /// Will the client send another request on this connection?
    pub fn is_persistent(&self) -> bool {
        self.head.options.is_persistent(self.head.version)
    }

    /// The list of fields that concern the connection alone, if `Connection` names any: for
    /// [`Trailers::write_last_chunk`](super::Trailers::write_last_chunk).
    pub fn nominated(&self) -> Option<Vec<u8>> {
        self.head.options.nominates.then(|| self.lines.connection())
    }

    /// Does the client wait for a 100 before it sends the body? Not without a body, and not in
    /// HTTP/1.0 (RFC 9110 section 10.1.1).
    pub fn expects_continue(&self) -> bool {
        let waits = self.head.expects_continue && self.head.version == Version::Http11;
        waits && !matches!(self.framing(), Framing::Empty | Framing::Length(0))
    }

    /// The protocols of `Upgrade`, if `Connection` names it too. Never in HTTP/1.0, and not if one
    /// of them is HTTP or TLS: requests in such a tunnel would pass every rule unseen. A server may
    /// always go on as if it had not been asked (RFC 9110 section 7.8).
    pub fn upgrade(&self) -> Option<&'a [u8]> {
        let asked = self.head.options.upgrade && self.head.version == Version::Http11;
        let protocols = self.known(Name::Upgrade).filter(|value| asked && !value.is_empty())?;
        (!elements(protocols).any(upgrade::carries_http)).then_some(protocols)
    }

    /// Does it ask to become a WebSocket (RFC 6455 section 4.1)?
    pub fn is_websocket(&self) -> bool {
        let protocols = self.upgrade().unwrap_or_default();
        self.head.method == Method::Get
            && elements(protocols).any(|protocol| protocol.eq_ignore_ascii_case(b"websocket"))
    }

    /// How many more times it may be forwarded: for TRACE and OPTIONS only. At `Some(0)` answer
    /// it yourself.
    pub fn max_forwards(&self) -> Option<u64> {
        self.head.max_forwards
    }

    /// Has it been through `pseudonym` already? Then forwarding it is a loop (RFC 9110 section
    /// 7.6.3): answer 508.
    pub fn has_been_through(&self, pseudonym: &str) -> bool {
        self.known_all(Name::Via).any(|value| via::names(value, pseudonym))
    }

    /// Milliseconds that the caller will still wait, the least that any of its
    /// `Plimsoll-Timeout-Ms` fields says.
    pub fn timeout_ms(&self) -> Option<u64> {
        self.known_all(Name::PlimsollTimeoutMs).filter_map(at_most_largest).min()
    }

    /// Which attempt this is, as the caller counts them, from one.
    pub fn attempt(&self) -> Option<u64> {
        self.known_all(Name::PlimsollAttempt).filter_map(at_most_largest).max()
    }

    /// The key under which the client allows this request to be repeated.
    pub fn idempotency_key(&self) -> Option<&'a [u8]> {
        self.known(Name::IdempotencyKey).filter(|key| !key.is_empty())
    }

    /// `OPTIONS http://host` without a path is about the server (RFC 9112 section 3.2.4).
    fn is_for_server(&self) -> bool {
        self.head.method == Method::Options && self.head.target.query.is_empty()
    }
}

/// Skips the one empty line that old clients send after a body (RFC 9112 section 2.2). `None`
/// when there is nothing else yet.
fn leading_line(bytes: &[u8]) -> Result<Option<usize>, Refusal> {
    match bytes {
        [] | [b'\r'] | [b'\r', b'\n'] | [b'\r', b'\n', b'\r'] => Ok(None),
        [b'\n', ..] => Err(Refusal::BareLf),
        [b'\r', b'\n', b'\r' | b'\n', ..] => Err(Refusal::LeadingBytes),
        [b'\r', b'\n', ..] => Ok(Some(2)),
        [b'\r', ..] => Err(Refusal::BareCr),
        _ => Ok(Some(0)),
    }
}

fn expects_continue(value: &[u8]) -> Result<bool, Refusal> {
    let known = value.eq_ignore_ascii_case(b"100-continue");
    if known { Ok(true) } else { Err(Refusal::Expectation) }
}

fn max_forwards(value: &[u8], before: Option<u64>) -> Result<u64, Refusal> {
    at_most_largest(value).filter(|_| before.is_none()).ok_or(Refusal::MaxForwards)
}

/// The two spaces and the version of a request line.
const LINE_REST: usize = " ".len() + " HTTP/1.1".len();
