//! The transport layer.
//!
//! [`udp`] hides nothing of what the network does. [`tcp`] hides all of it but time: a loss becomes
//! a wait, and everything behind it on the connection waits too.

pub mod tcp;
pub mod udp;
