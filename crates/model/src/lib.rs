//! What other people's systems do, without sockets and without a clock of its own.
//!
//! The simulator puts these models on simulated links, `standin` puts the same models on real
//! sockets: a demo shows what was predicted beside what happened because both ask the same code.

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod fault;
pub mod service;
pub mod traffic;
