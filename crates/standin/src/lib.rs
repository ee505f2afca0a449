//! The model on real sockets: what other people's systems do, on loopback, for real.
//!
//! The simulator and this crate ask the same [`model`]: workers, queues, drawn times, arrivals,
//! faults. And other people's callers are the same [`engine`] with the rules that a design gives
//! them. So what was predicted can be held beside what happened.
//!
//! - [`Host`]: one instance of a service that listens, queues, works and answers as its model says.
//! - [`Caller`]: other people's code that carries a call, with its timeouts and retries.
//! - [`Crowd`]: open-loop traffic; it never waits for an answer before the next request.
//! - [`incident`]: faults that come and go while all of that runs.
//!
//! Everything lives on one thread, on a tokio `LocalSet`, with one [`Clock`].

mod caller;
mod clock;
mod connection;
mod crowd;
mod host;
pub mod incident;

pub use caller::{Caller, CallerSpec, Listener, Question, Seen};
pub use clock::Clock;
pub use crowd::{Crowd, CrowdSpec};
pub use host::{Host, HostSpec, Step};
