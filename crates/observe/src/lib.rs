//! Events become what people read: metrics, access log records, the phases of an incident.
//!
//! - [`metrics`]: counters and histograms that a worker writes and a scrape reads.
//! - [`log`]: one line of JSON for each request.
//! - [`phases`]: which phase of an incident a system was in, and from when to when.
//! - [`plot`]: a series as a line of text.

pub mod log;
pub mod metrics;
pub mod phases;
pub mod plot;
