//! Formulas that the models are held against, and bounds that follow from them.
//!
//! Sources: Kleinrock, "Queueing Systems, Volume 1" (1975) for the queues; Bronson et al.,
//! "Metastable Failures in Distributed Systems" (HotOS 2021) for what retries sustain; Che, Tung and
//! Wang, "Hierarchical Web Caching Systems" (IEEE JSAC 20(7), 2002) for caches.

use alloc::vec::Vec;

use base::Duration;

use crate::distribution::NORMAL_P99;
use crate::traffic::Keys;

/// The mean time in an M/M/1 queue, waiting and service, in seconds; `None` if it never settles.
pub fn mm1_time(arrivals: f64, service: f64) -> Option<f64> {
    (arrivals < service).then(|| 1.0 / (service - arrivals))
}

/// The mean wait in an M/D/1 queue (Pollaczek and Khinchine), in seconds.
pub fn md1_wait(arrivals: f64, service: f64) -> Option<f64> {
    let load = arrivals / service;
    (load < 1.0).then(|| load / (2.0 * service * (1.0 - load)))
}

/// The mean wait in an M/G/1 queue with this squared coefficient of variation of the service time
/// (Pollaczek and Khinchine), in seconds.
pub fn mg1_wait(arrivals: f64, service: f64, variation: f64) -> Option<f64> {
    md1_wait(arrivals, service).map(|wait| wait * (1.0 + variation))
}

/// The chance that a request has to wait for one of so many workers (Erlang's C formula), each
/// serving `service` requests per second.
pub fn erlang_c(arrivals: f64, service: f64, workers: u32) -> Option<f64> {
    let offered = arrivals / service;
    let count = f64::from(workers);
    if offered >= count {
        return None;
    }
    // Erlang's B by its recursion, which never overflows.
    let blocked = (1..=workers)
        .fold(1.0, |blocked, servers| offered * blocked / (f64::from(servers) + offered * blocked));
    Some(blocked / (1.0 - offered / count * (1.0 - blocked)))
}

/// The mean wait in an M/M/c queue, in seconds.
pub fn mmc_wait(arrivals: f64, service: f64, workers: u32) -> Option<f64> {
    let waits = erlang_c(arrivals, service, workers)?;
    Some(waits / (f64::from(workers) * service - arrivals))
}

/// The mean wait in an M/G/c queue, in seconds: the M/M/c wait times half of one more than the
/// squared coefficient of variation of the service time (Lee and Longton, "Queueing Processes
/// Associated with Airline Passenger Check-in", 1959). Exact for one worker, where it is the
/// formula of Pollaczek and Khinchine, and for exponential service; an approximation between.
pub fn mgc_wait(arrivals: f64, service: f64, workers: u32, variation: f64) -> Option<f64> {
    mmc_wait(arrivals, service, workers).map(|wait| wait * f64::midpoint(1.0, variation))
}

/// The share of requests that an M/M/1/K queue turns away; `room` counts the one in service.
pub fn mm1k_loss(arrivals: f64, service: f64, room: u32) -> f64 {
    let load = arrivals / service;
    if (load - 1.0).abs() < 1e-9 {
        return 1.0 / (f64::from(room) + 1.0);
    }
    // The usual form times `load^-room` above and below: the powers of a load above 1 would become
    // infinite in a long queue.
    (1.0 - load) / (libm::pow(load, -f64::from(room)) - load)
}

/// How many attempts a request makes on average, when each fails with this chance and there are at
/// most so many.
pub fn attempts(failure: f64, most: u32) -> f64 {
    if failure >= 1.0 {
        return f64::from(most);
    }
    (1.0 - libm::pow(failure, f64::from(most))) / (1.0 - failure)
}

/// The traffic above which a service that has once fallen behind stays behind: when every attempt
/// times out, each request makes `amplification` of them, and their work is done all the same.
/// Below it the backlog is worked off and the storm ends by itself.
pub fn storm_threshold(capacity: f64, amplification: f64) -> f64 {
    capacity / amplification
}

/// The longest queue whose last request can still be answered in time: what is served within the
/// timeout. In a longer one, everybody waits too long once it is full.
pub fn safe_queue(timeout: f64, capacity: f64) -> f64 {
    timeout * capacity
}

/// The share of requests that a cache with room for so many keys answers itself, where the least
/// recently used goes first and nothing grows old (Che's approximation): a key is there if it was
/// asked for within a time that is the same for all, and that time is the one in which as many
/// different keys are asked for as there is room for.
pub fn lru_hit_ratio(keys: &Keys, room: f64) -> f64 {
    if room >= keys.count as f64 {
        return 1.0;
    }
    let weights = || (1..=keys.count).map(|place| libm::pow(place as f64, -keys.zipf));
    let whole: f64 = weights().sum();
    let shares: Vec<f64> = weights().map(|weight| weight / whole).collect();
    let there = |share: f64, time: f64| -libm::expm1(-share * time);
    let filled = |time: f64| shares.iter().map(|&share| there(share, time)).sum::<f64>();
    let time = root(|time| filled(time) - room);
    shares.iter().map(|&share| share * there(share, time)).sum()
}

