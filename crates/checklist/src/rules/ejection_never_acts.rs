//! An ejection rule that can never leave anything out.

use crate::amounts::counted;
use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "H01",
    title: "ejection can never act in so small a pool",
    trap: Some(6),
    severity: Severity::Warning,
    reason: "What may be left out is a share of the pool, computed after the ejection, and the \
        last endpoint always stays. With few endpoints the share may come to none at all: the \
        rule stands in the file, somebody relies on it, and it does nothing.",
    check,
    failing: include_str!("../../fixtures/H01-fail.toml"),
    passing: include_str!("../../fixtures/H01-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, call) in facts.calls() {
        let Some(ejection) = &call.rules.ejection else { continue };
        let pools = facts.pools(id);
        if let Some(endpoints) = pools.into_iter().find(|pool| ejection.most_out(*pool) == 0) {
            notes.on_call(
                id,
                "eject.at_most",
                format!(
                    "{}: the share that may be out comes to none",
                    counted(endpoints, "endpoint")
                ),
                match endpoints {
                    1 => "a second endpoint, or no `eject`".to_owned(),
                    _ => format!("`at_most` of {}% or more", 100_u32.div_ceil(endpoints)),
                },
            );
        }
    }
}
