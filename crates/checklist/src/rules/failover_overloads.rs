//! A failover to a region that cannot carry both.

use config::design::NodeKind;
use policy::region;

use crate::amounts::per_second;
use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "F04",
    title: "failover sends a region more than it can do",
    trap: Some(15),
    severity: Severity::Error,
    reason: "When a region is gone, its traffic goes to the others. If they have no room for it, \
        they are gone next, and a regional failure becomes a global one. Capacity must hold with \
        one region less.",
    check,
    failing: include_str!("../../fixtures/F04-fail.toml"),
    passing: include_str!("../../fixtures/F04-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, node) in facts.nodes() {
        let moves = facts.calls_to(id).any(|(_, call)| call.rules.region != region::Params::Own);
        let (Some(traffic), Some(capacity)) = (facts.node_traffic(id), facts.capacity(id)) else {
            continue;
        };
        let Some((region, lost)) = largest_region(facts, id) else { continue };
        let left = capacity * (1.0 - lost);
        let usual = capacity * facts.reach(id);
        let is_asked = !matches!(node.kind, NodeKind::Client(_));
        if is_asked && moves && traffic <= usual && traffic > left {
            notes.on_node(
                id,
                format!(
                    "without region `{region}` it can do {}, and {} arrive",
                    per_second(left),
                    per_second(traffic)
                ),
                "capacity for all in every region less one, or `regions = \"own\"`".to_owned(),
            );
        }
    }
}

/// The region with most of a node's instances, and which part of them; nothing if there is one.
fn largest_region<'a>(facts: &Facts<'a>, id: base::NodeId) -> Option<(&'a str, f64)> {
    let node = facts.design.node(id);
    let mut counts = vec![0_u32; facts.design.regions.len()];
    if node.endpoints().is_empty() {
        for (region, count) in &node.instances {
            counts[region.index()] += count;
        }
    } else {
        for region in node.endpoints().iter().filter_map(|endpoint| endpoint.region) {
            counts[region.index()] += 1;
        }
    }
    let all: u32 = counts.iter().sum();
    let (at, most) = counts.iter().enumerate().max_by_key(|(_, count)| **count)?;
    (*most < all)
        .then(|| (facts.design.regions[at].name.as_str(), f64::from(*most) / f64::from(all)))
}
