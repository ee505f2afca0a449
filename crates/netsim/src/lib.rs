//! A network without a clock of its own, and the event queue.
//!
//! - [`Queue`] says what happens next, in an order that favours nobody.
//! - [`l3`] carries datagrams over links and routers, and promises nothing.
//! - [`l4`] makes connections of that: TCP; and UDP, which hides nothing.
//!
//! Nothing here knows a service or a proxy.

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod l3;
pub mod l4;
mod queue;

pub use queue::{Party, Queue};
