//! Each comparison that needs nothing but this program, with little effort and fixed seeds: what
//! was true stays true.

use plimsoll_fidelity::{Effort, PARTS, Section, Verdict};

#[test]
fn short_responses_are_late_as_often_as_counting_says() {
    assert_nothing_outside(&measured("short-responses"));
}

#[test]
fn queues_wait_and_lose_as_theory_says() {
    assert_nothing_outside(&measured("queues"));
}

#[test]
fn the_less_loaded_of_two_is_as_good_as_in_the_limit() {
    assert_nothing_outside(&measured("two-choices"));
}

#[test]
fn retries_settle_where_they_cause_themselves() {
    assert_nothing_outside(&measured("retries"));
}

#[test]
fn storms_end_below_their_threshold_and_last_above_it() {
    assert_nothing_outside(&measured("storms"));
}

#[test]
fn the_named_cause_is_the_one_that_is_left() {
    assert_nothing_outside(&measured("causes"));
}

#[test]
fn packets_and_messages_give_the_same_where_the_network_does_nothing() {
    assert_nothing_outside(&measured("distance"));
}

#[test]
fn long_transfers_are_as_fast_as_the_formulas_say() {
    assert_nothing_outside(&measured("long-transfers"));
}

#[test]
fn cubics_window_is_that_of_its_standard() {
    assert_nothing_outside(&measured("cubic"));
}

#[test]
fn flows_share_a_bottleneck_evenly() {
    assert_nothing_outside(&measured("fairness"));
}

fn measured(name: &str) -> Section {
    let part = PARTS.iter().find(|part| part.name == name).expect("there is such a part");
    (part.run)(Effort::Quick).expect("it needs nothing else")
}

#[track_caller]
fn assert_nothing_outside(section: &Section) {
    let outside = section.rows.iter().filter(|row| row.verdict() == Verdict::Outside);
    let outside: Vec<_> = outside.map(|row| format!("{row:?}")).collect();

    assert!(!section.rows.is_empty());
    assert!(outside.is_empty(), "{}", outside.join("\n"));
}
