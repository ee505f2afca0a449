//! TCP (RFC 9293): the head of a segment, with the options that connections use today.

use alloc::vec::Vec;

use crate::l3::ip;

/// The head of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header<'a> {
    /// The sender's port.
    pub source: u16,
    /// The receiver's port.
    pub destination: u16,
    /// The number of the first byte.
    pub seq: u32,
    /// The next number that is expected.
    pub ack: u32,
    /// The control bits, as on the wire.
    pub flags: u8,
    /// As on the wire: scaled down, but in a SYN.
    pub window: u16,
    /// In a SYN: the largest payload that the sender takes (RFC 9293, 3.7.1).
    pub mss: Option<u16>,
    /// In a SYN: by how many bits windows are scaled (RFC 7323, 2).
    pub scale: Option<u8>,
    /// In a SYN: selective acknowledgements are welcome (RFC 2018, 2).
    pub sack_permitted: bool,
    /// The sender's clock, and the one it answers (RFC 7323, 3).
    pub timestamps: Option<(u32, u32)>,
    /// What arrived after a gap (RFC 2018, 3); at most three with timestamps.
    pub sack: &'a [(u32, u32)],
}

/// Bytes of a head without options.
pub const BYTES: usize = 20;

impl Header<'_> {
    /// Appends the datagram's head, this one and the payload, with both checksums. Everything of
    /// `ip` but the length is taken as it is.
    pub fn write(&self, ip: ip::Header, payload: &[u8], out: &mut Vec<u8>) {
        let head = BYTES + self.options_len();
        let length = u16::try_from(head + payload.len()).unwrap_or(u16::MAX);
        let ip = ip::Header { protocol: ip::TCP, payload: length, ..ip };
        ip.write(out);
        let begin = out.len();
        self.write_fixed(head, out);
        self.write_options(out);
        out.extend_from_slice(payload);
        let sum = ip.pseudo().add(&out[begin..]).finish();
        out[begin + 16..begin + 18].copy_from_slice(&sum);
    }

    fn write_fixed(&self, head: usize, out: &mut Vec<u8>) {
        out.extend(self.source.to_be_bytes());
        out.extend(self.destination.to_be_bytes());
        out.extend(self.seq.to_be_bytes());
        out.extend(self.ack.to_be_bytes());
        #[expect(clippy::cast_possible_truncation, reason = "a head has at most 60 bytes")]
        out.extend([(head as u8 / 4) << 4, self.flags]);
        out.extend(self.window.to_be_bytes());
        // The checksum, and no urgent data.
        out.extend([0; 4]);
    }

    /// Each option begins at a multiple of four, so that nothing has to be padded at the end.
    fn write_options(&self, out: &mut Vec<u8>) {
        if let Some(mss) = self.mss {
            out.extend([2, 4]);
            out.extend(mss.to_be_bytes());
        }
        if let Some(scale) = self.scale {
            out.extend([NOTHING, 3, 3, scale]);
        }
        if self.sack_permitted {
            out.extend([NOTHING, NOTHING, 4, 2]);
        }
        if let Some((clock, echo)) = self.timestamps {
            out.extend([NOTHING, NOTHING, 8, 10]);
            out.extend(clock.to_be_bytes());
            out.extend(echo.to_be_bytes());
        }
        if !self.sack.is_empty() {
            #[expect(clippy::cast_possible_truncation, reason = "at most four blocks")]
            out.extend([NOTHING, NOTHING, 5, 2 + 8 * self.sack.len() as u8]);
            for (start, end) in self.sack {
                out.extend(start.to_be_bytes());
                out.extend(end.to_be_bytes());
            }
        }
    }

    fn options_len(&self) -> usize {
        let small = usize::from(self.mss.is_some())
            + usize::from(self.scale.is_some())
            + usize::from(self.sack_permitted);
        let timestamps = if self.timestamps.is_some() { 12 } else { 0 };
        let sack = if self.sack.is_empty() { 0 } else { 4 + 8 * self.sack.len() };
        4 * small + timestamps + sack
    }
}

/// An option that says nothing: it moves the next one to where it should be.
const NOTHING: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_adds_up_with_every_option() {
        let mut out = Vec::new();
        let header = Header {
            mss: Some(1_448),
            scale: Some(7),
            sack_permitted: true,
            timestamps: Some((5, 6)),
            ..HEADER
        };
        header.write(IP, b"odd", &mut out);

        assert_eq!(out.len(), 20 + 20 + 24 + 3);
        assert_eq!(out[20 + 12] >> 4, 11, "words of the head");
        assert_eq!(sum_of(&out), [0, 0]);
    }

    #[test]
    fn three_ranges_and_timestamps_fill_the_head() {
        let mut out = Vec::new();
        let header =
            Header { timestamps: Some((5, 6)), sack: &[(10, 20), (30, 40), (50, 60)], ..HEADER };
        header.write(IP, &[], &mut out);

        assert_eq!(out.len(), 20 + 60);
        assert_eq!(sum_of(&out), [0, 0]);
    }

    fn sum_of(out: &[u8]) -> [u8; 2] {
        let payload = u16::try_from(out.len() - ip::BYTES).unwrap();
        let pseudo = ip::Header { payload, ..IP }.pseudo();
        pseudo.add(&out[ip::BYTES..]).finish()
    }

    const HEADER: Header<'_> = Header {
        source: 40_000,
        destination: 80,
        seq: 1,
        ack: 2,
        flags: 0x18,
        window: 500,
        mss: None,
        scale: None,
        sack_permitted: false,
        timestamps: None,
        sack: &[],
    };

    const IP: ip::Header = ip::Header {
        source: [10, 0, 0, 1],
        destination: [10, 0, 1, 2],
        protocol: ip::TCP,
        identification: 7,
        hop_limit: 64,
        fragment: ip::Fragment::Never,
        payload: 0,
    };
}
