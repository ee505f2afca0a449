use base::Duration;
use proptest::prelude::*;

use super::super::tests::FAULTS;
use crate::examples::{design, variant};
use crate::judge::{self, Judged};
use crate::plan::Plan;
use crate::world::World;
use crate::{Fidelity, Options};

#[test]
fn a_session_that_stands_says_what_it_has_to_say_and_nothing_is_lost_or_sent_twice() {
    let run = packets(SOCKETS, "none", 60);

    let open = run.sessions.at_start;
    assert!(open.abs_diff(600) < 100, "{:?}", run.sessions);
    assert_eq!((run.sessions.lost, run.sessions.refused), (0, 0), "{:?}", run.sessions);
    let l4 = &run.layers.connections;
    assert!(l4.iter().all(|it| it.retransmits + it.tail_probes == 0), "{l4:?}");
    // Half a message a second over two hops, each acknowledged.
    let least = open as f64 * 0.5 * 2.0 * 50.0;
    assert!(run.layers.ways[0].sent as f64 > least, "{} of {least}", run.layers.ways[0].sent);
}

#[test]
fn packets_and_messages_tell_the_same_story_of_a_restart() {
    let text = variant("grpc", &[]);
    let of = |fidelity| play(&text, "restart", 120, fidelity).sessions;
    let (packets, messages) = (of(Fidelity::Packet), of(Fidelity::Message));

    assert_eq!(packets.at_start, messages.at_start);
    let near = |a: u64, b: u64| a.abs_diff(b) < b / 20 + 5;
    assert!(near(packets.lost, messages.lost), "{packets:?} {messages:?}");
    assert!(near(packets.at_end, messages.at_end), "{packets:?} {messages:?}");
    assert!(near(packets.peak, messages.peak), "{packets:?} {messages:?}");
}

#[test]
fn who_has_no_descriptors_left_holds_no_more_sessions() {
    let bound = SOCKETS.replace("[balancer.edge]\n", "[balancer.edge]\ndescriptors = 500\n");
    let run = packets(&bound, "none", 30);

    // One towards the client and one onwards, on each of two instances.
    assert!((350..=500).contains(&run.sessions.peak), "{:?}", run.sessions);
    assert!(run.sessions.refused > 0, "{:?}", run.sessions);
}

/// 600 are wanted. Two balancers of 200 descriptors hold 100 each.
#[test]
fn of_more_sessions_than_fit_as_many_stand_from_the_start_and_the_others_keep_asking() {
    let bound = SOCKETS.replace("[balancer.edge]\n", "[balancer.edge]\ndescriptors = 200\n");
    let run = packets(&bound, "none", 60);

    let sessions = run.sessions;
    assert!((180..=200).contains(&sessions.at_start), "{sessions:?}");
    assert!((180..=200).contains(&sessions.at_end), "{sessions:?}");
    let left_out = 600 - sessions.at_start;
    assert!(sessions.reconnects > left_out * 2, "{sessions:?}");
    assert!(!run.is_opened_well, "{:?}", run.openings);
}

#[test]
fn a_service_that_crashes_resets_its_sessions_at_once_and_all_come_back_with_handshakes() {
    let run =
        packets(&hit("chat", "kind = \"restart\"\ntakes = \"2s\"\nshare = \"1 of 2\""), "it", 60);

    let held = run.sessions.at_start / 2;
    assert!(run.sessions.lost.abs_diff(held) < held / 4, "{:?}", run.sessions);
    assert!(run.sessions.at_end > run.sessions.at_start * 8 / 10, "{:?}", run.sessions);
    let connected = run.layers.connections[0].connected;
    assert!(connected > run.sessions.lost, "a connection of its own each: {connected}");
}

/// A listen queue has room for 4,096 that are half open, and from afar they are it for long.
#[test]
fn a_herd_that_comes_back_at_once_overflows_the_listen_queue() {
    let overflows = |traffic: &str| {
        let text = HERD.replace("TRAFFIC", traffic);
        let run = packets(&text, "it", 20);
        assert!(run.sessions.lost > 0, "{:?}", run.sessions);
        (run.layers.connections[0].overflows, run.layers.connections[0].syn_retries)
    };
    let (small, large) = (overflows("50/s"), overflows("220/s"));

    assert_eq!(small.0, 0);
    assert!(large.0 > 100 && large.1 > 100, "{large:?}");
}

