//! Bytes to meaning and back, without I/O.
//!
//! A codec here is handed bytes and gives back what they say, or why they are refused. It reads no
//! socket, keeps no clock and spawns nothing, so that the live balancer, the stand-in services and
//! a fuzzer all drive the same code.
//!
//! - [`l3::ip`], [`l4::tcp`], [`l4::udp`]: the heads of datagrams, for captures.
//! - [`l7::http1`]: HTTP/1.1, strict.
//! - [`l7::http2`]: frames and fields, written.
//! - [`l7::websocket`]: where frames end, and a close frame of our own.

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod l3;
pub mod l4;
pub mod l7;
