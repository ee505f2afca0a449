//! What the simulator costs, without packets.
//!
//! - [`shop`]: one client, one service, one plain call, played through the whole simulator. Every
//!   request goes through `Exchange`, and everything that is counted through `event`.
//! - [`bare`]: the same queue as a loop over a heap that knows nothing else.
//! - [`pending`]: the event queue alone, with few and with many events to come.
//! - [`open`]: many connections that stand at once.
//!
//! Time is processor time of this thread: what else the machine does is not in it.

pub mod bare;
pub mod open;
pub mod pending;
pub mod shop;

use config::{Design, NoFiles};
use rustix::time::{ClockId, clock_gettime};

/// Seconds that this thread has run so far.
pub fn processor_secs() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// A design from its text.
///
/// # Errors
///
/// What is wrong with it.
fn design(text: &str) -> Result<Design, String> {
    let loaded = config::load_bytes(text.as_bytes(), &NoFiles);
    loaded.design.ok_or_else(|| format!("{text}\n{:#?}", loaded.diagnostics))
}