#[test]
fn silence_is_survived_if_it_is_short_and_ends_a_session_if_nobody_hears_what_was_said() {
    for kind in ["kind = \"partition\"", "kind = \"link-down\""] {
        let lost = |lasts: &str| {
            let text = hit("phones", &format!("{kind}\nlasts = \"{lasts}\""));
            let sessions = packets(&text, "it", 120).sessions;
            (sessions.lost, sessions.at_start)
        };
        let (short, long) = (lost("8s"), lost("50s"));

        assert_eq!(short.0, 0, "{kind}");
        assert!(long.0 > long.1 / 4, "30 s are the most that a balancer waits: {kind} {long:?}");
    }
}

#[test]
fn when_all_is_over_nothing_is_held_and_nobody_waits() {
    for (text, incident) in [
        (SOCKETS.to_owned(), "none"),
        (hit("chat", "kind = \"restart\"\nshare = \"1 of 2\""), "it"),
        (hit("edge", "kind = \"crash\"\nshare = \"1 of 2\"\nlasts = \"5s\""), "it"),
        (hit("edge", "kind = \"drain\"\nshare = \"1 of 2\"\nlasts = \"15s\""), "it"),
        (hit("phones -> edge", "kind = \"loss\"\nloss = \"20%\"\nlasts = \"20s\""), "it"),
    ] {
        let text = design(&text);
        let options = options(incident, 60, Fidelity::Packet);
        let plan = Plan::new(&text, &options).unwrap();
        let run = World::new(&plan, 1).run();

        assert_eq!((run.permits, run.stats.edge.unanswered), (0, 0), "{incident}");
        assert!(run.held.connections < 10, "{incident}: {:?}", run.held);
        assert_eq!(run.stats.sessions.open, 0, "{incident}");
    }
}

/// When a session ends, nothing ends with it that others have on the network.
#[test]
fn a_session_that_waited_for_a_connection_takes_nobody_down_with_it() {
    let run = packets(TOGETHER, "none", 60);

    let edge = &run.edge;
    assert_eq!((edge.answered(), edge.unanswered), (edge.offered, 0), "{:?}", edge.failed);
    let p99 = run.calls[0].latency.quantile(0.99).unwrap();
    assert!(p99 > Duration::from_millis(500), "some waited for a connection: {p99:?}");
}

/// It is not kept for requests that may come while somebody is there who waits for its place.
#[test]
fn a_connection_that_is_kept_for_requests_gives_its_place_to_a_session_that_waits() {
    let text = TOGETHER
        .replace("protocol = \"grpc\"\n", "")
        .replace("most = 6, streams = 100", "most = 1, idle_timeout = \"1m\"")
        .replace("method = \"/chat.v1.Chat/Send\"", "method = \"GET\", path = \"/\"")
        .replace("method = \"/chat.v1.Chat/Subscribe\"", "method = \"GET\", path = \"/ws\"")
        .replace("median = \"500ms\", p99 = \"1s\"", "median = \"200ms\", p99 = \"200ms\"")
        .replace("traffic = \"200/s\"", "traffic = \"1/s\"")
        .replace("share = \"95%\"", "share = \"50%\"")
        .replace("share = \"5%\"", "share = \"50%\"");
    let run = packets(&text, "none", 60);

    assert_eq!(run.edge.answered(), run.edge.offered, "{:?}", run.edge.failed);
    let p90 = run.calls[0].latency.quantile(0.9).unwrap();
    assert!(p90 < Duration::from_millis(500), "it would wait for who comes next: {p90:?}");
}

