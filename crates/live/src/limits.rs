//! What clients and services may ask of the balancer, where the design file says nothing.
//!
//! Each is an end to something that would otherwise have none: a peer that sends slowly, reads
//! slowly, sends too much, or never goes. All of them in one place, each with its reason.

mod table;

use base::Duration;
use wire::l7::http1;

pub use table::Limit;

/// The ends of what clients and services may do, for one instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sizes of heads, of clients and services alike.
    pub heads: http1::Limits,
    /// From the first byte of a head to its last. Long enough for a phone in a tunnel, short
    /// enough that ten thousand slow heads (slowloris) are gone after ten seconds. Where the call has a
    /// shorter `timeout`, a head that takes longer than that is whole too late.
    pub head_timeout: Duration,
    /// How long a client may send nothing while we wait for the rest of its body.
    pub body_timeout: Duration,
    /// How long a client may take nothing of an answer while we have something to send. It ends what
    /// the timeout of the call ends later or not at all: streams, and answers of our own.
    pub write_timeout: Duration,
    /// How long a client's connection may idle between two requests: as long as the common
    /// balancers keep it (60 to 75 s), so that nobody has to be told.
    pub client_idle_timeout: Duration,
    /// How long requests in flight may take to finish after SIGTERM, as orchestrators commonly
    /// wait before they kill.
    pub drain_timeout: Duration,
    /// Connections of clients over all workers; `None`: what the descriptors of the process and of
    /// the design allow, one more of them for each client's request.
    pub clients: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            heads: http1::Limits::default(),
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            client_idle_timeout: Duration::from_secs(60),
            drain_timeout: Duration::from_secs(30),
            clients: None,
        }
    }
}

/// How long sent bytes may stay unacknowledged before the kernel gives the peer up. Without it a
/// peer that lost its power holds a connection for about fifteen minutes.
pub const STUCK_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a connection that has asked nothing yet may take to send its one request while we drain:
/// from the beginning of the drain, or from when it was accepted if that is later.
pub const DRAIN_GRACE: Duration = Duration::from_secs(1);

/// How long an answer may take that says why a request is cut at the end of a drain, and how long
/// the process waits for all of them to leave.
pub const LAST_WORD: Duration = Duration::from_millis(500);
/// See [`LAST_WORD`].
pub const LAST_WORDS: Duration = Duration::from_secs(1);

/// When somebody may ask again whom we answer with 503, where no rule says how long that lasts: what
/// has run out comes back with the next request that ends, another instance takes what comes while
/// we drain, and `Retry-After` knows nothing shorter.
pub const ASK_AGAIN: Duration = Duration::from_secs(1);

/// After an answer that leaves a request unread: how long, and for how many bytes, we go on
/// reading. To close at once would reset the connection, and the reset can overtake the answer.
pub const LINGER_TIMEOUT: Duration = Duration::from_secs(2);
/// See [`LINGER_TIMEOUT`].
pub const LINGER_BYTES: usize = 256 * 1024;

/// How much of a request's body is kept so that it can be sent again. The most that is held for
/// all requests of a call is this times its `in_flight`.
pub const KEPT_BODY: usize = 64 * 1024;

/// Interim answers (100, 103) to one request. Real services send one or two; without an end, a
/// broken one could send them for ever.
pub const INTERIM_ANSWERS: u32 = 32;

/// Idle connections that a worker keeps to one endpoint. More are closed after use.
pub const IDLE_PER_ENDPOINT: usize = 256;

/// How much is read at once: so much that a large body costs few system calls, and so little that
/// it stays in the cache of a core until it is written again.
pub const BUFFER: usize = 32 * 1024;

/// How much of a client's next requests is read while the one before is under way.
pub const PIPELINED: usize = 16 * 1024;

/// How much memory for what is written a place of work keeps.
pub const OUTBOX: usize = 16 * 1024;

/// Buffers that a worker keeps for the next requests; more are freed after a peak.
pub const SPARE_BUFFERS: usize = 256;

/// Connections that wait in the kernel to be accepted, for each worker. The kernel takes the
/// lesser of this and `net.core.somaxconn` (4,096 by default).
pub const BACKLOG: i32 = 4_096;

/// How often the names of endpoints are looked up again: records that may move live 30 to 60 s.
pub const NAMES_EVERY: Duration = Duration::from_secs(30);

/// How long the resolver may take for a name. An endpoint keeps the addresses it had.
pub const NAMES_TIMEOUT: Duration = Duration::from_secs(5);

/// How long after a client has stopped sending it is first looked at whether it still listens.
/// Nearly every answer is there before.
pub const HALF_CLOSED_FOR: Duration = Duration::from_secs(1);
/// How long what it was asked may take to come back, and how often that is looked at.
pub const HALF_CLOSED_LOOK: Duration = Duration::from_millis(250);

/// How long a request to the admin pages may take.
pub const ADMIN_TIMEOUT: Duration = Duration::from_secs(5);

/// How old what the event loop knows may be before the kernel is asked instead: about as long as a
/// packet takes within a data centre, because what is on its way while we look is missed anyhow.
pub const HEARSAY: Duration = Duration::from_micros(100);

/// How often lines of the access log are handed over when there are few.
pub const LOG_EVERY: Duration = Duration::from_millis(200);

/// Visits to the admin pages at the same time; the one silent longest gives way to the next.
pub const ADMIN_VISITS: usize = 8;

/// How long accepting pauses when there is no descriptor left.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
