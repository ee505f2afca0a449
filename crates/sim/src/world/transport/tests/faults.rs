//! What each fault of the network does to requests.

use base::{Duration, Instant};
use event::l3;

use super::{APART, LINE, drops, failures, fault, fault_on, fresh, incident, packets};
use crate::examples::design;
use crate::judge::Judged;
use crate::plan::Plan;
use crate::world::World;
use crate::{Fidelity, Options};

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

/// Half of what asks is damaged when it comes to the wall; what the wall says is not.
#[test]
fn a_wall_that_rejects_answers_whole_what_came_damaged() {
    let text = fresh()
        + &incident("users", "kind = \"corrupt\"\nrate = \"50%\"", "lasts = \"20s\"")
        + &incident("svc", "kind = \"firewall\"\nreject = true", "lasts = \"20s\"");
    let failed = failures(&packets(&design(&text), "it", 40));

    assert!(failed["refused"] > 3_000 && failed.len() == 1, "{failed:?}");
}

/// Over UDP each lost datagram is a lost answer, so losses of neighbours are seen as failures in the
/// same second: their number varies by about twice the length of a burst as much as by chance.
#[test]
fn losses_in_bursts_are_as_many_and_hit_neighbours() {
    let udp = LINE.replace("timeout = \"2s\"", "protocol = \"udp\"\ntimeout = \"2s\"");
    let udp = udp.replace("connect_timeout = \"1s\"\n", "");
    let lost = |loss: &str| {
        let run = fault_on(&udp, "users -> svc", &format!("kind = \"loss\"\nloss = {loss}"));
        let failed = run.series.windows()[10..30].iter().map(|it| (it.offered - it.kept) as f64);
        let failed: Vec<f64> = failed.collect();
        let mean = failed.iter().sum::<f64>() / failed.len() as f64;
        let spread = failed.iter().map(|count| (count - mean).powi(2)).sum::<f64>();
        (drops(&run, l3::Event::Lost) as f64, spread / failed.len() as f64 / mean)
    };

    let (by_chance, even) = lost("\"10%\"");
    let (in_bursts, uneven) = lost("{ rate = \"10%\", burst = 5 }");

    assert!((0.7..1.4).contains(&(in_bursts / by_chance)), "{in_bursts} {by_chance}");
    assert!(even < 2.5 && uneven > 4.0, "variance by mean: {even} and {uneven}");
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

/// Else the record of a request that came damaged would stay for ever.
#[test]
fn nothing_is_left_of_messages_that_came_damaged() {
    let text = LINE
        .replace("timeout = \"2s\"", "protocol = \"udp\"\ntimeout = \"100ms\"")
        .replace("\"1s\"", "\"100ms\"")
        + &incident("users -> svc", "kind = \"corrupt\"\nrate = \"30%\"", "lasts = \"5s\"")
        + &incident("svc", "kind = \"duplicate\"\nrate = \"50%\"", "lasts = \"5s\"");
    let design = design(&text);
    let options = Options {
        lasts: Some(Duration::from_secs(20)),
        fidelity: Fidelity::Packet,
        ..Options::default()
    };
    let plan = Plan::new(&design, &options).unwrap();
    let mut world = World::new(&plan, 1);
    world = world.play_until(Instant::from_secs(30), || false).unwrap();

    assert_eq!((world.flights.len(), world.jobs.len()), (0, 0));
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

/// Those that drew a minute of jitter hold up nobody who asks when it is over, over TCP either.
#[test]
fn jitter_ends_for_those_who_ask_after_it() {
    let udp = LINE.replace("timeout = \"2s\"", "protocol = \"udp\"\ntimeout = \"2s\"");
    for text in [LINE, &udp.replace("connect_timeout = \"1s\"\n", "")] {
        let run = fault_on(text, "users -> svc", "kind = \"jitter\"\nby = \"60s\"");

        let window = |at: usize| &run.series.windows()[at];
        let at = |at: usize, share| window(at).latency.quantile(share).unwrap();
        assert!(window(29).kept * 10 < window(29).offered, "{:?}", window(29));
        assert_eq!(window(31).kept, window(31).offered, "{:?}", failures(&run));
        assert!(at(31, 0.5) < Duration::from_millis(20), "{:?}", at(31, 0.5));
        assert!(at(32, 1.0) < Duration::from_millis(20), "none waits any more: {:?}", at(32, 1.0));
    }
}