/// Those that are there before the run begins are no more than those that come.
#[test]
fn a_database_has_no_more_sessions_at_the_start_than_it_takes_connections() {
    let run = packets(QUERIES, "none", 30);

    assert_eq!(run.sessions.at_start, 10, "{:?}", run.sessions);
    assert_eq!(run.sessions.peak, 10, "{:?}", run.sessions);
    assert!(run.sessions.refused > 0, "{:?}", run.sessions);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever the network does to sessions, and whatever they are spoken over: none is forgotten, and
    /// none holds a permit when it is over.
    #[test]
    fn under_any_fault_of_the_network_each_session_ends(
        is_grpc in any::<bool>(),
        pool in prop_oneof![Just(""), Just("most = 1, "), Just("most = 3, ")],
        share in prop_oneof![Just(100), Just(50), Just(10)],
        on in prop_oneof![Just("edge"), Just("chat"), Just("edge -> chat"), Just("phones -> edge")],
        fault in prop::sample::select(FAULTS.to_vec()),
        also in prop::sample::select(FAULTS.to_vec()),
        descriptors in prop_oneof![Just(20), Just(10_000)],
        seed in 0_u64..1_000,
    ) {
        let of_nodes = ["crash", "descriptors", "link-down", "route"].iter().any(|kind| fault.contains(kind));
        let on = if of_nodes && on.contains("->") { "edge" } else { on };
        let pool = format!("connections = {{ {pool}idle_timeout = \"50ms\" }}\n");
        let text = if is_grpc { streams() } else { SOCKETS.to_owned() }
            .replace("traffic = \"5/s\"", "traffic = \"20/s\"")
            .replace("median = \"2m\", p99 = \"2m\"", "median = \"2s\", p99 = \"9s\"")
            .replace("backoff = \"500ms..5s\"", "backoff = \"5ms..100ms\"")
            .replace("messages = \"0.5/s\"", "messages = \"5/s\"")
            .replace("[balancer.edge]\n", &format!("[balancer.edge]\ndescriptors = {descriptors}\n"))
            .replace("[call.phones.edge]\n", &format!("[call.phones.edge]\n{pool}"))
            .replace("[call.edge.chat]\n", &format!("[call.edge.chat]\n{pool}"));
        let text = if share < 100 { with_requests(&text, share) } else { text };
        let happens = |on: &str, fault: &str, at: &str| {
            format!("\n[[incident.it]]\non = \"{on}\"\nat = \"{at}\"\nlasts = \"900ms\"\n{fault}\n")
        };
        let text = text + &happens(on, fault, "0s") + &happens("chat", also, "1500ms");
        let text = design(&text);
        let plan = Plan::new(&text, &options("it", 3, Fidelity::Packet)).unwrap();
        let run = World::new(&plan, seed).run();

        let edge = &run.stats.edge;
        let ended = edge.answered() + edge.failed.iter().sum::<u64>();
        prop_assert_eq!((edge.offered, edge.unanswered, run.permits), (ended, 0, 0));
        prop_assert_eq!(run.stats.sessions.open, 0);
    }
}

/// The same with requests that are over when they are answered: sessions are a share of all.
fn with_requests(text: &str, percent: u32) -> String {
    let (before, rest) = text.split_once("share = \"100%\", ").unwrap();
    let (method, _) = rest.split_once(", holds").unwrap();
    let others = 100 - percent;
    format!("{before}share = \"{others}%\", {method} }}, {{ share = \"{percent}%\", {rest}")
}

/// The same as streams of connections that are shared.
fn streams() -> String {
    SOCKETS
        .replace("method = \"GET\", path = \"/ws\"", "method = \"/chat.v1.Chat/Subscribe\"")
        .replace("protocol = \"http\"", "protocol = \"grpc\"")
        .replace("{ path = \"/\", to = \"chat\" }", "{ service = \"chat.v1.Chat\", to = \"chat\" }")
        .replace("[call.phones.edge]\n", "[call.phones.edge]\nprotocol = \"grpc\"\n")
        .replace("[call.edge.chat]\n", "[call.edge.chat]\nprotocol = \"grpc\"\n")
}

#[test]
fn a_drained_balancer_says_goodbye_on_the_connections_and_the_clients_go_elsewhere() {
    let run = packets(&hit("edge", "kind = \"drain\"\nshare = \"1 of 2\""), "it", 60);

    let held = run.sessions.at_start / 2;
    assert!(run.sessions.lost.abs_diff(held) < held / 3, "{:?}", run.sessions);
    assert_eq!(run.layers.connections[0].resets, 0, "in good order");
}