/// The share of reads from a copy that do not see the newest write, where a key is written so often
/// (Poisson) and each write arrives after a lognormal lag (median, p99): `E[1 - exp(-rate * lag)]`,
/// the chance that a write came so lately that it is not there yet.
pub fn stale_share(writes_per_sec: f64, lag: (Duration, Duration)) -> f64 {
    let (median, p99) = (lag.0.as_secs_f64(), lag.1.as_secs_f64());
    let sigma = libm::log((p99 / median).max(1.0)) / NORMAL_P99;
    let share = |z: f64| -libm::expm1(-writes_per_sec * median * libm::exp(sigma * z));
    // The standard normal density in steps of a hundredth of its deviation.
    let density = |z: f64| libm::exp(-z * z / 2.0) / libm::sqrt(core::f64::consts::TAU);
    let steps = (-800..=800).map(|step| f64::from(step) / 100.0);
    steps.map(|z| density(z) * share(z) / 100.0).sum()
}

/// Where a function that grows from below nothing is nothing.
fn root(function: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while function(high) < 0.0 && high < f64::MAX / 4.0 {
        (low, high) = (high, high * 2.0);
    }
    for _ in 0..60 {
        let middle = low + (high - low) / 2.0;
        if function(middle) < 0.0 { low = middle } else { high = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erlang_c_agrees_with_the_printed_tables() {
        // Two workers, one Erlang: 1/3. Ten workers, eight Erlang: 0.4092.
        assert!(near(erlang_c(1.0, 1.0, 2), 1.0 / 3.0, 1e-12));
        assert!(near(erlang_c(8.0, 1.0, 10), 0.4092, 1e-4));
    }

    #[test]
    fn one_worker_is_the_special_case_of_many() {
        let wait = mm1_time(80.0, 100.0).map(|time| time - 1.0 / 100.0);

        assert!(near(mmc_wait(80.0, 100.0, 1), wait.unwrap(), 1e-12));
        assert!(near(mg1_wait(80.0, 100.0, 1.0), wait.unwrap(), 1e-12));
    }

    #[test]
    fn general_service_agrees_with_its_exact_special_cases() {
        let exact = [
            (md1_wait(80.0, 100.0), mgc_wait(80.0, 100.0, 1, 0.0)),
            (mg1_wait(80.0, 100.0, 2.5), mgc_wait(80.0, 100.0, 1, 2.5)),
            (mmc_wait(300.0, 100.0, 4), mgc_wait(300.0, 100.0, 4, 1.0)),
        ];

        assert!(exact.iter().all(|(special, general)| near(*general, special.unwrap(), 1e-12)));
        assert_eq!(mgc_wait(400.0, 100.0, 4, 1.0), None);
    }

    #[test]
    fn a_queue_that_gets_more_than_it_can_serve_never_settles() {
        assert_eq!(mm1_time(100.0, 100.0), None);
        assert_eq!(mmc_wait(200.0, 100.0, 2), None);
        assert_eq!(md1_wait(101.0, 100.0), None);
    }

    #[test]
    fn a_room_of_one_loses_whoever_comes_while_it_is_taken() {
        assert!((mm1k_loss(100.0, 100.0, 1) - 0.5).abs() < 1e-12);
        assert!((mm1k_loss(50.0, 100.0, 1) - 1.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_long_queue_loses_what_is_too_much_and_nothing_else() {
        assert!((mm1k_loss(150.0, 100.0, 10_000) - 1.0 / 3.0).abs() < 1e-12);
        assert!(mm1k_loss(50.0, 100.0, 10_000).abs() < 1e-12);
        assert!(mm1k_loss(0.0, 100.0, 1).abs() < 1e-12);
    }

    #[test]
    fn attempts_lie_between_one_and_all() {
        assert!((attempts(0.0, 4) - 1.0).abs() < 1e-12);
        assert!((attempts(0.5, 4) - 1.875).abs() < 1e-12);
        assert!((attempts(1.0, 4) - 4.0).abs() < 1e-12);
    }

    #[test]
    fn keys_that_are_all_alike_are_there_as_often_as_there_is_room() {
        let keys = Keys { count: 1_000, zipf: 0.0 };

        assert!((lru_hit_ratio(&keys, 250.0) - 0.25).abs() < 1e-9);
        assert!((lru_hit_ratio(&keys, 1_000.0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn with_one_lag_for_all_a_read_is_stale_when_a_write_came_within_it() {
        let lag = Duration::from_millis(100);

        let share = stale_share(2.0, (lag, lag));

        assert!((share - (1.0 - libm::exp(-0.2))).abs() < 1e-6, "{share}");
    }

    fn near(left: Option<f64>, right: f64, tolerance: f64) -> bool {
        left.is_some_and(|left| (left - right).abs() < tolerance)
    }
}
