//! TCP over links that lose, double, delay and reorder, on the crate's own event queue.

#![allow(clippy::cast_possible_truncation, clippy::unwrap_used, unreachable_pub, missing_docs)]

extern crate plimsoll_netsim as netsim;

mod allocations;
mod basics;
mod long;
mod properties;
mod short;
mod world;
