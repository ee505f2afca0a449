//! What one request needs while it is under way.
//!
//! Lent by the worker to a connection and given back when it idles: an idle connection keeps
//! nothing of it. All of its memory is used again for the next request.

use base::{CallId, EndpointId, Instant, RequestId};
use engine::l7::{Exchange, Key};
use event::Cause;
use wire::l7::http1::{Asked, RequestHead, ResponseHead};

use super::passage::Passage;
use super::tunnel::Way;
use crate::buffers::Buffers;
use crate::event_loop::Alarm;
use crate::inbox::Inbox;
use crate::limits;
use crate::outbox::Outbox;
use crate::upstream::{Connecting, Connection};

/// A request's place of work.
#[derive(Debug)]
pub(crate) struct Desk {
    /// What the client sent, behind the head.
    pub(crate) inbox: Inbox,
    /// The client's head, and its bytes.
    pub(crate) head: RequestHead,
    pub(crate) head_bytes: Vec<u8>,
    /// The decisions.
    pub(crate) exchange: Exchange,
    pub(crate) stage: Stage,
    /// For all that has an end.
    pub(crate) alarm: Alarm,
    /// An end that the engine knows nothing of.
    pub(crate) due: Due,
    pub(crate) upload: Upload,
    pub(crate) link: Link,
    pub(crate) download: Download,
    /// The directions of a tunnel: to the service, to the client.
    pub(crate) ways: [Way; 2],
    /// The current try.
    pub(crate) attempt: Attempt,
    /// What the client did wrong, if that ended the request.
    pub(crate) client_fault: Option<Cause>,
    /// What is told when all is over.
    pub(crate) tale: Tale,
}

/// Where a request is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It waits for its turn, or for the next try.
    #[default]
    Waiting,
    /// It was sent, or is being sent, and no answer is here.
    Trying,
    /// Its answer is being passed on.
    Relaying,
    /// It has become a tunnel.
    Tunnel,
    /// It is over, and our own answer is being sent.
    Answering,
}

/// The connection to an endpoint.
#[derive(Default)]
pub(crate) enum Link {
    #[default]
    None,
    Connecting(Connecting),
    Open(Connection),
}

/// A try.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Attempt {
    pub(crate) endpoint: EndpointId,
    /// From the pool.
    pub(crate) reused: bool,
    /// The machine had no connection to give, and was asked again.
    pub(crate) relieved: bool,
    /// A byte of it has reached the kernel.
    pub(crate) sent: bool,
    /// When its connection was asked for.
    pub(crate) began: Instant,
    /// What was asked, without which its answer cannot be read.
    pub(crate) asked: Asked,
}

/// The request's way out.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) passage: Passage,
    pub(crate) out: Outbox,
    /// The body as far as it was sent, if it can be sent again.
    pub(crate) kept: Vec<u8>,
    pub(crate) gone: bool,
    /// A service has asked for it (100).
    pub(crate) asked_for: bool,
    /// Why the endpoint takes no more of it, if so.
    pub(crate) broken: Option<Cause>,
}

/// The answer's way back.
#[derive(Debug)]
pub(crate) struct Download {
    pub(crate) answers: Inbox,
    pub(crate) head: ResponseHead,
    pub(crate) head_len: usize,
    pub(crate) interim: u32,
    pub(crate) passage: Passage,
    pub(crate) out: Outbox,
    /// The endpoint's connection can serve another request afterwards.
    pub(crate) reusable: bool,
    /// The client's connection ends with this answer.
    pub(crate) close: bool,
    /// Nothing of it was moved yet.
    pub(crate) fresh: bool,
    /// If it breaks off, only a reset tells the client so.
    pub(crate) breaks_by_reset: bool,
}

/// The next end of something that moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) at: Instant,
    pub(crate) waits: Waits,
}

/// For whom a request waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waits {
    /// For the service; why it has failed if nothing comes.
    Service(Cause),
    /// For more of the client's body.
    Body,
    /// For the client to take more of the answer.
    Reader,
}

