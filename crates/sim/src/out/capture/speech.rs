//! What messages say, byte by byte.
//!
//! A byte is a function of its message and of its place there, so a packet that is sent again says
//! the same again. Heads have exactly the size that the simulated message has: what is not needed
//! stands in a field `x-pad`.

mod http1;
mod http2;
mod protobuf;

use wire::l7::http2::frame;
use wire::l7::websocket;

use crate::stats::mix;
use crate::world::tap::packets::{Message, Part, Side, Speech};

/// The names that messages use.
#[derive(Clone, Debug)]
pub(crate) struct Words {
    /// Method and path of each kind of request.
    pub(crate) kinds: Vec<(String, String)>,
}

/// A message and who says it to whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said<'a> {
    pub(super) message: Message,
    pub(super) speech: Speech,
    pub(super) side: Side,
    /// The name of the one who is called.
    pub(super) host: &'a str,
}

/// Which fields there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fields {
    /// Those without which it means something else.
    Least,
    /// With its true path.
    Path,
    /// And whose request it is (W3C Trace Context).
    All,
}

impl Words {
    /// Bytes `from..to` of a message, appended.
    pub(super) fn write(&self, said: Said<'_>, from: u64, to: u64, out: &mut Vec<u8>) {
        let layout = Layout::of(self, said);
        let pieces = [
            (layout.front.len() as u64, Piece::Front),
            (layout.body, Piece::Body),
            (layout.back.len() as u64, Piece::Back),
        ];
        let mut begin = 0;
        for (length, piece) in pieces {
            let (start, end) = (from.max(begin), to.min(begin + length));
            if start < end {
                layout.piece(piece, start - begin, end - begin, out);
            }
            begin += length;
        }
    }
}

#[derive(Clone, Copy)]
enum Piece {
    Front,
    Body,
    Back,
}

/// A message, divided.
struct Layout<'a> {
    said: Said<'a>,
    front: Vec<u8>,
    body: u64,
    back: Vec<u8>,
}

impl<'a> Layout<'a> {
    fn of(words: &Words, said: Said<'a>) -> Self {
        let Message { head, body, part, .. } = said.message;
        let (head, body) = (head as usize, u64::from(body));
        let all_raw = Self { said, front: Vec::new(), body: head as u64 + body, back: Vec::new() };
        match (part, said.speech) {
            (_, Speech::Opaque) => all_raw,
            (Part::Opening, _) => {
                Self { said, front: http2::opening(said.side), body: 0, back: Vec::new() }
            }
            (Part::Cancel, _) => {
                Self { said, front: http2::cancel(said.message.stream), body: 0, back: Vec::new() }
            }
            (Part::Frame, _) => Self { front: frame_head(said), ..all_raw }.with_body(body),
            (Part::Farewell, _) => Self { front: farewell(said), ..all_raw }.with_body(0),
            (_, Speech::Http1) => Self::http1(words, said).unwrap_or(all_raw),
            (_, Speech::Http2 | Speech::Grpc) => Self::http2(words, said).unwrap_or(all_raw),
        }
    }

    const fn with_body(mut self, body: u64) -> Self {
        self.body = body;
        self
    }

    /// What a head lacks it takes from the body.
    fn http1(words: &Words, said: Said<'a>) -> Option<Self> {
        let Message { head, body, .. } = said.message;
        let all = head as usize + body as usize;
        let exact = |fields, head: usize| {
            let front = http1::head(words, said, all.checked_sub(head)?, fields, head)?;
            Some(Self { said, front, body: (all - head) as u64, back: Vec::new() })
        };
        let fits = [Fields::All, Fields::Path, Fields::Least].into_iter();
        fits.clone().find_map(|fields| exact(fields, head as usize)).or_else(|| {
            let least = http1::least(words, said, all, Fields::Least);
            exact(Fields::Least, least)
        })
    }

