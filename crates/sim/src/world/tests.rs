//! What every run has to keep, and what chance may not change.

use std::fmt::Write as _;

use config::Design;
use model::closed;
use proptest::prelude::*;

mod verdict;

use super::*;
use crate::examples::{design, file, options_for, queue, variant};
use crate::plan::Plan;
use crate::{Fidelity, Options};

mod hops;

#[test]
fn every_request_ends_exactly_once_and_every_permit_comes_back() {
    for (file, incident) in DESIGNS {
        let run = play(&variant(file, &[]), incident, 1, 120);

        let edge = &run.stats.edge;
        let ended = edge.answered() + edge.failed.iter().sum::<u64>() + edge.unanswered;
        assert_eq!(edge.offered, ended, "{file}");
        assert_eq!((edge.unanswered, run.permits), (0, 0), "{file}");
    }
}

/// A service without descriptors lets its listen queue fill; when it has some again, thousands of
/// requests are there in one moment. None of them may stand on the stack of the one before.
#[test]
fn thousands_of_requests_that_arrive_in_one_moment_need_no_more_stack_than_one() {
    let crowd = design(
        r#"
[client.users]
traffic = "2000/s"
requests = [{ share = "100%", method = "GET", path = "/" }]
[service.svc]
descriptors = 60000
model = { workers = 4000, queue = 8000, service_time = "1ms" }
[call.users.svc]
timeout = "30s"
connect_timeout = "30s"
idempotent = true
on_failure = "error"
in_flight = "none"
retry = "none"
connections = { idle_timeout = "1ms" }
[[incident.full]]
on = "svc"
kind = "descriptors"
left = 0
at = "1s"
lasts = "2s"
"#,
    );
    let played = std::thread::Builder::new().stack_size(256 << 10).spawn(move || {
        let options = Options { fidelity: Fidelity::Packet, ..options_for("full", 5) };
        let plan = Plan::new(&crowd, &options).unwrap();
        World::new(&plan, 1).run().stats.edge.answered()
    });

    assert!(played.unwrap().join().unwrap() > 5_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the rules and whatever goes wrong: nothing is lost, nothing is counted twice, and
    /// no permit stays behind.
    #[test]
    fn under_any_rules_and_any_fault_each_request_ends_exactly_once(
        workers in 1_u32..6,
        queue in prop_oneof![Just("\"none\""), Just("0"), Just("7")],
        limit in prop_oneof![Just("in_flight = \"none\""), Just("in_flight = 3\nqueue = 4")],
        attempts in 1_u32..5,
        backoff in prop_oneof![Just("none"), Just("5ms..40ms")],
        budget in prop_oneof![Just("\"none\""), Just("{ share = \"20%\", floor = \"1/s\", burst = 5 }")],
        breaker in prop_oneof![
            Just("\"none\""),
            Just("{ error_rate = \"50%\", window = \"1s\", min_calls = 5, cooldown = \"300ms\", probes = 2 }"),
        ],
        failure in prop_oneof![Just("error"), Just("omit")],
        cancel in any::<bool>(),
        victim in prop_oneof![Just("svc"), Just("lb"), Just("db")],
        fault in prop_oneof![Just("crash"), Just("hang"), Just("restart"), Just("slow")],
        seed in any::<u32>(),
    ) {
        let fault = if victim == "lb" { "crash" } else { fault };
        let extra = match fault {
            "slow" => "times = 20.0\nlasts = \"1s\"",
            "restart" => "takes = \"1s\"",
            _ => "lasts = \"1s\"",
        };
        let rules = format!(
            "timeout = \"400ms\"\nattempt_timeout = \"150ms\"\nidempotent = true\n{limit}\n\
             cancel = {cancel}\nbreaker = {breaker}\n\
             retry = {{ attempts = {attempts}, backoff = \"{backoff}\", budget = {budget} }}\n"
        );
        let run = play(&design(&format!(
            r#"
[region.eu]
at = [53.3, -6.3]
[client.users]
traffic = "300/s"
requests = [{{ share = "50%", method = "GET", path = "/" }}, {{ share = "50%", method = "POST", path = "/" }}]
[balancer.lb]
instances = 2
[[balancer.lb.listen]]
address = "127.0.0.1:8080"
protocol = "http"
routes = [{{ path = "/", to = "svc" }}]
[service.svc]
instances = 2
model = {{ workers = {workers}, queue = {queue}, service_time = {{ mean = "5ms", shape = "exponential" }} }}
steps = ["db", "db"]
[database.db]
model = {{ workers = {workers}, queue = {queue}, service_time = "4ms" }}
[call.users.lb]
on_failure = "error"
{rules}
[call.lb.svc]
on_failure = "error"
{rules}
[call.svc.db]
on_failure = "{failure}"
{rules}
[[incident.bad]]
on = "{victim}"
kind = "{fault}"
at = "1s"
{extra}
"#
        )), "bad", u64::from(seed), 4);

        let edge = &run.stats.edge;
        let ended = edge.answered() + edge.failed.iter().sum::<u64>();
        prop_assert_eq!(edge.offered, ended);
        prop_assert_eq!((edge.unanswered, run.permits), (0, 0));
    }
}

#[test]
fn the_outcomes_of_a_run_are_pinned() {
    let hashes = DESIGNS.map(|(file, incident)| hash(&variant(file, &[]), incident, 1));

    let mut table = String::new();
    for ((file, incident), hash) in DESIGNS.iter().zip(hashes) {
        let _ = writeln!(table, "{file} {incident} {hash:016x}");
    }
    insta::assert_snapshot!(table);
}

#[test]
fn another_seed_is_another_run_and_the_same_seed_the_same() {
    let design = variant("balancer", &[]);

    assert_eq!(hash(&design, "one-dies", 7), hash(&design, "one-dies", 7));
    assert_ne!(hash(&design, "one-dies", 7), hash(&design, "one-dies", 8));
}

/// The hash of a run is a sum over its requests, so those of strangers add up.
#[test]
fn an_idle_node_and_a_draw_elsewhere_change_no_outcome() {
    let region = "[region.eu]\nat = [53.3, -6.3]\n";
    for fidelity in [Fidelity::Message, Fidelity::Packet] {
        let hash = |text: &str, incident: &str| {
            let lasts = Some(Duration::from_secs(60));
            let design = design(text);
            let plan = Plan::new(&design, &Options { fidelity, lasts, ..options(incident) });
            World::new(&plan.unwrap(), 3).run().stats.edge.hash
        };
        let elsewhere = hash(&format!("{region}{ELSEWHERE}"), "none");
        // Where a region is lost, strangers in it are hit too.
        for (name, incident) in [DESIGNS[0], ("incident", "none"), ("regions", "none")] {
            let text = file(name);
            let alone = hash(&text, incident);
            let together = hash(&format!("{ELSEWHERE}{text}"), incident);

            assert_eq!(together, alone.wrapping_add(elsewhere), "{name} {fidelity:?}");
        }
    }
}

/// How much time remains travels as a length of time, so no clock is asked.
#[test]
fn a_clock_that_jumps_changes_no_deadline() {
    let jump = "[[incident.jump]]\non = \"lb\"\nkind = \"clock-jump\"\nby = \"1h\"\nat = \"20s\"\n";
    let design = design(&format!("{}{jump}", file("balancer")));

    assert_eq!(hash(&design, "jump", 3), hash(&design, "none", 3));
}

#[test]
fn an_instance_taken_out_in_good_order_costs_no_request_where_its_callers_check_it() {
    let drained = variant("balancer", &[("kind = \"crash\"", "kind = \"drain\"")]);
    let run = play(&drained, "one-dies", 1, 60);

    assert_eq!(run.stats.edge.failed.iter().sum::<u64>(), 0);
}

#[test]
fn one_worker_waits_as_long_as_the_formula_says() {
    let expected = closed::mm1_time(80.0, 100.0).unwrap();

    assert_mean_latency(&queue("80/s", 1, "\"none\""), expected);
}

#[test]
fn four_workers_wait_as_long_as_erlang_says() {
    let expected = closed::mmc_wait(360.0, 100.0, 4).unwrap() + 0.01;

    assert_mean_latency(&queue("360/s", 4, "\"none\""), expected);
}

#[test]
fn a_short_queue_turns_away_the_share_that_the_formula_says() {
    let shares: Vec<f64> = (0..20)
        .map(|seed| {
            let run = play(&queue("120/s", 1, "4"), "none", seed, 120);
            run.stats.edge.failed.iter().sum::<u64>() as f64 / run.stats.edge.offered as f64
        })
        .collect();

    assert_within(&shares, closed::mm1k_loss(120.0, 100.0, 5));
}

#[test]
fn work_for_a_caller_that_gave_up_goes_on_unless_cancellation_is_declared() {
    let slow =
        [("service_time = { median = \"35ms\", p99 = \"120ms\" }", "service_time = \"600ms\"")];
    let burns = play(&variant("incident", &slow), "none", 1, 120);
    let stops =
        play(&variant("incident", &[slow[0], ("cancel = false", "cancel = true")]), "none", 1, 120);

    let wasted = |run: &Run| run.stats.calls.iter().map(|call| call.wasted).sum::<u64>();
    assert!(wasted(&burns) > 10_000, "{}", wasted(&burns));
    assert!(wasted(&stops) < wasted(&burns) / 20, "{} of {}", wasted(&stops), wasted(&burns));
}

#[test]
fn a_run_that_needs_too_much_memory_stops_and_says_when() {
    let design = queue("1000/s", 1, "\"none\"");
    let plan = Plan::new(&design, &Options { most_under_way: 5_000, ..options("none") }).unwrap();

    let run = World::new(&plan, 1).run();

    let stopped = run.stopped.unwrap();
    assert!(stopped < Instant::from_secs(5), "{stopped:?}");
}

/// A run that is copied in the middle and played on ends as the run that was never copied, and so
/// does the one that the copy was made of.
#[test]
fn a_copy_of_the_world_goes_on_as_the_world_does() {
    for (file, incident) in DESIGNS {
        let design = variant(file, &[]);
        let lasts = Some(Duration::from_secs(120));
        let plan = Plan::new(&design, &Options { lasts, ..options(incident) }).unwrap();
        let straight = World::new(&plan, 5).run();

        let begins = plan.times.fault_begins.unwrap();
        let world = World::new(&plan, 5).play_until(begins, || false).unwrap();
        let copy = world.fork(&plan).run();
        let original = world.run();

        for run in [copy, original] {
            assert_eq!(run.stats.edge.hash, straight.stats.edge.hash, "{file}");
            assert!(run.stats.edge == straight.stats.edge, "{file}");
            assert_eq!(run.events, straight.events, "{file}");
        }
    }
}

/// Ending a run early is a matter of time, not of the verdict.
const DESIGNS: [(&str, &str); 3] =
    [("balancer", "one-dies"), ("incident", "drift"), ("regions", "eu-lost")];

/// A client, a service and a call that have nothing to do with the rest.
const ELSEWHERE: &str = r#"
[client.aliens]
region = "eu"
traffic = "50/s"
requests = [{ share = "100%", method = "GET", path = "/" }]
[service.moon]
region = "eu"
model = { workers = 1, queue = 1, service_time = "1ms" }
[service.idle]
region = "eu"
model = { workers = 1, queue = 1, service_time = "1ms" }
[call.aliens.moon]
timeout = "1s"
idempotent = true
on_failure = "error"
in_flight = "none"
retry = "none"
"#;

/// The mean over 20 runs against a formula for waiting and service, without the way there and
/// back.
fn assert_mean_latency(design: &Design, expected: f64) {
    let way = 2.0 * model::geography::WITHIN_REGION.as_secs_f64();
    let means: Vec<f64> = (0..20)
        .map(|seed| {
            play(design, "none", seed, 120).stats.edge.latency.whole().mean().unwrap() - way
        })
        .collect();
    assert_within(&means, expected);
}

/// The formula's value lies within four standard errors of the mean of the runs.
fn assert_within(values: &[f64], expected: f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let spread = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
    let error = (spread / (count - 1.0) / count).sqrt();
    assert!((mean - expected).abs() < 4.0 * error, "{mean} ± {error}, expected {expected}");
    assert!(error < expected / 10.0, "{error} is too wide to tell anything of {expected}");
}

fn hash(design: &Design, incident: &str, seed: u64) -> u64 {
    play(design, incident, seed, 120).stats.edge.hash
}

fn play(design: &Design, incident: &str, seed: u64, secs: u64) -> Run {
    let lasts = Some(Duration::from_secs(secs));
    let plan = Plan::new(design, &Options { lasts, ..options(incident) }).unwrap();
    World::new(&plan, seed).run()
}

fn options(incident: &str) -> Options {
    Options { incident: Some(incident.into()), ..Options::default() }
}
