//! What is said of sessions that their call has no room for.

use plimsoll_checklist::{review, rule_named};

mod designs;

use designs::read;

/// What the rule says of its failing design with that text in place of its `in_flight = 2_000`.
fn told(bound: &str) -> Vec<String> {
    let text = rule_named("L03").expect("the rule exists").failing;
    assert!(text.contains("in_flight = 2_000"));
    let findings = review(&read(&text.replace("in_flight = 2_000", bound)));
    let of_rule = findings.iter().filter(|finding| finding.rule.code == "L03");
    of_rule.map(|finding| finding.message.clone()).collect()
}

/// Ten a second, of 671 s each.
#[test]
fn what_all_instances_hold_has_to_fit_on_one_less() {
    let told_of = |bound, all, others| {
        assert_eq!(
            told(bound),
            [format!(
                "6708 sessions at once on average; by `in_flight` {all} fit on its 2 \
                 instances, and {others} on 1"
            )]
        );
    };

    told_of("in_flight = 2_000", 4_000, 2_000);
    told_of("in_flight = 4_000", 8_000, 4_000);
    assert_eq!(told("in_flight = 7_000"), [""; 0]);
}

/// Without streams a session is a connection of its own; there are two endpoints to open them to.
#[test]
fn connections_that_run_out_before_the_places_do_are_what_is_told() {
    let few = "in_flight = 20_000\nconnections = { most = 1_000 }";
    let told_of = told(few);
    assert!(told_of[0].contains("by `connections.most` 4000 fit"), "{told_of:?}");

    assert_eq!(told(&few.replace("1_000", "3_500")), [""; 0]);
}