/// What the log says of a request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tale {
    pub(crate) route: Option<usize>,
    pub(crate) call: Option<CallId>,
    pub(crate) endpoint: Option<EndpointId>,
    pub(crate) arrived: Instant,
    /// When the last try left.
    pub(crate) sent: Option<Instant>,
    /// When the answer's head was here.
    pub(crate) answered: Option<Instant>,
    pub(crate) id: RequestId,
    pub(crate) status: u16,
    pub(crate) cause: Option<Cause>,
    /// Bytes of an answer of our own.
    pub(crate) own_bytes: u64,
    /// Bytes of a tunnel, to the service and to the client.
    pub(crate) tunnelled: (u64, u64),
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self {
            inbox: Inbox::default(),
            head: RequestHead::new(),
            head_bytes: Vec::new(),
            exchange: Exchange::new(Instant::ZERO, Key::default()),
            stage: Stage::Waiting,
            alarm: Alarm::default(),
            due: Due::NEVER,
            upload: Upload::new(),
            link: Link::None,
            download: Download::new(),
            ways: Default::default(),
            attempt: Attempt::default(),
            client_fault: None,
            tale: Tale::default(),
        }
    }

    /// Ready for somebody else: forgets everything, and keeps no more memory than a new one has.
    pub(crate) fn clear(&mut self, spare: &Buffers) {
        self.inbox.clear(spare);
        self.head.clear();
        self.head_bytes.shrink_to(limits::OUTBOX);
        self.upload.out.clear(limits::OUTBOX);
        self.upload.kept.clear();
        self.upload.kept.shrink_to(limits::OUTBOX);
        self.download.out.clear(limits::OUTBOX);
        self.alarm.hand_over();
        self.leave(spare);
    }

    /// Its client waits to be asked for the body, and the service has not asked (`Expect:
    /// 100-continue`).
    pub(crate) fn is_to_be_asked(&self) -> bool {
        let waits = !self.upload.asked_for && self.upload.passage.moved() == 0;
        waits && self.head.over(&self.head_bytes).expects_continue()
    }

    /// The current try is given up: its connection goes, and whatever came of it.
    pub(crate) fn leave(&mut self, spare: &Buffers) {
        self.link = Link::None;
        self.stage = Stage::Waiting;
        self.due = Due::NEVER;
        self.download.answers.clear(spare);
        self.download.head.clear();
    }
}

impl Upload {
    fn new() -> Self {
        Self {
            passage: Passage::none(),
            out: Outbox::default(),
            kept: Vec::new(),
            gone: false,
            asked_for: false,
            broken: None,
        }
    }

    /// All of it was sent, as far as we are concerned.
    pub(crate) fn is_done(&self) -> bool {
        self.passage.is_done() && self.out.is_empty()
    }

    /// Whether it could be sent again.
    pub(crate) fn body(&self) -> engine::l7::Body {
        if self.gone { engine::l7::Body::Gone } else { engine::l7::Body::Kept }
    }

    /// Keeps what was made for the endpoint since `from`, as long as there is not too much of it.
    pub(crate) fn keep(&mut self, from: usize) {
        if self.gone {
            return;
        }
        let made = &self.out.made()[from..];
        if self.kept.len() + made.len() > limits::KEPT_BODY {
            self.gone = true;
            self.kept.clear();
            return;
        }
        self.kept.extend_from_slice(made);
    }
}

impl Download {
    fn new() -> Self {
        Self {
            answers: Inbox::default(),
            head: ResponseHead::new(),
            head_len: 0,
            interim: 0,
            passage: Passage::none(),
            out: Outbox::default(),
            reusable: false,
            close: false,
            fresh: false,
            breaks_by_reset: false,
        }
    }
}

impl Due {
    pub(crate) const NEVER: Self =
        Self { at: Instant::NEVER, waits: Waits::Service(Cause::IdleTimeout) };
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Connecting(_) => "Connecting",
            Self::Open(_) => "Open",
        })
    }
}
