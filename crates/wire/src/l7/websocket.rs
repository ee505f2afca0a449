//! WebSocket frames, as far as someone in the middle has to know them (RFC 6455 section 5).
//!
//! A tunnel is bytes both ways. Only when it has to end, because we drain, does it matter where a
//! frame ends: a close frame in the middle of another frame would be read as its payload. So this
//! counts frames as they go by, and writes one of its own. It unmasks and keeps nothing.

use alloc::vec::Vec;
use core::fmt;

/// The place in one direction of a WebSocket.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    /// The beginning of a head that is not whole.
    head: [u8; LONGEST_HEAD],
    held: usize,
    /// Bytes of payload to come.
    left: u64,
    closed: bool,
}

/// What went by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Passed {
    /// Bytes of the input up to the end of the frame, or all of them.
    pub consumed: usize,
    /// A frame ended there: the next byte begins another, or ours.
    pub at_boundary: bool,
}

/// What a sender did that RFC 6455 does not allow. Nobody knows where its frames end any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A length was not written in the fewest bytes, or has its top bit set (section 5.2).
    Length,
    /// A ping, pong or close is fragmented or longer than 125 bytes (section 5.5).
    Control,
    /// Clients mask, servers do not (section 5.1).
    Mask,
}

/// Who sends in a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// Its frames are masked.
    Client,
    /// Its frames are not.
    Server,
}

impl Frames {
    /// Before the first frame.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets bytes go by, to the end of the current frame at most.
    ///
    /// # Errors
    ///
    /// The sender's fault: the tunnel can go on as bytes, or be cut, but not be closed with a
    /// frame.
    pub fn pass(&mut self, input: &[u8], sender: Sender) -> Result<Passed, Violation> {
        let mut consumed = 0;
        while self.left == 0 {
            let Some(&byte) = input.get(consumed) else {
                return Ok(Passed { consumed, at_boundary: self.is_at_boundary() });
            };
            consumed += 1;
            if self.take_head_byte(byte, sender)? && self.left == 0 {
                return Ok(Passed { consumed, at_boundary: true });
            }
        }
        let there = input.len() - consumed;
        let taken = usize::try_from(self.left).unwrap_or(usize::MAX).min(there);
        self.left -= taken as u64;
        Ok(Passed { consumed: consumed + taken, at_boundary: self.left == 0 })
    }

    /// Would a frame of ours be understood here?
    pub fn is_at_boundary(&self) -> bool {
        self.held == 0 && self.left == 0
    }

    /// The sender has begun to close by itself: no second close frame is needed.
    pub fn has_closed(&self) -> bool {
        self.closed
    }

    /// Is the head whole with this byte?
    fn take_head_byte(&mut self, byte: u8, sender: Sender) -> Result<bool, Violation> {
        self.head[self.held] = byte;
        self.held += 1;
        let head = &self.head[..self.held];
        let &[first, second, ref rest @ ..] = head else {
            return Ok(false);
        };
        check(first, second, sender)?;
        let (extended, masked) = (extended_length(second), second & MASKED != 0);
        if rest.len() < extended + if masked { MASK_KEY } else { 0 } {
            return Ok(false);
        }
        self.left = payload(second, &rest[..extended])?;
        self.closed |= first & OPCODE == CLOSE;
        self.held = 0;
        Ok(true)
    }
}

/// Appends a close frame with a status (1001 going away, 1012 restart) and a reason of at most
/// 123 bytes, cut there if longer.
///
/// Towards a client `mask` is `None`; towards a server it is a key from the caller's randomness.
pub fn close_frame(out: &mut Vec<u8>, status: u16, reason: &str, mask: Option<[u8; 4]>) {
    let end = reason.floor_char_boundary(LONGEST_CONTROL - STATUS);
    let length = u8::try_from(STATUS + end).unwrap_or_default();
    out.push(FINAL | CLOSE);
    out.push(length | if mask.is_some() { MASKED } else { 0 });
    let key = mask.unwrap_or_default();
    if mask.is_some() {
        out.extend_from_slice(&key);
    }
    let payload = status.to_be_bytes().into_iter().chain(reason.bytes().take(end));
    out.extend(payload.zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
}

/// Appends the head of a whole binary message of so many bytes. They follow, masked with the same
/// key.
pub fn message_head(out: &mut Vec<u8>, bytes: u64, mask: Option<[u8; 4]>) {
    out.push(FINAL | BINARY);
    let masked = if mask.is_some() { MASKED } else { 0 };
    match (u8::try_from(bytes), u16::try_from(bytes)) {
        (Ok(bytes @ 0..=125), _) => out.push(masked | bytes),
        (_, Ok(bytes)) => {
            out.push(masked | 126);
            out.extend(bytes.to_be_bytes());
        }
        _ => {
            out.push(masked | 127);
            out.extend(bytes.to_be_bytes());
        }
    }
    out.extend(mask.iter().flatten());
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "A frame's length is not written as it must be.",
            Self::Control => "A control frame is fragmented or too long.",
            Self::Mask => "A frame is masked by a server, or not masked by a client.",
        })
    }
}

