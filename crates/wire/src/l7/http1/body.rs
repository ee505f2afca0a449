//! A body as it goes by.

use super::chunked::{Chunked, Relay, Step, Then};
use super::framing::Framing;
use super::limits::Limits;
use super::refusal::Refusal;
use super::trailers::Trailers;

/// The place in the body of one message. It counts bytes and copies none.
///
/// Hand it what was read, behind what an earlier step left unconsumed.
#[derive(Clone, Debug)]
pub struct Body(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Done,
    /// Bytes to come, not zero.
    Length(u64),
    Chunked(Chunked),
    UntilClose,
}

impl Body {
    /// The body of a message framed this way. A tunnel has no end of its own.
    pub fn new(framing: Framing) -> Self {
        Self(match framing {
            Framing::Empty | Framing::Length(0) => Kind::Done,
            Framing::Length(length) => Kind::Length(length),
            Framing::Chunked => Kind::Chunked(Chunked::new()),
            Framing::UntilClose | Framing::Tunnel => Kind::UntilClose,
        })
    }

    /// The next stretch of data.
    ///
    /// # Errors
    ///
    /// The sender's fault: what follows in the stream cannot be known, so close the connection.
    pub fn decode(&mut self, input: &[u8]) -> Result<Step, Refusal> {
        if let Kind::Chunked(chunked) = &mut self.0 {
            let step = chunked.decode(input)?;
            self.end_at(step.then);
            return Ok(step);
        }
        let (consumed, then) = self.pass(input.len());
        Ok(Step { consumed, data: 0..consumed, then })
    }

    /// The next stretch to be sent on under the same framing, over many chunks at once. Data
    /// under a length is the same bytes either way.
    ///
    /// # Errors
    ///
    /// As [`Body::decode`].
    pub fn relay(&mut self, input: &[u8]) -> Result<Relay, Refusal> {
        if let Kind::Chunked(chunked) = &mut self.0 {
            let relay = chunked.relay(input)?;
            self.end_at(relay.then);
            return Ok(relay);
        }
        let (consumed, then) = self.pass(input.len());
        Ok(Relay { consumed, verbatim: 0..consumed, chunk: None, then })
    }

    /// Whether `input`, the next bytes of it, can be what they are supposed to be, as far as they
    /// go. Moves nothing on: to look before the first byte is passed on, while there is still
    /// another way.
    ///
    /// # Errors
    ///
    /// As [`Body::decode`], and those of [`Trailers::parse`].
    pub fn check(&self, mut input: &[u8], limits: &Limits) -> Result<(), Refusal> {
        let mut ahead = self.clone();
        loop {
            let relay = ahead.relay(input)?;
            input = input.get(relay.consumed..).unwrap_or_default();
            match relay.then {
                Then::Trailers => return Trailers::new().parse(input, limits).map(drop),
                Then::More if relay.consumed > 0 => {}
                Then::More | Then::End => return Ok(()),
            }
        }
    }

    /// Has all of it gone by? Trailers excepted until [`Body::on_trailers`].
    pub fn is_done(&self) -> bool {
        matches!(self.0, Kind::Done)
    }

    /// The trailer section has been parsed.
    pub fn on_trailers(&mut self) {
        self.0 = Kind::Done;
    }

    /// The sender has closed its side.
    ///
    /// # Errors
    ///
    /// [`Refusal::Truncated`]: there should have been more. The receiver must be able to tell, so
    /// end the message towards it by closing, not with a last chunk.
    pub fn on_close(&mut self) -> Result<(), Refusal> {
        match self.0 {
            Kind::Done | Kind::UntilClose => {
                self.0 = Kind::Done;
                Ok(())
            }
            Kind::Length(_) | Kind::Chunked(_) => Err(Refusal::Truncated),
        }
    }

    /// Bytes still to come, where that is known: what draining it would cost.
    pub fn remaining(&self) -> Option<u64> {
        match self.0 {
            Kind::Done => Some(0),
            Kind::Length(left) => Some(left),
            Kind::Chunked(_) | Kind::UntilClose => None,
        }
    }

    fn end_at(&mut self, then: Then) {
        if then == Then::End {
            self.0 = Kind::Done;
        }
    }

    /// Counts `there` bytes of data that has no marks in it.
    fn pass(&mut self, there: usize) -> (usize, Then) {
        match self.0 {
            Kind::Length(left) => {
                let taken = usize::try_from(left).unwrap_or(usize::MAX).min(there);
                let left = left - taken as u64;
                self.0 = if left == 0 { Kind::Done } else { Kind::Length(left) };
                (taken, if left == 0 { Then::End } else { Then::More })
            }
            Kind::UntilClose => (there, Then::More),
            Kind::Done | Kind::Chunked(_) => (0, Then::End),
        }
    }
}
