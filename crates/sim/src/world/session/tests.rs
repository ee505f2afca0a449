use base::{Duration, Instant, Random, Rate};
use model::traffic::Holding;

use super::beats::next_moment;
use crate::examples::{design, file, options_for, play_for, variant};
use crate::plan::Plan;
use crate::stats::Stats;
use crate::world::World;
use crate::{Fidelity, Options};

#[test]
fn as_many_sessions_are_open_as_little_says_from_the_first_moment_to_the_last() {
    let stats = play_for(&variant("grpc", &[]), "none", 1, 120);

    let holding = Holding::new(Duration::from_secs(600), Duration::from_secs(7_200));
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
    assert!(of(0.999).all(|took| took <= Duration::from_secs(2)), "{:?}", of(0.999).max());
    let subscribed = &stats.calls[2];
    assert!(subscribed.latency.total() > 300, "{}", subscribed.latency.total());
    assert!(subscribed.failures() > 5, "that it broke is still told");
}

#[test]
fn an_instance_that_restarts_loses_its_sessions_and_they_come_back_as_a_herd() {
    let stats = play_for(&variant("grpc", &[]), "restart", 1, 120);

    let held = stats.sessions.at_start / 2;
    assert!(stats.sessions.lost.abs_diff(held) < held / 5, "{:?}", stats.sessions);
    // But for a few whose time was over anyway.
    assert!(stats.sessions.reconnects + 5 >= stats.sessions.lost, "{:?}", stats.sessions);
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

/// Both are asked for with `timeout = "5s"`: a WebSocket is a tunnel once it stands, but the deadline
/// of a gRPC stream is told to the far end and is that of the whole stream.
#[test]
fn a_timeout_ends_with_the_101_of_a_websocket_and_cuts_a_grpc_stream() {
    for fidelity in [Fidelity::Message, Fidelity::Packet] {
        let play = |text: &str| {
            let options = Options { fidelity, ..options_for("none", 20) };
            let design = design(text);
            let plan = Plan::new(&design, &options).unwrap();
            World::new(&plan, 1).run().stats.sessions
        };
        let tunnels = play(WEBSOCKETS);
        assert!(tunnels.at_start > 50 && tunnels.opened > 15, "{fidelity:?}: {tunnels:?}");
        assert_eq!((tunnels.lost, tunnels.refused), (0, 0), "{fidelity:?}: {tunnels:?}");

        let streams = play(&WEBSOCKETS.replace("protocol = \"http\"", "protocol = \"grpc\""));
        assert!(streams.lost >= streams.at_start, "{fidelity:?}: {streams:?}");
    }
}

/// Whatever its timeout: the place of a tunnel is free again when the tunnel is over.
#[test]
fn a_websocket_keeps_its_place_among_those_in_flight() {
    let few = WEBSOCKETS.replace("in_flight = 1_000", "in_flight = 20");
    let stats = play_for(&design(&few), "none", 1, 20);

    assert_eq!(stats.sessions.peak, 2 * 20, "{:?}", stats.sessions);
    assert!(stats.sessions.refused > 15, "{:?}", stats.sessions);
}

/// Of a hundred requests 99 are pages, and all are answered: that hides no session that is refused.
#[test]
fn a_design_that_refuses_its_sessions_does_not_hold_however_good_its_pages() {
    let mixed = r#"traffic = "200/s"
requests = [{ share = "99%", path = "/" }, { share = "1%","#;
    let mixed = WEBSOCKETS.replace("traffic = \"2/s\"\nrequests = [{ share = \"100%\",", mixed);
    let few = mixed.clone() + "[call.edge.web.only.ws]\npath = \"/chat/ws\"\nin_flight = 30\n";
    let verdict = |text: &str| {
        let report = crate::run(&design(text), &options_for("none", 60)).unwrap();
        let (met, goodput) =
            (report.recovered, report.goodput.map_or(0.0, |goodput| goodput.value));
        let text = crate::render(&report, "ws.toml", observe::plot::Style::Ascii);
        (goodput > 0.99, met.opened_well, text)
    };

    let (is_good, opened, text) = verdict(&mixed);
    assert!(is_good && opened == 1, "{text}");
    assert!(text.contains("\nHOLDS\n") && text.contains("sessions opened then: 100.0 %"), "{text}");

    let (is_good, opened, text) = verdict(&few);
    assert!(is_good && opened == 0 && text.contains("DOES NOT HOLD"), "{text}");
    assert!(text.contains("by the openings of sessions in 1"), "{text}");
}

const WEBSOCKETS: &str = r#"
[client.browsers]
traffic = "2/s"
requests = [{ share = "100%", path = "/chat/ws", holds = { median = "1m", p99 = "5m" }, messages = "1/s" }]
[balancer.edge]
instances = 2
[[balancer.edge.listen]]
address = "127.0.0.1:8091"
protocol = "http"
routes = [{ path = "/", to = "web" }]
[service.web]
endpoints = ["127.0.0.1:9033", "127.0.0.1:9034"]
model = { workers = 16, queue = 32, service_time = "5ms" }
[call.browsers.edge]
protocol = "http"
timeout = "20s"
idempotent = false
on_failure = "error"
in_flight = "none"
retry = "none"
[call.edge.web]
protocol = "http"
timeout = "5s"
idempotent = false
on_failure = "error"
in_flight = 1_000
retry = "none"
"#;

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

/// Names decide, not where something stands in the file, nor what else there is.
#[test]
fn sessions_are_the_same_behind_strangers() {
    let strangers = "[region.eu]\nat = [53.3, -6.3]\n\
                     [client.aliens]\nregion = \"eu\"\ntraffic = \"50/s\"\n\
                     requests = [{ share = \"100%\", path = \"/\" }]\n\
                     [service.idle]\nregion = \"eu\"\nmodel = { workers = 9, queue = 9, service_time = \"1ms\" }\n\
                     [service.moon]\nregion = \"eu\"\nmodel = { workers = 9, queue = 9, service_time = \"1ms\" }\n\
                     [call.aliens.moon]\ntimeout = \"1s\"\nidempotent = true\non_failure = \"error\"\n\
                     in_flight = \"none\"\nretry = \"none\"\n";
    let home = "[region.eu]\nat = [53.3, -6.3]\n";
    let behind = file("grpc").replace(home, strangers);
    for (incident, fidelity) in
        [("restart", Fidelity::Message), ("restart", Fidelity::Packet), ("out", Fidelity::Packet)]
    {
        let drain = "\n[[incident.out]]\non = \"edge\"\nshare = \"1 of 2\"\nkind = \"drain\"\nat = \"60s\"\n";
        let play = |text: &str| {
            let options = Options { fidelity, ..options_for(incident, 90) };
            let design = design(&(text.to_owned() + drain));
            let plan = Plan::new(&design, &options).unwrap();
            World::new(&plan, 1).run().stats.sessions
        };
        assert_eq!(play(&file("grpc")), play(&behind), "{incident} {fidelity:?}");
    }
}

/// A kind that is drawn first takes its share of the arrivals, and none of the sessions that stand.
#[test]
fn sessions_that_stand_hang_on_their_own_kind_alone() {
    let first = "{ share = \"2%\", method = \"/chat.v1.Chat/Subscribe\"";
    let other = "{ share = \"0.1%\", method = \"/chat.v1.Chat/Watch\", holds = { median = \"1m\", p99 = \"1m\" } },\n  ";
    let more = variant(
        "grpc",
        &[(first, &format!("{other}{first}")), ("share = \"98%\"", "share = \"97.9%\"")],
    );
    let standing = |design: &config::Design, path: &str| {
        let options = options_for("none", 30);
        let plan = Plan::new(design, &options).unwrap();
        let kind = plan.requests.kinds.iter().position(|kind| kind.path.ends_with(path)).unwrap();
        let begun = World::new(&plan, 1).play_until(Instant::from_nanos(1), || false).unwrap();
        begun.standing_of(u16::try_from(kind).unwrap())
    };

    let (few, many) = (variant("grpc", &[]), more);
    assert_eq!(standing(&few, "Subscribe"), standing(&many, "Subscribe"));
    assert!(!standing(&many, "Watch").is_empty());
}

#[test]
fn more_sessions_than_there_is_room_for_are_refused_before_the_run() {
    let many = variant("grpc", &[("traffic = \"200/s\"", "traffic = \"20000/s\"")]);
    let refusals = Plan::new(&many, &options_for("none", 60)).unwrap_err();

    assert!(refusals[0].problem.contains("sessions would stand at once"), "{}", refusals[0]);
}

/// As delays they are no events, and cost nothing.
#[test]
fn more_messages_of_sessions_than_can_be_played_are_refused_before_the_run() {
    let talkative = variant("grpc", &[("messages = \"0.5/s\"", "messages = \"20000/s\"")]);
    let plan = |fidelity| {
        let options = Options { fidelity, ..options_for("none", 60) };
        Plan::new(&talkative, &options).map(|_| ()).map_err(|refusals| refusals[0].to_string())
    };

    let refusal = plan(Fidelity::Packet).unwrap_err();
    assert!(refusal.contains("messages of sessions"), "{refusal}");
    assert!(refusal.contains("are the most for one run"), "{refusal}");
    assert_eq!(plan(Fidelity::Message), Ok(()));
}

/// Also where the distance between two is less than the clock can tell.
#[test]
fn the_next_message_is_later_than_the_last_however_many_there_are() {
    for (per_sec, distance) in [(2, 500_000_000), (1_000_000_000, 1), (2_000_000_000, 1)] {
        let interval = Rate::per_sec(per_sec).interval();
        let next = |now| next_moment(now, interval, &mut Random::of(1, "phones", "test"));

        let one = next(Instant::from_secs(5));
        assert!(one > Instant::from_secs(5), "{per_sec}");
        assert_eq!(next(one).since(one), Duration::from_nanos(distance), "{per_sec}");
    }
}

fn peak(stats: &Stats) -> u64 {
    stats.series.windows().iter().map(|window| window.reconnects).max().unwrap_or(0)
}
