//! What other people's systems do, without sockets and without a clock of its own.
//!
//! The simulator puts these models on simulated links, `standin` puts the same models on real
//! sockets: a demo shows what was predicted beside what happened because both ask the same code.
//!
//! - [`traffic`]: when requests arrive ([`traffic::Source`]) and what they ask for.
//! - [`service`]: workers, a queue, and the time that work takes ([`service::Service`]).
//! - [`cache`]: what a cache keeps, and who waits for a miss of somebody else.
//! - [`replica`]: what a database has acknowledged, and which copies have it.
//! - [`clock`]: what a node believes the time is.
//! - [`fault`]: what can go wrong, and how large it is at which time.
//! - [`card`]: what the network card of an instance carries.
//! - [`geography`]: how far apart two places are, in time.
//! - [`quality`]: how good an answer is.
//! - [`closed`]: formulas that the models are held against.

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod cache;
pub mod card;
pub mod clock;
pub mod closed;
mod distribution;
pub mod fault;
pub mod geography;
pub mod quality;
pub mod replica;
pub mod service;
pub mod traffic;
