//! What may pass to the live plane, and what may not.

use config::Design;
use plimsoll_checklist::{not_built, review, sound};

mod designs;

use designs::{BALANCER, GRPC, INCIDENT, POSTGRES, REGIONS, read};

#[test]
fn the_balancer_design_may_carry_traffic() {
    let design = sound(read(BALANCER)).expect("nothing is wrong with what it carries");

    assert_eq!(design.nodes.len(), 3);
}

#[test]
fn other_peoples_bad_rules_do_not_stop_a_balancer() {
    let text = BALANCER.replace("in_flight = \"none\"                                 # a crowd has no limit: said, not forgotten\nretry = \"none\"", "in_flight = \"none\"\nretry = { attempts = 3, backoff = \"none\", budget = \"none\" }");
    assert_ne!(text, BALANCER);
    let design = read(&text);

    assert!(!review(&design).is_clean());
    assert!(sound(design).is_ok());
}

#[test]
fn each_answer_that_a_carried_call_lacks_is_in_the_way() {
    for line in
        ["timeout = \"800ms\"", "idempotent = ", "on_failure = ", "in_flight = 256", "retry = {"]
    {
        let design = read(&without(BALANCER, "[call.lb.svc]", line));

        assert!(sound(design).is_err(), "without {line:?}");
    }
}

#[test]
fn what_has_no_end_no_jitter_or_no_budget_is_not_carried() {
    for (have, instead) in [
        ("timeout = \"800ms\"                                  # ", "timeout = \"none\" # "),
        ("queue = 64\nretry", "queue = \"none\"\nretry"),
        ("in_flight = 256", "in_flight = \"none\""),
        ("in_flight = 256", "idle_timeout = \"none\"\nin_flight = 256"),
        ("backoff = \"20ms..80ms\"", "backoff = \"none\""),
        ("budget = { share = \"10%\", floor = \"1/s\", burst = 10 }", "budget = \"none\""),
    ] {
        let text = BALANCER.replacen(have, instead, 1);
        assert_ne!(text, BALANCER, "{have:?} is not in the design");

        assert!(sound(read(&text)).is_err(), "{instead:?}");
    }
}

#[test]
fn what_is_not_built_is_named_piece_by_piece() {
    assert_eq!(missing(BALANCER, "lb"), [""; 0]);
    assert_eq!(missing(REGIONS, "edge"), ["edge -> shelf: a cache is not built yet"]);
    assert_eq!(
        missing(POSTGRES, "pg"),
        ["a listener for TCP is not built yet", "pg -> postgres: a call over TCP is not built yet"]
    );
    assert_eq!(
        missing(GRPC, "edge"),
        [
            "a listener for gRPC is not built yet",
            "TLS is not built yet",
            "edge -> chat: a call over gRPC is not built yet",
            "edge -> chat (subscribe): a call over gRPC is not built yet",
        ]
    );
    assert_eq!(missing(INCIDENT, "api"), [""; 0]);
}

#[test]
fn what_a_failed_call_would_do_instead_of_failing_is_named() {
    for (instead, what) in [
        ("\"omit\"", "an answer without this part is not built yet"),
        ("\"reset\"", "a reset instead of an answer is not built yet"),
        ("{ stale = \"10m\" }", "stale answers are not built yet"),
        ("{ fallback = \"other\" }", "a fallback is not built yet"),
    ] {
        let (others, ours) = BALANCER.split_once("[call.lb.svc]").expect("it is in the design");
        let ours = ours.replace("on_failure = \"error\"", &format!("on_failure = {instead}"));

        let another = "[service.other]\nregion = \"eu\"\n[call.lb.other]\n";

        let missing = missing(&format!("{others}{another}[call.lb.svc]{ours}"), "lb");

        assert_eq!(missing, [format!("lb -> svc: {what}")]);
    }
}

#[test]
fn a_stuck_timeout_of_requests_is_named() {
    let text = BALANCER.replace("queue = 64\nretry", "queue = 64\nstuck_timeout = \"5s\"\nretry");

    let missing = missing(&text, "lb");

    assert_eq!(missing, ["lb -> svc: a `stuck_timeout` of its own is not built yet"]);
}

#[test]
fn another_balancer_is_not_asked_yet() {
    let behind = BALANCER.replace("to = \"svc\"", "to = \"inner\"").replace(
        "[call.lb.svc]",
        "[balancer.inner]\nlisten = [{ address = \"127.0.0.1:8081\", to = \"svc\" }]\n\
         [call.inner.svc]\n[call.lb.inner]",
    );

    assert_eq!(
        missing(&behind, "lb"),
        ["lb -> inner: a call to another balancer is not built yet"]
    );
}

fn missing(text: &str, node: &str) -> Vec<String> {
    let design: Design = read(text);
    let node = design.node_named(node).expect("the node is in the design");
    not_built(&design, node).into_iter().map(|missing| missing.message).collect()
}

/// The design without the first line after `head` that starts like `line`.
fn without(text: &str, head: &str, line: &str) -> String {
    let (before, after) = text.split_once(head).expect("the head is in the design");
    let at = after.find(line).expect("the line is in the design");
    let end = after[at..].find('\n').map_or(after.len(), |end| at + end);
    format!("{before}{head}{}{}", &after[..at], &after[end..])
}
