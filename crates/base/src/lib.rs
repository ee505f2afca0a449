//! The words of all rooms: time, chance, ids and amounts with units.
//!
//! Nothing here knows what a network is. Time is a number that somebody hands in, chance is a
//! stream that somebody named: so whatever is built on these gives the same answer twice.

#![no_std]

#[cfg(test)]
extern crate std;

mod amount;
mod average;
mod id;
mod random;
mod time;

pub use amount::{Bytes, Rate, Share};
pub use average::PeakEwma;
pub use id::{CallId, EndpointId, NodeId, RegionId, RequestId, WorkerId};
pub use random::{Random, hash_name};
pub use time::{Duration, Instant};
