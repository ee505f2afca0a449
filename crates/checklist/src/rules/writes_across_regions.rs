//! Writes that leave their region, because there is one place that takes them.

use config::design::NodeKind;

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "G03",
    title: "writes leave their region",
    trap: Some(15),
    severity: Severity::Warning,
    reason: "There is one primary, so writes from elsewhere cross the distance: they take longer, \
        fail more often, and stop when the primary's region is gone. What the replicas had not \
        yet received is then lost.",
    check,
    failing: include_str!("../../fixtures/G03-fail.toml"),
    passing: include_str!("../../fixtures/G03-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let NodeKind::Database(database) = &facts.design.node(call.to).kind else { continue };
        let Some(primary) = database.primary else { continue };
        let name = |region: base::RegionId| facts.design.regions[region.index()].name.as_str();
        let away: Vec<&str> = facts
            .regions(call.from)
            .into_iter()
            .filter(|region| *region != primary)
            .map(name)
            .collect();
        if !away.is_empty() {
            notes.on_call(
                id,
                "regions",
                format!("writes from {} go to `{}`", away.join(", "), name(primary)),
                "accept it and say what is lost with the primary, or a primary for each region's \
                    own data"
                    .to_owned(),
            );
        }
    }
}
