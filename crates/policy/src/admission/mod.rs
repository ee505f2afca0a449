//! How much of a call may be under way at once, and who waits.
//!
//! Without a limit, a slow service collects every request there is, and all of them miss their
//! deadlines together. With one, the rest waits in a queue that has an end, in length and in
//! time: a request that can no longer be answered in time is not worth a place.
//!
//! Normally the one who came first goes first. Once the queue has not been empty for a while, the
//! newest goes first: then at least somebody is answered in time, instead of everybody too late
//! (adaptive LIFO: Maurer, "Fail at Scale", ACM Queue 13(8), 2015).

mod queue;

pub use queue::{Queue, Ticket};

use base::Duration;

use crate::Invalid;

/// What an operator may set. `None` means that there is no such bound: `live` refuses that, models
/// of other people's code need it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Params {
    /// The most requests under way, over all workers of an instance.
    pub in_flight: Option<u32>,
    /// The most requests waiting, over all workers of an instance.
    pub queue: Option<u32>,
}

/// How long the queue must have been standing before the newest goes first: the interval of
/// controlled delay (RFC 8289, section 4.2: 100 ms, a round trip of the wide internet).
pub const OVERLOAD_AFTER: Duration = Duration::from_millis(100);

impl Params {
    /// # Errors
    /// Nothing may ever be under way.
    pub fn new(in_flight: Option<u32>, queue: Option<u32>) -> Result<Self, Invalid> {
        if in_flight == Some(0) {
            return Err(Invalid::Zero("in_flight"));
        }
        Ok(Self { in_flight, queue })
    }
}
