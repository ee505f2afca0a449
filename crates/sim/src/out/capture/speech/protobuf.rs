//! What a message of gRPC says: one field of bytes, so that whoever reads protobuf can read it,
//! whatever its length.

use super::filler;

/// Bytes `from..to` of a message of this length, appended. A single byte can be no field, only the
/// beginning of a group: Wireshark passes over it.
pub(super) fn write(id: u64, length: u64, from: u64, to: u64, out: &mut Vec<u8>) {
    let head = head(length);
    let split = head.len() as u64;
    let of_head = head.iter().zip(0..).filter(|(_, at)| (from..to).contains(at));
    out.extend(of_head.map(|(byte, _)| byte));
    filler(id, from.max(split) - split, to.max(split) - split, out);
}

/// The tag of the field that fills the message, and its length. A length may be written with more
/// bytes than it needs, so that each whole is possible: of 130 bytes, for one.
fn head(length: u64) -> Vec<u8> {
    let Some(rest) = length.checked_sub(1) else { return Vec::new() };
    let widths = (1..).take_while(|width| u64::from(*width) <= rest);
    let mut lengths = widths.map(|width: u8| (width, rest - u64::from(width)));
    let Some((width, bytes)) = lengths.find(|(width, bytes)| bytes >> (7 * width) == 0) else {
        return vec![GROUP];
    };
    let sevens = (0..width).map(|at| (bytes >> (7 * at)).to_le_bytes()[0] | CONTINUES);
    let mut head: Vec<u8> = core::iter::once(TAG).chain(sevens).collect();
    if let Some(last) = head.last_mut() {
        *last &= !CONTINUES;
    }
    head
}

/// Field 15, with a length before its bytes.
const TAG: u8 = 15 << 3 | 2;
/// Field 15, a group of others.
const GROUP: u8 = 15 << 3 | 3;
/// More of a number follows.
const CONTINUES: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_field_fills_a_message_of_any_length() {
        assert!(whole(0).is_empty());
        for length in (2..=300).chain(16_370..16_400).chain([3_000_000]) {
            let bytes = whole(length);
            assert_eq!(bytes.len() as u64, length);
            let width = 1 + bytes[1..].iter().take_while(|byte| **byte >= CONTINUES).count();
            let number = bytes[1..=width].iter().rev();
            let number = number.fold(0_u64, |sum, byte| sum << 7 | u64::from(byte & !CONTINUES));
            assert_eq!((bytes[0], number), (TAG, length - 1 - width as u64), "{length}");
        }
    }

    fn whole(length: u64) -> Vec<u8> {
        let mut out = Vec::new();
        write(7, length, 0, length, &mut out);
        out
    }
}
