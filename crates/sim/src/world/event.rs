//! What can happen in the world.

use event::Cause;
use model::quality::Quality;

use super::slab::Handle;

/// Something that happens. Small, because millions of them wait in the queue.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// A client's next request is due, unless its pace has changed since.
    Arrive { client: u16, pace: u32 },
    /// A try reaches the instance that it left for.
    Reach { job: Handle },
    /// An instance has done its own work on a job.
    Worked { job: Handle, began: u32 },
    /// An answer is back at the caller.
    Answer { flight: Handle, attempt: u8, status: u16, tries: u8, quality: Quality },
    /// The caller learns that its try came to nothing.
    Broken { flight: Handle, attempt: u8, cause: Cause },
    /// The instance learns that nobody waits for the job any more.
    GaveUp { job: Handle },
    /// An exchange wanted to be told the time.
    Timer { flight: Handle },
    /// The first of an engine's timers is due.
    Timers { engine: u32 },
    /// An engine has endpoints to check.
    Check { engine: u32 },
    /// A check was answered.
    Checked { engine: u32, endpoint: u16, well: bool },
    /// A fault begins, grows or ends.
    Fault { number: u16 },
    /// A datagram has come to its next hop.
    Datagram { datagram: Handle },
    /// An endpoint of a connection wanted to be told the time.
    Segments { connection: Handle, side: u8 },
    /// A connection should stand by now.
    ConnectTimeout { connection: Handle },
    /// Some of an engine's connections may have idled for too long.
    Idle { engine: u32 },
    /// A router hears what another said.
    Announced { announcement: Handle },
    /// An endpoint hears that there is no way to its peer.
    Unreachable { connection: Handle, side: u8 },
    /// The caller gave up a stream, and its connection goes on.
    StreamReset { job: Handle },
    /// A check has reached its instance.
    CheckReached { connection: Handle },
    /// A check was answered.
    CheckAnswered { connection: Handle },
    /// A check should be answered by now.
    CheckDue { connection: Handle },
    /// The time of a session is over.
    SessionEnds { session: Handle },
    /// A client opens its session anew.
    Reconnect { session: Handle },
    /// The caller has closed a session that stood.
    Closed { job: Handle },
    /// A message of a session is due, if it stands.
    Beat { session: Handle },
    /// A message of a session that stands has come, to the one end or the other.
    Message { job: Handle },
    /// An instance wants to be rid of a session.
    Dismissed { job: Handle },
    /// Traffic has ended: so do all sessions.
    CloseSessions,
    /// The sessions of a system that has been up for long stand.
    StandSessions,
    /// Time to look at queues and workers.
    Sample,
}

const _: () = assert!(size_of::<Event>() <= 16);
