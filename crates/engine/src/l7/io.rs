//! What an exchange is told, and what it says.

use base::{Duration, EndpointId, Instant, WorkerId};
use event::Cause;
use policy::retry::Grounds;

/// The driver's own number for an exchange, given back when its turn has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub u32);

/// What the deciding code needs to know of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its method is idempotent (RFC 9110, 9.2.2).
    pub idempotent_method: bool,
    /// It carries an `Idempotency-Key`, or its schema declares it idempotent.
    pub declared_idempotent: bool,
    /// How much time its client says remains; may only shorten ours.
    pub client_remaining: Option<Duration>,
    /// Which try of its client it is, 1 for the first. A client that tries again itself gets no
    /// retries from us: tries at two layers multiply.
    pub client_attempt: u8,
    /// How long it took to arrive: the time of its client that went by before anything could be
    /// decided.
    pub head_took: Duration,
}

impl Default for Request {
    /// A first try of something that must not be done twice.
    fn default() -> Self {
        Self {
            idempotent_method: false,
            declared_idempotent: false,
            client_remaining: None,
            client_attempt: 1,
            head_took: Duration::ZERO,
        }
    }
}

/// Whether the body of the request could be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// There is none, or all that left so far is kept.
    Kept,
    /// It was larger than what is kept.
    Gone,
    /// None of it is here, and it could be sent: its client waits to be asked for it (`Expect:
    /// 100-continue`), and the service has not asked. Who is to blame for what does not come then,
    /// a service that hangs or a client that should not have waited so long, nobody can tell.
    Awaited,
}

/// Something that happened to an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The head of the request is here. The first input, and only once.
    Begin(Request),
    /// The turn has come that [`Output::Admit`] or [`crate::Call::woken`] gave to its key. It
    /// changes nothing where no turn was given.
    Turn,
    /// A byte of the current attempt has reached the kernel. From here on silence proves nothing.
    Sent,
    /// The head of the answer to the current attempt is here. Not for 1xx.
    Head {
        /// Its status.
        status: u16,
        /// How long the peer asks to be left alone.
        retry_after: Option<Duration>,
        /// How many tries it took below, as the peer says in `Plimsoll-Attempt`; 1 where it says
        /// nothing. Who has tried again itself is not asked again: tries at two layers multiply.
        attempts: u8,
        /// Whether the request's body could be sent again.
        body: Body,
    },
    /// The answer has been passed on, whole.
    Finished,
    /// The current attempt failed.
    Failed {
        /// Why.
        cause: Cause,
        /// The peer said that it did not process it (HTTP/2: REFUSED_STREAM, above GOAWAY's id).
        refused_by_peer: bool,
        /// Whether the request's body could be sent again.
        body: Body,
    },
    /// The time has come that the last output named.
    Time {
        /// Whether the request's body could be sent again.
        body: Body,
    },
    /// The client is gone, or its request broke off.
    ClientLeft,
    /// The client did not do its part: it sent its request too slowly, or not as its head said, or it
    /// did not take the answer. With [`Cause::Timeout`]: the request's time is up, and the client was
    /// the one waited for. Nothing of this speaks against the service.
    ClientFailed(Cause),
    /// Its driver ends, and the time in which requests may finish is over.
    ShutDown,
}

/// Something to do for an exchange. Poll until there is none after each input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send the request to this endpoint.
    Attempt {
        /// Whom to ask.
        endpoint: EndpointId,
        /// When this try has failed if no head of an answer is here; tell then: [`Input::Time`].
        until: Instant,
        /// Which try it is, those of the hops before included; 1 for the very first: goes out as
        /// `Plimsoll-Attempt`.
        number: u8,
        /// What remains of the request's time: goes out as `Plimsoll-Timeout-Ms`.
        remaining: Option<Duration>,
        /// Why sending it again is safe; nothing for the first try.
        grounds: Option<Grounds>,
    },
    /// Nothing to do until then, unless something happens before; tell then: [`Input::Time`].
    Wait {
        /// Until when.
        until: Instant,
    },
    /// Pass on the answer whose head was just told. Its end is due by `until`.
    Relay {
        /// When the request's time is up; tell then: [`Input::Time`].
        until: Instant,
    },
    /// Leave the current attempt: nobody waits for its answer any more.
    Cancel {
        /// Whose.
        endpoint: EndpointId,
    },
    /// Answer the client with this failure. The exchange has ended.
    Respond {
        /// Why.
        cause: Cause,
        /// When it is worth asking again.
        retry_after: Option<Duration>,
    },
    /// A head has left already, so the failure can only be shown by breaking off. The exchange
    /// has ended.
    Abort {
        /// Why.
        cause: Cause,
    },
    /// The turn of another exchange of this worker has come: tell it [`Input::Turn`].
    Admit(Key),
    /// Another worker has somebody waiting and there is room now: it should ask
    /// [`crate::Call::woken`].
    Wake(WorkerId),
}
