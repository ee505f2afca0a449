//! What two endpoints say to each other (RFC 9293, 3.1), without the bytes.

use core::fmt;
use core::ops::BitOr;

/// A TCP segment. Its payload is the range `seq..seq + len` of the sender's stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// The sequence number of the first byte, or of SYN or FIN if there is none.
    pub seq: u32,
    /// The next sequence number that is expected.
    pub ack: u32,
    /// How many bytes after `ack` may be sent. Already scaled (RFC 7323, 2).
    pub window: u32,
    /// How many bytes of payload.
    pub len: u32,
    /// The sender's clock in microseconds (RFC 7323, 3); 0 without timestamps.
    pub timestamp: u32,
    /// The timestamp that this answers; 0 without timestamps.
    pub echo: u32,
    /// What arrived after a gap.
    pub sack: SackBlocks,
    /// What else it says.
    pub flags: Flags,
}

/// The control bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u8);

/// Up to three ranges that arrived after a gap, the latest first (RFC 2018, 4). The first may be
/// one that arrived twice (RFC 2883).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SackBlocks {
    blocks: [(u32, u32); SackBlocks::MOST],
    count: u8,
}

impl Segment {
    /// The sequence number after it; SYN and FIN count as one.
    pub const fn end(&self) -> u32 {
        self.seq.wrapping_add(self.span())
    }

    /// Where its payload stands in the sender's stream, modulo 2^32, if the sender began with the
    /// initial sequence number `initial`: with that, whoever knows what was written can tell the
    /// bytes.
    pub const fn offset(&self, initial: u32) -> u32 {
        self.seq.wrapping_sub(initial).wrapping_sub(1)
    }

    /// How many sequence numbers it takes.
    pub const fn span(&self) -> u32 {
        self.len + self.flags.has(Flags::SYN) as u32 + self.flags.has(Flags::FIN) as u32
    }

    /// Bytes of the datagram: IPv4 and TCP headers without options, those options that it has, and
    /// the payload.
    pub const fn bytes(&self) -> u32 {
        let timestamps = if self.timestamp != 0 { TIMESTAMPS } else { 0 };
        let handshake = if self.flags.has(Flags::SYN) { HANDSHAKE } else { 0 };
        HEADERS + timestamps + handshake + self.sack.bytes() + self.len
    }

    /// What a host answers that has no such connection (RFC 9293, 3.10.7.1); nothing to a reset.
    pub fn answer_of_a_stranger(&self) -> Option<Self> {
        if self.flags.has(Flags::RST) {
            return None;
        }
        if self.flags.has(Flags::ACK) {
            return Some(Self { seq: self.ack, flags: Flags::RST, ..Self::default() });
        }
        Some(Self { ack: self.end(), flags: Flags::RST_ACK, ..Self::default() })
    }
}

impl Flags {
    /// No more data from the sender.
    pub const FIN: Self = Self(0x01);
    /// The first sequence number.
    pub const SYN: Self = Self(0x02);
    /// There is no such connection.
    pub const RST: Self = Self(0x04);
    /// Deliver without waiting for more.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgement counts.
    pub const ACK: Self = Self(0x10);
    /// FIN, and ACK.
    pub const FIN_ACK: Self = Self(0x11);
    /// SYN, and ACK: the answer to SYN.
    pub const SYN_ACK: Self = Self(0x12);
    /// RST, and ACK.
    pub const RST_ACK: Self = Self(0x14);

    /// Whether all of `other` is set.
    #[inline]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// As on the wire.
    pub const fn bits(self) -> u8 {
        self.0
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, rhs: Self) -> Self {
        Self(self.0 | rhs.0)
    }
}

impl SackBlocks {
    /// With timestamps there is no room for a fourth (RFC 2018, 3).
    pub const MOST: usize = 3;

    /// Adds a block; beyond the third they are left out.
    pub fn push(&mut self, start: u32, end: u32) {
        if let Some(place) = self.blocks.get_mut(usize::from(self.count)) {
            *place = (start, end);
            self.count += 1;
        }
    }

    /// The blocks, the latest first.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32)> {
        self.blocks.into_iter().take(usize::from(self.count))
    }

    /// Whether there are none.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of the option, padded to a multiple of four.
    pub const fn bytes(&self) -> u32 {
        if self.count == 0 { 0 } else { 4 + 8 * self.count as u32 }
    }
}

/// As capture tools write it: `S F R P .`, the range, the acknowledgement, the blocks.
impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LETTERS: [(Flags, &str); 5] = [
            (Flags::SYN, "S"),
            (Flags::FIN, "F"),
            (Flags::RST, "R"),
            (Flags::PSH, "P"),
            (Flags::ACK, "."),
        ];
        for (flag, letter) in LETTERS {
            f.write_str(if self.flags.has(flag) { letter } else { "" })?;
        }
        write!(f, " {}:{}", self.seq, self.seq.wrapping_add(self.len))?;
        if self.flags.has(Flags::ACK) {
            write!(f, " ack {}", self.ack)?;
        }
        self.sack.iter().try_for_each(|(start, end)| write!(f, " sack {start}:{end}"))
    }
}

/// IPv4 and TCP, 20 bytes each.
pub(super) const HEADERS: u32 = 40;
/// Two times four bytes, kind and length, padded.
pub(super) const TIMESTAMPS: u32 = 12;
/// Maximum segment size, window scale, SACK permitted; padded.
const HANDSHAKE: u32 = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syn_and_fin_take_a_number_each() {
        let segment = Segment { seq: u32::MAX, flags: Flags::SYN, ..Segment::default() };

        assert_eq!(segment.end(), 0);
        assert_eq!(segment.bytes(), 52);
    }

    #[test]
    fn the_first_byte_of_a_stream_stands_at_offset_0_whatever_its_number() {
        let segment = Segment { seq: 4, len: 10, ..Segment::default() };

        assert_eq!((segment.offset(3), segment.offset(u32::MAX)), (0, 4));
    }

    #[test]
    fn a_stranger_resets_everything_but_resets() {
        let syn = Segment { seq: 5, flags: Flags::SYN, ..Segment::default() };
        let answer = syn.answer_of_a_stranger().unwrap();

        assert_eq!((answer.ack, answer.flags), (6, Flags::RST_ACK));
        assert_eq!(answer.answer_of_a_stranger(), None);
    }
}
