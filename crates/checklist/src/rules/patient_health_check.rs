//! A health check that passes where no request would.

use crate::{Facts, Notes, Rule, Severity};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "H03",
    title: "a health check waits longer than a try may take",
    trap: None,
    severity: Severity::Warning,
    reason: "An endpoint that answers a check after a second is called healthy, while every \
        try on it runs out of time after half of one. A check should not be kinder than the \
        callers are.",
    check,
    failing: include_str!("../../fixtures/H03-fail.toml"),
    passing: include_str!("../../fixtures/H03-pass.toml"),
};

fn check(facts: &Facts<'_>, notes: &mut Notes<'_>) {
    for (id, _) in facts.calls() {
        let (Some(check), Some(patience)) = (facts.patience_of_checks(id), facts.patience(id))
        else {
            continue;
        };
        if check > patience {
            notes.on_call(
                id,
                "health.timeout",
                format!("a check may take {check}, a try {patience}"),
                format!("at most {patience}"),
            );
        }
    }
}
