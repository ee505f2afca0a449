//! Where the parts of a head end: eight bytes at a time.

/// Where the token ends that begins at `at`.
pub(super) fn token_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|&byte| !is_token_byte(byte)).unwrap_or(rest.len())
}

/// Where the request target ends that begins at `at`: at what is no visible character.
pub(super) fn target_end(bytes: &[u8], at: usize) -> usize {
    find(bytes, at, |word| below(word, b'!') | equal(word, DELETE) | word & HIGH)
}

/// Where the colon is, from `at` on; the end if there is none.
pub(super) fn colon(bytes: &[u8], at: usize) -> usize {
    find(bytes, at, |word| equal(word, b':'))
}

/// Where the text ends that begins at `at`, of a field's value or a reason: at a control byte. A tab
/// is none here, nor is what is above ASCII (RFC 9110 section 5.5).
pub(super) fn text_end(bytes: &[u8], mut at: usize) -> usize {
    loop {
        at = find(bytes, at, |word| below(word, b' ') | equal(word, DELETE));
        if bytes.get(at) != Some(&b'\t') {
            return at;
        }
        at += 1;
    }
}

/// The first byte from `at` on that `stops` marks: by the high bit of its byte in a word. Marks above
/// the lowest may be wrong.
fn find(bytes: &[u8], at: usize, stops: impl Fn(u64) -> u64) -> usize {
    let (words, rest) = bytes.get(at..).unwrap_or_default().as_chunks();
    for (number, word) in words.iter().enumerate() {
        let marks = stops(u64::from_le_bytes(*word));
        if marks != 0 {
            return at + 8 * number + (marks.trailing_zeros() / 8) as usize;
        }
    }
    let stops_at = |&byte: &u8| stops(u64::from_le_bytes([byte; 8])) != 0;
    let last = at + 8 * words.len();
    last + rest.iter().position(stops_at).unwrap_or(rest.len())
}

/// Marks bytes below `bound`, which is ASCII.
fn below(word: u64, bound: u8) -> u64 {
    word.wrapping_sub(LOW * u64::from(bound)) & !word & HIGH
}

/// Marks bytes equal to `byte`.
fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ (LOW * u64::from(byte)), 1)
}

/// A character of a token (RFC 9110 section 5.6.2).
pub(super) const fn is_token_byte(byte: u8) -> bool {
    IN_TOKEN[byte as usize]
}

static IN_TOKEN: [bool; 256] = {
    let mut in_token = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        in_token[byte as usize] = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
        byte += 1;
    }
    in_token
};

/// The lowest bit of each byte, and the highest.
const LOW: u64 = u64::from_ne_bytes([0x01; 8]);
const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
const DELETE: u8 = 0x7f;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_ends_at_the_first_byte_that_may_not_stand_in_it_wherever_that_is() {
        type End = fn(&[u8], usize) -> usize;
        type Stops = fn(u8) -> bool;
        let parts: [(End, Stops); 3] = [
            (target_end, |byte| !byte.is_ascii_graphic()),
            (colon, |byte| byte == b':'),
            (text_end, |byte| byte.is_ascii_control() && byte != b'\t'),
        ];
        for (end, stops) in parts {
            for at in 0..20 {
                for byte in 0..=255 {
                    let mut bytes = [b'a'; 20];
                    bytes[at] = byte;
                    // What comes behind it must not matter.
                    bytes.iter_mut().skip(at + 1).for_each(|behind| *behind = b'\r');
                    let first = bytes.iter().skip(2).position(|&byte| stops(byte));

                    assert_eq!(end(&bytes, 2), first.map_or(20, |first| first + 2), "{byte} {at}");
                }
            }
        }
    }
}