    fn http2(words: &Words, said: Said<'a>) -> Option<Self> {
        let Message { head, body, part, .. } = said.message;
        let is_grpc = said.speech == Speech::Grpc;
        let least = if is_grpc { frame::BYTES + PREFIX } else { frame::BYTES };
        // A body that no frame fits into is part of the head.
        let (head, body) = match body as usize {
            small if small < least => (head as usize + small, 0),
            body => (head as usize, body),
        };
        let has_back = is_grpc && body > 0 && matches!(part, Part::Answer { .. });
        let back = if has_back { http2::trailers(said.message.stream) } else { Vec::new() };
        let front = head.checked_sub(back.len())?;
        let mut fits = [Fields::All, Fields::Path, Fields::Least].into_iter();
        let ends = body == 0 && !stays_open(part);
        let front = fits.find_map(|fields| http2::head(words, said, ends, fields, front))?;
        Some(Self { said, front, body: body as u64, back })
    }

    fn piece(&self, piece: Piece, from: u64, to: u64, out: &mut Vec<u8>) {
        let range = usize::try_from(from).unwrap_or(0)..usize::try_from(to).unwrap_or(0);
        match piece {
            Piece::Front => out.extend_from_slice(&self.front[range]),
            Piece::Back => out.extend_from_slice(&self.back[range]),
            Piece::Body if self.has_frames() => self.frames(from, to, out),
            Piece::Body if self.is_grpc_frame() => {
                protobuf::write(self.said.message.id, self.body, from, to, out);
            }
            Piece::Body => filler(self.said.message.id, from, to, out),
        }
    }

    fn has_frames(&self) -> bool {
        let is_framed = matches!(self.said.speech, Speech::Http2 | Speech::Grpc);
        is_framed && !self.front.is_empty() && self.said.message.part != Part::Frame
    }

    /// Whether the body is one message of gRPC, with its length before it.
    fn is_grpc_frame(&self) -> bool {
        self.said.speech == Speech::Grpc && self.said.message.part == Part::Frame
    }

    /// Data frames. The message is cut where streams take turns, each after as much as a frame
    /// may be; no frame is shorter than its head.
    fn frames(&self, from: u64, to: u64, out: &mut Vec<u8>) {
        let mut number = (from + self.front.len() as u64) / FRAME;
        // The last cut may stand a little earlier.
        if number < self.cuts() && self.cut(number + 1) <= from {
            number += 1;
        }
        while number <= self.cuts() && self.cut(number) < to {
            let (begin, end) = (self.cut(number), self.cut(number + 1));
            self.frame(number, (begin, end), from, to, out);
            number += 1;
        }
    }

    /// Where a frame begins in the body; the one after the last begins at its end.
    fn cut(&self, number: u64) -> u64 {
        let cuts = self.cuts();
        if number == 0 {
            return 0;
        }
        if number > cuts {
            return self.body;
        }
        let cut = number * FRAME - self.front.len() as u64;
        if number == cuts { cut.min(self.body - HEAD) } else { cut }
    }

    /// How many times the body is cut.
    fn cuts(&self) -> u64 {
        (self.front.len() as u64 + self.body).saturating_sub(1) / FRAME
    }

    /// The part of a frame that lies in `from..to`.
    fn frame(&self, number: u64, (begin, stop): (u64, u64), from: u64, to: u64, out: &mut Vec<u8>) {
        let is_last = stop == self.body && self.back.is_empty();
        let ends = is_last && !stays_open(self.said.message.part);
        let head = frame::Head {
            length: u32::try_from((stop - begin).saturating_sub(HEAD)).unwrap_or(0),
            kind: frame::Kind::Data,
            flags: if ends { frame::END_STREAM } else { 0 },
            stream: self.said.message.stream,
        };
        let mut bytes = Vec::with_capacity(frame::BYTES);
        head.write(&mut bytes);
        let (start, end) = (from.max(begin) - begin, to.min(stop) - begin);
        if start < HEAD.min(end) {
            let (start, end) = (usize::try_from(start), usize::try_from(HEAD.min(end)));
            out.extend_from_slice(&bytes[start.unwrap_or(0)..end.unwrap_or(0)]);
        }
        let (start, end) = (start.max(HEAD), end.max(HEAD));
        // How much of the frames' payloads stands before this one.
        let before = begin - number * HEAD;
        self.payload(before + start - HEAD, before + end - HEAD, out);
    }

