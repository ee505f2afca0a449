//! The data plane: the real clock and sockets.
//!
//! It carries the calls of one balancer of a design, under exactly the rules that were simulated:
//! every decision is the engine's. What is here moves bytes, and tells the engine what happened.

mod alarm;
mod answer;
mod client;
mod clock;
mod exchange;
mod inbox;
mod instance;
pub mod limits;
mod listener;
mod outbox;
mod plan;
mod running;
mod slots;
mod tasks;
mod upstream;
mod worker;

pub use running::{Options, Refused, Running, start};
