//! What a network does to requests, and what each of its faults does.

mod connections;
mod faults;
mod talk;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use base::Duration;
use config::Design;
use event::{Cause, l3};
use proptest::prelude::*;

use super::super::{Run, World};
use crate::examples::{design, options_for, variant};
use crate::judge::{self, Judged};
use crate::plan::Plan;
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
        let Some(run) = in_millions_of_events(&plan, seed) else {
            return Err(TestCaseError::fail("something is sent again and again"));
        };

        let edge = &run.stats.edge;
        let ended = edge.answered() + edge.failed.iter().sum::<u64>();
        prop_assert_eq!((edge.offered, edge.unanswered, run.permits), (ended, 0, 0));
    }
}

/// A run, if it ends within more events than any run of a few seconds and some hundred requests needs.
fn in_millions_of_events(plan: &Plan<'_>, seed: u64) -> Option<Run> {
    let looks = Cell::new(0);
    World::new(plan, seed).run_unless(|| {
        looks.set(looks.get() + 1);
        looks.get() > 500
    })
}

/// Old segments of a connection that both have closed meet a listener: a SYN, and the acknowledgement
/// that once completed its handshake. Nobody may answer anybody for ever.
#[test]
fn what_is_left_of_a_closed_connection_wakes_nobody() {
    let text = ANY
        .replace("METHOD", "\"GET\", path = \"/\"")
        .replace("ROUTE", "routes = [{ path = \"/\", to = \"svc\" }]")
        .replace("SPEECH", "http")
        .replace("POOL", "most = 3, idle_timeout = \"1ms\"")
        .replace("ATTEMPTS", "1")
        .replace("CANCEL", "false")
        .replace("BODY", "0B")
        + &incident("lb -> svc", "kind = \"duplicate\"\nrate = \"50%\"", "")
        + &incident("svc", "kind = \"reorder\"\nrate = \"30%\"\nby = \"20ms\"", "");
    let design = design(&text.replace("10s", "1s"));
    let options = Options { fidelity: Fidelity::Packet, ..options_for("it", 10) };
    let plan = Plan::new(&design, &options).unwrap();

    for seed in 0..20 {
        let run = in_millions_of_events(&plan, seed);
        assert!(run.is_some_and(|run| run.permits == 0), "seed {seed}");
    }
}

pub(super) const FAULTS: [&str; 16] = [
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

    let few = LINE.replace("timeout = \"2s\"", "timeout = \"2s\"\nconnections = { most = 2 }");
    assert_eq!(
        of(&few, "none").1,
        "requests of call users -> svc may have to wait for a connection"
    );
    let bounded = few.replace("in_flight = \"none\"", "in_flight = 2\nqueue = 10");
    assert!(!of(&bounded, "none").0, "they wait elsewhere");
    let large = LINE.replace("path = \"/\" }", "path = \"/\", response = \"1GiB\" }");
    assert_eq!(of(&large, "none").1, "what is sent may fill the network cards of svc");
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