impl core::error::Error for Violation {}

fn check(first: u8, second: u8, sender: Sender) -> Result<(), Violation> {
    let is_control = first & CONTROL != 0;
    let is_whole = first & FINAL != 0 && usize::from(second & LENGTH) <= LONGEST_CONTROL;
    if (second & MASKED != 0) != (sender == Sender::Client) {
        Err(Violation::Mask)
    } else if is_control && !is_whole {
        Err(Violation::Control)
    } else {
        Ok(())
    }
}

/// Bytes of length behind the first two.
fn extended_length(second: u8) -> usize {
    match second & LENGTH {
        126 => 2,
        127 => 8,
        _ => 0,
    }
}

fn payload(second: u8, extended: &[u8]) -> Result<u64, Violation> {
    let length = extended.iter().fold(0, |sum: u64, &byte| sum << 8 | u64::from(byte));
    match extended.len() {
        0 => Ok(u64::from(second & LENGTH)),
        2 if length >= 126 => Ok(length),
        8 if (1 << 16..1 << 63).contains(&length) => Ok(length),
        _ => Err(Violation::Length),
    }
}

const FINAL: u8 = 0x80;
const OPCODE: u8 = 0x0f;
const CONTROL: u8 = 0x08;
const CLOSE: u8 = 0x08;
const BINARY: u8 = 0x02;
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7f;
const MASK_KEY: usize = 4;
const STATUS: usize = 2;
/// Bytes of payload that a control frame may have.
const LONGEST_CONTROL: usize = 125;
/// Two bytes, the longest length, and the mask.
const LONGEST_HEAD: usize = 2 + 8 + MASK_KEY;

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn a_frame_ends_where_its_length_says() {
        let mut frames = Frames::new();

        let passed = frames.pass(b"\x81\x02hi\x81\x03", Sender::Server);

        assert_eq!(passed, Ok(Passed { consumed: 4, at_boundary: true }));
    }

    #[test]
    fn boundaries_are_the_same_however_the_bytes_arrive() {
        let mut bytes = Vec::from(&b"\x01\x85abcdhello\x80\x80abcd\x82\xfe\x01\x00abcd"[..]);
        bytes.extend([7; 256]);
        let mut frames = Frames::new();
        let ends: Vec<_> = (0..bytes.len())
            .filter(|&at| frames.pass(&bytes[at..=at], Sender::Client).unwrap().at_boundary)
            .collect();

        assert_eq!(ends, [10, 16, bytes.len() - 1]);
    }

    #[test]
    fn an_empty_input_at_the_beginning_is_at_a_boundary_and_half_a_head_is_not() {
        let mut frames = Frames::new();

        assert_eq!(frames.pass(b"", Sender::Server).map(|passed| passed.at_boundary), Ok(true));
        let half = frames.pass(b"\x81", Sender::Server);
        assert_eq!(half, Ok(Passed { consumed: 1, at_boundary: false }));
    }

    #[test]
    fn a_long_payload_is_counted_and_not_kept() {
        let mut frames = Frames::new();
        let head = b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00";

        assert_eq!(frames.pass(head, Sender::Server).map(|p| p.at_boundary), Ok(false));
        assert_eq!(frames.pass(&[0; 65_535], Sender::Server).map(|p| p.at_boundary), Ok(false));
        assert_eq!(frames.pass(&[0], Sender::Server).map(|p| p.at_boundary), Ok(true));
    }

    #[test]
    fn what_the_rfc_forbids_is_seen() {
        let cases: [(&[u8], Sender, Violation); 6] = [
            (b"\x81\x05", Sender::Client, Violation::Mask),
            (b"\x81\x85", Sender::Server, Violation::Mask),
            (b"\x09\x00", Sender::Server, Violation::Control),
            (b"\x88\x7e", Sender::Server, Violation::Control),
            (b"\x82\x7e\x00\x7d", Sender::Server, Violation::Length),
            (b"\x82\x7f\x80\x00\x00\x00\x00\x01\x00\x00", Sender::Server, Violation::Length),
        ];
        for (bytes, sender, expected) in cases {
            assert_eq!(Frames::new().pass(bytes, sender), Err(expected), "{bytes:x?}");
        }
    }

    #[test]
    fn our_close_frame_is_a_frame_in_both_directions() {
        for (sender, mask) in [(Sender::Server, None), (Sender::Client, Some([1, 2, 3, 4]))] {
            let mut out = Vec::new();
            close_frame(&mut out, 1012, "restart", mask);
            let mut frames = Frames::new();

            let passed = frames.pass(&out, sender);

            assert_eq!(passed, Ok(Passed { consumed: out.len(), at_boundary: true }));
            assert!(frames.has_closed());
        }
    }

    #[test]
    fn a_close_frame_carries_its_status_and_as_much_of_the_reason_as_fits() {
        let mut out = Vec::new();
        close_frame(&mut out, 1001, "bye", None);
        assert_eq!(out, b"\x88\x05\x03\xe9bye");

        out.clear();
        close_frame(&mut out, 1001, &"é".repeat(100), None);
        assert_eq!((out[1], out.len()), (124, 126));
    }
}
