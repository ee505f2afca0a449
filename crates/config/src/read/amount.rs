//! What somebody probably meant by an amount that cannot be read.
//!
//! A diagnostic offers only amounts that would be read if they were taken: a way out that leads
//! into the next error is none.

use base::Share;

use crate::names::meant;
use crate::units::{self, Unreadable};

/// What is said about a kind of amount when it cannot be read.
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) example: &'static str,
    pub(super) units: &'static str,
    /// A bare number with the units that it may have been meant in, the likeliest first.
    bare: fn(&str) -> Vec<String>,
    /// Units as people also write them, in small letters.
    spelled: &'static [(&'static str, &'static str)],
}

/// Why a text is no amount of this kind, and what to write instead.
pub(super) fn unreadable(
    text: &str,
    why: Unreadable,
    kind: &Kind,
    reads: impl Fn(&str) -> bool,
) -> (String, String) {
    let Kind { name, example, units, .. } = kind;
    match why {
        Unreadable::Form => (
            format!("must be {name}, and \"{text}\" is not one"),
            match text.trim().eq_ignore_ascii_case("none") && text != "none" {
                true => format!("did you mean \"none\"? An amount is written like \"{example}\""),
                false => format!("write it like \"{example}\""),
            },
        ),
        Unreadable::NoUnit => (
            format!("has no unit: \"{text}\""),
            format!("write {}; the units are {units}", quoted(&kind.guesses(text, reads))),
        ),
        Unreadable::Unit => (
            format!("has a unit that {name} cannot have: \"{text}\""),
            match kind.respelled(text).or_else(|| counted(text)).filter(|guess| reads(guess)) {
                Some(guess) => format!("did you mean \"{guess}\"? The units are {units}"),
                None => format!("the units are {units}, as in \"{example}\""),
            },
        ),
        Unreadable::TooMuch => (
            format!("is more than can be counted: \"{text}\""),
            "write a smaller amount".to_owned(),
        ),
        Unreadable::TooFine => (
            format!("is finer than is counted: \"{text}\""),
            "write fewer decimal places".to_owned(),
        ),
    }
}

impl Kind {
    /// What a bare number may have been meant as; an example if nothing makes sense.
    pub(super) fn guesses(&self, number: &str, reads: impl Fn(&str) -> bool) -> Vec<String> {
        let number = number.replace('_', "");
        let mut guesses: Vec<String> =
            (self.bare)(number.trim()).into_iter().filter(|guess| reads(guess)).collect();
        if guesses.is_empty() {
            guesses.push(self.example.to_owned());
        }
        guesses
    }

    /// The same number with the unit that was probably meant.
    fn respelled(&self, text: &str) -> Option<String> {
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, unit) = text.split_at(end);
        let unit = unit.trim().to_lowercase();
        let spelled = self.spelled.iter().find(|(known, _)| *known == unit).map(|(_, is)| *is);
        let in_other_case =
            || self.units.split(", ").find(|known| known.eq_ignore_ascii_case(&unit));
        // Of one or two letters nearly everything is a slip of everything else.
        let slip = || meant(&unit, self.units.split(", ")).filter(|_| unit.chars().count() > 2);
        let unit = spelled.or_else(in_other_case).or_else(slip)?;
        Some(format!("{number}{unit}"))
    }
}

/// `1 in 3` and `1/3` as a design file has it: `1 of 3`.
fn counted(text: &str) -> Option<String> {
    let (some, all) = text.split_once(" in ").or_else(|| text.split_once('/'))?;
    Some(format!("{} of {}", some.trim(), all.trim()))
}

/// "`a` or `b`", each in double quotes.
fn quoted(amounts: &[String]) -> String {
    amounts.iter().map(|amount| format!("\"{amount}\"")).collect::<Vec<_>>().join(" or ")
}

/// Small numbers are rather seconds, large ones milliseconds; which one is for people to say.
fn bare_time(number: &str) -> Vec<String> {
    const RATHER_MILLIS: f64 = 50.0;
    let mut units = ["s", "ms"];
    if number.parse::<f64>().is_ok_and(|number| number >= RATHER_MILLIS) {
        units.reverse();
    }
    units.map(|unit| format!("{number}{unit}")).to_vec()
}

/// Up to 1 it was a part of the whole, above a percentage. Of 1 nobody can tell.
fn bare_share(number: &str) -> Vec<String> {
    let percentage = format!("{number}%");
    let Ok(value) = number.parse::<f64>() else {
        return Vec::new();
    };
    let part =
        units::share(&percentage).ok().and_then(|share| share.as_millionths().checked_mul(100));
    let part = part.map(|millionths| Share::from_millionths(millionths).to_string());
    match value {
        1.0 => [part, Some(percentage)].into_iter().flatten().collect(),
        _ if value < 1.0 => part.into_iter().collect(),
        _ if value <= 100.0 => vec![percentage],
        _ => Vec::new(),
    }
}

/// A whole number is some of how many?
fn bare_part(number: &str) -> Vec<String> {
    if number.contains('.') { bare_share(number) } else { Vec::new() }
}