    /// What all data frames together carry: with gRPC, a message behind its length.
    fn payload(&self, from: u64, to: u64, out: &mut Vec<u8>) {
        let id = self.said.message.id;
        if self.said.speech != Speech::Grpc {
            return filler(id, from, to, out);
        }
        let frames = self.cuts() + 1;
        let length = (self.body - frames * HEAD).saturating_sub(PREFIX as u64);
        let [a, b, c, d] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
        let prefix = [0, a, b, c, d];
        let split = PREFIX as u64;
        if from < split.min(to) {
            let (from, to) = (usize::try_from(from), usize::try_from(to.min(split)));
            out.extend_from_slice(&prefix[from.unwrap_or(0)..to.unwrap_or(0)]);
        }
        let (from, to) = (from.max(split), to.max(split));
        protobuf::write(id, length, from - split, to - split, out);
    }
}

/// Bytes that tell whose they are: a line for each 32 of them.
fn filler(id: u64, from: u64, to: u64, out: &mut Vec<u8>) {
    let mut at = from;
    while at < to {
        let line = format!("{id:016x} {:08x} ~~~~~\n", at / 32 * 32);
        let (start, end) = (at % 32, (to - at / 32 * 32).min(32));
        let range = usize::try_from(start).unwrap_or(0)..usize::try_from(end).unwrap_or(0);
        out.extend_from_slice(&line.as_bytes()[range]);
        at += end - start;
    }
}

/// Whether more follows on the same stream from the same end.
const fn stays_open(part: Part) -> bool {
    matches!(part, Part::Upgrade { .. } | Part::Upgraded | Part::Frame)
}

/// What stands before a message of a session.
fn frame_head(said: Said<'_>) -> Vec<u8> {
    let Message { body, stream, .. } = said.message;
    let mut out = Vec::new();
    match said.speech {
        Speech::Http2 | Speech::Grpc => {
            let is_grpc = said.speech == Speech::Grpc;
            // All but the frame's own head.
            let length = Part::frame(said.speech, said.side, body) + body;
            let length = length.saturating_sub(Part::frame(Speech::Http2, said.side, 0));
            frame::Head { length, kind: frame::Kind::Data, flags: 0, stream }.write(&mut out);
            if is_grpc {
                out.push(0);
                out.extend(body.to_be_bytes());
            }
        }
        Speech::Http1 | Speech::Opaque => {
            websocket::message_head(&mut out, body.into(), mask(said.side));
        }
    }
    out
}

/// The last that is said of a session.
fn farewell(said: Said<'_>) -> Vec<u8> {
    let stream = said.message.stream;
    match (said.speech, said.side) {
        (Speech::Http2 | Speech::Grpc, Side::Caller) => http2::cancel(stream),
        (Speech::Http2 | Speech::Grpc, Side::Called) => http2::trailers(stream),
        (Speech::Http1 | Speech::Opaque, side) => {
            let mut out = Vec::new();
            websocket::close_frame(&mut out, NORMAL_CLOSURE, "", mask(side));
            out
        }
    }
}

/// Clients mask what they say (RFC 6455, 5.3). With zeros it can still be read.
const fn mask(side: Side) -> Option<[u8; 4]> {
    match side {
        Side::Caller => Some([0; 4]),
        Side::Called => None,
    }
}

/// Whose message it is, and after how many tries, if there is room to say so.
fn identity(message: Message, fields: Fields) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    if fields != Fields::All {
        return all;
    }
    let tries = match message.part {
        Part::Request { attempt } | Part::Upgrade { attempt } => {
            all.push(("x-message", format!("{:016x}", message.id)));
            attempt
        }
        Part::Answer { tries, .. } => tries,
        _ => return all,
    };
    if tries > 1 {
        all.push(("plimsoll-attempt", tries.to_string()));
    }
    all
}

impl Words {
    fn asked(&self, message: Message, fields: Fields) -> (String, String) {
        let Some((method, path)) = self.kinds.get(usize::from(message.kind)) else {
            return ("GET".to_owned(), "/".to_owned());
        };
        if fields == Fields::Least {
            return (method.clone(), "/".to_owned());
        }
        (method.clone(), path.replace("{key}", &format!("{:04x}", mix(message.id) & 0xffff)))
    }
}

/// RFC 6455, 7.4.1.
const NORMAL_CLOSURE: u16 = 1_000;
/// Bytes of a gRPC message's length and of the flag before it.
const PREFIX: usize = 5;
const HEAD: u64 = frame::BYTES as u64;

/// The longest frame.
const FRAME: u64 = frame::MOST as u64 + HEAD;

#[cfg(test)]
mod tests;
