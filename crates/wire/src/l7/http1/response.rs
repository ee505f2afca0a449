//! A response's head: what it says depends on what was asked.

use alloc::vec::Vec;
use core::ops::Deref;

use super::date;
use super::fault::Fault;
use super::fields::Fields;
use super::framing::{Declared, Framing};
use super::limits::Limits;
use super::lines::Lines;
use super::list::at_most_largest;
use super::method::Method;
use super::name::Name;
use super::options::Options;
use super::refusal::Refusal;
use super::scan::{self, LINE_END, Parse, Resume, StatusLine};
use super::span::Span;
use super::upgrade;
use super::version::Version;

/// What a response answers. Without it nobody can tell where its body ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The request's method.
    pub method: Method,
    /// The request asked for another protocol, and we passed that on.
    pub upgrade: bool,
}

/// The places of a response's parts in the buffer it was parsed from, about 1.4 KiB.
///
/// As with [`RequestHead`](super::RequestHead): keep one, parse every response into it.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    pub(super) fields: Fields,
    pub(super) version: Version,
    pub(super) status: u16,
    pub(super) declared: Declared,
    reason: Span,
    options: Options,
    framing: Framing,
    length: usize,
    resume: Resume,
}

impl ResponseHead {
    /// An empty head.
    pub fn new() -> Self {
        Self {
            fields: Fields::new(),
            version: Version::Http11,
            status: 0,
            declared: Declared::default(),
            reason: Span::EMPTY,
            options: Options::default(),
            framing: Framing::Empty,
            length: 0,
            resume: Resume::default(),
        }
    }

    /// Reads a head from the start of `bytes`. After an interim one
    /// ([`Response::is_interim`]) the next head follows.
    ///
    /// On [`Parse::Partial`] call again with the same bytes and more behind them.
    ///
    /// # Errors
    ///
    /// The upstream's fault: its connection is of no more use, and the answer is 502.
    pub fn parse(&mut self, bytes: &[u8], asked: Asked, limits: &Limits) -> Result<Parse, Refusal> {
        if !self.resume.is_worth_a_look(bytes, limits) {
            return Ok(Parse::Partial);
        }
        let outcome = self.parse_from_start(bytes, asked, limits);
        self.resume.after(bytes, outcome);
        outcome
    }

    /// Forgets a partial head.
    pub fn clear(&mut self) {
        self.resume = Resume::default();
        self.fields.clear();
    }

    /// The response, read from the `bytes` it was parsed from (the head is enough). They may have
    /// been moved, not changed.
    pub fn over<'a>(&'a self, bytes: &'a [u8]) -> Response<'a> {
        debug_assert!(bytes.len() >= self.length, "the bytes that were parsed");
        let lines = Lines { fields: &self.fields, bytes, length: self.length };
        Response { head: self, lines }
    }

    fn parse_from_start(
        &mut self,
        bytes: &[u8],
        asked: Asked,
        limits: &Limits,
    ) -> Result<Parse, Refusal> {
        if matches!(bytes, [b'\r' | b'\n', ..]) {
            return Err(Refusal::LeadingBytes);
        }
        let window = &bytes[..bytes.len().min(limits.head())];
        match self.read(window, limits) {
            Ok(Some((line, consumed))) => {
                self.take(&line, consumed, limits)?;
                self.understand(window, asked)?;
                Ok(Parse::Complete { consumed })
            }
            Ok(None) => scan::partial(window, 0, limits),
            Err(fault) => Err(not_a_response(fault.in_head(window, limits))),
        }
    }

