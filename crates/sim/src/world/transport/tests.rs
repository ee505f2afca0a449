//! What a network does to requests, and what each of its faults does.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base::{Duration, EndpointId, Instant};
use config::Design;
use event::{Cause, l3};
use netsim::Queue;
use proptest::prelude::*;

use super::super::World;
use super::super::event::Event;
use super::super::slab::Handle;
use super::connection::{CALLED, CALLER};
use super::net::{Around, Net, News, Tidings};

use crate::examples::{design, variant};
use crate::judge::{self, Judged};
use crate::plan::Plan;
use crate::stats::Stats;
use crate::world::tap::packets::Message;
use crate::{Fidelity, Options};

#[test]
fn every_request_ends_exactly_once_and_nothing_is_held() {
    for (file, incident) in
        [("balancer", "one-dies"), ("regions", "eu-lost"), ("incident", "drift")]
    {
        let run = packets(&variant(file, &[]), incident, 100);

        let edge = &run.edge;
        let ended = edge.answered() + edge.failed.iter().sum::<u64>() + edge.unanswered;
        assert_eq!((edge.offered, edge.unanswered), (ended, 0), "{file}");
        assert!(run.held.connections < 5, "{file}: {:?}", run.held);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the network does, whatever is spoken, and whatever the rules: no request is lost
    /// or counted twice, and no permit stays behind.
    #[test]
    fn under_any_fault_of_the_network_each_request_ends_exactly_once(
        speech in prop_oneof![Just("http"), Just("grpc"), Just("udp")],
        pool in prop_oneof![Just(""), Just("most = 1, "), Just("most = 3, ")],
        idle in prop_oneof![Just("1ms"), Just("500ms"), Just("4s")],
        attempts in 1_u32..4,
        cancel in any::<bool>(),
        body in prop_oneof![Just("0B"), Just("3KiB"), Just("70KiB")],
        on in prop_oneof![Just("lb"), Just("svc"), Just("lb -> svc"), Just("users -> lb")],
        fault in prop::sample::select(FAULTS.to_vec()),
        also in prop::sample::select(FAULTS.to_vec()),
        seed in 0_u64..1_000,
    ) {
        let (method, route) = match speech {
            "grpc" => ("\"/a.B/C\"", "routes = [{ service = \"a.B\", to = \"svc\" }]"),
            "http" => ("\"GET\", path = \"/\"", "routes = [{ path = \"/\", to = \"svc\" }]"),
            _ => ("\"GET\", path = \"/\"", "to = \"svc\""),
        };
        let text = ANY
            .replace("METHOD", method)
            .replace("ROUTE", route)
            .replace("SPEECH", speech)
            .replace("POOL", &format!("{pool}idle_timeout = \"{idle}\""))
            .replace("ATTEMPTS", &attempts.to_string())
            .replace("CANCEL", &cancel.to_string())
            .replace("BODY", body);
        let of_nodes = ["crash", "descriptors"].iter().any(|kind| fault.contains(kind));
        let on = if of_nodes && on.contains("->") { "lb" } else { on };
        let faults = incident(on, fault, "lasts = \"900ms\"").replace("10s", "1s")
            + &incident("svc", also, "lasts = \"700ms\"").replace("10s", "1500ms");
        let design = design(&(text + &faults));
        let options = Options {
            incident: Some("it".into()),
            lasts: Some(Duration::from_secs(3)),
            fidelity: Fidelity::Packet,
            ..Options::default()
        };
        // Some faults cannot happen to a call.
        let Ok(plan) = Plan::new(&design, &options) else { return Ok(()) };
        let run = World::new(&plan, seed).run();

        let edge = &run.stats.edge;
        let ended = edge.answered() + edge.failed.iter().sum::<u64>();
        prop_assert_eq!((edge.offered, edge.unanswered, run.permits), (ended, 0, 0));
    }
}

const FAULTS: [&str; 16] = [
    "kind = \"loss\"\nloss = \"20%\"",
    "kind = \"loss\"\nloss = \"100%\"",
    "kind = \"delay\"\nby = \"80ms\"",
    "kind = \"bandwidth\"\nbandwidth = \"2Mbit/s\"",
    "kind = \"duplicate\"\nrate = \"50%\"",
    "kind = \"reorder\"\nrate = \"30%\"\nby = \"20ms\"",
    "kind = \"corrupt\"\nrate = \"10%\"",
    "kind = \"mtu\"\nbytes = \"600B\"",
    "kind = \"partition\"",
    "kind = \"partition\"\none_way = true",
    "kind = \"firewall\"\nreject = true",
    "kind = \"firewall\"",
    "kind = \"route\"\nhow = \"loop\"",
    "kind = \"link-down\"",
    "kind = \"descriptors\"\nleft = 3",
    "kind = \"crash\"",
];

const ANY: &str = r#"
[region.eu]
at = [53.3, -6.3]
[client.users]
traffic = "300/s"
requests = [{ share = "100%", method = METHOD, response = "BODY" }]
[balancer.lb]
instances = 2
[[balancer.lb.listen]]
address = "127.0.0.1:8080"
protocol = "SPEECH"
ROUTE
[service.svc]
instances = 2
model = { workers = 4, queue = 7, service_time = "5ms" }
[rules.all]
protocol = "SPEECH"
connections = { POOL }
timeout = "400ms"
attempt_timeout = "150ms"
connect_timeout = "100ms"
idempotent = true
on_failure = "error"
in_flight = 40
queue = 4
cancel = CANCEL
retry = { attempts = ATTEMPTS, backoff = "5ms..40ms", budget = "none" }
[call.users.lb]
rules = "all"
[call.lb.svc]
rules = "all"
"#;

/// How far the two ways to play a run are apart, where the network does nothing.
#[test]
fn packets_and_messages_give_the_same_latencies_where_nothing_is_lost() {
    let mut table = String::from("file       share   packets   messages   distance\n");
    let bound = "connections = { idle_timeout = \"1ms\" }\nretry = \"none\"";
    for (name, design) in [
        ("balancer", variant("balancer", &[])),
        ("incident", variant("incident", &[])),
        ("grpc", variant("grpc", &[])),
        ("handshakes", design(&LINE.replace("retry = \"none\"", bound))),
    ] {
        let runs = [Fidelity::Packet, Fidelity::Message].map(|it| play(&design, "none", 90, it));
        for share in [0.5, 0.9, 0.99] {
            let [packets, messages] = runs
                .each_ref()
                .map(|run| run.calls[0].latency.quantile(share).unwrap().as_millis_f64());
            let _ = writeln!(
                table,
                "{name:<10} {share:<5} {packets:>6.2} ms {messages:>7.2} ms {:>8.1} %",
                (packets / messages - 1.0) * 100.0
            );
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_clean_network_makes_no_difference_to_latency() {
    let design = line("", "");
    let packets = packets(&design, "none", 60);
    let messages = play(&design, "none", 60, Fidelity::Message);

    for share in [0.5, 0.9, 0.99] {
        let of = |run: &Judged| run.calls[0].latency.quantile(share).unwrap().as_millis_f64();
        let (packets, messages) = (of(&packets), of(&messages));
        assert!((packets / messages - 1.0).abs() < 0.05, "{share}: {packets} and {messages} ms");
    }
}

/// With what they have said behind them, both ends, the queue's timers, everything.
#[test]
fn a_million_open_connections_would_fit_in_a_gibibyte() {
    const COUNT: u64 = 16_000;
    let text = line("", "");
    let options = Options { fidelity: Fidelity::Packet, ..Options::default() };
    let plan = Plan::new(&text, &options).unwrap();
    let mut talk = Talk::new(&plan);
    let held = allocation_counter::measure(|| {
        let all: Vec<_> = (0..COUNT).map(|_| talk.connect()).collect();
        for &connection in &all {
            talk.answer(connection);
            talk.run(Duration::from_micros(10));
        }
        talk.run(Duration::from_secs(2));
    });

    assert_eq!(talk.arrived.len() as u64, COUNT);
    let each = held.bytes_current / COUNT.cast_signed();
    assert!(each <= 1_073, "{each} bytes");
}

/// The seed's claim: the price of one connection for all is that all wait for one lost segment.
#[test]
fn one_lost_segment_delays_every_stream_of_its_connection_and_none_of_the_others() {
    let text = line("protocol = \"grpc\"\nconnections = { most = 2, streams = 100 }", "");
    let options = Options { fidelity: Fidelity::Packet, ..Options::default() };
    let plan = Plan::new(&text, &options).unwrap();
    let mut talk = Talk::new(&plan);
    let (first, second) = (talk.connect(), talk.connect());

    talk.answer_and_lose(first);
    let others: Vec<_> = [first, first, second, second].map(|on| talk.answer(on)).into();
    let (began, arrivals) = (talk.began, talk.arrivals());

    let way = Duration::from_micros(260);
    let late = |message: u32| arrivals[&message] > began + way;
    assert_eq!(others.iter().map(|&at| late(at)).collect::<Vec<_>>(), [true, true, false, false]);
    let times: Vec<_> = [0, others[0], others[1]].map(|message| arrivals[&message]).into();
    assert!(times.iter().all(|&at| at == times[0]), "all of it comes when the gap is filled");
}

/// The seed's claim: loss shows in the tail long before it shows in goodput.
#[test]
fn where_loss_has_tripled_the_99th_percentile_goodput_is_still_above_90_percent() {
    let model = "service_time = { median = \"8ms\", p99 = \"60ms\" }";
    let mut table = String::from("loss   p50 ms  p99 ms  goodput\n");
    let mut points = Vec::new();
    for loss in ["0%", "0.5%", "1%", "2%", "3%", "5%"] {
        let text = LINE
            .replace("service_time = \"5ms\"", model)
            .replace("timeout = \"2s\"", "timeout = \"800ms\"")
            .replace("\"1s\"", "\"800ms\"");
        let kind =
            format!("kind = \"loss\"\nloss = \"{}\"", if loss == "0%" { "1%" } else { loss });
        let forever = text.clone() + &incident("users -> svc", &kind, "");
        let incident = if loss == "0%" { "none" } else { "it" };
        let run = packets(&design(&forever), incident, 120);
        let at = |share| run.calls[0].latency.quantile(share).unwrap().as_millis_f64();
        let goodput = run.edge.judged_good as f64 / run.edge.judged_offered as f64;
        let _ = writeln!(
            table,
            "{loss:<5} {:>7.1} {:>7.1} {:>7.1}%",
            at(0.5),
            at(0.99),
            goodput * 100.0
        );
        points.push((at(0.99), goodput));
    }

    let tripled = points.iter().find(|(p99, _)| *p99 >= 3.0 * points[0].0).expect("it triples");
    assert!(tripled.1 > 0.9, "{table}");
    insta::assert_snapshot!(table);
}

#[test]
fn a_partition_one_way_is_silence_and_every_try_ends_by_its_timeout() {
    let run = fault("users -> svc", "kind = \"partition\"\none_way = true");

    let failed = failures(&run);
    assert!(
        failed.keys().all(|cause| ["timeout", "connect_timeout"].contains(cause)),
        "{failed:?}"
    );
    assert!(failed["connect_timeout"] > 500, "{failed:?}");
    assert!(drops(&run, l3::Event::Partitioned) > 1_000);
    assert!(run.layers.connections[0].syn_retries > 0 || failed["timeout"] > 0);
}

#[test]
fn a_firewall_that_rejects_is_known_at_once_and_one_that_drops_only_by_waiting() {
    let rejects = fault_on(&fresh(), "svc", "kind = \"firewall\"\nreject = true");
    let drops_them = fault_on(&fresh(), "svc", "kind = \"firewall\"");

    let (rejected, dropped) = (failures(&rejects), failures(&drops_them));
    assert!(rejected["refused"] > 1_000 && rejected.len() == 1, "{rejected:?}");
    assert!(dropped["connect_timeout"] > 1_000 && dropped.len() == 1, "{dropped:?}");
    assert!(drops(&rejects, l3::Event::Filtered) > 1_000);
}

#[test]
fn a_firewall_lets_connections_live_that_stood_before() {
    let run = fault("svc", "kind = \"firewall\"");

    assert!(run.edge.good() > run.edge.offered * 99 / 100, "{:?}", failures(&run));
}

#[test]
fn a_narrower_way_is_a_black_hole_for_large_answers_and_small_ones_pass() {
    let text = LINE.replace(
        "requests = [{ share = \"100%\", method = \"GET\", path = \"/\" }]",
        "requests = [{ share = \"80%\", method = \"GET\", path = \"/small\" }, \
         { share = \"20%\", method = \"GET\", path = \"/large\", response = \"32KiB\" }]",
    );
    let run = fault_on(&text, "svc", "kind = \"mtu\"\nbytes = \"1400B\"");

    let failed = run.edge.failed.iter().sum::<u64>() as f64 / 4_000.0;
    assert!((0.17..0.23).contains(&failed), "a fifth of what came in 20 s: {failed}");
    assert!(drops(&run, l3::Event::TooBig) > 100);
}

#[test]
fn who_has_no_descriptors_left_cannot_call_and_who_is_called_cannot_accept() {
    let caller = fault_on(&fresh(), "users", "kind = \"descriptors\"\nleft = 0");
    let called = fault_on(&fresh(), "svc", "kind = \"descriptors\"\nleft = 0");

    let (no_call, no_answer) = (failures(&caller), failures(&called));
    assert!(no_call["exhausted"] > 1_000 && no_call.len() == 1, "{no_call:?}");
    assert!(
        no_answer["timeout"] > 1_000 && no_answer.len() == 1,
        "the kernel connects: {no_answer:?}"
    );
}

#[test]
fn a_circle_of_routes_ends_by_the_hop_limit_a_gap_is_told_and_a_wrong_turn_is_not() {
    let lost = |how: &str| fault_on(&fresh(), "svc", &format!("kind = \"route\"\nhow = \"{how}\""));
    let (circle, gap, wrong) = (lost("loop"), lost("withdrawn"), lost("wrong"));

    assert!(drops(&circle, l3::Event::HopLimit) > 1_000);
    assert!(drops(&gap, l3::Event::NoRoute) > 1_000 && drops(&wrong, l3::Event::NoRoute) > 1_000);
    let causes = [&circle, &gap, &wrong].map(|run| failures(run).into_keys().collect::<Vec<_>>());
    assert_eq!(causes[1], ["unreachable"]);
    assert_eq!([&causes[0], &causes[2]], [&["connect_timeout"], &["connect_timeout"]]);
}

#[test]
fn a_card_that_is_down_is_known_to_its_own_host_and_to_nobody_else() {
    let caller = fault_on(&fresh(), "users", "kind = \"link-down\"");

    let failed = failures(&caller);
    assert!(failed["unreachable"] > 1_000, "{failed:?}");
    assert!(drops(&caller, l3::Event::LinkDown) > 1_000);
}

#[test]
fn delay_and_jitter_come_on_top_of_the_way() {
    let usual = packets(&design(LINE), "none", 40);
    let delayed = fault("users -> svc", "kind = \"delay\"\nby = \"50ms\"");
    let uneven = fault("users -> svc", "kind = \"jitter\"\nby = \"50ms\"");

    let [usual, delayed, uneven] = [&usual, &delayed, &uneven].map(|run| {
        let at = |share| run.layers.ways[0].delay.quantile(share).unwrap().as_millis_f64();
        (at(0.05), at(0.9))
    });
    assert!((48.0..52.0).contains(&(delayed.1 - usual.1)), "{delayed:?} {usual:?}");
    assert!((35.0..50.0).contains(&(uneven.1 - usual.1)), "{uneven:?}");
    assert!(uneven.0 < 10.0, "{uneven:?}");
}

#[test]
fn a_narrow_way_makes_a_queue_and_the_queue_overflows() {
    let text = LINE.replace("path = \"/\" }", "path = \"/\", response = \"64KiB\" }");
    for kind in
        ["kind = \"bandwidth\"\nbandwidth = \"3Mbit/s\"", "kind = \"nic\"\nspeed = \"0.03%\""]
    {
        let run = fault_on(&text, "svc", kind);

        let queue = &run.layers.ways[0].waited;
        assert!(queue.quantile(0.99).unwrap() > Duration::from_millis(100), "{kind}");
        assert!(run.edge.good() < run.edge.offered * 90 / 100, "{kind}");
        assert!(drops(&run, l3::Event::QueueFull) > 0, "{kind}: {:?}", run.layers.ways[0].happened);
    }
}

#[test]
fn what_arrives_twice_late_or_damaged_is_tcps_affair() {
    let twice = fault("svc", "kind = \"duplicate\"\nrate = \"10%\"");
    let late = fault("svc", "kind = \"reorder\"\nrate = \"10%\"\nby = \"3ms\"");
    let damaged = fault("svc", "kind = \"corrupt\"\nrate = \"2%\"");

    for run in [&twice, &late, &damaged] {
        assert_eq!(run.edge.good(), run.edge.offered, "{:?}", failures(run));
    }
    let seen = |run: &Judged, event: l3::Event| run.layers.ways[0].happened[event.index()];
    assert!(seen(&twice, l3::Event::Duplicated) > 500);
    assert!(seen(&late, l3::Event::Reordered) > 500);
    assert!(seen(&damaged, l3::Event::Corrupted) > 100);
    assert_eq!(twice.layers.connections[0].retransmits, 0);
    assert!(damaged.layers.connections[0].retransmits > 50);
}

#[test]
fn a_process_that_is_gone_refuses_and_a_region_that_is_gone_says_nothing() {
    let crash = fault("svc", "kind = \"crash\"");
    let region = fault_on(APART, "us", "kind = \"region-loss\"");

    let (crash, region) = (failures(&crash), failures(&region));
    assert!(crash["refused"] > 1_000 && !crash.contains_key("connect_timeout"), "{crash:?}");
    assert!(region["connect_timeout"] > 1_000 && !region.contains_key("refused"), "{region:?}");
}

#[test]
fn between_regions_datagrams_are_lost_and_come_unevenly_and_within_one_they_do_not() {
    let run = packets(&design(APART), "none", 60);

    let (within, across) = (&run.layers.ways[0], &run.layers.ways[1]);
    assert_eq!(within.sent, 0);
    let at = |share| across.delay.quantile(share).unwrap().as_millis_f64();
    assert!((34.5..36.0).contains(&at(0.01)), "{}", at(0.01));
    assert!(at(0.99) > at(0.01) + 0.8, "{}", at(0.99));
    assert!((1..=12).contains(&across.lost()), "0.01 % of {}: {}", across.sent, across.lost());
}

#[test]
fn routers_find_the_way_round_a_link_that_is_known_to_be_down() {
    let text = format!("{APART}\n[region.ca]\nat = [45.5, -73.6]\n");
    let run = fault_on(&text, "eu -> us", "kind = \"link-down\"");
    let parted = fault_on(&text, "eu -> us", "kind = \"partition\"");

    assert!(run.edge.good() > run.edge.offered * 98 / 100, "{:?}", failures(&run));
    assert!(parted.edge.good() < parted.edge.offered * 70 / 100, "nobody knows of it");
}

#[test]
fn over_udp_a_lost_datagram_is_an_answer_that_never_comes() {
    let text = LINE
        .replace("timeout = \"2s\"", "protocol = \"udp\"\ntimeout = \"100ms\"")
        .replace("\"1s\"", "\"100ms\"");
    let run = fault_on(&text, "users -> svc", "kind = \"loss\"\nloss = \"10%\"");

    let failed = failures(&run);
    let share = failed["timeout"] as f64 / 4_000.0;
    assert!(failed.len() == 1 && (0.16..0.22).contains(&share), "1 - 0.9 x 0.9: {share}");
    assert_eq!(run.layers.connections[0].connected, 0);
    assert!(run.calls[0].latency.quantile(0.5).unwrap() < Duration::from_millis(7));
}

/// An answer of two datagrams, of which each may arrive twice, and each of these damaged.
#[test]
fn over_udp_a_twin_brings_what_was_lost_and_what_is_damaged_is_lost() {
    let text = LINE
        .replace("timeout = \"2s\"", "protocol = \"udp\"\ntimeout = \"100ms\"")
        .replace("\"1s\"", "\"100ms\"")
        .replace("path = \"/\" }", "path = \"/\", response = \"2KiB\" }")
        + &incident("svc", "kind = \"corrupt\"\nrate = \"10%\"", "lasts = \"20s\"");
    let damaged = packets(&design(&text), "it", 40);
    let twins = "kind = \"duplicate\"\nrate = \"100%\"";
    let twice = text + &incident("users -> svc", twins, "lasts = \"20s\"");
    let twice = packets(&design(&twice), "it", 40);

    let lost = |run: &Judged| failures(run).get("timeout").copied().unwrap_or(0) as f64 / 4_000.0;
    let all = failures(&damaged).len() + failures(&twice).len();
    assert!(all <= 2, "only timeouts: {:?} {:?}", failures(&damaged), failures(&twice));
    assert!((0.24..0.30).contains(&lost(&damaged)), "1 - 0.9^3: {}", lost(&damaged));
    assert!((0.02..0.04).contains(&lost(&twice)), "1 - 0.99^3: {}", lost(&twice));
    assert_eq!((damaged.held.connections, twice.held.connections), (0, 0));
}

#[test]
fn a_message_that_no_datagram_holds_is_refused_before_the_run() {
    let udp = LINE.replace("timeout = \"2s\"", "timeout = \"2s\"\nprotocol = \"udp\"");
    for (size, fits) in [("63KiB", true), ("64KiB", false)] {
        let text =
            udp.replace("path = \"/\" }", &format!("path = \"/\", response = \"{size}\" }}"));
        let design = design(&text);
        let plan = Plan::new(&design, &Options::default());
        assert_eq!(plan.is_ok(), fits, "{size}");
        if let Err(refusals) = plan {
            assert!(refusals[0].problem.contains("65507 bytes"), "{}", refusals[0]);
        }
    }
}

/// Many clients at once, each with a connection of its own: a burst of handshakes.
#[test]
fn a_database_never_has_more_connections_than_it_takes() {
    let text = L4
        .replace("most = 1", "most = 64")
        .replace("idle_timeout = \"1m\"", "idle_timeout = \"1ms\"")
        .replace("[database.db]\n", "[database.db]\nconnections = 2\n")
        .replace("instances = 3", "instances = 1")
        .replace("traffic = \"150/s\"", "traffic = \"900/s\"");

    assert_eq!(most_accepted(&text, "db", 10), 2);
}

/// Two workers that each kept a connection of their own would have two.
#[test]
fn the_most_connections_are_those_of_an_instance_whatever_its_workers() {
    let text = ANY
        .replace("METHOD", "\"GET\", path = \"/\"")
        .replace("ROUTE", "routes = [{ path = \"/\", to = \"svc\" }]")
        .replace("SPEECH", "http")
        .replace("POOL", "most = 3, idle_timeout = \"5s\"")
        .replace("ATTEMPTS", "1")
        .replace("CANCEL", "false")
        .replace("BODY", "100B")
        .replace("timeout = \"400ms\"\nattempt_timeout = \"150ms\"", "timeout = \"2s\"")
        .replace("instances = 2", "instances = 1");
    let run = packets(&design(&text), "none", 20);

    assert_eq!(most_accepted(&text, "svc", 10), 3);
    assert_eq!(run.edge.unanswered, 0);
    let answered = run.edge.good() as f64 / run.edge.offered as f64;
    assert!(answered > 0.95, "300/s of 5 ms each are two at a time, and three may be: {answered}");
}

/// What waited for the narrow line when it became wide again does not wait for it any more.
#[test]
fn a_queue_drains_at_the_new_speed_when_the_fault_is_over() {
    let text = LINE
        .replace("timeout = \"2s\"", "protocol = \"udp\"\ntimeout = \"60s\"")
        .replace("connect_timeout = \"1s\"\n", "")
        .replace("path = \"/\" }", "path = \"/\", response = \"1KiB\" }");
    let run = fault_on(&text, "svc", "kind = \"bandwidth\"\nbandwidth = \"500kbit/s\"");

    let slowest = |at: usize| run.series.windows()[at].latency.quantile(1.0).unwrap();
    assert!(slowest(29) > Duration::from_secs(5), "a thousand of 1.3 kB: {:?}", slowest(29));
    assert!(slowest(30) > Duration::from_secs(5), "the queue leaves at once: {:?}", slowest(30));
    assert!(slowest(31) < Duration::from_millis(20), "and is empty: {:?}", slowest(31));
}

/// What is on its way when a delay ends arrives after the delay; what leaves then does not.
#[test]
fn a_delay_ends_for_those_who_leave_after_it() {
    let text = LINE
        .replace("timeout = \"2s\"", "protocol = \"udp\"\ntimeout = \"60s\"")
        .replace("connect_timeout = \"1s\"\n", "");
    let run = fault_on(&text, "users -> svc", "kind = \"delay\"\nby = \"3s\"");

    let at = |at: usize, share| run.series.windows()[at].latency.quantile(share).unwrap();
    assert!(at(29, 0.01) > Duration::from_millis(5_800), "{:?}", at(29, 0.01));
    assert!(at(31, 0.99) > Duration::from_millis(2_900), "on its way: {:?}", at(31, 0.99));
    assert!(at(31, 0.1) < Duration::from_millis(20), "left after it: {:?}", at(31, 0.1));
}

#[test]
fn a_fault_that_nobody_bounds_leaks_connections() {
    let call = "timeout = \"1h\"";
    let text = LINE.replace("timeout = \"2s\"", call).replace("\"1s\"", "\"1h\"");
    let forever = text.clone() + &incident("users -> svc", "kind = \"partition\"", "");
    let run = packets(&design(&forever), "it", 40);

    assert!(run.held.connections > 100, "{:?}", run.held);
    assert!(run.held.descriptors > Some(100) && run.held.bytes > Some(5_000), "{:?}", run.held);
}

#[test]
fn connections_have_a_bound_and_requests_wait_for_one() {
    let design = line("connections = { most = 1 }", "");
    let run = packets(&design, "none", 30);

    assert_eq!(run.layers.connections[0].connected, 0, "before the warm-up was over");
    let p90 = run.calls[0].latency.quantile(0.9).unwrap();
    assert!(p90 > Duration::from_millis(9), "{p90:?}: 200/s of 5.5 ms each, one at a time on two");
}

#[test]
fn streams_share_few_connections() {
    let design = line("protocol = \"grpc\"\nconnections = { most = 4, streams = 100 }", "");
    let run = packets(&design, "none", 30);

    assert_eq!(run.edge.good(), run.edge.offered);
    assert!(run.layers.connections[0].reused > 4_000);
}

/// Long-lived connections that many share do not balance over an L4 balancer.
#[test]
fn a_balancer_of_connections_sends_all_that_comes_over_one_to_one_endpoint() {
    let through = |most: u32, idle: &str| {
        let text = L4
            .replace("most = 1", &format!("most = {most}"))
            .replace("idle_timeout = \"1m\"", &format!("idle_timeout = \"{idle}\""));
        packets(&design(&text), "none", 60)
    };
    let (few, many) = (through(1, "1m"), through(64, "1ms"));

    assert_eq!((few.edge.good(), many.edge.good()), (few.edge.offered, many.edge.offered));
    assert_eq!(
        few.calls[1].requests, 0,
        "one connection a caller, from before the warm-up was over"
    );
    let chosen = |run: &Judged| run.layers.connections[1].connected;
    assert!(chosen(&many) > 5_000, "{}", chosen(&many));
    let p90 = |run: &Judged| run.calls[0].latency.quantile(0.9).unwrap().as_millis_f64();
    assert!(p90(&few) > 1.5 * p90(&many), "{} and {}", p90(&few), p90(&many));
}

#[test]
fn who_loses_the_endpoint_behind_a_balancer_of_connections_is_reset() {
    let text = L4.replace("instances = 3", "instances = 1");
    let run = fault_on(&text, "db", "kind = \"crash\"");

    let failed = failures(&run);
    assert!(failed.keys().all(|cause| ["reset", "closed"].contains(cause)), "{failed:?}");
    assert!(failed["reset"] > 1_000, "{failed:?}");
    let behind = &run.layers.connections[1];
    assert!(behind.failed[Cause::Refused.index()] > 1_000, "{behind:?}");
}

#[test]
fn what_cannot_happen_to_a_place_is_refused_with_a_way_out() {
    for (on, kind, says) in [
        ("eu", "kind = \"partition\"", "only one region"),
        ("users -> svc", "kind = \"link-down\"", "no link of its own"),
        ("users -> svc", "kind = \"route\"\nhow = \"loop\"", "a route leads to a place"),
    ] {
        let text = LINE.to_owned() + &incident(on, kind, "lasts = \"1s\"");
        let options = Options { incident: Some("it".into()), ..Options::default() };
        let refusals = Plan::new(&design(&text), &options).unwrap_err();
        assert!(refusals[0].problem.contains(says), "{}", refusals[0]);
    }
}

#[test]
fn packets_are_taken_where_the_network_matters_and_the_reason_is_told() {
    let of = |text: &str, incident: &str| {
        let options = Options { incident: Some(incident.into()), ..Options::default() };
        let plan_of = design(text);
        let network = Plan::new(&plan_of, &options).unwrap().network.clone();
        (network.has_packets, network.why)
    };
    let lossy = LINE.to_owned() + &incident("svc", "kind = \"loss\"\nloss = \"1%\"", "");
    let udp = LINE.replace("timeout = \"2s\"", "timeout = \"2s\"\nprotocol = \"udp\"");

    assert!(!of(LINE, "none").0);
    assert_eq!(of(&lossy, "it"), (true, "`loss` hits the network".to_owned()));
    assert!(!of(&lossy, "none").0);
    assert!(of(&udp, "none").1.contains("UDP"));
    assert!(of(APART, "none").1.contains("cross from eu to us"));
}

#[test]
fn an_idle_node_and_other_traffic_change_no_outcome() {
    let lossy =
        LINE.to_owned() + &incident("svc", "kind = \"loss\"\nloss = \"2%\"", "lasts = \"20s\"");
    let hash = |text: &str, incident: &str| packets(&design(text), incident, 40).edge.hash;
    let elsewhere = "[client.aliens]\nregion = \"eu\"\ntraffic = \"50/s\"\n\
        requests = [{ share = \"100%\", method = \"GET\", path = \"/\" }]\n\
        [service.moon]\nregion = \"eu\"\nmodel = { workers = 9, queue = 1, service_time = \"1ms\" }\n\
        [service.idle]\nregion = \"eu\"\nmodel = { workers = 1, queue = 1, service_time = \"1ms\" }\n\
        [call.aliens.moon]\ntimeout = \"1s\"\nidempotent = true\non_failure = \"error\"\n\
        in_flight = \"none\"\nretry = \"none\"\n";
    let region = "[region.eu]\nat = [53.3, -6.3]\n";

    let (alone, again) = (hash(&lossy, "it"), hash(&lossy, "it"));
    let others = hash(&format!("{region}{elsewhere}"), "none");
    let together = hash(&format!("{elsewhere}{lossy}"), "it");
    assert_eq!(alone, again);
    assert_eq!(together, alone.wrapping_add(others));
}

/// A run of 40 seconds in which a fault lasts from second 10 to 30.
fn fault(on: &str, kind: &str) -> Judged {
    fault_on(LINE, on, kind)
}

fn fault_on(text: &str, on: &str, kind: &str) -> Judged {
    packets(&hit(text, on, kind), "it", 40)
}

/// The most connections that the first instance of a node had accepted at once.
fn most_accepted(text: &str, node: &str, secs: u64) -> u32 {
    let design = design(text);
    let options = Options {
        incident: Some("none".into()),
        lasts: Some(Duration::from_secs(secs)),
        fidelity: Fidelity::Packet,
        ..Options::default()
    };
    let plan = Plan::new(&design, &options).unwrap();
    let id = design.nodes.iter().position(|other| other.name == node).unwrap();
    let at = plan.instance(base::NodeId::from_index(id), 0) as usize;
    let mut world = World::new(&plan, 1);
    let mut most = 0;
    for ms in 0..secs * 1_000 {
        world.play_until(Instant::from_millis(ms));
        most = most.max(world.net.as_deref().unwrap().hosts[at].accepted);
    }
    most
}

fn hit(text: &str, on: &str, kind: &str) -> Design {
    design(&(text.to_owned() + &incident(on, kind, "lasts = \"20s\"")))
}

fn incident(on: &str, kind: &str, lasts: &str) -> String {
    format!("\n[[incident.it]]\non = \"{on}\"\nat = \"10s\"\n{kind}\n{lasts}\n")
}

/// A new connection for each request.
fn fresh() -> String {
    LINE.replace("retry = \"none\"", "retry = \"none\"\nconnections = { idle_timeout = \"1ms\" }")
}

/// What the clients saw, by the cause of the last try.
fn failures(run: &Judged) -> BTreeMap<&'static str, u64> {
    let failed = Cause::ALL.iter().zip(&run.calls[0].failed).filter(|(_, count)| **count > 0);
    failed.map(|(cause, count)| (cause.name(), *count)).collect()
}

fn drops(run: &Judged, event: l3::Event) -> u64 {
    run.layers.ways.iter().map(|way| way.happened[event.index()]).sum()
}

fn packets(design: &Design, incident: &str, secs: u64) -> Judged {
    play(design, incident, secs, Fidelity::Packet)
}

fn play(design: &Design, incident: &str, secs: u64, fidelity: Fidelity) -> Judged {
    let options = Options {
        incident: Some(incident.into()),
        lasts: Some(Duration::from_secs(secs)),
        fidelity,
        ..Options::default()
    };
    let plan = Plan::new(design, &options).unwrap();
    judge::play(&plan, 1, || false).unwrap()
}

/// Users who call a service with two instances, without retries. `call` is added to the call,
/// `rest` to the file.
fn line(call: &str, rest: &str) -> Design {
    let text = LINE.replace("retry = \"none\"", &format!("retry = \"none\"\n{call}"));
    design(&(text + rest))
}

const LINE: &str = r#"
[region.eu]
at = [53.3, -6.3]
[client.users]
region = "eu"
traffic = "200/s"
requests = [{ share = "100%", method = "GET", path = "/" }]
[service.svc]
region = "eu"
instances = 2
model = { workers = 100, queue = "none", service_time = "5ms" }
[call.users.svc]
timeout = "2s"
connect_timeout = "1s"
idempotent = true
on_failure = "error"
in_flight = "none"
retry = "none"
"#;

/// Users on the other side of an ocean.
const APART: &str = r#"
[region.eu]
at = [53.3, -6.3]
[region.us]
at = [39.0, -77.5]
[client.users]
region = "eu"
traffic = "200/s"
requests = [{ share = "100%", method = "GET", path = "/" }]
[service.svc]
region = "us"
instances = 2
model = { workers = 100, queue = "none", service_time = "5ms" }
[call.users.svc]
timeout = "2s"
connect_timeout = "1s"
idempotent = true
on_failure = "error"
in_flight = "none"
retry = "none"
"#;

/// Users before a balancer of connections.
const L4: &str = r#"
[region.eu]
at = [53.3, -6.3]
[client.users]
region = "eu"
traffic = "150/s"
requests = [{ share = "100%", method = "GET", path = "/" }]
[balancer.pg]
region = "eu"
[[balancer.pg.listen]]
address = "127.0.0.1:6432"
protocol = "tcp"
to = "db"
[database.db]
region = "eu"
instances = 3
model = { workers = 4, queue = "none", service_time = "5ms" }
[call.users.pg]
protocol = "tcp"
connections = { most = 1, idle_timeout = "1m" }
timeout = "2s"
connect_timeout = "1s"
idempotent = false
on_failure = "error"
in_flight = "none"
retry = "none"
[call.pg.db]
protocol = "tcp"
connect_timeout = "500ms"
idle_timeout = "10m"
idempotent = "connect-only"
on_failure = "reset"
in_flight = 90
queue = 20
retry = "none"
"#;

/// A network alone, with connections of one engine, and no clock but its queue.
struct Talk<'p> {
    plan: &'p Plan<'p>,
    net: Net,
    queue: Queue<Event>,
    stats: Stats,
    now: Instant,
    began: Instant,
    said: u32,
    arrived: BTreeMap<u32, Instant>,
}

impl<'p> Talk<'p> {
    fn new(plan: &'p Plan<'p>) -> Self {
        let mut queue = Queue::new(1);
        let parties: Vec<_> =
            (0..plan.instances.len()).map(|at| queue.party(&at.to_string())).collect();
        Self {
            plan,
            net: Net::new(plan, 1, parties[0], &parties),
            queue,
            stats: Stats::new(plan.times, plan.design),
            now: Instant::ZERO,
            began: Instant::ZERO,
            said: 0,
            arrived: BTreeMap::new(),
        }
    }

    /// A connection from the users to the first instance, that stands.
    fn connect(&mut self) -> Handle {
        let ways = (0, self.plan.target(base::CallId(0), EndpointId(0)));
        let mut around = Around { queue: &mut self.queue, stats: &mut self.stats };
        let handle = self.net.connect(self.now, 0, EndpointId(0), ways, &mut around).unwrap();
        self.run(Duration::from_millis(500));
        self.began = self.now;
        handle
    }

    /// The called side answers. Which answer it is.
    fn answer(&mut self, on: Handle) -> u32 {
        let mut around = Around { queue: &mut self.queue, stats: &mut self.stats };
        let message = Message { body: 50, ..super::sizes::check_answer() };
        let answer = (message, Event::Idle { engine: self.said });
        self.net.write(self.now, on, CALLED, answer, &mut around);
        self.said += 1;
        self.said - 1
    }

    /// The same, and the network loses it.
    fn answer_and_lose(&mut self, on: Handle) {
        self.net.grid.cut(true);
        self.answer(on);
        self.net.grid.cut(false);
    }

    fn arrivals(mut self) -> BTreeMap<u32, Instant> {
        self.run(Duration::from_secs(2));
        self.arrived
    }

    fn run(&mut self, lasts: Duration) {
        let end = self.now + lasts;
        while self.queue.next_at().is_some_and(|at| at <= end) {
            let Some((now, event)) = self.queue.pop() else { return };
            self.now = now;
            let mut around = Around { queue: &mut self.queue, stats: &mut self.stats };
            match event {
                Event::Datagram { datagram } => self.net.on_datagram(now, datagram, &mut around),
                Event::Segments { connection, side } => {
                    self.net.on_timer(now, connection, side, &mut around);
                }
                other => panic!("{other:?}"),
            }
            self.hear();
        }
        self.now = end;
    }

    fn hear(&mut self) {
        while let Some(News { side, what, connection }) = self.net.news.pop_front() {
            match what {
                Tidings::Connected if side == CALLED => {
                    let target = self.net.connections.get(connection).unwrap().instances[1];
                    let mut around = Around { queue: &mut self.queue, stats: &mut self.stats };
                    self.net.accept(self.now, target, &mut around);
                }
                Tidings::Said(Event::Idle { engine }) if side == CALLER => {
                    self.arrived.insert(engine, self.now);
                }
                _ => {}
            }
        }
    }
}
