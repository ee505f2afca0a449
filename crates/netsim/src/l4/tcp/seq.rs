//! Sequence numbers: thirty-two bits on the wire, sixty-four inside.
//!
//! On the wire they wrap every four gibibytes (RFC 9293, 3.4). Inside, a position never wraps, so
//! that everything else may compare positions as plain numbers; the wrap is dealt with here, once.

/// The position that an initial sequence number stands for. One turn up, so that a position just
/// before it is still a number.
pub(super) const fn origin(initial: u32) -> u64 {
    (1 << 32) + initial as u64
}

/// The sequence number of a position.
#[expect(clippy::cast_possible_truncation, reason = "the wire carries the low half")]
#[inline]
pub(super) const fn wire(position: u64) -> u32 {
    position as u32
}

/// The position nearest to `near` that has this sequence number.
#[inline]
pub(super) const fn position(near: u64, sequence: u32) -> u64 {
    let distance = sequence.wrapping_sub(wire(near)).cast_signed();
    near.wrapping_add_signed(distance as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_after_the_wrap_is_later() {
        let before = origin(u32::MAX);

        assert_eq!(position(before, 4), before + 5);
        assert_eq!(position(before + 5, u32::MAX), before);
    }

    proptest! {
        #[test]
        fn a_position_survives_the_wire(near in 1_u64 << 33..1 << 50, distance in -0x7fff_ffff_i64..0x7fff_ffff) {
            let there = near.wrapping_add_signed(distance);
            prop_assert_eq!(position(near, wire(there)), there);
        }
    }
}
