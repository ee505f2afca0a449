//! Bodies in chunks (RFC 9112 section 7.1).
//!
//! The decoder touches the bytes between the data and never the data itself: it says which ranges
//! are data, or which stretch of whole chunks can be relayed as it stands. A size line is taken
//! when it is whole, so what is not consumed stays with the caller: at most [`LONGEST_LINE`] bytes.

use core::ops::Range;

use super::lex::is_token_byte;
use super::list::LARGEST;
use super::refusal::Refusal;

/// What one call of [`Body::decode`](super::Body::decode) found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Step {
    /// Bytes of the input that are done with.
    pub consumed: usize,
    /// Which of these are data of the body. May be empty.
    pub data: Range<usize>,
    /// What comes next.
    pub then: Then,
}

/// What one call of [`Body::relay`](super::Body::relay) found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Relay {
    /// Bytes of the input that are done with.
    pub consumed: usize,
    /// Which of these may be sent on as they are. May be empty.
    pub verbatim: Range<usize>,
    /// After them, write the head of a chunk of this size
    /// ([`write::chunk_head`](super::write::chunk_head)): the one that was received has
    /// extensions, which go no further.
    pub chunk: Option<u64>,
    /// What comes next. The last chunk is not in `verbatim`: write
    /// [`LAST_CHUNK`](super::write::LAST_CHUNK), or
    /// [`Trailers::write_last_chunk`](super::Trailers::write_last_chunk).
    pub then: Then,
}

/// What follows a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// More of the body. If the step consumed nothing and the input was not empty, read more
    /// behind what is left.
    More,
    /// A trailer section, from `consumed` on: parse it with
    /// [`Trailers::parse`](super::Trailers::parse).
    Trailers,
    /// Nothing: what is behind `consumed` is the next message.
    End,
}

/// The decoder's place in the stream.
#[derive(Clone, Debug)]
pub(super) struct Chunked {
    state: State,
    /// Bytes of extensions that will still be put up with.
    extensions_left: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before a size line.
    Size,
    /// In a chunk, with so many bytes to come: not zero.
    Data(u64),
    /// Behind the data of a chunk.
    DataEnd,
    /// Behind the last chunk.
    Last,
}

/// A chunk's first line.
struct SizeLine {
    size: u64,
    length: usize,
    extended: bool,
}

impl Chunked {
    pub(super) fn new() -> Self {
        Self { state: State::Size, extensions_left: MOST_EXTENSIONS }
    }

    /// Up to the end of the next stretch of data.
    pub(super) fn decode(&mut self, input: &[u8]) -> Result<Step, Refusal> {
        let mut at = 0;
        if self.state == State::DataEnd {
            at = self.leave_data(input)?;
        }
        if self.state == State::Size {
            at += self.enter_chunk(input.get(at..).unwrap_or_default())?.map_or(0, |l| l.length);
        }
        match self.state {
            State::Data(left) => {
                let taken = self.take_data(left, input.len() - at);
                Ok(Step { consumed: at + taken, data: at..at + taken, then: Then::More })
            }
            State::Last => {
                let (consumed, then) = end(input, at);
                Ok(Step { consumed, data: at..at, then })
            }
            State::Size | State::DataEnd => {
                Ok(Step { consumed: at, data: at..at, then: Then::More })
            }
        }
    }

    /// Over as many chunks as are there.
    pub(super) fn relay(&mut self, input: &[u8]) -> Result<Relay, Refusal> {
        let mut at = 0;
        loop {
            let rest = input.get(at..).unwrap_or_default();
            let before = (at, self.state);
            match self.state {
                State::Data(left) => at += self.take_data(left, rest.len()),
                State::DataEnd => at += self.leave_data(rest)?,
                State::Size => {
                    let verbatim = 0..at;
                    let line = self.enter_chunk(rest)?;
                    at += line.as_ref().map_or(0, |line| line.length);
                    match line {
                        Some(SizeLine { size: 0, .. }) => {
                            return Ok(relay_end(input, at, verbatim));
                        }
                        Some(SizeLine { size, extended: true, .. }) => {
                            let chunk = Some(size);
                            return Ok(Relay { consumed: at, verbatim, chunk, then: Then::More });
                        }
                        _ => {}
                    }
                }
                State::Last => return Ok(relay_end(input, at, 0..0)),
            }
            if before == (at, self.state) {
                return Ok(Relay { consumed: at, verbatim: 0..at, chunk: None, then: Then::More });
            }
        }
    }

    fn take_data(&mut self, left: u64, there: usize) -> usize {
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(there);
        let left = left - taken as u64;
        self.state = if left == 0 { State::DataEnd } else { State::Data(left) };
        taken
    }

    fn leave_data(&mut self, input: &[u8]) -> Result<usize, Refusal> {
        match input {
            [] | [b'\r'] => Ok(0),
            [b'\r', b'\n', ..] => {
                self.state = State::Size;
                Ok(2)
            }
            _ => Err(Refusal::ChunkEnd),
        }
    }

