//! The network card of an instance.

/// How much it carries each way, in bits per second: 10 Gbit/s, what the larger clouds give an
/// ordinary virtual machine ("up to 10 Gbps": Amazon EC2 m5, Google n2-standard-4).
pub const BITS_PER_SEC: u64 = 10_000_000_000;

/// The largest datagram that it sends, in bytes: what an Ethernet frame carries (RFC 894).
pub const MTU: u32 = 1_500;
