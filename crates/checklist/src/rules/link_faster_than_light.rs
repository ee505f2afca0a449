//! A link whose stated delay no fibre can keep.

use crate::facts::light_time;
use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "G02",
    title: "a link is stated to be faster than light",
    trap: Some(8),
    severity: Severity::Error,
    reason: "The delay of a link replaces what the distance gives. If it is shorter than light \
        takes in glass along the straightest way, either the delay or a place is wrong, and every \
        figure that follows from it is too good.",
    check,
    failing: include_str!("../../fixtures/G02-fail.toml"),
    passing: include_str!("../../fixtures/G02-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (at, link) in facts.design.links.iter().enumerate() {
        let light = light_time(facts.design, link.from, link.to);
        if let (Some(delay), Some(light)) = (link.delay, light)
            && delay < light
        {
            notes.on_link(
                at,
                format!("{delay} one way; light takes {:.1}ms", light.as_millis_f64()),
                "the measured delay one way, not there and back in half a cable".to_owned(),
            );
        }
    }
}
