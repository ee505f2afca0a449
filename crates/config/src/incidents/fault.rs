//! The kinds of faults and what each needs to know.

use base::Duration;
use model::fault::{Fault, RouteFault};

use super::COMMON;
use crate::codes::{OUT_OF_BOUNDS, UNKNOWN_WORD};
use crate::defaults;
use crate::loss;
use crate::names::{meant, one_of, shown};
use crate::read::{Table, Value};
use crate::report::Report;
use crate::units;

/// Every kind, with the keys that it has for itself.
pub(super) const KINDS: [(&str, &[&str]); 24] = [
    ("slow", &["times"]),
    ("error", &["rate", "status"]),
    ("hang", &[]),
    ("crash", &[]),
    ("restart", &["takes"]),
    ("spike", &["times"]),
    ("drain", &[]),
    ("loss", &["loss"]),
    ("delay", &["by"]),
    ("jitter", &["by"]),
    ("bandwidth", &["bandwidth"]),
    ("duplicate", &["rate"]),
    ("reorder", &["rate", "by"]),
    ("corrupt", &["rate"]),
    ("mtu", &["bytes"]),
    ("partition", &["one_way"]),
    ("link-down", &[]),
    ("nic", &["speed"]),
    ("firewall", &["reject"]),
    ("route", &["how"]),
    ("misroute", &["rate"]),
    ("region-loss", &[]),
    ("descriptors", &["left"]),
    ("clock-jump", &["by"]),
];

/// The fault of a kind, with what its table says.
pub(super) fn read(table: &Table<'_>, kind: &Value<'_>, report: &mut Report) -> Option<Fault> {
    let word = kind.text(report)?;
    let Some(&(_, keys)) = KINDS.iter().find(|(name, _)| *name == word) else {
        let known = KINDS.iter().map(|(name, _)| *name);
        let way_out = match meant(word, known.clone()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("the kinds are {}", one_of(known)),
        };
        let message = format!("there is no kind of fault \"{}\"", shown(word));
        report.push(UNKNOWN_WORD.at(kind.span, message).instead(way_out));
        return None;
    };
    table.allow(&[COMMON, keys], report);
    of_kind(word, &Keys { table }, report)
}

fn of_kind(kind: &str, keys: &Keys<'_, '_>, report: &mut Report) -> Option<Fault> {
    Some(match kind {
        "slow" => Fault::Slow { times: keys.slower(report)? },
        "spike" => Fault::Spike { times: keys.times(0.001, report)? },
        "error" => Fault::Error { rate: keys.share("rate", report)?, status: keys.status(report)? },
        "hang" => Fault::Hang,
        "crash" => Fault::Crash,
        "restart" => Fault::Restart { takes: keys.takes(report)? },
        "drain" => Fault::Drain,
        "loss" => {
            let value = keys.table.require("loss", "\"10%\"", report)?;
            let (loss, burst) = loss::read(&value, report)?;
            Fault::Loss { loss, burst }
        }
        "delay" => Fault::Delay { by: keys.time("by", report)? },
        "jitter" => Fault::Jitter { by: keys.time("by", report)? },
        "bandwidth" => Fault::Bandwidth { bits_per_sec: keys.bandwidth(report)? },
        "duplicate" => Fault::Duplicate { rate: keys.share("rate", report)? },
        "reorder" => {
            let (rate, by) = (keys.share("rate", report), keys.time("by", report));
            Fault::Reorder { rate: rate?, by: by? }
        }
        "corrupt" => Fault::Corrupt { rate: keys.share("rate", report)? },
        "mtu" => Fault::Mtu { bytes: keys.mtu(report)? },
        "partition" => Fault::Partition { one_way: keys.flag("one_way", report)? },
        "link-down" => Fault::LinkDown,
        "nic" => Fault::Nic { speed: keys.share("speed", report)? },
        "firewall" => Fault::Firewall { reject: keys.flag("reject", report)? },
        "route" => Fault::Route(keys.how(report)?),
        "misroute" => Fault::Misroute { rate: keys.part("rate", report)? },
        "region-loss" => Fault::RegionLoss,
        "descriptors" => Fault::Descriptors { left: keys.left(report)? },
        "clock-jump" => Fault::ClockJump { by_nanos: keys.jump(report)? },
        _ => return None,
    })
}

/// The keys of one fault.
struct Keys<'k, 't> {
    table: &'k Table<'t>,
}