    fn enter_chunk(&mut self, input: &[u8]) -> Result<Option<SizeLine>, Refusal> {
        let line = self.size_line(input)?;
        if let Some(line) = &line {
            self.state = if line.size == 0 { State::Last } else { State::Data(line.size) };
        }
        Ok(line)
    }

    fn size_line(&mut self, input: &[u8]) -> Result<Option<SizeLine>, Refusal> {
        let hex = |byte: &&u8| byte.is_ascii_hexdigit();
        let digits = input.iter().take(MOST_DIGITS + 1).take_while(hex).count();
        let (number, rest) = input.split_at(digits);
        if digits > MOST_DIGITS || digits == 0 && !input.is_empty() {
            return Err(Refusal::ChunkSize);
        }
        let extension = match rest {
            [] | [b'\r'] => return Ok(None),
            [b'\r', b'\n', ..] => 0,
            [b'\r', ..] => return Err(Refusal::BareCr),
            [b'\n', ..] => return Err(Refusal::BareLf),
            [b';', ..] => match extension(rest, self.extensions_left)? {
                Some(length) => length,
                None => return Ok(None),
            },
            _ => return Err(Refusal::ChunkSize),
        };
        self.extensions_left -= extension;
        let size = hex_number(number)?;
        let length = digits + extension + LINE_END;
        Ok(Some(SizeLine { size, length, extended: extension > 0 }))
    }
}

/// Behind the size line of the last chunk, at `at`.
fn end(input: &[u8], at: usize) -> (usize, Then) {
    match input.get(at..).unwrap_or_default() {
        [] | [b'\r'] => (at, Then::More),
        [b'\r', b'\n', ..] => (at + LINE_END, Then::End),
        _ => (at, Then::Trailers),
    }
}

fn relay_end(input: &[u8], at: usize, verbatim: Range<usize>) -> Relay {
    let (consumed, then) = end(input, at);
    Relay { consumed, verbatim, chunk: None, then }
}

fn hex_number(digits: &[u8]) -> Result<u64, Refusal> {
    let value = |&digit: &u8| u64::from(char::from(digit).to_digit(16).unwrap_or(0));
    let size = digits.iter().map(value).fold(0, |sum: u64, digit| sum << 4 | digit);
    if size > LARGEST { Err(Refusal::ChunkTooLarge) } else { Ok(size) }
}

/// The length of extensions up to their CR LF, `None` if that has not arrived.
///
/// The grammar without its "bad white space": `*( ";" name [ "=" ( token / quoted-string ) ] )`.
fn extension(input: &[u8], most: usize) -> Result<Option<usize>, Refusal> {
    let mut part = Part::Start;
    for (at, &byte) in input.iter().enumerate() {
        if at > most {
            return Err(Refusal::ChunkExtensionTooLong);
        }
        if byte == b'\r' && part.may_end() {
            return match input.get(at + 1) {
                Some(b'\n') => Ok(Some(at)),
                Some(_) => Err(Refusal::BareCr),
                None => Ok(None),
            };
        }
        part = part.next(byte).ok_or(Refusal::ChunkExtension)?;
    }
    Ok(None)
}

/// Where in an extension a byte stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Start,
    NameStart,
    Name,
    ValueStart,
    Value,
    Quoted,
    Escaped,
    Unquoted,
}

impl Part {
    fn may_end(self) -> bool {
        matches!(self, Self::Name | Self::Value | Self::Unquoted)
    }

    fn next(self, byte: u8) -> Option<Self> {
        let is_text = byte == b'\t' || (b' '..=b'~').contains(&byte);
        match (self, byte) {
            (Self::Start | Self::Name | Self::Value | Self::Unquoted, b';') => {
                Some(Self::NameStart)
            }
            (Self::Name, b'=') => Some(Self::ValueStart),
            (Self::NameStart | Self::Name, _) if is_token_byte(byte) => Some(Self::Name),
            (Self::ValueStart, b'"') => Some(Self::Quoted),
            (Self::ValueStart | Self::Value, _) if is_token_byte(byte) => Some(Self::Value),
            (Self::Quoted, b'"') => Some(Self::Unquoted),
            (Self::Quoted, b'\\') => Some(Self::Escaped),
            (Self::Quoted | Self::Escaped, _) if is_text => Some(Self::Quoted),
            _ => None,
        }
    }
}

/// Sixteen digits name any size that 64 bits can hold, with leading zeros.
const MOST_DIGITS: usize = 16;
/// In bytes, for all chunks of one body. Nobody is known to use extensions; without a bound they
/// are a way to send much more than the body that is counted.
const MOST_EXTENSIONS: usize = 1_024;
const LINE_END: usize = "\r\n".len();
/// The most that is ever left unconsumed: a size line that is not whole, in bytes.
pub const LONGEST_LINE: usize = MOST_DIGITS + MOST_EXTENSIONS + LINE_END;
