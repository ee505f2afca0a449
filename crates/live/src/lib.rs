//! The data plane: the real clock and sockets.
//!
//! It carries the calls of one balancer of a design, under exactly the rules that were simulated:
//! every decision is the engine's. What is here moves bytes, and tells the engine what happened.

mod admin;
mod answer;
mod buffers;
mod checks;
mod client;
mod clock;
mod descriptors;
mod event_loop;
mod exchange;
mod inbox;
mod instance;
mod levels;
pub mod limits;
mod listener;
mod log;
mod names;
mod options;
mod outbox;
mod plan;
mod record;
mod refused;
mod reports;
mod running;
mod seats;
mod slots;
mod tasks;
mod upstream;
mod worker;

pub use limits::Limits;
pub use log::Target;
pub use options::{DesignFile, Options};
pub use plan::lacking;
pub use record::{Difference, replay};
pub use refused::Refused;
pub use running::{Ended, Running, start};
