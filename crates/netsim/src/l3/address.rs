//! Who a datagram is for, and how whole regions of addresses are named at once.

use core::fmt;

/// Where a datagram goes: thirty-two bits, as in IPv4 (RFC 791).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub u32);

/// All addresses that begin alike (RFC 4632, 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    bits: u32,
    length: u8,
}

impl Prefix {
    /// Every address: the default route.
    pub const ALL: Self = Self { bits: 0, length: 0 };

    /// The addresses that share their first `length` bits with `address`; more than 32 is 32.
    pub const fn new(address: Address, length: u8) -> Self {
        let length = if length > 32 { 32 } else { length };
        Self { bits: address.0 & mask(length), length }
    }

    /// This address alone.
    pub const fn host(address: Address) -> Self {
        Self::new(address, 32)
    }

    /// How many leading bits are fixed.
    pub const fn length(self) -> u8 {
        self.length
    }

    /// Whether the address is one of these.
    #[inline]
    pub const fn contains(self, address: Address) -> bool {
        address.0 & mask(self.length) == self.bits
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.0.to_be_bytes();
        write!(f, "{a}.{b}.{c}.{d}")
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Address(self.bits), self.length)
    }
}

const fn mask(length: u8) -> u32 {
    // A shift by all 32 bits is none in Rust's eyes.
    if length == 0 { 0 } else { u32::MAX << (32 - length) }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn a_prefix_holds_the_addresses_that_begin_like_it() {
        let region = Prefix::new(Address(0x0a01_02ff), 16);

        assert!(region.contains(Address(0x0a01_0000)));
        assert!(!region.contains(Address(0x0a02_0000)));
        assert!(Prefix::ALL.contains(Address(7)));
        assert_eq!(region.to_string(), "10.1.0.0/16");
    }
}
