//! IPv4 (RFC 791): the head of a datagram, without options.

use alloc::vec::Vec;

use super::Checksum;

/// The head of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Who sent it.
    pub source: [u8; 4],
    /// Who is to get it.
    pub destination: [u8; 4],
    /// What it carries: [`TCP`] or [`UDP`].
    pub protocol: u8,
    /// The same in all fragments of a datagram.
    pub identification: u16,
    /// Routers it may still pass.
    pub hop_limit: u8,
    /// Whether and how it is a fragment.
    pub fragment: Fragment,
    /// Bytes after this head.
    pub payload: u16,
}

/// Which part of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fragment {
    /// All of it, and routers must not cut it.
    Never,
    /// A part.
    Part {
        /// Its first byte, a multiple of eight.
        at: u16,
        /// Others follow.
        more: bool,
    },
}

/// Bytes of a head.
pub const BYTES: usize = LENGTH as usize;
const LENGTH: u16 = 20;
/// The protocol number of TCP.
pub const TCP: u8 = 6;
/// The protocol number of UDP.
pub const UDP: u8 = 17;

impl Header {
    /// Appends the head, its checksum included.
    pub fn write(&self, out: &mut Vec<u8>) {
        let begin = out.len();
        out.extend([0x45, 0]);
        let total = self.payload.saturating_add(LENGTH);
        for word in [total, self.identification, self.fragment.bits()] {
            out.extend(word.to_be_bytes());
        }
        out.extend([self.hop_limit, self.protocol, 0, 0]);
        out.extend(self.source);
        out.extend(self.destination);
        let sum = Checksum::default().add(&out[begin..]).finish();
        out[begin + 10..begin + 12].copy_from_slice(&sum);
    }

    /// What the checksums of TCP and UDP begin with (RFC 9293, 3.1).
    pub(crate) fn pseudo(&self) -> Checksum {
        let sum = Checksum::default().add(&self.source).add(&self.destination);
        sum.add(&[0, self.protocol]).add(&self.payload.to_be_bytes())
    }
}

impl Fragment {
    const fn bits(self) -> u16 {
        match self {
            Self::Never => 0x4000,
            Self::Part { at, more } => (at / 8) | ((more as u16) << 13),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever adds up a head with its checksum gets nothing but ones (RFC 1071, 1).
    #[test]
    fn a_head_adds_up() {
        let mut out = Vec::new();
        HEADER.write(&mut out);

        assert_eq!(out.len(), BYTES);
        assert_eq!(Checksum::default().add(&out).finish(), [0, 0]);
        assert_eq!(out[..4], [0x45, 0, 0, 120]);
        assert_eq!(out[6..10], [0x40, 0, 64, 6]);
    }

    #[test]
    fn a_fragment_says_which_part_it_is() {
        let part = |at, more| Fragment::Part { at, more }.bits();

        assert_eq!(
            (part(0, true), part(1_480, true), part(2_960, false)),
            (0x2000, 0x20b9, 0x0172)
        );
    }

    const HEADER: Header = Header {
        source: [10, 0, 0, 1],
        destination: [10, 0, 1, 2],
        protocol: TCP,
        identification: 7,
        hop_limit: 64,
        fragment: Fragment::Never,
        payload: 100,
    };
}
