//! The files of `--out`: what a run was, for the tools that people have.
//!
//! | file | for |
//! |---|---|
//! | `report.html` | a browser: everything on one page |
//! | `timeline.json` | a program: the course of the run |
//! | `traces.json` | OpenTelemetry: example requests as spans |
//! | `metrics.txt` | Prometheus: the live plane's series, with times |
//! | `packets.pcapng` | Wireshark: a stretch of the run, packet by packet |
//!
//! They are written from one more run of the first seed, which somebody listens to.

#![allow(dead_code, reason = "the other files come next")]

pub(crate) mod capture;

use base::Instant;

/// Where the clocks of all files begin, in seconds since 1970: the first of January 2000, UTC. A
/// run has no date, and zero means "unknown" to some readers.
const EPOCH_S: u64 = 946_684_800;

/// Nanoseconds since 1970.
const fn since_epoch(at: Instant) -> u64 {
    EPOCH_S * 1_000_000_000 + at.as_nanos()
}
