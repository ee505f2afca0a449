//! How datagrams are lost: `loss = "1%"`, each by its own chance, or `{ rate = "1%", burst = 5 }`,
//! so many in a row.

use base::Share;

use crate::codes::OUT_OF_BOUNDS;
use crate::read::Value;
use crate::report::Report;

/// The share that is lost, and how many in a row: 1 for each by its own chance.
pub(crate) fn read(value: &Value<'_>, report: &mut Report) -> Option<(Share, u32)> {
    let Some(table) = value.as_table() else { return Some((value.share(report)?, 1)) };
    table.allow(&[&["rate", "burst"]], report);
    let rate = table.require("rate", "\"1%\"", report).and_then(|rate| rate.share(report));
    let burst = table.require("burst", "5", report);
    let count = burst.as_ref().and_then(|burst| burst.count(1, LONGEST, report));
    let (rate, count) = (rate?, count?);
    let most = rate.as_millionths() / FINEST;
    if let Some(burst) = burst.filter(|_| count > 1 && rate != Share::NONE && count > most) {
        report.push(
            burst
                .wrong(&OUT_OF_BOUNDS, format!("is {count} in a row of {rate} in all"))
                .because("chances are counted in millionths, and bursts this long would be too rare for that")
                .instead(format!("write at most `burst = {}`, or a larger `rate`", most.max(1))),
        );
        return None;
    }
    Some((rate, count))
}

/// Longer ones are partitions.
const LONGEST: u32 = 10_000;
/// A burst begins with a chance of the rate divided by its length; ten millionths are right to a
/// twentieth.
const FINEST: u32 = 10;
