//! Who a message has been through (RFC 9110 section 7.6.3).

use super::list::elements;

/// Does one `Via` field name `pseudonym` as a receiver? Host names ignore case, so this does too.
pub(super) fn names(value: &[u8], pseudonym: &str) -> bool {
    elements(value).filter_map(receiver).any(|by| by.eq_ignore_ascii_case(pseudonym.as_bytes()))
}

/// The second word: `1.1 proxy (comment)`.
fn receiver(element: &[u8]) -> Option<&[u8]> {
    let mut words = element.split(|byte| matches!(byte, b' ' | b'\t')).filter(|w| !w.is_empty());
    words.nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_is_seen_wherever_in_the_list_we_stand() {
        assert!(names(b"1.1 a, HTTP/1.1  Plimsoll-7 (comment), 1.0 b", "plimsoll-7"));
    }

    #[test]
    fn a_name_that_merely_contains_ours_is_no_loop() {
        assert!(!names(b"1.1 plimsoll-77, 1.1 x-plimsoll-7, plimsoll-7", "plimsoll-7"));
    }
}
