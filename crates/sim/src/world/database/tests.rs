use base::Duration;
use model::closed::stale_share;
use model::quality::Quality;

use crate::examples::{design, play_for};
use crate::stats::Stats;

#[test]
fn reads_from_a_copy_are_as_often_stale_as_the_formula_says() {
    let (mut stale, mut reads) = (0, 0);
    for seed in 0..10 {
        let run = play_for(&design(&text("us", "20", "")), "none", seed, 100);
        stale += run.edge.of(Quality::Stale);
        reads += run.calls[1].requests * 4 / 5;
    }

    // A fifth of 200 requests per second over 20 keys: two writes a second of each.
    let lag = (Duration::from_millis(80), Duration::from_secs(2));
    let (seen, said) = (stale as f64 / reads as f64, stale_share(2.0, lag));
    // Five sigma of as many independent writes, and of the even number of reads that is assumed.
    let spread = 5.0 * (said * (1.0 - said) / (reads as f64 / 4.0)).sqrt() + 0.005 * said;
    assert!((seen - said).abs() < spread, "{seen}, expected {said} ± {spread}");
}

#[test]
fn reads_from_the_primary_are_never_stale_and_cross_the_sea() {
    let near = play_for(&design(&text("us", "20", "")), "none", 1, 60);
    let text = text("us", "20", "").replace("reads = \"own-region\"", "reads = \"primary\"");
    let far = play_for(&design(&text), "none", 1, 60);

    assert!(near.edge.of(Quality::Stale) > 0);
    assert_eq!(far.edge.of(Quality::Stale), 0);
    let median = |stats: &Stats| stats.calls[1].latency.quantile(0.5).unwrap();
    assert!(median(&near) < Duration::from_millis(6), "{:?}", median(&near));
    assert!(median(&far) > Duration::from_millis(60), "{:?}", median(&far));
}

#[test]
fn who_writes_from_afar_waits_for_the_way_to_the_primary() {
    let stats = play_for(&design(&text("us", "20", "")), "none", 1, 60);

    let fast = stats.calls[1].latency.quantile(0.79).unwrap();
    let slow = stats.calls[1].latency.quantile(0.82).unwrap();
    assert!(fast < Duration::from_millis(10) && slow > Duration::from_millis(60), "{fast} {slow}");
}

/// What was acknowledged and had not arrived is lost: writes per second times the mean lag.
#[test]
fn a_lost_region_takes_the_writes_with_it_that_no_copy_had() {
    let (mut lost, mut wrong) = (0, 0);
    for seed in 0..10 {
        let run = play_for(&design(&text("us", "1_000_000", LOST)), "lost", seed, 120);
        lost += run.edge.lost_writes;
        wrong += run.edge.of(Quality::Wrong);
    }

    let sigma = (2.0_f64 / 0.08).ln() / 2.326;
    let expected = 10.0 * 40.0 * 0.08 * (sigma * sigma / 2.0).exp();
    let spread = 5.0 * expected.sqrt();
    assert!((lost as f64 - expected).abs() < spread, "{lost}, expected {expected} ± {spread}");
    assert!(wrong < lost, "a million keys: hardly any is asked for again");
}

#[test]
fn what_was_lost_is_wrong_until_it_is_written_again() {
    let stats = play_for(&design(&text("us", "20", LOST)), "lost", 1, 240);
    let quiet = text("us", "20", LOST).replace("share = \"20%\"", "share = \"0.1%\"");
    let quiet = quiet.replace("share = \"80%\"", "share = \"99.9%\"");

    assert!(stats.edge.lost_writes > 0 && stats.edge.of(Quality::Wrong) > 0, "{:?}", stats.edge);
    let wrong_later = |stats: &Stats| {
        let windows = &stats.series.windows()[150..];
        windows.iter().map(|window| window.offered - window.kept).sum::<u64>()
    };
    assert_eq!(wrong_later(&stats), 0, "each key was written since");
    let seeds = 0..20;
    let kept: u64 =
        seeds.map(|seed| wrong_later(&play_for(&design(&quiet), "lost", seed, 240))).sum();
    assert!(kept > 0, "hardly anything was written since");
}

#[test]
fn a_primary_that_comes_back_with_its_disk_has_lost_nothing() {
    let crash = "on = \"store\"\nshare = \"1 of 2\"\nkind = \"crash\"\nlasts = \"20s\"\n";
    let back = play_for(&design(&text("us", "20", crash)), "lost", 1, 120);
    let never = crash.replace("lasts = \"20s\"\n", "");
    let gone = play_for(&design(&text("us", "1_000_000", &never)), "lost", 1, 120);

    assert_eq!((back.edge.lost_writes, back.edge.of(Quality::Wrong)), (0, 0));
    assert!(gone.edge.lost_writes > 0, "a disk that nobody sees again is no disk");
}

const LOST: &str = "on = \"eu\"\nkind = \"region-loss\"\nlasts = \"20s\"\n";

/// Clients in one region, a service there, a database with its primary in `eu` and a copy in `us`.
fn text(home: &str, keys: &str, fault: &str) -> String {
    let fault = if fault.is_empty() { LOST } else { fault };
    format!(
        r#"
[region.eu]
at = [53.3, -6.3]
[region.us]
at = [39.0, -77.5]
[client.users]
region = "{home}"
traffic = "200/s"
requests = [
  {{ share = "80%", method = "GET", path = "/{{key}}", keys = {{ count = {keys} }} }},
  {{ share = "20%", method = "PUT", path = "/{{key}}", keys = {{ count = {keys} }} }},
]
[service.svc]
region = "{home}"
model = {{ workers = 500, queue = "none", service_time = "1ms" }}
steps = ["store"]
[database.store]
primary = "eu"
replicas = {{ us = {{ lag = {{ median = "80ms", p99 = "2s" }} }} }}
reads = "own-region"
writes = "primary"
model = {{ workers = 500, queue = "none", service_time = "1ms" }}
[call.users.svc]
timeout = "5s"
idempotent = true
on_failure = "error"
in_flight = "none"
retry = "none"
[call.svc.store]
timeout = "5s"
idempotent = true
on_failure = "error"
in_flight = "none"
retry = "none"
[[incident.lost]]
at = "60s"
{fault}
"#
    )
}
