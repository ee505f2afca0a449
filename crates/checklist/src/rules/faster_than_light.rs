//! A timeout shorter than light takes there and back.

use base::{CallId, Duration, RegionId};

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "G01",
    title: "a timeout is shorter than light takes",
    trap: Some(8),
    severity: Severity::Error,
    reason: "Light in glass goes about 200 km in a millisecond, and no cable is straight. A try \
        that must be answered sooner than light comes back can never succeed, nor can a connection \
        that must stand sooner, nor a check: every one of them is load without a result.",
    check,
    failing: include_str!("../../fixtures/G01-fail.toml"),
    passing: include_str!("../../fixtures/G01-pass.toml"),
};

/// The longest way there and back that a call may take, and what has to fit it.
pub(super) struct Farthest {
    pub(super) round_trip: Duration,
    from: RegionId,
    to: RegionId,
}

impl Farthest {
    pub(super) fn of(facts: &Facts<'_>, call: CallId) -> Option<Self> {
        let ways = facts.crossings(call).into_iter();
        let timed = ways.filter_map(|(from, to)| Some((facts.round_trip(from, to)?, from, to)));
        timed.max().map(|(round_trip, from, to)| Self { round_trip, from, to })
    }

    /// ``from `eu` to `us` and back``
    pub(super) fn in_words(&self, facts: &Facts<'_>) -> String {
        let name = |region: RegionId| &facts.design.regions[region.index()].name;
        format!("from `{}` to `{}` and back", name(self.from), name(self.to))
    }

    /// Enough for a new connection and an answer; nothing is said of the work.
    pub(super) fn way_out(&self) -> String {
        let twice = self.round_trip + self.round_trip;
        format!(
            "more than {}ms, twice the round trip (a new connection takes a trip of its own), and \
                the time of the work; or `regions = \"own\"`",
            twice.as_millis() + 1
        )
    }
}

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let Some(far) = Farthest::of(facts, id) else { continue };
        let timed = [
            ("attempt_timeout", "a try ends", facts.patience(id).filter(|_| !call.stream)),
            ("connect_timeout", "connecting ends", call.rules.connect_timeout),
            ("health.timeout", "a check ends", facts.patience_of_checks(id)),
        ];
        let too_short = timed
            .into_iter()
            .filter_map(|(key, what, time)| Some((key, what, time?)))
            .filter(|(_, _, time)| *time <= far.round_trip)
            // A try's end is that of its connecting, unless the file says another.
            .filter(|(key, ..)| *key != "connect_timeout" || facts.says(id, key));
        for (key, what, time) in too_short {
            let message = format!(
                "{what} after {time}; {} takes {:.1}ms at least",
                far.in_words(facts),
                far.round_trip.as_millis_f64()
            );
            notes.on_call(id, key, message, far.way_out());
        }
    }
}
