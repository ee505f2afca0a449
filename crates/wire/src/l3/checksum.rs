//! The Internet checksum (RFC 1071): the ones' complement of the ones' complement sum of sixteen
//! bits at a time.

/// A sum that grows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Checksum {
    sum: u64,
    /// The last byte so far was the first half of a word.
    is_odd: bool,
}

impl Checksum {
    /// More bytes. They go on where the last ones ended, in the middle of a word if need be.
    #[must_use]
    pub(crate) fn add(mut self, bytes: &[u8]) -> Self {
        let (head, rest) = bytes.split_at(usize::from(self.is_odd).min(bytes.len()));
        self.sum += head.first().map_or(0, |&byte| u64::from(byte));
        let words = rest.chunks_exact(2);
        let last = words.remainder().first().map(|&byte| u64::from(byte) << 8);
        self.sum +=
            words.map(|pair| u64::from(u16::from_be_bytes([pair[0], pair[1]]))).sum::<u64>();
        self.sum += last.unwrap_or(0);
        self.is_odd ^= bytes.len() % 2 == 1;
        self
    }

    /// What goes into the head.
    pub(crate) fn finish(self) -> [u8; 2] {
        let mut sum = self.sum;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        #[expect(clippy::cast_possible_truncation, reason = "folded to sixteen bits")]
        let sum = sum as u16;
        (!sum).to_be_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 1071, 3: the example of the document.
    #[test]
    fn the_sum_of_the_document_comes_out() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];

        assert_eq!(Checksum::default().add(&bytes).finish(), (!0xddf2_u16).to_be_bytes());
    }

    #[test]
    fn pieces_of_any_length_give_the_sum_of_the_whole() {
        let bytes: [u8; 9] = [1, 2, 3, 4, 5, 250, 251, 252, 253];
        let whole = Checksum::default().add(&bytes).finish();

        for first in 0..=9 {
            for second in first..=9 {
                let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                let sum = pieces.into_iter().fold(Checksum::default(), Checksum::add);
                assert_eq!(sum.finish(), whole, "{first} {second}");
            }
        }
    }
}
