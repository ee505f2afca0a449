//! Which connections requests take, and how many there are.

use base::{Duration, Instant};
use event::Cause;

use super::super::net::Net;
use super::{ANY, LINE, failures, fault_on, incident, line, packets};
use crate::examples::design;
use crate::judge::Judged;
use crate::plan::Plan;
use crate::world::World;
use crate::{Fidelity, Options};

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

/// HTTP/1.1 without pipelining: who waits gets a connection when it is free, not when it stands.
#[test]
fn a_connection_that_has_just_been_made_carries_one_request_at_a_time() {
    let text = LINE
        .replace("retry = \"none\"", "retry = \"none\"\nconnections = { most = 2 }")
        .replace("traffic = \"200/s\"", "traffic = \"2000/s\"");
    let most = most_of_first(&text, "svc", 2, |net, _| {
        let streams = net.connections.iter().map(|(_, connection)| connection.streams.len());
        streams.max().unwrap_or(0)
    });

    assert_eq!(most, 1);
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

/// What it carried when its process went holds no place in the process that comes after it.
#[test]
fn a_balancer_of_connections_that_was_gone_carries_everything_again() {
    let standing = L4.replace("most = 1", "most = 64").replace("\"1m\"", "\"2s\"");
    // Some look for an endpoint, some wait for a place, and some for a connection.
    let crowded = standing
        .replace("idle_timeout = \"2s\"", "idle_timeout = \"1ms\"")
        .replace("service_time = \"5ms\"", "service_time = \"20ms\"")
        .replace("instances = 3", "instances = 1")
        .replace("in_flight = 90", "in_flight = 3\nconnections = { most = 2 }");
    let faults = [
        ("pg", "kind = \"crash\"\nshare = \"1 of 2\"\nlasts = \"5s\""),
        ("pg", "kind = \"crash\"\nlasts = \"5s\""),
        ("pg", "kind = \"restart\"\ntakes = \"5s\""),
        ("eu", "kind = \"region-loss\"\nlasts = \"5s\""),
    ];
    for (text, (on, fault)) in
        [standing, crowded].iter().flat_map(|text| faults.map(|it| (text, it)))
    {
        let text = text.replace("[balancer.pg]\n", "[balancer.pg]\ninstances = 2\n");
        let design = design(&(text + &incident(on, fault, "")));
        let judged = packets(&design, "it", 40);

        assert!(judged.edge.failed.iter().sum::<u64>() > 100, "{on}, {fault}: nothing broke");
        let lost = judged.lost_afterwards as f64 / judged.offered_afterwards as f64;
        assert!(judged.recovered() && lost < 0.05, "{on}, {fault}: lost {lost}");
        assert_eq!(permits(&design), 0, "{on}, {fault}");
    }
}

/// Permits that are held when a run through an incident is over.
fn permits(design: &config::Design) -> u64 {
    let options = Options {
        incident: Some("it".into()),
        lasts: Some(Duration::from_secs(40)),
        fidelity: Fidelity::Packet,
        ..Options::default()
    };
    World::new(&Plan::new(design, &options).unwrap(), 1).run().permits
}

/// The most connections that the first instance of a node had accepted at once.
fn most_accepted(text: &str, node: &str, secs: u64) -> u32 {
    most_of_first(text, node, secs, |net, at| net.hosts[at].accepted)
}

/// The most that was ever counted, of what is to be seen of the first instance of a node.
fn most_of_first<N: Ord + Default>(
    text: &str,
    node: &str,
    secs: u64,
    count: impl Fn(&Net, usize) -> N,
) -> N {
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
    let mut most = N::default();
    for ms in 0..secs * 1_000 {
        world = world.play_until(Instant::from_millis(ms), || false).unwrap();
        most = most.max(count(world.net.as_deref().unwrap(), at));
    }
    most
}

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
