use std::vec;

use base::Random;
use proptest::prelude::*;

use super::*;
use crate::clock::Clock;
use crate::closed::lru_hit_ratio;
use crate::traffic::{Keys, Zipf};

#[test]
fn an_answer_is_given_again_while_it_is_fresh_and_not_after() {
    let mut cache = cache(100);
    assert_eq!(cache.ask(at(0), ITEM, 1), Found::Miss);
    cache.keep(at(1), ITEM, answer(at(1)));
    assert_eq!(cache.landed(ITEM, 1), []);

    assert!(matches!(cache.ask(at(30), ITEM, 2), Found::Fresh(_)));
    assert_eq!(cache.ask(at(31), ITEM, 3), Found::Miss);
}

#[test]
fn only_one_of_those_who_miss_a_key_asks_upstream_and_all_are_told() {
    let mut cache = cache(100);
    let found = [1, 2, 3].map(|who| cache.ask(at(0), ITEM, who));
    let other = cache.ask(at(0), Item::new(0, 8), 4);

    assert_eq!((found, other), ([Found::Miss, Found::Waits, Found::Waits], Found::Miss));
    assert_eq!(cache.landed(ITEM, 1), [2, 3]);
    assert_eq!(cache.landed(ITEM, 1), []);
}

#[test]
fn when_the_one_who_asks_upstream_gives_up_another_takes_over() {
    let mut cache = cache(100);
    for who in 1..=4 {
        let _ = cache.ask(at(0), ITEM, who);
    }

    assert_eq!(cache.gave_up(ITEM, 3), None, "it only waited");
    assert_eq!(cache.gave_up(ITEM, 1), Some(2));
    assert_eq!(cache.landed(ITEM, 1), [], "it leads no more");
    assert_eq!(cache.landed(ITEM, 2), [4]);
}

#[test]
fn without_collapse_everybody_asks_upstream() {
    let mut cache = Cache::new(Params { collapse: false, ..PARAMS });

    assert_eq!([1, 2].map(|who| cache.ask(at(0), ITEM, who)), [Found::Miss, Found::Miss]);
}

#[test]
fn a_stale_answer_serves_where_there_is_no_other_up_to_its_age() {
    let mut cache = cache(100);
    cache.keep(at(0), ITEM, answer(at(0)));
    let ages = [29, 90, 91].map(|age| cache.stale(at(age), ITEM, None).is_some());

    assert_eq!(ages, [true, true, false], "30 s fresh and 60 s more");
    assert_eq!(cache.stale(at(80), ITEM, None).unwrap().quality, Quality::Stale);
    let minutes = Some(Duration::from_secs(600));
    assert!(cache.stale(at(600), ITEM, minutes).is_some(), "the call allows more");
    assert!(cache.stale(at(601), ITEM, minutes).is_none());
}

#[test]
fn what_was_written_is_forgotten_and_after_a_crash_there_is_nothing() {
    let mut cache = cache(100);
    let others = Item::new(0, 8);
    cache.keep(at(0), ITEM, answer(at(0)));
    cache.keep(at(0), others, answer(at(0)));
    cache.forget(ITEM);
    assert_eq!(cache.ask(at(1), ITEM, 1), Found::Miss);
    assert!(matches!(cache.ask(at(1), others, 2), Found::Fresh(_)));
    cache.crash();

    assert_eq!(cache.ask(at(1), others, 3), Found::Miss);
    assert_eq!(cache.held(), Bytes(0));
}

#[test]
fn a_clock_that_is_far_ahead_of_the_origins_makes_everything_old() {
    let mut ahead = Clock::default();
    ahead.set_jump(3_600_000_000_000);
    let mut cache = cache(100);
    let now = Instant::from_secs(1);
    cache.keep(ahead.read(now), ITEM, answer(Clock::default().read(now)));

    assert_eq!(cache.ask(ahead.read(now), ITEM, 1), Found::Miss);
}

