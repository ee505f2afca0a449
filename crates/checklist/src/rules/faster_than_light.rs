//! A timeout shorter than light takes there and back.

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "G01",
    title: "a timeout is shorter than light takes",
    trap: Some(8),
    severity: Severity::Error,
    reason: "Light in glass goes about 200 km in a millisecond, and no cable is straight. A try \
        that must be answered sooner than light comes back can never succeed: every one of them \
        is load without a result.",
    check,
    failing: include_str!("../../fixtures/G01-fail.toml"),
    passing: include_str!("../../fixtures/G01-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let Some(patience) = facts.patience(id).filter(|_| !call.stream) else { continue };
        let longest = facts
            .crossings(id)
            .into_iter()
            .filter_map(|(from, to)| Some((facts.round_trip(from, to)?, from, to)))
            .max();
        if let Some((round_trip, from, to)) = longest
            && patience <= round_trip
        {
            let name = |region: base::RegionId| &facts.design.regions[region.index()].name;
            notes.on_call(
                id,
                "attempt_timeout",
                format!(
                    "a try ends after {patience}; from `{}` to `{}` and back takes {:.1}ms at \
                        least",
                    name(from),
                    name(to),
                    round_trip.as_millis_f64()
                ),
                "twice the round trip and the work (a new connection takes a trip of its own), or \
                    `regions = \"own\"`"
                    .to_owned(),
            );
        }
    }
}
