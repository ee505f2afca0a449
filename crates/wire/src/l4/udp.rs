//! UDP (RFC 768): the head of a datagram.

use alloc::vec::Vec;

use crate::l3::ip;

/// The head of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The sender's port.
    pub source: u16,
    /// The receiver's port.
    pub destination: u16,
}

/// Bytes of a head.
pub const BYTES: usize = 8;

impl Header {
    /// This head and the payload, with its checksum; `ip` is the head of the whole datagram,
    /// whatever is cut into fragments later.
    pub fn write(&self, ip: ip::Header, payload: &[u8], out: &mut Vec<u8>) {
        let begin = out.len();
        let length = u16::try_from(BYTES + payload.len()).unwrap_or(u16::MAX);
        for word in [self.source, self.destination, length, 0] {
            out.extend(word.to_be_bytes());
        }
        out.extend_from_slice(payload);
        let ip = ip::Header { protocol: ip::UDP, payload: length, ..ip };
        let sum = match ip.pseudo().add(&out[begin..]).finish() {
            // No checksum at all is written so; the other zero means the same sum.
            [0, 0] => [0xff; 2],
            sum => sum,
        };
        out[begin + 6..begin + 8].copy_from_slice(&sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_adds_up() {
        let ip = ip::Header {
            source: [10, 0, 0, 1],
            destination: [10, 0, 1, 2],
            protocol: ip::UDP,
            identification: 0,
            hop_limit: 64,
            fragment: ip::Fragment::Never,
            payload: 13,
        };
        let mut out = Vec::new();
        Header { source: 5, destination: 53 }.write(ip, b"hello", &mut out);

        assert_eq!(out.len(), 13);
        assert_eq!(ip.pseudo().add(&out).finish(), [0, 0]);
    }
}
