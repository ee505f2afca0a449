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
    Answer { flight: Handle, attempt: u8, status: u16, quality: Quality },
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
    /// Time to look at queues and workers.
    Sample,
}

const _: () = assert!(size_of::<Event>() <= 16);
