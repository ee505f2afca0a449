//! Amounts as a design file writes them: `800ms`, `300/s`, `10%`, `64KiB`, `10Mbit/s`,
//! `20ms..80ms`, `1 of 3`.
//!
//! Everything is read as exact decimal numbers: `1.1s` is 1,100,000,000 nanoseconds, not a float
//! that happens to be near. What is written finer than we count is refused, not rounded.

use base::{Bytes, Duration, Rate, Share};

use crate::design::Part;

/// Why an amount could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// There is no number, or something else than a number and a unit.
    Form,
    /// A number without its unit.
    NoUnit,
    /// A unit that this kind of amount does not have.
    Unit,
    /// More than we can count.
    TooMuch,
    /// Finer than we count.
    TooFine,
}

/// `800ms`, `1.5s`, `2m`, `1h`, `3d`; also `us` and `ns`.
///
/// # Errors
/// See [`Unreadable`].
pub fn duration(text: &str) -> Result<Duration, Unreadable> {
    let nanos = amount(text, &DURATIONS)?;
    Ok(Duration::from_nanos(nanos))
}

/// `300/s`, `0.5/s`, `30/m`, `2/h`; counted in thousandths per second.
///
/// # Errors
/// See [`Unreadable`].
pub fn rate(text: &str) -> Result<Rate, Unreadable> {
    let text = text.trim();
    let (number, unit) = split(text)?;
    let (_, seconds) = find(unit, &RATES)?;
    let millionths = number.times(1_000_000)?;
    let thousandths = u64::try_from((millionths / seconds + 500) / 1_000);
    match thousandths {
        Ok(0) if millionths > 0 => Err(Unreadable::TooFine),
        Ok(thousandths) => Ok(Rate::from_millis_per_sec(thousandths)),
        Err(_) => Err(Unreadable::TooMuch),
    }
}

/// `10%`, `0.05%`; counted in millionths of the whole.
///
/// # Errors
/// See [`Unreadable`].
pub fn share(text: &str) -> Result<Share, Unreadable> {
    let millionths = amount(text, &[("%", 10_000)])?;
    u32::try_from(millionths).map(Share::from_millionths).map_err(|_| Unreadable::TooMuch)
}

/// `64KiB`, `2MiB`, `1500B`; also `kB`, `MB`, `GB`.
///
/// # Errors
/// See [`Unreadable`].
pub fn bytes(text: &str) -> Result<Bytes, Unreadable> {
    amount(text, &BYTES).map(Bytes)
}

/// `10Mbit/s`, `64kbit/s`, `1Gbit/s`: bits per second.
///
/// # Errors
/// See [`Unreadable`].
pub fn bits_per_sec(text: &str) -> Result<u64, Unreadable> {
    amount(text, &BITS)
}

/// `20ms..80ms`.
///
/// # Errors
/// See [`Unreadable`].
pub fn range(text: &str) -> Result<(Duration, Duration), Unreadable> {
    let (first, last) = text.split_once("..").ok_or(Unreadable::Form)?;
    Ok((duration(first)?, duration(last)?))
}

/// `1 of 3`, or `50%`.
///
/// # Errors
/// See [`Unreadable`].
pub fn part(text: &str) -> Result<Part, Unreadable> {
    let Some((some, all)) = text.split_once(" of ") else {
        return share(text).map(Part::Share);
    };
    let count = |text: &str| text.trim().parse().map_err(|_| Unreadable::Form);
    Ok(Part::Of(count(some)?, count(all)?))
}

/// A decimal number: `digits` divided by ten to the power of `places`.
struct Decimal {
    digits: u128,
    places: u32,
}

impl Decimal {
    /// So many times the number, if that is a whole number.
    fn times(&self, factor: u128) -> Result<u128, Unreadable> {
        let product = self.digits.checked_mul(factor).ok_or(Unreadable::TooMuch)?;
        let divisor = 10_u128.pow(self.places);
        if product % divisor != 0 {
            return Err(Unreadable::TooFine);
        }
        Ok(product / divisor)
    }
}

fn amount(text: &str, units: &[(&str, u128)]) -> Result<u64, Unreadable> {
    let (number, unit) = split(text.trim())?;
    let (_, factor) = find(unit, units)?;
    u64::try_from(number.times(factor)?).map_err(|_| Unreadable::TooMuch)
}

fn find<'u>(unit: &str, units: &[(&'u str, u128)]) -> Result<(&'u str, u128), Unreadable> {
    if unit.is_empty() {
        return Err(Unreadable::NoUnit);
    }
    units.iter().find(|(name, _)| *name == unit).copied().ok_or(Unreadable::Unit)
}

/// The number in front and the unit behind it.
fn split(text: &str) -> Result<(Decimal, &str), Unreadable> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let complete = !whole.is_empty() && (fraction.is_empty() != number.contains('.'));
    if !complete || fraction.contains('.') {
        return Err(Unreadable::Form);
    }
    let fraction = fraction.trim_end_matches('0');
    if whole.trim_start_matches('0').len() + fraction.len() > MOST_DIGITS {
        return Err(Unreadable::TooMuch);
    }
    let digits = format!("{whole}{fraction}").parse().map_err(|_| Unreadable::TooMuch)?;
    let places = u32::try_from(fraction.len()).map_err(|_| Unreadable::TooFine)?;
    Ok((Decimal { digits, places }, unit.trim_start()))
}

