//! Series made by hand, a window a second, each as one would draw it.

use super::*;

#[test]
fn a_storm_goes_through_its_phases_in_order_and_does_not_end() {
    let storm = series(&[
        (60, USUAL),
        (5, Window { p50: ms(14), p99: ms(80), utilisation: 0.9, ..USUAL }),
        (5, Window { timeouts: 40, retries: 10, attempts: 1_010, ..drifted(25) }),
        (5, Window { timeouts: 300, retries: 290, attempts: 1_290, ..drifted(200) }),
        (45, COLLAPSED),
    ]);

    assert_eq!(
        told(&storm, 60),
        "latency drift 60s.., timeouts 65s.., retries 70s.., amplification 70s.., \
         saturation 75s.., cascade 75s.."
    );
}

#[test]
fn with_a_recovery_each_phase_ends_and_the_last_is_the_recovery() {
    let recovered = series(&[
        (60, USUAL),
        (30, Window { timeouts: 100, retries: 90, attempts: 1_090, good: 930, ..drifted(40) }),
        (10, drifted(20)),
        (20, USUAL),
    ]);

    assert_eq!(
        told(&recovered, 60),
        "latency drift 60s..100s, timeouts 60s..90s, retries 60s..90s, cascade 60s..90s, \
         recovery 90s..100s"
    );
}

#[test]
fn slow_alone_is_a_drift_and_no_cascade() {
    let slow = series(&[(60, USUAL), (30, drifted(14)), (30, USUAL)]);

    assert_eq!(told(&slow, 60), "latency drift 60s..90s, recovery 90s..90s");
}

/// A cascade is of requests, whenever their answers come: in each window the ones that came may be
/// those to the window before.
#[test]
fn answers_that_come_a_window_later_are_not_lost() {
    let later = |answered| Window { answered, ..USUAL };

    assert_eq!(told(&series(&[(60, USUAL), (2, later(600)), (2, later(1_400))]), 60), "");
}

#[test]
fn answers_that_leave_something_out_are_a_phase_and_no_cascade_and_need_no_recovery() {
    let partial = Window { degraded: 300, ..USUAL };

    assert_eq!(
        told(&series(&[(60, USUAL), (30, partial), (30, USUAL)]), 60),
        "degraded answers 60s..90s"
    );
    assert_eq!(told(&series(&[(60, partial), (60, partial)]), 60), "", "as always");
}

#[test]
fn without_a_trigger_there_is_no_incident() {
    assert_eq!(told(&series(&[(120, USUAL)]), 60), "");
}

#[test]
fn chance_is_no_phase() {
    // Poisson counts with a fixed seed: arrivals, and a timeout in a thousand tries.
    let mut random = base::Random::of(1, "windows", "chance");
    let windows: Vec<_> = (0..10_000)
        .map(|second| {
            let few = |random: &mut base::Random| {
                (0..1_000).filter(|_| random.below(1_000) == 0).count() as u64
            };
            let (timeouts, failed) = (few(&mut random), few(&mut random));
            let wobble = 9_500_000 + random.below(1_000_000);
            Window {
                start: Instant::from_secs(second),
                timeouts,
                retries: timeouts,
                attempts: 1_000 + timeouts,
                good: 1_000 - failed,
                p50: Duration::from_nanos(wobble),
                p99: Duration::from_nanos(5 * wobble + random.below(10_000_000)),
                utilisation: 0.6 + random.unit() / 10.0,
                ..USUAL
            }
        })
        .collect();

    assert_eq!(told(&windows, 60), "");
}

/// Five, twenty or a hundred answers in a window, some of which take seven times as long as most:
/// the tail is the slowest of a few, and moves without a cause.
#[test]
fn the_slowest_of_a_few_answers_is_no_drift() {
    for answers in [5, 20, 100] {
        let told: Vec<_> = (0..50).map(|seed| told(&well(seed, answers), 30)).collect();
        let false_ones = told.iter().filter(|told| !told.is_empty()).count();

        assert!(false_ones <= 1, "{false_ones} of 50 with {answers} answers: {told:?}");
    }
}

#[test]
fn answers_that_take_twice_as_long_are_a_drift_also_where_there_are_a_hundred_in_a_window() {
    for seed in 0..50 {
        let mut windows = well(seed, 100);
        for window in &mut windows[30..] {
            window.p50 = window.p50.saturating_mul(2);
            window.p99 = window.p99.saturating_mul(2);
        }

        assert!(told(&windows, 30).starts_with("latency drift 3"), "{}", told(&windows, 30));
    }
}

