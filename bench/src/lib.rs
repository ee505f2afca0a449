//! What a benchmark of proxies needs around them.
//!
//! `cargo xtask bench http1` starts these three and the proxies it compares:
//!
//! - [`upstream`] answers every request from memory, so that it is never what is measured;
//! - [`floor`] is a proxy without any rule: what is left when a proxy decides nothing;
//! - [`load`] sends requests at a fixed rate, whether or not the answers come, checks every byte of
//!   them, and reads the processor time of the proxy over exactly the measured seconds.
//!
//! All three are one thread over epoll: they must cost little, and the floor must be honest.
//! Besides, [`decisions`] plays requests through the deciding code alone, without any proxy, and
//! [`simulation`] measures the simulator.

pub mod answer;
pub mod decisions;
pub mod floor;
pub mod load;
pub mod poll;
pub mod processes;
pub mod simulation;
pub mod upstream;
