//! UDP: a message is a datagram, and what happens to it happens to the message (RFC 768).
//!
//! No connection, no order, no second try. A message larger than the path's MTU becomes several
//! fragments, and is lost if one of them is (RFC 791, 3.2): the chance of a loss grows with them.
//! What arrives faster than it is read is dropped when the receiver's buffer is full.

use event::l4::Event;

/// An IPv4 header without options, in bytes.
pub const IP_HEADER: u32 = 20;
/// A UDP header, in bytes.
pub const UDP_HEADER: u32 = 8;
/// The largest message: what an IPv4 datagram holds after both headers.
pub const LARGEST: u32 = 65_535 - IP_HEADER - UDP_HEADER;

/// The sizes of the datagrams that carry a message of so many bytes, headers included; none if it
/// is larger than [`LARGEST`].
pub fn fragments(bytes: u32, mtu: u32) -> impl Iterator<Item = u32> {
    // All but the last carry a multiple of eight bytes.
    let room = (mtu.saturating_sub(IP_HEADER) / 8 * 8).max(8);
    let mut left = if bytes > LARGEST { 0 } else { bytes + UDP_HEADER };
    core::iter::from_fn(move || {
        let fits_whole = left <= mtu.saturating_sub(IP_HEADER);
        let part = if fits_whole { left } else { left.min(room) };
        left -= part;
        (part > 0).then_some(part + IP_HEADER)
    })
}

/// What has arrived and was not read yet.
#[derive(Clone, Debug)]
pub struct Socket {
    held: u32,
    buffer: u32,
}

impl Socket {
    /// Nothing has arrived. `buffer` is in bytes; Linux's default is 212,992 (`rmem_default`).
    pub const fn new(buffer: u32) -> Self {
        Self { held: 0, buffer }
    }

    /// A whole message has arrived.
    ///
    /// # Errors
    ///
    /// [`Event::DatagramDropped`] if there is no room for it. The sender does not learn of it.
    pub const fn arrive(&mut self, bytes: u32) -> Result<(), Event> {
        let held = self.held.saturating_add(bytes);
        if held > self.buffer {
            return Err(Event::DatagramDropped);
        }
        self.held = held;
        Ok(())
    }

    /// The application has taken a message.
    pub const fn read(&mut self, bytes: u32) {
        self.held = self.held.saturating_sub(bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn a_small_message_is_one_datagram_and_a_large_one_several() {
        let sizes = |bytes| fragments(bytes, 1_500).collect::<Vec<_>>();

        assert_eq!(sizes(0), [28]);
        assert_eq!(sizes(1_472), [1_500]);
        assert_eq!(sizes(1_473), [1_500, 21]);
        assert_eq!(sizes(LARGEST).len(), 45);
        assert_eq!(sizes(LARGEST + 1), []);
    }

    #[test]
    fn what_is_not_read_fills_the_buffer_and_the_rest_is_dropped() {
        let mut socket = Socket::new(250);

        let arrived = [100; 3].map(|bytes| socket.arrive(bytes));
        assert_eq!(arrived, [Ok(()), Ok(()), Err(Event::DatagramDropped)]);

        socket.read(100);
        assert_eq!(socket.arrive(100), Ok(()));
    }
}
