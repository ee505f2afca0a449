//! Losses found by what was received after them (RFC 6675).

use super::flight::Flight;
use super::recovery::DUPLICATES;

/// Finds what is lost: whatever more than two segments were received after (4, IsLost), and the
/// first after three duplicate acknowledgements (5). In a recovery, pass none of these: they are
/// about what was sent again already.
#[inline]
pub(super) fn detect(flight: &mut Flight, duplicates: u8, mss: u32) -> bool {
    let by_ranges = flight.sacked() > 0 && flight.lose_before((u32::from(DUPLICATES) - 1) * mss);
    let by_count = duplicates == DUPLICATES && flight.lost() == 0 && flight.lose_first(mss);
    by_ranges || by_count
}
