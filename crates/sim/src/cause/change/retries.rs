//! What adds load: retries.

use base::{CallId, Rate, Share};
use config::Design;
use policy::retry::{self, budget};

use super::{Change, each_call, told};

pub(in crate::cause) fn stop_retries(design: &mut Design, calls: &[CallId]) -> Option<Change> {
    let mut told = Vec::new();
    for &call in calls {
        let name = design.call_in_words(call);
        let rules = &mut design.calls[call.index()].rules;
        let bound = if rules.budget.is_some() { "a budget" } else { "no budget" };
        told.push((name, format!("{} attempts, {bound}", rules.retry.attempts)));
        rules.retry = retry::Params::NEVER;
    }
    match told.as_slice() {
        [] => None,
        [(name, tries)] => Some(Change::new(
            format!("retry policy of {name}: {tries}"),
            format!("the retry policy of {name}"),
        )),
        several => {
            let names: Vec<&str> = several.iter().map(|(name, _)| name.as_str()).collect();
            let each: Vec<String> =
                several.iter().map(|(name, tries)| format!("{name}: {tries}")).collect();
            Some(Change::new(
                format!("retry policies that multiply: {}", each.join("; ")),
                format!("the retry policies of {}, together", names.join(" and ")),
            ))
        }
    }
}

/// The budget of the example designs.
pub(in crate::cause) fn give_budgets(design: &mut Design) -> Option<Change> {
    let budget = budget::Params::new(Share::percent(10), Rate::per_sec(1), 10, 10).ok()?;
    let calls = each_call(design, |_, call| {
        let unbounded = call.rules.retry.attempts > 1 && call.rules.budget.is_none();
        unbounded.then(|| call.rules.budget = Some(budget))
    });
    told(&calls, |calls| {
        Change::new(format!("retries without a budget: {calls}"), "retries without a budget")
    })
}
