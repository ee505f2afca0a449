use model::traffic::Holding;

use crate::examples::{design, file, options_for, play_for, variant};
use crate::plan::Plan;
use crate::stats::Stats;
use crate::world::World;

#[test]
fn as_many_sessions_are_open_as_little_says_from_the_first_moment_to_the_last() {
    let stats = play_for(&variant("grpc", &[]), "none", 1, 120);

    let holding = Holding::new(base::Duration::from_secs(600), base::Duration::from_secs(7_200));
    let expected = holding.open(4.0);
    for open in [stats.sessions.at_start, stats.sessions.at_end] {
        assert!((open as f64 - expected).abs() < 5.0 * expected.sqrt(), "{open} of {expected}");
    }
    assert_eq!((stats.sessions.lost, stats.sessions.reconnects), (0, 0));
    let messages = expected * 120.0 * 0.5;
    assert!((stats.sessions.messages / messages - 1.0).abs() < 0.1, "{}", stats.sessions.messages);
}

/// A caller waits until its stream stands; how long it then stands is no latency.
#[test]
fn a_session_that_stood_for_minutes_was_not_waited_for() {
    let short = ("{ median = \"10m\", p99 = \"2h\" }", "{ median = \"5s\", p99 = \"20s\" }");
    let stats = play_for(&variant("grpc", &[short]), "restart", 1, 100);

    let of = |share: f64| stats.calls.iter().map(move |call| call.latency.quantile(share).unwrap());
    assert!(stats.sessions.lost > 5, "{:?}", stats.sessions);
    assert!(of(0.999).all(|took| took <= base::Duration::from_secs(2)), "{:?}", of(0.999).max());
    let subscribed = &stats.calls[2];
    assert!(subscribed.latency.total() > 300, "{}", subscribed.latency.total());
    assert!(subscribed.failures() > 5, "that it broke is still told");
}

#[test]
fn an_instance_that_restarts_loses_its_sessions_and_they_come_back_as_a_herd() {
    let stats = play_for(&variant("grpc", &[]), "restart", 1, 120);

    let held = stats.sessions.at_start / 2;
    assert!(stats.sessions.lost.abs_diff(held) < held / 5, "{:?}", stats.sessions);
    assert!(stats.sessions.reconnects >= stats.sessions.lost, "{:?}", stats.sessions);
    assert!(peak(&stats) > stats.sessions.lost / 2, "{} {:?}", peak(&stats), stats.sessions);
    let open = |at: usize| stats.series.windows()[at].sessions();
    assert!(open(110) > open(55) * 0.95, "all are back: {} of {}", open(110), open(55));
}

/// Clients without a backoff come back at once, all of them; a longer backoff spreads them.
#[test]
fn a_longer_backoff_spreads_the_herd() {
    let few = ("{ median = \"10m\", p99 = \"2h\" }", "{ median = \"30s\", p99 = \"2m\" }");
    let play = |backoff| {
        let changes = [few, ("backoff = \"500ms..10s\"", backoff)];
        play_for(&variant("grpc", &changes), "restart", 1, 100)
    };
    let (at_once, spread) = (play("backoff = \"none\""), play("backoff = \"30s..60s\""));

    assert!(peak(&at_once) >= at_once.sessions.lost, "{} {:?}", peak(&at_once), at_once.sessions);
    assert!(peak(&spread) * 4 < spread.sessions.lost, "{} {:?}", peak(&spread), spread.sessions);
}

#[test]
fn who_does_not_retry_does_not_come_back() {
    let retry = "retry = { attempts = 3, backoff = \"500ms..10s\", budget = \"none\" }";
    let stats = play_for(&variant("grpc", &[(retry, "retry = \"none\"")]), "restart", 1, 120);

    assert!(stats.sessions.lost > 1_000 && stats.sessions.reconnects == 0, "{:?}", stats.sessions);
}

#[test]
fn no_more_sessions_stand_than_their_call_allows() {
    let stats =
        play_for(&variant("grpc", &[("in_flight = 10_000", "in_flight = 700")]), "none", 1, 60);

    assert_eq!(stats.sessions.peak, 2 * 700);
    assert!(stats.sessions.refused > 2_000, "{:?}", stats.sessions);
}

#[test]
fn a_stream_on_which_messages_are_too_rare_is_cut() {
    let rare = variant(
        "grpc",
        &[
            ("messages = \"0.5/s\"", "messages = \"0.1/s\""),
            ("idle_timeout = \"2m\"", "idle_timeout = \"5s\""),
        ],
    );
    let stats = play_for(&rare, "none", 1, 60);

    assert!(stats.sessions.lost >= stats.sessions.at_start, "{:?}", stats.sessions);
}

#[test]
fn when_all_is_over_no_permit_is_held_and_nothing_waits() {
    for incident in ["restart", "none"] {
        let design = variant("grpc", &[]);
        let plan = Plan::new(&design, &options_for(incident, 120)).unwrap();
        let run = World::new(&plan, 1).run();

        assert_eq!((run.permits, run.stats.edge.unanswered), (0, 0), "{incident}");
        let edge = &run.stats.edge;
        assert_eq!(edge.offered, edge.answered() + edge.failed.iter().sum::<u64>());
    }
}

#[test]
fn sessions_end_the_same_way_beside_strangers_and_in_every_run() {
    let elsewhere = "[client.aliens]\ntraffic = \"5/s\"\nrequests = [{ share = \"100%\", path = \"/\" }]\n\
                     [service.moon]\nmodel = { workers = 9, queue = 9, service_time = \"1ms\" }\n\
                     [call.aliens.moon]\ntimeout = \"1s\"\nidempotent = true\non_failure = \"error\"\n\
                     in_flight = \"none\"\nretry = \"none\"\n";
    let alone = play_for(&variant("grpc", &[]), "restart", 1, 100);
    let beside = play_for(&design(&format!("{}{elsewhere}", file("grpc"))), "restart", 1, 100);

    assert_eq!(alone.sessions, beside.sessions);
}

fn peak(stats: &Stats) -> u64 {
    stats.series.windows().iter().map(|window| window.reconnects).max().unwrap_or(0)
}
