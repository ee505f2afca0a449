//! A body on its way from one side to the other.
//!
//! Both sides agree on where it ends, but not always on how that is told: an answer that ends by
//! closing becomes chunks for a client that can read them, and chunks become plain bytes for one
//! that cannot. Where both tell it the same way the bytes pass untouched.

use wire::l7::http1::{Body, Framing, Limits, Parse, Refusal, Then, Trailers, write};

use crate::inbox::Inbox;
use crate::outbox::Outbox;

/// One body, as far as it has come.
#[derive(Debug)]
pub(crate) struct Passage {
    body: Body,
    way: Way,
    /// The trailer section is next.
    trailing: bool,
    /// Bytes that went by, chunk lines included.
    moved: u64,
    /// The fields that may not be among the trailers.
    nominated: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The same bytes on both sides.
    Plain,
    /// Chunks on both sides.
    Chunks,
    /// Chunks here, plain bytes there.
    Unpack,
    /// Plain bytes here, chunks there.
    Pack,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Something is in the outbox now.
    Moved,
    /// There is not enough in the inbox.
    Hungry,
    /// That was all.
    Done,
}

impl Passage {
    /// Nothing to pass on.
    pub(crate) fn none() -> Self {
        Self::new(Framing::Empty, Framing::Empty)
    }

    /// A body that arrives in one framing and leaves in another.
    pub(crate) fn new(from: Framing, to: Framing) -> Self {
        let way = match (from, to) {
            (Framing::Chunked, Framing::Chunked) => Way::Chunks,
            (Framing::Chunked, _) => Way::Unpack,
            (_, Framing::Chunked) => Way::Pack,
            _ => Way::Plain,
        };
        Self { body: Body::new(from), way, trailing: false, moved: 0, nominated: None }
    }

    /// The same, where `Connection` names fields that go no further, among the trailers neither.
    pub(crate) fn nominating(self, nominated: Option<Vec<u8>>) -> Self {
        Self { nominated, ..self }
    }

    /// Has all of it arrived?
    pub(crate) fn is_done(&self) -> bool {
        self.body.is_done()
    }

    /// Bytes that went by, chunk lines included.
    pub(crate) fn moved(&self) -> u64 {
        self.moved
    }

    /// Moves on what is in the inbox, into an outbox that is empty. Stretches of more than `copy`
    /// bytes are lent and not copied.
    ///
    /// # Errors
    /// The sender's fault: where its message ends cannot be known any more.
    pub(crate) fn step(
        &mut self,
        inbox: &mut Inbox,
        out: &mut Outbox,
        copy: usize,
        limits: &Limits,
    ) -> Result<Progress, Refusal> {
        if self.body.is_done() {
            return Ok(Progress::Done);
        }
        if self.trailing {
            return self.pass_trailers(inbox, out, limits);
        }
        if inbox.is_empty() {
            return Ok(Progress::Hungry);
        }
        match self.way {
            Way::Chunks => self.relay(inbox, out, copy),
            Way::Plain | Way::Unpack | Way::Pack => self.decode(inbox, out, copy),
        }
    }

    /// The sender has closed its side.
    ///
    /// # Errors
    /// There should have been more.
    pub(crate) fn on_close(&mut self, out: &mut Outbox) -> Result<(), Refusal> {
        let was_done = self.body.is_done();
        self.body.on_close()?;
        if self.way == Way::Pack && !was_done {
            out.made().extend_from_slice(write::LAST_CHUNK);
        }
        Ok(())
    }

    fn relay(
        &mut self,
        inbox: &mut Inbox,
        out: &mut Outbox,
        copy: usize,
    ) -> Result<Progress, Refusal> {
        let relay = self.body.relay(inbox.filled())?;
        self.moved += relay.consumed as u64;
        let verbatim = relay.verbatim.len();
        // What was understood and is not passed on lies behind what is.
        inbox.cut(verbatim, relay.consumed - verbatim);
        pass(inbox, out, verbatim, copy);
        if let Some(size) = relay.chunk {
            write::chunk_head(out.made(), size);
        }
        if relay.then == Then::End {
            out.made().extend_from_slice(write::LAST_CHUNK);
        }
        self.trailing = relay.then == Then::Trailers;
        Ok(progress(relay.consumed, relay.then))
    }

    fn decode(
        &mut self,
        inbox: &mut Inbox,
        out: &mut Outbox,
        copy: usize,
    ) -> Result<Progress, Refusal> {
        let step = self.body.decode(inbox.filled())?;
        self.moved += step.consumed as u64;
        let count = step.data.len();
        inbox.cut(step.data.end, step.consumed - step.data.end);
        inbox.consume(step.data.start);
        let pack = self.way == Way::Pack && count > 0;
        if pack {
            write::chunk_head(out.made(), count as u64);
        }
        pass(inbox, out, count, copy);
        if pack {
            out.made().extend_from_slice(write::CHUNK_END);
        }
        self.trailing = step.then == Then::Trailers;
        Ok(progress(step.consumed, step.then))
    }

    fn pass_trailers(
        &mut self,
        inbox: &mut Inbox,
        out: &mut Outbox,
        limits: &Limits,
    ) -> Result<Progress, Refusal> {
        let mut trailers = Trailers::new();
        let Parse::Complete { consumed } = trailers.parse(inbox.filled(), limits)? else {
            return Ok(Progress::Hungry);
        };
        if self.way == Way::Chunks {
            let nominated = self.nominated.as_deref().unwrap_or_default();
            trailers.write_last_chunk(inbox.filled(), nominated, out.made());
        }
        inbox.consume(consumed);
        self.body.on_trailers();
        Ok(Progress::Done)
    }
}

fn pass(inbox: &mut Inbox, out: &mut Outbox, count: usize, copy: usize) {
    if count > copy {
        return out.lend(count);
    }
    out.made().extend_from_slice(&inbox.filled()[..count]);
    inbox.consume(count);
}

fn progress(consumed: usize, then: Then) -> Progress {
    match then {
        Then::End => Progress::Done,
        Then::Trailers => Progress::Moved,
        Then::More if consumed > 0 => Progress::Moved,
        Then::More => Progress::Hungry,
    }
}
