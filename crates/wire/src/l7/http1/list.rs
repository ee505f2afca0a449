//! Comma-separated lists in field values (RFC 9110 section 5.6.1).

use super::lex;

/// The elements, without the white space around them. Empty ones are kept: some readers must
/// refuse them.
pub(super) fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(trim)
}

/// Without the spaces and tabs at both ends.
pub(super) fn trim(value: &[u8]) -> &[u8] {
    let white = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().position(|byte| !white(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !white(byte)).map_or(start, |last| last + 1);
    value.get(start..end).unwrap_or_default()
}

/// A token of RFC 9110 section 5.6.2.
pub(super) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && lex::token_end(text, 0) == text.len()
}

/// A whole number of digits and nothing else: no sign, no prefix, no separator.
///
/// `None` when it is anything else, or more than 2^63 - 1, which not every peer can count to.
pub(super) fn whole_number(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let number = text.iter().try_fold(0_u64, |sum, &digit| {
        sum.checked_mul(10)?.checked_add(u64::from(digit.wrapping_sub(b'0')))
    });
    number.filter(|&number| digits && number <= LARGEST)
}

/// As [`whole_number`], for what only ever is "a long time" or "many": a number beyond counting is
/// the largest there is (RFC 9111 section 1.2.2 asks so of times).
pub(super) fn at_most_largest(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    digits.then(|| whole_number(text).unwrap_or(LARGEST))
}

/// The largest length that a peer with signed 64-bit numbers can count to.
pub(super) const LARGEST: u64 = i64::MAX as u64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_beyond_counting_is_refused_as_a_length_and_the_largest_as_a_time() {
        for beyond in ["9223372036854775808", "18446744073709551616", "99999999999999999999999999"]
        {
            assert_eq!(whole_number(beyond.as_bytes()), None);
            assert_eq!(at_most_largest(beyond.as_bytes()), Some(LARGEST));
        }
        assert_eq!(at_most_largest(b"0120"), Some(120));
        for other in [&b""[..], b"-1", b"+1", b"1.5", b"0x1", b"1 "] {
            assert_eq!(at_most_largest(other), None, "{}", other.escape_ascii());
        }
    }
}