    /// The status line, the fields, and where the head ends. `None` while there is not all of it.
    fn read(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Option<(StatusLine, usize)>, Fault> {
        let Some(line) = scan::status_line(bytes)? else {
            return Ok(None);
        };
        let consumed = self.fields.read(bytes, line.end, limits.fields())?;
        Ok(consumed.map(|consumed| (line, consumed)))
    }

    fn take(&mut self, line: &StatusLine, consumed: usize, limits: &Limits) -> Result<(), Refusal> {
        if line.end - LINE_END > limits.line {
            return Err(Refusal::LineTooLong);
        }
        self.length = consumed;
        self.reason = Span::new(line.reason.start, line.reason.end);
        self.version = line.version;
        self.status = line.status;
        if (100..600).contains(&self.status) { Ok(()) } else { Err(Refusal::StatusCode) }
    }

    fn understand(&mut self, bytes: &[u8], asked: Asked) -> Result<(), Refusal> {
        let mut declared = Declared::default();
        let mut options = Options::default();
        for field in self.fields.iter() {
            let value = field.value.bytes(bytes);
            match field.known {
                Name::ContentLength => declared.add_length(value)?,
                Name::TransferEncoding => declared.add_encoding(value)?,
                Name::Connection => options.add(value)?,
                _ => {}
            }
        }
        declared.check(self.version)?;
        (self.declared, self.options) = (declared, options);
        if options.nominates {
            self.fields.nominate_all(bytes);
        }
        self.framing = self.find_framing(bytes, asked)?;
        Ok(())
    }

    /// RFC 9112 section 6.3, in its order.
    fn find_framing(&self, bytes: &[u8], asked: Asked) -> Result<Framing, Refusal> {
        match (self.status, asked.method) {
            (101, _) if asked.upgrade && self.switches(bytes) => Ok(Framing::Tunnel),
            (101, _) => Err(Refusal::UnaskedSwitch),
            (100..=199 | 204 | 304, _) | (_, Method::Head) => Ok(Framing::Empty),
            (200..=299, Method::Connect) => Ok(Framing::Tunnel),
            _ => Ok(self.declared.framing(Framing::UntilClose)),
        }
    }

    /// A 101 must say what it switches to (RFC 9110 section 15.2.2).
    fn switches(&self, bytes: &[u8]) -> bool {
        self.options.upgrade && self.fields.known(Name::Upgrade, bytes).next().is_some()
    }

    /// It must not have a body, and declares one all the same: whether bytes follow is anyone's
    /// guess.
    fn is_doubtful(&self) -> bool {
        let bare = matches!(self.status, 100..=199 | 204);
        bare && !matches!(
            self.declared.framing(Framing::Empty),
            Framing::Empty | Framing::Length(0)
        )
    }
}

impl Default for ResponseHead {
    fn default() -> Self {
        Self::new()
    }
}

/// A response, with the bytes it stands in.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    pub(super) head: &'a ResponseHead,
    lines: Lines<'a>,
}

/// Of its fields one asks as of any message's.
impl<'a> Deref for Response<'a> {
    type Target = Lines<'a>;

    fn deref(&self) -> &Lines<'a> {
        &self.lines
    }
}

impl<'a> Response<'a> {
    /// The list of fields that concern the connection alone, if `Connection` names any: for
    /// [`Trailers::write_last_chunk`](super::Trailers::write_last_chunk).
    pub fn nominated(&self) -> Option<Vec<u8>> {
        self.head.options.nominates.then(|| self.lines.connection())
    }

    /// The status, 100 to 599.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// The reason phrase, which means nothing and may be empty.
    pub fn reason(&self) -> &'a [u8] {
        self.head.reason.bytes(self.bytes)
    }

    /// The status line behind its version, without its end: for copying.
    pub(super) fn status_bytes(&self) -> &'a [u8] {
        self.bytes.get(VERSION..usize::from(self.head.reason.end)).unwrap_or_default()
    }

    /// The upstream's version.
    pub fn version(&self) -> Version {
        self.head.version
    }

    /// More heads follow for the same request: 100, 103 and the like, not 101. Pass it on to
    /// HTTP/1.1 clients with [`Response::forward_interim`].
    pub fn is_interim(&self) -> bool {
        matches!(self.head.status, 100..=199) && self.head.status != 101
    }

    /// For a 101: does it switch to what `asked`, the value of [`Request::upgrade`], names? A server
    /// must not choose anything else (RFC 9110 section 7.8).
    ///
    /// [`Request::upgrade`]: super::Request::upgrade
    pub fn switches_as_asked(&self, asked: &[u8]) -> bool {
        self.known_all(Name::Upgrade).all(|chosen| upgrade::is_among(chosen, asked))
    }

    /// Where the body ends.
    pub fn framing(&self) -> Framing {
        self.head.framing
    }

    /// The length that was declared; for HEAD and 304 that of a body which is not there.
    pub fn content_length(&self) -> Option<u64> {
        self.head.declared.length
    }

    /// May the connection carry another request when this response has ended?
    pub fn is_persistent(&self) -> bool {
        let ends = !matches!(self.head.framing, Framing::UntilClose | Framing::Tunnel);
        ends && !self.head.is_doubtful() && self.head.options.is_persistent(self.head.version)
    }

    /// How many attempts this answer took behind the peer that gave it, the most that any of its
    /// `Plimsoll-Attempt` fields says; what is no number says nothing.
    pub fn attempts(&self) -> Option<u64> {
        self.known_all(Name::PlimsollAttempt).filter_map(at_most_largest).max()
    }

    /// Seconds to wait before asking again, the most that any `Retry-After` says. `now`, asked for
    /// only where one is a date, is in seconds since the beginning of 1970: the answer is as good as
    /// their clock and ours agree. A date that is past is no wait.
    pub fn retry_after_secs(&self, now: impl Fn() -> u64) -> Option<u64> {
        let secs = |value: &[u8]| {
            at_most_largest(value).or_else(|| {
                let now = now();
                date::seconds_since_1970(value, now).map(|then| then.saturating_sub(now))
            })
        };
        self.known_all(Name::RetryAfter).filter_map(secs).max()
    }
}

const VERSION: usize = "HTTP/1.1".len();

/// In a response a word that is no version is no status line.
fn not_a_response(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Version | Refusal::Method | Refusal::Target | Refusal::StartLine => {
            Refusal::StatusLine
        }
        other => other,
    }
}
