//! Application protocols.

pub mod http1;
