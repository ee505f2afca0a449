//! Links: what the file says about the ways between regions, where it differs from geography.

use std::collections::BTreeMap;

use crate::codes::{CONTRADICTION, OUT_OF_BOUNDS};
use crate::design::Link;
use crate::index::Index;
use crate::loss;
use crate::names::shown;
use crate::read::Table;
use crate::report::Report;

const KEYS: &[&str] = &["delay", "jitter", "loss", "bandwidth", "one_way"];

/// Reads every link.
pub(crate) fn read(root: &Table<'_>, index: &Index<'_>, report: &mut Report) -> Vec<Link> {
    let mut links = Vec::new();
    for from in root.section("link", report) {
        for to in from.tables(report) {
            links.extend(one(&from, &to, index, report));
        }
    }
    report_contradictions(&links, report);
    links
}

fn one(from: &Table<'_>, to: &Table<'_>, index: &Index<'_>, report: &mut Report) -> Option<Link> {
    to.allow(&[KEYS], report);
    let from = index.region(from.name, from.span, report);
    let target = index.region(to.name, to.span, report);
    let one_way = to.get("one_way").and_then(|value| value.flag(report)).unwrap_or(false);
    let bandwidth = to.get("bandwidth").and_then(|value| {
        let bits = value.bits_per_sec(report)?;
        if bits == 0 {
            report.push(value.wrong(&OUT_OF_BOUNDS, "lets nothing through").instead(
                "write more than nothing; for a link that is down use an incident of kind \"partition\"",
            ));
        }
        (bits > 0).then_some(bits)
    });
    let loss = to.get("loss").and_then(|value| loss::read(&value, report));
    let link = Link {
        from: from?,
        to: target?,
        one_way,
        delay: to.get("delay").and_then(|value| value.duration(report)),
        jitter: to.get("jitter").and_then(|value| value.duration(report)),
        loss: loss.map(|(rate, _)| rate),
        burst: loss.map_or(1, |(_, burst)| burst),
        bandwidth,
        span: to.span,
    };
    if link.from == link.to {
        report.push(
            CONTRADICTION
                .at(to.span, format!("a link from `{}` to itself", shown(to.name)))
                .because("a link is the way between two regions")
                .instead("name two regions: `[link.eu.us]`"),
        );
    }
    Some(link)
}

/// Both ways said once, and one of them again.
fn report_contradictions(links: &[Link], report: &mut Report) {
    let by_ends: BTreeMap<_, _> = links.iter().map(|link| ((link.from, link.to), link)).collect();
    for link in links {
        let Some(back) = by_ends.get(&(link.to, link.from)).filter(|_| link.from < link.to) else {
            continue;
        };
        if !link.one_way || !back.one_way {
            report.push(
                CONTRADICTION
                    .at(back.span, "the same way is described twice")
                    .see(link.span, "a link holds both ways unless it says `one_way = true`")
                    .instead("leave one out, or write `one_way = true` in both"),
            );
        }
    }
}