impl Keys<'_, '_> {
    fn times(&self, least: f64, report: &mut Report) -> Option<f64> {
        let times = self.table.require("times", "1.4", report)?;
        let number = times.number_told_from(least, (0.0, 10_000.0), report)?;
        if number <= 0.0 {
            report.push(
                times.wrong(&OUT_OF_BOUNDS, "must be above nothing").instead("write `times = 1.4`"),
            );
            return None;
        }
        Some(number)
    }

    /// Less than the usual time would be a cure.
    fn slower(&self, report: &mut Report) -> Option<f64> {
        let times = self.times(1.0, report)?;
        if times >= 1.0 {
            return Some(times);
        }
        let value = self.table.get("times")?;
        report.push(
            value
                .wrong(&OUT_OF_BOUNDS, "would make it faster")
                .because("work takes so many times as long: 1.4 is two fifths slower")
                .instead("write a number above 1, such as `times = 1.4`"),
        );
        None
    }

    fn share(&self, key: &str, report: &mut Report) -> Option<base::Share> {
        self.table.require(key, "\"10%\"", report)?.share(report)
    }

    /// All, if nothing is said.
    fn part(&self, key: &str, report: &mut Report) -> Option<base::Share> {
        self.table.get(key).map_or(Some(base::Share::WHOLE), |value| value.share(report))
    }

    fn time(&self, key: &str, report: &mut Report) -> Option<Duration> {
        self.table.require(key, "\"50ms\"", report)?.some_time(report)
    }

    fn flag(&self, key: &str, report: &mut Report) -> Option<bool> {
        self.table.get(key).map_or(Some(false), |value| value.flag(report))
    }

    fn status(&self, report: &mut Report) -> Option<u16> {
        match self.table.get("status") {
            None => Some(report.assume(&defaults::ERROR_STATUS, None)),
            Some(value) => u16::try_from(value.count(400, 599, report)?).ok(),
        }
    }

    fn takes(&self, report: &mut Report) -> Option<Duration> {
        match self.table.get("takes") {
            None => Some(report.assume(&defaults::RESTART_TAKES, None)),
            Some(value) => value.some_time(report),
        }
    }

    fn bandwidth(&self, report: &mut Report) -> Option<u64> {
        self.table.require("bandwidth", "\"10Mbit/s\"", report)?.bits_per_sec(report)
    }

    /// No link of the internet carries less than 68 bytes (RFC 791, section 3.2).
    fn mtu(&self, report: &mut Report) -> Option<u32> {
        let value = self.table.require("bytes", "\"1400B\"", report)?;
        match u32::try_from(value.bytes(report)?.0) {
            Ok(bytes @ 68..=65_535) => Some(bytes),
            _ => {
                report.push(
                    value
                        .wrong(&OUT_OF_BOUNDS, "is out of bounds")
                        .instead("write a size from \"68B\" to \"65535B\""),
                );
                None
            }
        }
    }

    fn how(&self, report: &mut Report) -> Option<RouteFault> {
        let choices = [
            ("wrong", RouteFault::Wrong),
            ("withdrawn", RouteFault::Withdrawn),
            ("loop", RouteFault::Loop),
        ];
        self.table.require("how", "\"withdrawn\"", report)?.word(&choices, report)
    }

    fn left(&self, report: &mut Report) -> Option<u32> {
        self.table.require("left", "100", report)?.count(0, u32::MAX, report)
    }

    /// Forwards, or backwards with a minus in front.
    fn jump(&self, report: &mut Report) -> Option<i64> {
        let value = self.table.require("by", "\"-5s\"", report)?;
        let text = value.as_text();
        let (sign, rest) = match text.and_then(|text| text.strip_prefix('-')) {
            Some(rest) => (-1, Some(rest)),
            None => (1, text),
        };
        let nanos = rest
            .and_then(|rest| units::duration(rest).ok())
            .and_then(|by| i64::try_from(by.as_nanos()).ok());
        match nanos {
            Some(nanos) => Some(sign * nanos),
            None => value.mistyped("a time, backwards with a minus", "\"-5s\"", report),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_that_the_file_may_name_can_be_read() {
        let text = "times = 2\nrate = \"1%\"\nloss = \"1%\"\nby = \"1s\"\nbandwidth = \"1Mbit/s\"\n\
                    bytes = \"1400B\"\nspeed = \"1%\"\nhow = \"loop\"\nleft = 1";
        let mut report = Report::default();
        let tree = crate::read::parse(text, &mut report);
        let table = Table::new("test", crate::Span::default(), tree.get_ref());

        for (kind, _) in KINDS {
            let fault = of_kind(kind, &Keys { table: &table }, &mut report);
            assert_eq!(fault.map(|fault| fault.kind()), Some(kind));
        }
    }
}
