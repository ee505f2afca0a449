//! Lines that are known beforehand, and what every report has to keep.

use std::sync::atomic::AtomicBool;

use model::closed::{safe_queue, storm_threshold};

use super::*;
use crate::examples::design;

/// Without an incident a service carries what its workers can do.
#[test]
fn on_an_ordinary_day_the_line_is_the_capacity() {
    for (workers, ms) in [(2, 10), (6, 25)] {
        let capacity = f64::from(workers) * 1e3 / f64::from(ms);
        let day = line_of(&rush(capacity / 2.0, (workers, ms), "20", 1), None);

        let line = day.load_line(capacity / 2.0);
        assert!(
            line.low > Some(0.85 * capacity) && line.low < Some(1.05 * capacity),
            "{line:?} of {capacity}"
        );
        assert!(line.high > line.low, "{line:?}");
    }
}

/// Every try that times out is worked on all the same: a service that has fallen behind catches up
/// only below its capacity divided by the tries.
#[test]
fn after_a_rush_the_line_of_a_retry_storm_is_the_capacity_divided_by_the_tries() {
    for attempts in [2, 3] {
        let threshold = storm_threshold(1_000.0, f64::from(attempts));
        let found = line_of(&rush(threshold, (10, 10), "\"none\"", attempts), Some("rush"));

        let line = found.load_line(threshold);
        assert!(line.low > Some(0.75 * threshold), "{line:?} of {threshold}");
        assert!(line.high.is_some_and(|high| high < 1.25 * threshold), "{line:?} of {threshold}");
    }
}

/// Where nobody can wait past the timeout, a rush leaves nothing behind.
#[test]
fn a_queue_shorter_than_timeout_times_rate_lifts_the_line_above_the_storm() {
    let (threshold, safe) = (storm_threshold(1_000.0, 3.0), safe_queue(0.1, 1_000.0));
    let queue = format!("{:.0}", safe / 2.0);
    let found = line_of(&rush(threshold, (10, 10), &queue, 3), Some("rush"));

    assert!(found.load_line(threshold).low > Some(1.5 * threshold), "{:?}", found.found);
}

#[test]
fn every_field_of_the_json_is_explained_and_no_number_of_threads_changes_one() {
    let design = rush(30.0, (2, 20), "\"none\"", 3);
    let drawn = |threads| {
        let wanted = Wanted { threads: Some(threads), probability: 0.6, ..Wanted::default() };
        draw(&design, &wanted, Watch::nobody()).unwrap()
    };
    let one = drawn(1);
    assert!(one == drawn(3), "threads change the report");

    assert_eq!((one.lines.len(), one.lines[1].incident.as_deref()), (2, Some("rush")));
    assert!(one.lines[1].load_line.per_second <= one.lines[0].load_line.per_second);
    assert!(!one.smallest_trigger.is_empty() && one.sweep.is_some());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/loadline-json.md");
    let documented = std::fs::read_to_string(path).unwrap();
    let json = serde_json::to_value(&one).unwrap();
    let objects = [
        &json,
        &json["load_line"],
        &json["lines"][1],
        &json["lines"][1]["points"][0],
        &json["smallest_trigger"][0],
        &json["sweep"],
    ];
    let fields = objects.iter().flat_map(|object| object.as_object().unwrap().keys());
    let is_explained = |field: &&String| {
        ["", "[]"].iter().any(|list| documented.contains(&format!("`{field}{list}`")))
    };
    let unexplained: Vec<_> = fields.filter(|field| !is_explained(field)).collect();
    assert!(unexplained.is_empty(), "{unexplained:?}");
}

#[test]
fn who_stops_it_is_told_that_it_was_stopped() {
    let stop = AtomicBool::new(true);
    let design = rush(30.0, (2, 20), "\"none\"", 3);

    let lines = draw(&design, &Wanted::default(), Watch::new(&stop, &|_| {})).unwrap();

    assert!(lines.interrupted.is_some());
    assert!(lines.lines.iter().all(|line| !line.complete));
}

#[test]
fn what_cannot_be_drawn_is_refused_with_a_way_out() {
    let design = rush(30.0, (2, 20), "\"none\"", 3);
    let refused = |wanted: Wanted| draw(&design, &wanted, Watch::nobody()).unwrap_err();

    assert_eq!(refused(Wanted { probability: 1.0, ..Wanted::default() }).len(), 1);
    let unknown = Wanted { incident: Some("flood".to_owned()), ..Wanted::default() };
    assert!(refused(unknown)[0].problem.contains("flood"));
}

fn line_of(design: &Design, incident: Option<&str>) -> line::Line {
    let wanted = Wanted { probability: 0.9, ..Wanted::default() };
    let lab = Lab::new(design, &wanted, Crew::new(None, Watch::nobody()));
    let today = scale::traffic(design);
    let day = line::find(&lab, None, "", today, None);
    match incident {
        None => day,
        Some(_) => line::find(&lab, incident, "", today, Some(&day)),
    }
}

/// Callers that wait 100 ms for each try, a service whose workers need so many milliseconds each,
/// and five times the traffic for a second.
fn rush(traffic: f64, (workers, ms): (u32, u32), queue: &str, attempts: u32) -> Design {
    let retry = match attempts {
        1 => "\"none\"".to_owned(),
        _ => format!("{{ attempts = {attempts}, backoff = \"none\", budget = \"none\" }}"),
    };
    design(&format!(
        r#"
[region.eu]
at = [53.3, -6.3]
[client.users]
traffic = "{traffic:.0}/s"
requests = [{{ share = "100%", method = "GET", path = "/" }}]
[service.svc]
model = {{ workers = {workers}, queue = {queue}, service_time = "{ms}ms" }}
[call.users.svc]
timeout = "1s"
attempt_timeout = "100ms"
idempotent = true
on_failure = "error"
in_flight = "none"
retry = {retry}
[[incident.rush]]
on = "users"
kind = "spike"
times = 5.0
at = "10s"
lasts = "1s"
"#
    ))
}
