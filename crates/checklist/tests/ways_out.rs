//! What a finding tells its reader to write mends it.

use plimsoll_checklist::{review, rule_named};

mod designs;

use designs::read;

/// The way out of the first finding of a rule; nothing if there is none.
fn way_out(code: &str, text: &str) -> Option<String> {
    let found = review(&read(text));
    let of_rule = found.iter().find(|finding| finding.rule.code == code);
    of_rule.map(|finding| finding.way_out.clone())
}

/// The failing design of a rule with one text for another.
fn failing(code: &str, [from, to]: [&str; 2]) -> String {
    let text = rule_named(code).expect("the rule exists").failing;
    assert!(text.contains(from), "{from}");
    text.replace(from, to)
}

#[test]
fn as_many_probes_as_are_offered_leave_a_worker() {
    let probes = |count: u32| failing("Q07", ["probes = 8", &format!("probes = {count}")]);

    assert_eq!(way_out("Q07", &probes(8)).as_deref(), Some("`probes = 1` to 7"));
    assert_eq!(way_out("Q07", &probes(7)), None);
}

#[test]
fn where_one_probe_of_each_instance_is_a_flood_none_is_offered() {
    let text = failing("Q07", ["workers = 8", "workers = 1"]);

    let told = way_out("Q07", &text).expect("eight probes for two workers");

    assert_eq!(told, "more workers, or no `breaker`: one probe of each instance fills it");
}

#[test]
fn a_floor_or_a_share_as_offered_is_enough() {
    let budget = |budget: &str| failing("R06", ["share = \"10%\", floor = \"20/s\"", budget]);
    let told = |text: &str| way_out("R06", &budget(text));

    let floor = told("share = \"10%\", floor = \"20/s\"");
    assert_eq!(floor.as_deref(), Some("a `floor` of at most 10/s over all instances"));
    assert_eq!(told("share = \"10%\", floor = \"10/s\""), None);

    let share = told("share = \"0%\", floor = \"1.5/s\"");
    assert_eq!(share.as_deref(), Some("a `share` of 2% or more"));
    assert_eq!(told("share = \"2%\", floor = \"1.5/s\""), None);

    assert!(told("share = \"0%\", floor = \"200/s\"").is_some_and(|told| told.contains("0/s")));
    assert_eq!(told("share = \"0%\", floor = \"0/s\""), None);
}
