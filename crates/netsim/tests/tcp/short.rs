//! How often short answers are late, against exact probabilities.
//!
//! Nothing comes after a short answer that could tell of a loss. So its delay is a matter of
//! counting which segments have to arrive.

use base::{Instant, Share};
use event::l4::Event;
use netsim::l3::{Loss, Params};
use netsim::l4::tcp::Profile;

use crate::world::{CLIENT, SERVER, World, delay};

#[test]
fn a_handshake_takes_a_second_more_as_often_as_one_of_its_two_first_packets_is_lost() {
    let late = share_of(4_000, &Profile::linux(), PERCENT_2, 1, |run| run.connect_ms >= 1_000);

    assert_within_three_sigma(late, 1.0 - ARRIVES * ARRIVES, 4_000);
}

#[test]
fn a_small_answer_stalls_as_often_as_it_or_its_request_is_lost() {
    let stalled = share_of(4_000, &Profile::linux(), PERCENT_2, 1, |run| run.answer_ms > 100);

    assert_within_three_sigma(stalled, 1.0 - ARRIVES * ARRIVES, 4_000);
}

#[test]
fn without_tail_probes_three_segments_stall_when_any_of_them_is_lost() {
    let stalled = share_of(4_000, &Profile::rfc(), PERCENT_2, 3, |run| run.answer_ms > 500);

    assert_within_three_sigma(stalled, 1.0 - ARRIVES.powi(4), 4_000);
}

#[test]
fn a_stall_lasts_for_the_retransmission_timeout_and_for_twice_as_long_if_it_is_lost_again() {
    let stall = |drops: &[u64]| {
        let mut world = World::pair(1, Profile::rfc(), delay(10), delay(10));
        world.drops = drops.to_vec();
        world.exchange(100, 100);
        world.run_until(Instant::from_secs(60));
        world.ends[CLIENT].delivered_at.as_nanos() / 1_000_000
    };

    // The request is sent again, too: the answer was its acknowledgement.
    assert_eq!([stall(&[]), stall(&[4]), stall(&[4, 5, 6])], [40, 1_040, 3_040]);
}

#[test]
fn loss_of_five_percent_triples_the_99th_percentile_where_nine_of_ten_answers_are_as_fast_as_ever()
{
    let p99_and_fast = |percent| {
        let mut times: Vec<_> = (0..2_000)
            .map(|seed| run(seed, Profile::linux(), Share::percent(percent), 1).answer_ms)
            .collect();
        times.sort_unstable();
        let fast = times.iter().filter(|&&time| time <= 20).count();
        (times[1_980], fast)
    };

    let ((p99_without, _), (p99_with, fast)) = (p99_and_fast(0), p99_and_fast(5));
    assert!(p99_with >= 3 * p99_without, "{p99_with} ms after {p99_without} ms");
    assert!(fast as f64 / 2_000.0 > 0.88, "0.95 squared is 0.9025: {fast} of 2000");
}

#[test]
fn one_lost_segment_delays_all_that_is_behind_it_on_its_connection_and_nothing_elsewhere() {
    let deliveries = |drops: &[u64]| {
        let mut world = World::new(1);
        let (there, back) = (world.link("there", delay(10)), world.link("back", delay(10)));
        let profile = std::sync::Arc::new(Profile::linux());
        for client in [0, 2] {
            world.connect(&profile, &[there], &[back]);
            world.ends[client].says = 10 * 1_448;
        }
        world.drops = drops.to_vec();
        world.pump(0);
        world.pump(2);
        world.run_until(Instant::from_secs(5));
        [1, 3].map(|server: usize| {
            let outputs = world.ends[server].outputs.iter();
            let is_data = |output: &netsim::l4::tcp::Output| {
                matches!(output, netsim::l4::tcp::Output::Delivered(_))
            };
            let data = outputs.filter(|(_, output)| is_data(output));
            data.map(|(at, _)| at.as_nanos() / 100_000).collect::<Vec<_>>()
        })
    };

    let ([whole, other], [gapped, other_then]) = (deliveries(&[]), deliveries(&[7]));
    assert_eq!(whole, [300; 10]);
    assert_eq!(gapped, [300, 300, 500], "the rest comes at once, a round trip later");
    assert_eq!(other, other_then);
}

/// One exchange on a connection of its own.
struct Run {
    connect_ms: u64,
    answer_ms: u64,
}

fn share_of(
    runs: u64,
    profile: &Profile,
    loss: Share,
    segments: u64,
    is_it: impl Fn(&Run) -> bool,
) -> f64 {
    let hits = (0..runs).filter(|&seed| is_it(&run(seed, profile.clone(), loss, segments)));
    hits.count() as f64 / runs as f64
}

fn run(seed: u64, profile: Profile, loss: Share, segments: u64) -> Run {
    let link = || Params { loss: Loss::Independent(loss), ..delay(10) };
    let answer = segments * u64::from(profile.mss);
    let mut world = World::pair(seed, profile, link(), link());
    world.exchange(100, answer);
    while world.ends[CLIENT].delivered < answer && world.step().is_some() {}
    let connected = world.seen.events.iter().find_map(|(at, event)| match event {
        Event::Connected { took } => Some((*at, took.as_millis())),
        _ => None,
    });
    let (connected_at, connect_ms) = connected.expect("nobody gave up");
    let answer_ms = world.ends[CLIENT].delivered_at.since(connected_at).as_millis();
    assert_eq!(world.ends[SERVER].delivered, 100);
    Run { connect_ms, answer_ms }
}

#[track_caller]
fn assert_within_three_sigma(seen: f64, exact: f64, runs: u64) {
    let sigma = (exact * (1.0 - exact) / runs as f64).sqrt();
    assert!((seen - exact).abs() < 3.0 * sigma, "{seen} instead of {exact}, sigma {sigma}");
}

const PERCENT_2: Share = Share::percent(2);
const ARRIVES: f64 = 0.98;