#[test]
fn the_same_seed_gives_the_same_sessions() {
    let text = hit("chat", "kind = \"restart\"\nshare = \"1 of 2\"");
    let (one, other) = (packets(&text, "it", 40), packets(&text, "it", 40));

    assert_eq!((one.edge.hash, one.sessions), (other.edge.hash, other.sessions));
}

fn hit(on: &str, fault: &str) -> String {
    format!("{SOCKETS}\n[[incident.it]]\non = \"{on}\"\nat = \"10s\"\n{fault}\n")
}

fn packets(text: &str, incident: &str, secs: u64) -> Judged {
    play(&design(text), incident, secs, Fidelity::Packet)
}

fn play(design: &config::Design, incident: &str, secs: u64, fidelity: Fidelity) -> Judged {
    let options = options(incident, secs, fidelity);
    let plan = Plan::new(design, &options).unwrap();
    judge::play(&plan, 1, || false).unwrap()
}

fn options(incident: &str, secs: u64, fidelity: Fidelity) -> Options {
    Options {
        incident: Some(incident.into()),
        lasts: Some(Duration::from_secs(secs)),
        fidelity,
        ..Options::default()
    }
}

/// WebSockets through a balancer of ours: 600 at once.
const SOCKETS: &str = r#"
[region.eu]
at = [53.3, -6.3]
[client.phones]
traffic = "5/s"
requests = [{ share = "100%", method = "GET", path = "/ws", holds = { median = "2m", p99 = "2m" }, messages = "0.5/s" }]
[balancer.edge]
instances = 2
[[balancer.edge.listen]]
address = "127.0.0.1:8080"
protocol = "http"
routes = [{ path = "/", to = "chat" }]
[service.chat]
instances = 2
model = { workers = 32, queue = 64, service_time = "2ms" }
[call.phones.edge]
timeout = "2s"
idempotent = true
on_failure = "error"
in_flight = "none"
retry = { attempts = 3, backoff = "500ms..5s", budget = "none" }
[call.edge.chat]
timeout = "stream"
idle_timeout = "2m"
idempotent = false
on_failure = "error"
in_flight = 10_000
queue = 64
retry = "none"
"#;

/// Requests and sessions of a client that may not have as many connections as it would like.
const TOGETHER: &str = r#"
[client.phones]
traffic = "200/s"
requests = [
  { share = "95%", method = "/chat.v1.Chat/Send" },
  { share = "5%", method = "/chat.v1.Chat/Subscribe", holds = { median = "500ms", p99 = "1s" }, messages = "0.5/s" },
]
[service.chat]
model = { workers = 32, queue = "none", service_time = { median = "50ms", p99 = "200ms" } }
[call.phones.chat]
protocol = "grpc"
connections = { most = 6, streams = 100 }
timeout = "none"
idempotent = true
on_failure = "error"
in_flight = "none"
retry = "none"
"#;

/// More sessions than a database takes connections.
const QUERIES: &str = r#"
[client.apps]
traffic = "5/s"
requests = [{ share = "100%", method = "GET", path = "/", holds = { median = "20s", p99 = "60s" } }]
[database.db]
connections = 10
model = { workers = 32, queue = 64, service_time = "5ms" }
[call.apps.db]
timeout = "2s"
idempotent = true
on_failure = "error"
in_flight = "none"
retry = "none"
"#;

/// Streams to two instances without anything between, of which one is gone for a moment. All that
/// it had come back at once.
const HERD: &str = r#"
[region.eu]
at = [53.3, -6.3]
[region.us]
at = [39.0, -77.5]
[client.phones]
region = "us"
traffic = "TRAFFIC"
requests = [{ share = "100%", method = "GET", path = "/ws", holds = { median = "100s", p99 = "100s" }, messages = "0.01/s" }]
[service.chat]
region = "eu"
instances = 2
model = { workers = 1_000, queue = "none", service_time = "1ms" }
[call.phones.chat]
timeout = "5s"
idempotent = true
on_failure = "error"
in_flight = "none"
retry = { attempts = 2, backoff = "none", budget = "none" }
[[incident.it]]
on = "chat"
share = "1 of 2"
kind = "restart"
takes = "100us"
at = "10s"
"#;
