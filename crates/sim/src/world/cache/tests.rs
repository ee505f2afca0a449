use model::closed::lru_hit_ratio;
use model::quality::Quality;
use model::traffic::Keys;

use crate::examples::{design, play_for};
use crate::stats::Stats;

#[test]
fn a_cache_answers_the_share_that_che_says_and_the_service_gets_the_rest() {
    let stats = play("fresh = \"1h\"", "", "none", 120);

    let shelf = stats.caches[1];
    let said = lru_hit_ratio(&Keys { count: 1_000, zipf: 1.0 }, 64.0);
    let seen = shelf.hit_ratio().unwrap();
    assert!((seen - said).abs() < 0.015, "{seen}, Che {said}");
    let behind = stats.calls[1].requests;
    // What is on its way when counting begins or ends.
    assert!(behind.abs_diff(shelf.asked - shelf.hits - shelf.collapsed) <= 5, "{behind} {shelf:?}");
    assert_eq!(stats.edge.of(Quality::Complete), stats.edge.offered);
}

#[test]
fn a_cache_that_restarts_is_cold_and_the_service_behind_it_gets_the_herd() {
    let restart = "kind = \"restart\"\ntakes = \"1s\"";
    let stats = play("fresh = \"1h\"\nsize = \"8MiB\"", restart, "bad", 90);

    let ratio = |from: usize, until: usize| {
        let windows = stats.series.windows()[from..until].iter();
        windows.filter_map(crate::stats::Window::hit_ratio).sum::<f64>() / (until - from) as f64
    };
    let (before, after, late) = (ratio(50, 60), ratio(61, 63), ratio(85, 90));
    assert!(before > 0.95 && after < 0.6, "{before} {after}");
    assert!(late > after + 0.2, "it warms up again: {late}");
}

#[test]
fn one_miss_a_key_reaches_the_service_where_misses_are_collapsed() {
    let slow =
        [("service_time = \"2ms\"", "service_time = \"900ms\""), ("count = 1_000", "count = 1")];
    let behind = |collapse: &str| {
        let rules = format!("fresh = \"2s\"\ncollapse = {collapse}");
        let text = slow.iter().fold(text(&rules, ""), |text, (from, to)| text.replace(from, to));
        let run = play_for(&design(&text), "none", 1, 60);
        assert_eq!(run.edge.good(), run.edge.offered);
        run.calls[1].requests
    };

    let (one, herd) = (behind("true"), behind("false"));
    // A round is 2 s of freshness and 0.9 s of work.
    assert!((17..=21).contains(&one), "{one}");
    assert!(herd > 60 * one, "{herd} of {one}");
}

#[test]
fn old_answers_bridge_an_outage_and_are_counted_as_stale() {
    let crash = "kind = \"crash\"\nlasts = \"20s\"";
    let bridged =
        play("fresh = \"1s\"\nsize = \"8MiB\"\nstale_if_error = \"10m\"", crash, "gone", 90);
    let bare = play("fresh = \"1s\"\nsize = \"8MiB\"", crash, "gone", 90);

    let failed = |stats: &Stats| stats.edge.failed.iter().sum::<u64>();
    assert!(failed(&bridged) * 10 < failed(&bare), "{} {}", failed(&bridged), failed(&bare));
    assert!(bridged.edge.of(Quality::Stale) > 1_000, "{:?}", bridged.edge.answers);
    assert_eq!(bare.edge.of(Quality::Stale), 0);
    assert_eq!(bridged.caches[1].stale, bridged.edge.of(Quality::Stale));
}

#[test]
fn a_call_may_say_how_old_an_answer_may_be_at_a_cache_and_at_a_service() {
    let crash = "kind = \"crash\"\nlasts = \"20s\"";
    let rule = ("on_failure = \"error\" # behind", "on_failure = { stale = \"10m\" }");
    let cache = text("fresh = \"1s\"\nsize = \"8MiB\"", crash).replace(rule.0, rule.1);
    let service = text("fresh = \"1s\"", crash)
        .replace("[cache.shelf]", "[service.shelf]\nsteps = [\"svc\"]")
        .replace("size = \"64KiB\"\nfresh = \"1s\"", "")
        .replace(rule.0, rule.1);
    for text in [cache, service] {
        let stats = play_for(&design(&text), "gone", 1, 90);
        let (failed, stale) =
            (stats.edge.failed.iter().sum::<u64>(), stats.edge.of(Quality::Stale));
        assert!(stale > 1_000 && failed < stale / 5, "{failed} failed, {stale} stale");
    }
}

#[test]
fn a_write_that_passes_a_cache_is_seen_by_the_next_read() {
    let text = text("fresh = \"1h\"\nsize = \"8MiB\"", "").replace(
        "[{ share = \"100%\", method = \"GET\"",
        "[{ share = \"10%\", method = \"PUT\", path = \"/{key}\", keys = { count = 1_000, zipf = 1.0 } },\
         { share = \"90%\", method = \"GET\"",
    );
    let stats = play_for(&design(&text), "none", 1, 60);

    let stale = stats.edge.of(Quality::Stale);
    // Only those whose read was under way while the write was.
    assert!(stale * 1_000 < stats.edge.offered, "{:?}", stats.edge.answers);
    assert!(stats.caches[1].hit_ratio().unwrap() < 0.9, "writes take answers out");
}

/// RFC 9111, section 4.2.3: an answer is as old as the two clocks say.
#[test]
fn a_cache_whose_clock_jumps_ahead_believes_that_everything_is_old() {
    let jump = "kind = \"clock-jump\"\nby = \"1h\"\nlasts = \"10s\"";
    let stats = play("fresh = \"30m\"\nsize = \"8MiB\"", jump, "bad", 90);

    let ratio = |at: usize| stats.series.windows()[at].hit_ratio().unwrap();
    assert!(ratio(58) > 0.8, "{}", ratio(58));
    assert_eq!([61, 65, 69].map(ratio), [0.0; 3]);
    assert!(ratio(75) > 0.8, "{}", ratio(75));
}

fn play(rules: &str, fault: &str, incident: &str, secs: u64) -> Stats {
    play_for(&design(&text(rules, fault)), incident, 1, secs)
}

/// A client, a cache with room for 64 answers, a service and its database.
fn text(rules: &str, fault: &str) -> String {
    let size = if rules.contains("size") { "" } else { "size = \"64KiB\"\n" };
    let fault = if fault.is_empty() { "kind = \"crash\"" } else { fault };
    format!(
        r#"
[region.eu]
at = [53.3, -6.3]
[client.users]
traffic = "300/s"
requests = [{{ share = "100%", method = "GET", path = "/{{key}}", response = "1KiB", keys = {{ count = 1_000, zipf = 1.0 }} }}]
[cache.shelf]
{size}{rules}
[service.svc]
model = {{ workers = 500, queue = "none", service_time = "2ms" }}
steps = ["db"]
[database.db]
model = {{ workers = 500, queue = "none", service_time = "1ms" }}
[call.users.shelf]
timeout = "5s"
idempotent = true
on_failure = "error"
in_flight = "none"
retry = "none"
[call.shelf.svc]
timeout = "5s"
idempotent = true
on_failure = "error" # behind
in_flight = "none"
retry = "none"
[call.svc.db]
timeout = "5s"
idempotent = true
on_failure = "error"
in_flight = "none"
retry = "none"
[[incident.bad]]
on = "shelf"
at = "60s"
{fault}
[[incident.gone]]
on = "svc"
at = "60s"
{fault}
"#
    )
}
