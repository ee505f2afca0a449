//! Every rule held against the two designs that come with it.

use std::collections::BTreeSet;

use plimsoll_checklist::{ALL, Severity, review};

mod designs;

use designs::read;

/// The codes that a review finds, of one severity.
fn codes(text: &str, severity: Severity) -> BTreeSet<&'static str> {
    let findings = review(&read(text));
    let of_this = findings.iter().filter(|finding| finding.rule.severity == severity);
    of_this.map(|finding| finding.rule.code).collect()
}

#[test]
fn every_failing_design_breaks_its_rule_and_no_other() {
    let found = ALL.iter().map(|rule| {
        // A warning beside an error is allowed: the one often brings the other.
        let milder = if rule.severity == Severity::Error {
            BTreeSet::new()
        } else {
            codes(rule.failing, Severity::Error)
        };
        (rule.code, &codes(rule.failing, rule.severity) | &milder)
    });

    let others: Vec<_> = found.filter(|(code, found)| *found != BTreeSet::from([*code])).collect();

    assert_eq!(others, []);
}

#[test]
fn nothing_is_said_against_a_passing_design() {
    let found = ALL.iter().map(|rule| {
        let found = review(&read(rule.passing));
        let told = found.iter().map(|finding| finding.diagnostic().message);
        (rule.code, told.collect::<Vec<_>>())
    });

    let others: Vec<_> = found.filter(|(_, told)| !told.is_empty()).collect();

    assert_eq!(others, []);
}

#[test]
fn codes_are_given_once_and_in_order_within_their_letter() {
    let codes: Vec<&str> = ALL.iter().map(|rule| rule.code).collect();
    let rises = |pair: &[&str]| pair[0][..1] != pair[1][..1] || pair[0] < pair[1];

    assert!(codes.windows(2).all(rises), "{codes:?}");
    assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len());
}

#[test]
fn every_trap_that_a_file_can_show_has_a_rule() {
    const HELD_BY_THE_DECIDING_CODE: [u8; 3] = [2, 10, 18];

    let seen: BTreeSet<u8> = ALL.iter().filter_map(|rule| rule.trap).collect();

    let expected: BTreeSet<u8> =
        (1..=19).filter(|trap| !HELD_BY_THE_DECIDING_CODE.contains(trap)).collect();
    assert_eq!(seen, expected);
}

#[test]
fn every_rule_says_its_reason_in_sentences_and_its_title_in_words() {
    for rule in ALL {
        assert!(rule.reason.ends_with('.'), "{}", rule.code);
        assert!(!rule.reason.contains("  "), "{}", rule.code);
        assert!(!rule.title.ends_with('.') && !rule.title.is_empty(), "{}", rule.code);
        assert!(rule.failing.starts_with("# ") && rule.passing.starts_with("# "), "{}", rule.code);
    }
}
