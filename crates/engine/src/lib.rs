//! The rules introduced to each other: the machines that both drivers drive.
//!
//! The simulator and the live balancer are two thin drivers of what is here. A machine takes
//! inputs with the time at which they happened and gives outputs that say what to do; it never
//! waits, sends, or looks at a clock. Given the same inputs, times and seed, its outputs are the
//! same, bit for bit, on every platform.
//!
//! - [`l7::Exchange`] is one request: it is admitted, sent, judged, sent again, answered.
//! - [`Call`] is what the requests of one call share on one worker: breaker, beliefs, queue.
//! - [`Belief`] is what a worker believes of the endpoints of a call.
//! - [`Shared`] is what the file promises as a number, exact across workers.
//! - [`Pool`] keeps connections for the next attempt.

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod atomic;
mod belief;
mod call;
pub mod l7;
mod pool;
mod rules;
mod shared;

pub use belief::{Belief, EndpointSpec};
pub use call::{Call, CallSpec};
pub use pool::Pool;
pub use rules::{Carrier, Idempotence, Rules};
pub use shared::{Shared, Withdrawal};
