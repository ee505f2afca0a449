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

/// Between the regions of the fixture and back takes 54.7 ms.
#[test]
fn all_that_waits_for_light_is_held_against_it() {
    let passing = rule_named("G04").expect("the rule exists").passing;
    let found = |line: &str| -> Vec<_> {
        let found = review(&read(&format!("{passing}{line}\n")));
        found.iter().map(|finding| (finding.rule.code, finding.message.clone())).collect()
    };
    let codes = |line: &str| -> Vec<_> { found(line).iter().map(|(code, _)| *code).collect() };
    let check = |time: &str| format!("health = {{ path = \"/\", timeout = \"{time}\" }}");

    assert_eq!(codes("connect_timeout = \"50ms\""), ["G01"]);
    assert_eq!(codes("connect_timeout = \"60ms\""), [""; 0]);
    assert_eq!(codes(&check("50ms")), ["G01"]);
    assert_eq!(codes(&check("100ms")), ["G04"]);
    assert_eq!(codes(&check("110ms")), [""; 0]);
    assert_eq!(
        found(&check("50ms"))[0].1,
        "a check ends after 50ms; from `us` to `eu` and back takes 54.7ms at least"
    );
}

#[test]
fn the_time_that_is_offered_for_the_way_is_enough_for_the_way() {
    let offered = way_out("G04", &failing("G04", ["80ms", "80ms"])).expect("it is broken");

    assert!(offered.starts_with("more than 110ms"), "{offered}");
    assert_eq!(way_out("G04", &failing("G04", ["80ms", "110ms"])), None);
    assert_eq!(way_out("G01", &failing("G04", ["80ms", "110ms"])), None);
}