/// So that a number times the largest unit stays far below `u128::MAX`.
const MOST_DIGITS: usize = 20;

const DURATIONS: [(&str, u128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];
/// Seconds of each.
const RATES: [(&str, u128); 3] = [("/s", 1), ("/m", 60), ("/h", 3_600)];
const BYTES: [(&str, u128); 8] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];
const BITS: [(&str, u128); 4] =
    [("bit/s", 1), ("kbit/s", 1_000), ("Mbit/s", 1_000_000), ("Gbit/s", 1_000_000_000)];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_read_exactly() {
        let nanos = |text| duration(text).map(Duration::as_nanos);

        assert_eq!(nanos("800ms"), Ok(800_000_000));
        assert_eq!(nanos("1.1s"), Ok(1_100_000_000));
        assert_eq!(nanos(" 2 m "), Ok(120_000_000_000));
        assert_eq!(nanos("0.5us"), Ok(500));
        assert_eq!(nanos("0s"), Ok(0));
    }

    #[test]
    fn what_is_no_time_is_refused_with_its_reason() {
        assert_eq!(duration("800"), Err(Unreadable::NoUnit));
        assert_eq!(duration("8 parsecs"), Err(Unreadable::Unit));
        assert_eq!(duration("-1s"), Err(Unreadable::Form));
        assert_eq!(duration("1.2.3s"), Err(Unreadable::Form));
        assert_eq!(duration("1.s"), Err(Unreadable::Form));
        assert_eq!(duration("0.5ns"), Err(Unreadable::TooFine));
        assert_eq!(duration("999999999h"), Err(Unreadable::TooMuch));
        assert_eq!(duration(&"9".repeat(100_000)), Err(Unreadable::TooMuch));
    }

    #[test]
    fn rates_are_counted_in_thousandths() {
        assert_eq!(rate("300/s"), Ok(Rate::per_sec(300)));
        assert_eq!(rate("30/m"), Ok(Rate::from_millis_per_sec(500)));
        assert_eq!(rate("1/m"), Ok(Rate::from_millis_per_sec(17)));
        assert_eq!(rate("0.0001/s"), Err(Unreadable::TooFine));
        assert_eq!(rate("300"), Err(Unreadable::NoUnit));
    }

    #[test]
    fn sizes_and_bandwidths_are_not_mixed_up() {
        assert_eq!(bytes("64KiB"), Ok(Bytes(65_536)));
        assert_eq!(bytes("64kB"), Ok(Bytes(64_000)));
        assert_eq!(bits_per_sec("1.5Mbit/s"), Ok(1_500_000));
        assert_eq!(bytes("1Mbit/s"), Err(Unreadable::Unit));
        assert_eq!(bits_per_sec("1MB"), Err(Unreadable::Unit));
    }

    #[test]
    fn a_part_is_some_of_all_or_a_share() {
        assert_eq!(part("1 of 3"), Ok(Part::Of(1, 3)));
        assert_eq!(part("50%"), Ok(Part::Share(Share::percent(50))));
        assert_eq!(part("one of 3"), Err(Unreadable::Form));
    }

    #[test]
    fn a_range_has_two_ends() {
        let ends = (Duration::from_millis(20), Duration::from_millis(80));

        assert_eq!(range("20ms..80ms"), Ok(ends));
        assert_eq!(range("20ms"), Err(Unreadable::Form));
        assert_eq!(range("20..80ms"), Err(Unreadable::NoUnit));
    }

    /// A float holds every whole number up to here; above, what is shown is rounded.
    const EXACT: u64 = 1_000_000_000_000_000;

    proptest! {
        #[test]
        fn a_duration_that_is_shown_reads_back_the_same(nanos in 0..EXACT) {
            let shown = Duration::from_nanos(nanos).to_string();
            prop_assert_eq!(duration(&shown), Ok(Duration::from_nanos(nanos)));
        }

        #[test]
        fn a_rate_that_is_shown_reads_back_the_same(thousandths in 0..EXACT) {
            let shown = Rate::from_millis_per_sec(thousandths).to_string();
            prop_assert_eq!(rate(&shown), Ok(Rate::from_millis_per_sec(thousandths)));
        }

        #[test]
        fn a_share_that_is_shown_reads_back_the_same(millionths: u32) {
            let shown = Share::from_millionths(millionths).to_string();
            prop_assert_eq!(share(&shown), Ok(Share::from_millionths(millionths)));
        }

        #[test]
        fn an_amount_of_bytes_that_is_shown_reads_back_the_same(count: u64) {
            prop_assert_eq!(bytes(&Bytes(count).to_string()), Ok(Bytes(count)));
        }

        #[test]
        fn no_text_makes_a_reader_stumble(text in "\\PC*") {
            let _ = (duration(&text), rate(&text), share(&text), bytes(&text));
            let _ = (bits_per_sec(&text), range(&text), part(&text));
        }
    }
}
