//! The rules introduced to each other: the machines that both drivers drive.
//!
//! The simulator and the live balancer are two thin drivers of what is here. A machine takes
//! inputs with the time at which they happened and gives outputs that say what to do; it never
//! waits, sends, or looks at a clock. Given the same inputs, times and seed, its outputs are the
//! same, bit for bit, on every platform.

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod rules;

pub use rules::{Carrier, Idempotence, Rules};
