//! `Shared` under every interleaving of its workers.
//!
//! Run with `RUSTFLAGS="--cfg loom" cargo test --release --package plimsoll-engine --test loom`.

#![cfg(loom)]

use base::{Duration, Instant, Rate, Share, WorkerId};
use loom::sync::Arc;
use loom::thread;
use plimsoll_engine::{Rules, Shared, Withdrawal};
use policy::breaker::Outcome;
use policy::{admission, breaker, retry::budget};

#[test]
fn a_limit_is_exact_across_workers() {
    loom::model(|| {
        let shared = Arc::new(Shared::new(T0, &limits(1, 1)));
        let other = shared.clone();
        let there = thread::spawn(move || other.begin());

        let here = shared.begin();

        assert!(here != there.join().unwrap(), "exactly one of the two is admitted");
        assert_eq!(shared.in_flight(), 1);
    });
}

#[test]
fn a_permit_given_back_is_never_lost_while_somebody_waits() {
    loom::model(|| {
        let shared = Arc::new(Shared::new(T0, &limits(1, 1)));
        assert!(shared.begin());
        let other = shared.clone();
        // Worker 1 finds no room, raises its flag and asks once more.
        let waits = thread::spawn(move || {
            assert!(other.join(WorkerId(1)));
            let admitted = other.begin();
            if admitted {
                other.leave(WorkerId(1), false);
            }
            admitted
        });

        let woken = shared.end(WorkerId(0));

        let admitted = waits.join().unwrap();
        assert!(admitted || woken == Some(WorkerId(1)), "nobody would ever look again");
    });
}

#[test]
fn a_budget_never_grants_more_than_it_holds() {
    loom::model(|| {
        let budget = budget::Params::new(Share::NONE, Rate::default(), 1, 2).unwrap();
        let shared = Arc::new(Shared::new(T0, &Rules { budget: Some(budget), ..Rules::default() }));
        let other = shared.clone();
        let there = thread::spawn(move || other.withdraw(T0));

        let here = shared.withdraw(T0);

        let granted = [here, there.join().unwrap()].map(|verdict| verdict == Withdrawal::Granted);
        assert!(granted[0] != granted[1], "{granted:?}");
        assert_eq!(shared.retries_in_flight(), 1);
    });
}

#[test]
fn a_stretch_of_time_is_paid_out_once() {
    loom::model(|| {
        let budget = budget::Params::new(Share::NONE, Rate::per_sec(1), 10, 10).unwrap();
        let shared = Arc::new(Shared::new(T0, &Rules { budget: Some(budget), ..Rules::default() }));
        for _ in 0..10 {
            assert_eq!(shared.withdraw(T0), Withdrawal::Granted);
            shared.end_retry();
        }
        let later = T0 + Duration::from_secs(1);
        let other = shared.clone();
        let there = thread::spawn(move || other.withdraw(later) == Withdrawal::Granted);

        let here = shared.withdraw(later) == Withdrawal::Granted;

        assert!(!(here && there.join().unwrap()), "one second earns one retry");
    });
}

#[test]
fn probes_in_flight_never_exceed_the_design() {
    loom::model(|| {
        let shared = Arc::new(Shared::new(T0, &probing(1)));
        let other = shared.clone();
        let there = thread::spawn(move || other.begin_probe());

        let here = shared.begin_probe();

        assert!(here.is_some() != there.join().unwrap().is_some());
    });
}

#[test]
fn successes_of_two_workers_count_together_and_the_last_one_sees_them_all() {
    loom::model(|| {
        let shared = Arc::new(Shared::new(T0, &probing(2)));
        let probe = |shared: &Shared| {
            let round = shared.begin_probe().unwrap();
            shared.end_probe(round, Outcome::Success).succeeded()
        };
        let other = shared.clone();
        let there = thread::spawn(move || probe(&other));

        let here = probe(&shared);

        let mut seen = [here, there.join().unwrap()];
        seen.sort_unstable();
        assert_eq!(seen, [1, 2]);
        assert_eq!((shared.probes(), shared.begin_probe()), (0, None));
    });
}

#[test]
fn a_success_from_before_a_relapse_never_counts_after_it() {
    loom::model(|| {
        let shared = Arc::new(Shared::new(T0, &probing(1)));
        let round = shared.begin_probe().unwrap();
        let other = shared.clone();
        let opens = thread::spawn(move || other.relapse());

        let _ = shared.end_probe(round, Outcome::Success);

        opens.join().unwrap();
        assert_eq!((shared.trial().succeeded(), shared.trial().under_way()), (0, 0));
    });
}

const T0: Instant = Instant::ZERO;

fn limits(in_flight: u32, queue: u32) -> Rules {
    let admission = admission::Params::new(Some(in_flight), Some(queue)).unwrap();
    Rules { admission, ..Rules::default() }
}

fn probing(probes: u32) -> Rules {
    let second = Duration::from_secs(1);
    let breaker = breaker::Params::new(Share::percent(50), second, 1, second, probes).unwrap();
    Rules { breaker: Some(breaker), ..Rules::default() }
}