/// Two minutes and more of a system that is well: answers with a median of 10 ms and a 99th
/// percentile of 72, about as many in each window.
fn well(seed: u64, answers: u64) -> Vec<Window> {
    let mut random = base::Random::of(seed, "windows", "well");
    let mut took = || {
        let normal = (0..12).map(|_| random.unit()).sum::<f64>() - 6.0;
        Duration::from_secs_f64(0.01 * libm::exp(0.85 * normal))
    };
    let window = |at: u64| {
        let mut all: Vec<_> = (0..answers).map(|_| took()).collect();
        all.sort_unstable();
        let at_share = |share: usize| all[(all.len() * share).div_ceil(100) - 1];
        Window {
            start: Instant::from_secs(at),
            offered: answers,
            answered: answers,
            good: answers,
            p50: at_share(50),
            p99: at_share(99),
            attempts: answers,
            requests: answers,
            ..USUAL
        }
    };
    (0..170).map(window).collect()
}

#[test]
fn one_odd_window_is_no_phase_and_does_not_end_one() {
    let odd = series(&[(60, USUAL), (1, drifted(50)), (20, USUAL)]);
    assert_eq!(told(&odd, 60), "");

    let gap = series(&[(60, USUAL), (5, drifted(50)), (1, USUAL), (5, drifted(50)), (9, USUAL)]);
    assert_eq!(told(&gap, 60), "latency drift 60s..71s, recovery 71s..71s");
}

#[test]
fn an_outlier_in_the_baseline_does_not_hide_an_incident() {
    let mut spoilt = series(&[(60, USUAL), (30, drifted(14))]);
    spoilt[30] = Window { start: spoilt[30].start, timeouts: 900, good: 0, ..drifted(5_000) };

    assert_eq!(told(&spoilt, 60), "latency drift 60s..");
}

#[test]
fn a_system_that_was_always_saturated_does_not_become_so() {
    let busy = Window { utilisation: 1.0, queue: 500.0, ..USUAL };

    assert_eq!(told(&series(&[(60, busy), (60, busy)]), 60), "");
}

#[test]
fn when_nothing_at_all_comes_back_answers_are_late() {
    let silent = Window { answered: 0, good: 0, p50: ms(0), p99: ms(0), ..USUAL };

    assert_eq!(
        told(&series(&[(60, USUAL), (30, silent)]), 60),
        "latency drift 60s.., cascade 60s.."
    );
}

#[test]
fn two_windows_are_too_few_to_know_what_is_usual() {
    assert_eq!(told(&series(&[(2, USUAL), (30, COLLAPSED)]), 2), "");
    assert_ne!(told(&series(&[(3, USUAL), (30, COLLAPSED)]), 3), "");
}

#[test]
fn names_and_keys_are_each_their_own() {
    let names: std::collections::BTreeSet<_> = Kind::ALL.map(Kind::key).into_iter().collect();
    assert_eq!(names.len(), Kind::ALL.len());
}

const USUAL: Window = Window {
    start: Instant::ZERO,
    offered: 1_000,
    answered: 1_000,
    good: 1_000,
    degraded: 0,
    p50: ms(10),
    p99: ms(50),
    timeouts: 0,
    retries: 0,
    attempts: 1_000,
    requests: 1_000,
    utilisation: 0.7,
    queue: 1.0,
};

const COLLAPSED: Window = Window {
    answered: 400,
    good: 50,
    p50: ms(2_000),
    p99: ms(2_000),
    timeouts: 3_500,
    retries: 2_900,
    attempts: 3_900,
    utilisation: 1.0,
    queue: 4_000.0,
    ..USUAL
};

const fn drifted(to: u64) -> Window {
    Window { p50: ms(to), p99: ms(5 * to), ..USUAL }
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// So many windows of each kind, one after the other.
fn series(parts: &[(usize, Window)]) -> Vec<Window> {
    let windows = parts.iter().flat_map(|(count, window)| std::iter::repeat_n(*window, *count));
    windows
        .zip(0..)
        .map(|(window, at)| Window { start: Instant::from_secs(at), ..window })
        .collect()
}

fn told(windows: &[Window], trigger: u64) -> String {
    let phases = detect(windows, Instant::from_secs(trigger), Share::percent(99));
    let told = phases.iter().map(|phase| {
        let end = phase.end.map(|end| format!("{}s", end.as_secs_f64())).unwrap_or_default();
        format!("{} {}s..{end}", phase.kind.name(), phase.begin.as_secs_f64())
    });
    told.collect::<Vec<_>>().join(", ")
}
