//! The network layer: the head of a datagram, and the checksum of the whole family.

mod checksum;
pub mod ip;

pub(crate) use checksum::Checksum;
