//! A network without a clock of its own, and the event queue.
//!
//! - [`Queue`] says what happens next, in an order that favours nobody.
//! - [`geography`] says how long light takes between two places.
//!
//! Nothing here knows a service or a proxy.

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod geography;
mod queue;

pub use queue::{Party, Queue};
