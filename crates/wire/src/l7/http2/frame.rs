//! Frames: nine bytes of head, then the payload (RFC 9113, 4.1).

use alloc::vec::Vec;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A part of a body.
    Data = 0,
    /// Fields: of a request, of an answer, or behind a body.
    Headers = 1,
    /// A stream is given up.
    RstStream = 3,
    /// What an end can do.
    Settings = 4,
}

/// The head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Bytes of payload, below 2^24.
    pub length: u32,
    /// What it is.
    pub kind: Kind,
    /// The flags of its kind.
    pub flags: u8,
    /// Its stream; 0 for the connection.
    pub stream: u32,
}

/// Bytes of a frame's head.
pub const BYTES: usize = 9;
/// The longest payload that everybody has to take (RFC 9113, 4.2).
pub const MOST: u32 = 16_384;
/// The last frame that an end sends on a stream.
pub const END_STREAM: u8 = 0x1;
/// All fields are in this frame.
pub const END_HEADERS: u8 = 0x4;
/// The code of a stream that is no longer needed (RFC 9113, 7).
pub const CANCEL: u32 = 0x8;

impl Head {
    /// Appends it.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.length.to_be_bytes()[1..]);
        out.extend([self.kind as u8, self.flags]);
        out.extend((self.stream & 0x7fff_ffff).to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_nine_bytes() {
        let mut out = Vec::new();
        let head = Head {
            length: 0x01_0203,
            kind: Kind::Headers,
            flags: END_HEADERS,
            stream: 0x8000_0005,
        };
        head.write(&mut out);

        assert_eq!(out, [1, 2, 3, 1, 4, 0, 0, 0, 5]);
    }
}