#[test]
fn a_clock_that_jumps_back_keeps_answers_fresh_for_too_long() {
    let mut cache = cache(100);
    let mut clock = Clock::default();
    cache.keep(at(0), ITEM, answer(at(0)));
    clock.set_jump(-3_600_000_000_000);
    let much_later = clock.read(Instant::from_secs(3_000));

    assert!(matches!(cache.ask(much_later, ITEM, 1), Found::Fresh(_)));
}

/// Che's approximation is known to be within a percent or so for Zipf's law (Fricker, Robert and
/// Roberts, "A versatile and accurate approximation for LRU cache performance", 2012).
#[test]
fn the_hit_ratio_of_a_zipf_stream_is_the_one_that_che_says() {
    for (keys, room) in [(1_000, 50), (10_000, 1_000), (10_000, 100)] {
        let spec = Keys { count: keys, zipf: 1.0 };
        let (zipf, mut random) = (Zipf::new(&spec), Random::of(1, "users", "keys"));
        let params = Params { size: Bytes(room), fresh: Duration::from_secs(3_600), ..PARAMS };
        let mut cache = Cache::new(params);
        let (mut hits, mut asked) = (0, 0);
        for number in 0..200_000 {
            let item = Item::new(0, u32::try_from(zipf.draw(&mut random)).unwrap());
            let is_hit = matches!(cache.ask(at(0), item, number), Found::Fresh(_));
            if !is_hit {
                cache.keep(at(0), item, answer(at(0)));
                let _ = cache.landed(item, number);
            }
            // The first requests fill it.
            if number >= 40_000 {
                hits += u32::from(is_hit);
                asked += 1;
            }
        }

        let (seen, said) = (f64::from(hits) / f64::from(asked), lru_hit_ratio(&spec, room as f64));
        assert!((seen - said).abs() < 0.01, "{keys} keys, room for {room}: {seen}, Che {said}");
    }
}

proptest! {
    #[test]
    fn a_cache_never_holds_more_than_its_size(
        size in 0_u64..500,
        steps in prop::collection::vec((0_u32..40, 0_u64..120, 0_u8..4), 1..200),
    ) {
        let mut cache = Cache::new(Params { size: Bytes(size), ..PARAMS });
        for (step, (key, bytes, what)) in steps.into_iter().enumerate() {
            let (item, clock) = (Item::new(0, key), at(step as u64));
            match what {
                0 => cache.forget(item),
                1 => { let _ = cache.ask(clock, item, 0); }
                _ => cache.keep(clock, item, Kept { bytes: Bytes(bytes), ..answer(clock) }),
            }
            prop_assert!(cache.held().0 <= size);
        }
    }

    #[test]
    fn whoever_waits_is_told_once_whoever_gives_up(
        gives_up in prop::collection::vec(0_u32..8, 0..8),
    ) {
        let mut cache = cache(100);
        for who in 0..8 {
            let _ = cache.ask(at(0), ITEM, who);
        }
        let mut leads = Some(0);
        let mut left = vec![];
        for who in gives_up {
            let next = cache.gave_up(ITEM, who);
            left.push(who);
            if leads == Some(who) {
                leads = next;
            }
        }
        let mut told = leads.map(|leads| cache.landed(ITEM, leads)).unwrap_or_default();
        told.extend(leads);
        told.sort_unstable();
        let stayed: Vec<_> = (0..8).filter(|who| !left.contains(who)).collect();
        prop_assert_eq!(told, stayed);
    }
}

const ITEM: Item = Item::new(0, 7);
const PARAMS: Params = Params {
    size: Bytes(100),
    fresh: Duration::from_secs(30),
    stale_if_error: Some(Duration::from_secs(60)),
    collapse: true,
};

fn cache(size: u64) -> Cache<u32> {
    Cache::new(Params { size: Bytes(size), ..PARAMS })
}

fn answer(made: Reading) -> Kept {
    Kept { bytes: Bytes(1), made, quality: Quality::Complete, knows: Instant::ZERO }
}

/// What a clock shows that is right.
fn at(secs: u64) -> Reading {
    Clock::default().read(Instant::from_secs(secs))
}
