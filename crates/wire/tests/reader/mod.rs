#![allow(dead_code, reason = "each test takes what it needs of it")]
//! Reads a whole connection, the way a server would: requests and their bodies until the bytes
//! end.

use plimsoll_wire::l7::http1::{
    Body, Form, Limits, Parse, Refusal, Request, RequestHead, Then, Trailers,
};

/// All that was understood.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) messages: Vec<Message>,
    /// Bytes left over: a message that is not whole.
    pub(crate) unread: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) method: String,
    /// The authority of the target, if it has one.
    pub(crate) authority: Option<String>,
    pub(crate) path: String,
    /// With its question mark.
    pub(crate) query: String,
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(String, Vec<u8>)>,
}

pub(crate) fn read_whole(bytes: &[u8]) -> Result<Read, Refusal> {
    read_in_pieces(&[bytes])
}

pub(crate) fn read_in_pieces(pieces: &[&[u8]]) -> Result<Read, Refusal> {
    let mut reader = Reader::default();
    for piece in pieces {
        reader.buffer.extend_from_slice(piece);
        while reader.advance()? {}
    }
    reader.read.unread = reader.buffer.len();
    Ok(reader.read)
}

/// As a server does that stops after a request that closes the connection.
pub(crate) fn read_until_closed(bytes: &[u8]) -> Result<Read, Refusal> {
    let mut reader = Reader { buffer: bytes.to_vec(), ..Reader::default() };
    while !reader.is_closed && reader.advance()? {}
    reader.read.unread = if reader.is_closed { 0 } else { reader.buffer.len() };
    Ok(reader.read)
}

#[derive(Default)]
struct Reader {
    is_last: bool,
    is_closed: bool,
    buffer: Vec<u8>,
    head: RequestHead,
    state: State,
    message: Message,
    read: Read,
}

#[derive(Default)]
enum State {
    #[default]
    Head,
    Body(Body),
    Trailers,
}

impl Reader {
    /// Takes the next part, if it is there.
    fn advance(&mut self) -> Result<bool, Refusal> {
        match &mut self.state {
            State::Head => self.take_head(),
            State::Body(body) if body.is_done() => Ok(self.finish(0)),
            State::Body(body) => {
                let step = body.decode(&self.buffer)?;
                self.message.body.extend_from_slice(&self.buffer[step.data]);
                self.buffer.drain(..step.consumed);
                if step.then == Then::Trailers {
                    self.state = State::Trailers;
                }
                Ok(step.consumed > 0 || step.then == Then::Trailers)
            }
            State::Trailers => {
                let mut trailers = Trailers::new();
                let parse = trailers.parse(&self.buffer, &Limits::default())?;
                let Parse::Complete { consumed } = parse else {
                    return Ok(false);
                };
                self.message.trailers = owned(trailers.fields(&self.buffer));
                Ok(self.finish(consumed))
            }
        }
    }

    fn take_head(&mut self) -> Result<bool, Refusal> {
        let parse = self.head.parse(&self.buffer, &Limits::default())?;
        let Parse::Complete { consumed } = parse else {
            return Ok(false);
        };
        let request = self.head.over(&self.buffer);
        self.message = Message {
            method: request.method_name().into(),
            authority: authority(&request),
            path: request.path().into(),
            query: request.query().into(),
            fields: owned(request.fields()),
            ..Message::default()
        };
        self.is_last = !request.is_persistent();
        self.state = State::Body(Body::new(request.framing()));
        self.buffer.drain(..consumed);
        Ok(true)
    }

    fn finish(&mut self, consumed: usize) -> bool {
        self.buffer.drain(..consumed);
        self.read.messages.push(std::mem::take(&mut self.message));
        self.state = State::Head;
        self.is_closed = self.is_last;
        true
    }
}

fn authority(request: &Request<'_>) -> Option<String> {
    let named = matches!(request.form(), Form::Absolute | Form::Authority);
    request.authority().filter(|_| named).map(str::to_owned)
}

fn owned<'a>(fields: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<(String, Vec<u8>)> {
    fields.map(|(name, value)| (name.to_owned(), value.to_vec())).collect()
}
