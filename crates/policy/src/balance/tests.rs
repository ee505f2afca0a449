use std::vec::Vec;

use base::Instant;

use super::*;

#[test]
fn round_robin_gives_everybody_the_same_and_heavier_ones_more() {
    let mut balancer = Balancer::new(Params::RoundRobin, 0);

    let counts = count(3_000, |random| balancer.pick(T0, &pool(&[1, 1, 1]), None, idle, random));
    assert_eq!(counts, [1_000; 3]);

    let counts = count(3_000, |random| balancer.pick(T0, &pool(&[1, 2, 3]), None, idle, random));
    assert_eq!(counts, [500, 1_000, 1_500]);
}

#[test]
fn a_heavy_endpoint_does_not_get_its_turns_in_a_row() {
    let mut balancer = Balancer::new(Params::RoundRobin, 0);
    let pool = pool(&[5, 1, 1]);

    let mut turns = Vec::new();
    for _ in 0..7 {
        turns.push(balancer.pick(T0, &pool, None, idle, &mut random()).unwrap());
    }

    assert!(turns.windows(4).any(|four| four.iter().any(|&endpoint| endpoint != 0)), "{turns:?}");
    let longest = turns.chunk_by(|a, b| a == b).map(<[u16]>::len).max();
    assert!(longest <= Some(3), "{turns:?}");
}

#[test]
fn of_two_the_less_burdened_is_chosen() {
    let mut balancer = Balancer::new(Params::LeastOfTwo, 0);
    let busy_first = |endpoint| Standing { in_flight: u32::from(endpoint == 0), ..idle(endpoint) };

    let counts = count(100, |random| balancer.pick(T0, &pool(&[1, 1]), None, busy_first, random));

    assert_eq!(counts, [0, 100]);
}

#[test]
fn a_slow_endpoint_is_left_alone_by_peak_ewma() {
    let mut balancer = Balancer::new(Params::PeakEwma, 0);
    let slow_first = |endpoint| {
        let guess = Duration::from_millis(if endpoint == 0 { 900 } else { 3 });
        Standing { in_flight: 0, latency: PeakEwma::new(T0, guess) }
    };

    let counts = count(100, |random| balancer.pick(T0, &pool(&[1, 1]), None, slow_first, random));

    assert_eq!(counts, [0, 100]);
}

#[test]
fn the_endpoint_that_just_failed_is_avoided_while_there_is_another() {
    for params in ALL {
        let mut balancer = Balancer::new(params, 0);

        let with_another =
            count(100, |random| balancer.pick(T0, &pool(&[3, 1]), Some(0), idle, random));
        let alone = count(100, |random| balancer.pick(T0, &pool(&[3]), Some(0), idle, random));

        assert_eq!((with_another, alone), (std::vec![0, 100], std::vec![100]), "{params:?}");
    }
}

#[test]
fn nobody_is_chosen_from_nobody() {
    for params in ALL {
        let nobody = Balancer::new(params, 0).pick(T0, &pool(&[]), None, idle, &mut random());
        assert_eq!(nobody, None, "{params:?}");
    }
}

#[test]
fn weights_hold_for_random_choices_within_five_sigma() {
    let pool = pool(&[1, 2, 7]);

    let counts =
        count(10_000, |random| pool.draw(random, [None, None]).map(|(endpoint, _)| endpoint));

    for (seen, expected) in counts.iter().zip([1_000_i64, 2_000, 7_000]) {
        assert!((i64::try_from(*seen).unwrap() - expected).abs() < 5 * 46, "{counts:?}");
    }
}

#[test]
fn a_draw_never_gives_what_it_was_told_to_leave_out() {
    let pool = pool(&[1, 2, 3, 4]);

    for without in [[Some(0), Some(3)], [Some(3), Some(0)], [Some(1), Some(1)], [Some(2), None]] {
        let counts = count(400, |random| pool.draw(random, without).map(|(endpoint, _)| endpoint));
        for endpoint in without.into_iter().flatten() {
            assert_eq!(counts.get(usize::from(endpoint)).copied().unwrap_or(0), 0, "{without:?}");
        }
    }
}

/// Balls into bins, the setting of the closed form: n balls into n bins leave a fullest bin of
/// about ln n / ln ln n with one choice, and ln ln n / ln 2 + O(1) with two (Azar, Broder, Karlin,
/// Upfal, 1994). For n = 10,000: 8 to 10 against 4.
#[test]
fn two_choices_keep_the_fullest_endpoint_at_the_closed_form() {
    let endpoints = 10_000_u16;
    let mut pool = Pool::default();
    pool.refill((0..endpoints).map(|endpoint| (endpoint, 1)));
    let mut in_flight = std::vec![0_u32; usize::from(endpoints)];
    let mut balancer = Balancer::new(Params::LeastOfTwo, 0);
    let mut random = random();

    for _ in 0..endpoints {
        let chosen = balancer
            .pick(
                T0,
                &pool,
                None,
                |e| Standing { in_flight: in_flight[usize::from(e)], ..idle(e) },
                &mut random,
            )
            .unwrap();
        in_flight[usize::from(chosen)] += 1;
    }

    let fullest = in_flight.iter().max().unwrap();
    assert!((3..=5).contains(fullest), "{fullest}");
}

const T0: Instant = Instant::ZERO;
const ALL: [Params; 4] =
    [Params::RoundRobin, Params::LeastOfTwo, Params::PeakEwma, Params::LeastConnections];

fn pool(weights: &[u32]) -> Pool {
    let mut pool = Pool::default();
    pool.refill((0..).zip(weights.iter().copied()));
    pool
}

fn idle(_endpoint: u16) -> Standing {
    Standing { in_flight: 0, latency: PeakEwma::new(T0, Duration::from_millis(1)) }
}

fn random() -> Random {
    Random::of(1, "test", "balance")
}

/// How often each endpoint was chosen.
fn count(times: usize, mut pick: impl FnMut(&mut Random) -> Option<u16>) -> Vec<usize> {
    let mut random = random();
    let chosen: Vec<_> = (0..times).map(|_| usize::from(pick(&mut random).unwrap())).collect();
    let endpoints = chosen.iter().max().unwrap() + 1;
    (0..endpoints).map(|endpoint| chosen.iter().filter(|&&c| c == endpoint).count()).collect()
}