pub(super) const TIME: Kind = Kind {
    name: "a time",
    example: "800ms",
    units: "ns, us, ms, s, m, h, d",
    bare: bare_time,
    spelled: TIMES,
};
pub(super) const RATE: Kind = Kind {
    name: "a rate",
    example: "300/s",
    units: "/s, /m, /h",
    bare: |number| vec![format!("{number}/s")],
    spelled: &[
        ("/sec", "/s"),
        ("/second", "/s"),
        ("per second", "/s"),
        ("per sec", "/s"),
        ("req/s", "/s"),
        ("requests/s", "/s"),
        ("rps", "/s"),
        ("qps", "/s"),
        ("hz", "/s"),
        ("/min", "/m"),
        ("/minute", "/m"),
        ("per minute", "/m"),
        ("rpm", "/m"),
        ("/hour", "/h"),
        ("per hour", "/h"),
    ],
};
pub(super) const SHARE: Kind = Kind {
    name: "a share",
    example: "10%",
    units: "%",
    bare: bare_share,
    spelled: &[("percent", "%"), ("per cent", "%"), ("pct", "%")],
};
pub(super) const BYTES: Kind = Kind {
    name: "a size",
    example: "64KiB",
    units: "B, KiB, MiB, GiB, TiB, kB, MB, GB",
    bare: |number| ["B", "KiB"].map(|unit| format!("{number}{unit}")).to_vec(),
    spelled: &[
        ("byte", "B"),
        ("bytes", "B"),
        ("k", "KiB"),
        ("m", "MiB"),
        ("g", "GiB"),
        ("kb", "kB"),
    ],
};
pub(super) const BITS: Kind = Kind {
    name: "a bandwidth",
    example: "100Mbit/s",
    units: "bit/s, kbit/s, Mbit/s, Gbit/s",
    bare: |number| vec![format!("{number}Mbit/s")],
    spelled: &[
        ("bps", "bit/s"),
        ("kbps", "kbit/s"),
        ("mbps", "Mbit/s"),
        ("gbps", "Gbit/s"),
        ("kbit", "kbit/s"),
        ("mbit", "Mbit/s"),
        ("gbit", "Gbit/s"),
    ],
};
pub(super) const RANGE: Kind = Kind {
    name: "a range of times",
    example: "20ms..80ms",
    units: "ns, us, ms, s, m, h, d",
    bare: |_| Vec::new(),
    spelled: TIMES,
};
pub(super) const PART: Kind = Kind {
    name: "a part of the instances",
    example: "1 of 3",
    units: "%",
    bare: bare_part,
    spelled: &[("percent", "%"), ("per cent", "%"), ("pct", "%")],
};

const TIMES: &[(&str, &str)] = &[
    ("sec", "s"),
    ("secs", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("msec", "ms"),
    ("msecs", "ms"),
    ("millis", "ms"),
    ("millisecond", "ms"),
    ("milliseconds", "ms"),
    ("usec", "us"),
    ("micros", "us"),
    ("microsecond", "us"),
    ("microseconds", "us"),
    ("nsec", "ns"),
    ("nanos", "ns"),
    ("nanosecond", "ns"),
    ("nanoseconds", "ns"),
    ("min", "m"),
    ("mins", "m"),
    ("minute", "m"),
    ("minutes", "m"),
    ("hr", "h"),
    ("hrs", "h"),
    ("hour", "h"),
    ("hours", "h"),
    ("day", "d"),
    ("days", "d"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_number_is_offered_in_the_units_that_it_may_have() {
        assert_eq!(times("2"), ["2s", "2ms"]);
        assert_eq!(times("800"), ["800ms", "800s"]);
        assert_eq!(times("0.5"), ["0.5s", "0.5ms"]);
        assert_eq!(times("fast"), ["800ms"]);
    }

    #[test]
    fn a_bare_share_is_a_part_of_one_or_a_percentage() {
        assert_eq!(shares("0.8"), ["80%"]);
        assert_eq!(shares("0.001"), ["0.1%"]);
        assert_eq!(shares("80"), ["80%"]);
        assert_eq!(shares("1"), ["100%", "1%"]);
        assert_eq!(shares("800"), ["10%"]);
        assert_eq!(PART.guesses("2", |_| true), ["1 of 3"]);
    }

    #[test]
    fn a_unit_that_is_spelled_out_is_understood() {
        assert_eq!(TIME.respelled("2sec").as_deref(), Some("2s"));
        assert_eq!(TIME.respelled("1.5 minutes").as_deref(), Some("1.5m"));
        assert_eq!(TIME.respelled("800MS").as_deref(), Some("800ms"));
        assert_eq!(RATE.respelled("300 per second").as_deref(), Some("300/s"));
        assert_eq!(BYTES.respelled("8KB").as_deref(), Some("8kB"));
        assert_eq!(BITS.respelled("10Mbps").as_deref(), Some("10Mbit/s"));
    }

    #[test]
    fn what_is_no_slip_is_not_taken_for_one() {
        assert_eq!(RATE.respelled("1/d"), None);
        assert_eq!(TIME.respelled("8 parsecs"), None);
        assert_eq!(TIME.respelled("8"), None);
    }

    fn times(number: &str) -> Vec<String> {
        TIME.guesses(number, |guess| units::duration(guess).is_ok())
    }

    fn shares(number: &str) -> Vec<String> {
        SHARE.guesses(number, |guess| units::share(guess).is_ok_and(|share| share <= Share::WHOLE))
    }
}
