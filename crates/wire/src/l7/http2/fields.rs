//! Fields as literals (RFC 7541, 6.2.2), without Huffman's code.

use alloc::vec::Vec;

/// Appends a field that no table remembers. `name` is in lower case.
pub fn literal(name: &str, value: &[u8], out: &mut Vec<u8>) {
    out.push(0);
    text(name.as_bytes(), out);
    text(value, out);
}

/// Appends a field that everybody knows whole, by its place in the fixed table (RFC 7541, 6.1 and
/// appendix A).
pub fn known(place: u8, out: &mut Vec<u8>) {
    out.push(0x80 | place);
}

/// Appends a field whose name has a place in the fixed table, and that no table remembers.
pub fn named(place: u8, value: &[u8], out: &mut Vec<u8>) {
    // Four bits hold the place; what they cannot hold follows (RFC 7541, 5.1).
    match place.checked_sub(15) {
        None => out.push(place),
        Some(more) => out.extend([15, more]),
    }
    text(value, out);
}

/// `:authority`.
pub const AUTHORITY: u8 = 1;
/// `:method`, with [`METHOD_GET`] and [`METHOD_POST`] whole.
pub const METHOD: u8 = 2;
/// `:method: GET`.
pub const METHOD_GET: u8 = 2;
/// `:method: POST`.
pub const METHOD_POST: u8 = 3;
/// `:path`.
pub const PATH: u8 = 4;
/// `:scheme: http`.
pub const SCHEME_HTTP: u8 = 6;
/// `:status`.
pub const STATUS: u8 = 8;
/// `:status: 200`.
pub const STATUS_200: u8 = 8;
/// `content-type`.
pub const CONTENT_TYPE: u8 = 31;

/// Bytes of a literal field.
pub const fn literal_len(name: usize, value: usize) -> usize {
    1 + length_len(name) + name + length_len(value) + value
}

fn text(text: &[u8], out: &mut Vec<u8>) {
    let length = text.len();
    if length < SMALL {
        #[expect(clippy::cast_possible_truncation, reason = "below 127")]
        out.push(length as u8);
    } else {
        #[expect(clippy::cast_possible_truncation, reason = "127")]
        out.push(SMALL as u8);
        rest(length - SMALL, out);
    }
    out.extend_from_slice(text);
}

/// Seven bits at a time, the lowest first (RFC 7541, 5.1).
fn rest(mut left: usize, out: &mut Vec<u8>) {
    while left >= 128 {
        #[expect(clippy::cast_possible_truncation, reason = "seven bits")]
        out.push((left % 128) as u8 | 128);
        left /= 128;
    }
    #[expect(clippy::cast_possible_truncation, reason = "below 128")]
    out.push(left as u8);
}

const fn length_len(length: usize) -> usize {
    if length < SMALL {
        return 1;
    }
    let (mut left, mut bytes) = (length - SMALL, 2);
    while left >= 128 {
        left /= 128;
        bytes += 1;
    }
    bytes
}

/// What seven bits hold, less the mark that more follows.
const SMALL: usize = 127;

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7541, C.2.2, but for the name, which stands there as a number.
    #[test]
    fn a_literal_is_its_two_texts_with_their_lengths() {
        let mut out = Vec::new();
        literal(":path", b"/sample/path", &mut out);

        assert_eq!(out, b"\x00\x05:path\x0c/sample/path");
    }

    /// RFC 7541, C.2.2 and C.3.1; the last place does not fit into four bits.
    #[test]
    fn what_stands_in_the_fixed_table_is_a_number() {
        let mut out = Vec::new();
        known(METHOD_GET, &mut out);
        named(PATH, b"/sample/path", &mut out);
        named(CONTENT_TYPE, b"a", &mut out);

        assert_eq!(out, b"\x82\x04\x0c/sample/path\x0f\x10\x01a");
    }

    #[test]
    fn its_length_is_known_before_it_is_written() {
        for value in [0, 1, 126, 127, 128, 254, 255, 300, 16_510, 16_511, 40_000] {
            let mut out = Vec::new();
            literal("x-pad", &std::vec![b'a'; value], &mut out);

            assert_eq!(out.len(), literal_len(5, value), "{value}");
        }
    }

    /// RFC 7541, C.1.2: 1337 in five bits is 31 154 10; in seven it is 127 186 9.
    #[test]
    fn long_lengths_go_on_in_more_bytes() {
        let mut out = Vec::new();
        text(&std::vec![b'a'; 1_337], &mut out);

        assert_eq!(out[..3], [127, 186, 9]);
    }
}
