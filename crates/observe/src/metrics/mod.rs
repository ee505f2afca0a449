//! Counters, gauges and histograms: written by workers, merged and read on a scrape.
//!
//! Each worker owns its [`Cells`], so an event costs a load and a store in its own memory: no
//! lock, no allocation, no line of cache that two cores fight for. A scrape on another thread adds
//! up what all workers have counted, and writes it as OpenMetrics text.
//!
//! Names, units and help come from [`event`].

mod cells;
mod histogram;
mod registry;
mod series;
pub mod text;

pub use cells::Cells;
pub use registry::{CallNames, Levels, Registry};
