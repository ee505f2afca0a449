//! A length of time as options take it: a number and a unit, as in the design file.

use base::Duration;
use config::units::{self, Unreadable};

/// `120s`, `2m`, `0s`.
///
/// # Errors
/// What to write instead.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    units::duration(text).map_err(|unreadable| match unreadable {
        Unreadable::TooMuch => "that is too long: at most 584 years can be counted".to_owned(),
        Unreadable::TooFine => "that is too fine: nanoseconds are counted".to_owned(),
        Unreadable::Form | Unreadable::NoUnit | Unreadable::Unit => {
            "write a number and a unit: 120s, 2m".to_owned()
        }
    })
}
