//! The transport layer: the heads of segments and datagrams.

pub mod tcp;
pub mod udp;
