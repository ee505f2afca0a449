//! What is told of one request: what was done for it, by whom, and from when to when.

use base::{CallId, Instant};
use event::{Cause, l4, policy};

use super::super::packets::Side;
use crate::stats::Outcome;

/// A client's request with all that was done for it.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    /// Tells it from all other requests of all clients.
    pub(crate) id: u64,
    pub(crate) kind: u16,
    pub(crate) arrived: Instant,
    /// What the client got, and when; nothing if it still waited at the end.
    pub(crate) ended: Option<(Instant, Outcome)>,
    /// The first is the client's request; parents stand before their children.
    pub(crate) spans: Vec<Span>,
    /// Spans for which there was no room.
    pub(crate) left_out: u32,
    /// How many choices hold it.
    pub(super) holders: u8,
}

/// Something that was done for a request, from when to when.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    /// The position of the span that it was done for.
    pub(crate) parent: Option<u32>,
    pub(crate) doing: Doing,
    pub(crate) began: Instant,
    /// Nothing if it still went on at the end.
    pub(crate) ended: Option<Instant>,
    pub(crate) end: Option<End>,
    pub(crate) notes: Vec<(Instant, Note)>,
}

/// What a span is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Doing {
    /// A request as its caller sees it, all tries together.
    Request {
        call: CallId,
        /// The instance that asks.
        from: u32,
    },
    /// One try.
    Attempt { call: CallId, number: u8, from: u32, to: u32 },
    /// What an instance does for a try, waiting included.
    Work { at: u32 },
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    /// With an answer.
    Answered(u16),
    /// Without one, or with one that is a failure.
    Failed(Cause),
    /// Nobody waited any more, and it was stopped.
    Left,
}

/// Something that happened in between.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Note {
    /// A worker began.
    WorkBegan,
    /// A rule decided.
    Decided(policy::Event),
    /// The caller gave up; the work goes on.
    NobodyWaits,
    /// This end of the try's connection found that something was lost, and sent it again.
    Repaired(Side, l4::Event),
}
