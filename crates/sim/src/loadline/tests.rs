//! Lines that are known beforehand, and what every report has to keep.

use std::sync::atomic::{AtomicBool, Ordering};

use config::design::Target;
use model::closed::{safe_queue, storm_threshold};
use model::fault::Fault;

use super::*;
use crate::examples::{design, rush};

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

/// Who waits for a minute gets an answer in every run, long above what can be carried for long.
#[test]
fn a_long_timeout_lifts_no_line_above_the_capacity() {
    let mut design = crate::examples::queue("80/s", 1, "\"none\"");
    design.calls[0].rules.deadline.timeout = Some(base::Duration::from_secs(60));
    let day = line_at(&design, None, 0.99);

    let line = day.load_line(80.0);
    assert!(line.low > Some(90.0) && line.low <= Some(100.0), "{line:?}");
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
    let (today, [stood_today, stood, line, low, high]) = (0.0, [None; 5]);
    let open = OpenConnections { stood_today, stood, today, line, low, high };
    let open = serde_json::to_value(open).unwrap();
    let objects = [
        &open,
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

/// Beside the runs of the points there are only those that are compared with whole ones and the one
/// that goes up and down.
#[test]
fn no_seed_is_played_twice_at_one_traffic() {
    let wanted = Wanted { incident: Some("none".into()), probability: 0.9, ..Wanted::default() };

    let lines = draw(&rush(30.0, (2, 20), "\"none\"", 3), &wanted, Watch::nobody()).unwrap();

    let points = &lines.lines[0].points;
    let of_points = points.iter().map(|point| u64::from(point.runs)).sum::<u64>();
    assert!((of_points + 1..=of_points + 5).contains(&lines.runs), "{} {of_points}", lines.runs);
    assert!(points.iter().all(|point| point.recovered <= point.runs));
    let traffic: Vec<f64> = points.iter().map(|point| point.per_second).collect();
    assert!(traffic.is_sorted_by(|one, next| one < next), "{traffic:?}");
    let shown = |recovers| points.iter().filter(move |point| point.recovers == Some(recovers));
    assert!(shown(true).all(|held| shown(false).all(|broke| held.per_second < broke.per_second)));
}

/// Stopped before the first run, in the line of an ordinary day, in that of the incident.
#[test]
fn who_stops_it_is_told_what_is_known_and_that_the_rest_is_not() {
    let design = rush(30.0, (2, 20), "\"none\"", 3);
    let wanted = Wanted { probability: 0.6, ..Wanted::default() };
    for stop_in in ["", "1 of 2", "2 of 2"] {
        let stop = AtomicBool::new(stop_in.is_empty());
        let tell = |progress: crate::Progress<'_>| {
            // Not before something was seen there.
            let is_here = progress.stage.starts_with(stop_in) && progress.done > 0;
            stop.fetch_or(is_here, Ordering::Relaxed);
        };

        let lines = draw(&design, &wanted, Watch::new(&stop, &tell)).unwrap();

        assert!(lines.interrupted.is_some());
        assert_eq!((lines.load_line.per_second, lines.margin), (None, None), "{stop_in}");
        let [day, rush] = &lines.lines[..] else { panic!("{stop_in}: what was wanted is named") };
        let knows_the_day = stop_in == "2 of 2";
        assert_eq!(day.complete, knows_the_day, "{stop_in}");
        assert_eq!(day.load_line.per_second.is_some(), knows_the_day, "{stop_in}");
        assert!(!rush.complete && rush.load_line.per_second.is_none(), "{stop_in}");
        assert_eq!(lines.load_line.high, rush.load_line.high.or(day.load_line.high));

        let text = render(&lines, "rush.toml", observe::plot::Style::Ascii);
        assert!(text.contains("LOAD LINE NOT KNOWN") && text.contains("not known"), "{text}");
        assert!(!text.contains("OVERLOADED") && !text.contains("NO LOAD LINE"), "{text}");
        assert_eq!(text.contains("so far: recovered in"), !stop_in.is_empty(), "{text}");
    }
}

/// Of a hundred requests in a second one asks for a stream and holds it for some 13 s, and there is
/// room for 25 at once. The requests could go on as they do. Of the streams one in a hundred is
/// refused where 16 are wanted on average, and one in twenty where 21 are (Erlang's loss formula);
/// of the eighty that open in a window none is then refused in most.
#[test]
fn sessions_have_a_line_of_their_own_where_no_more_of_them_can_stand() {
    let design = design(STREAMS);
    let wanted = Wanted { probability: 0.6, ..Wanted::default() };

    let lines = draw(&design, &wanted, Watch::nobody()).unwrap();

    let (line, open) = (lines.load_line.per_second.unwrap(), lines.open_connections.unwrap());
    assert!((open.today - 13.5).abs() < 0.1, "{open:?}");
    let most = open.line.unwrap();
    assert!((13.0..21.0).contains(&most), "{open:?}");
    assert!(open.high.is_some_and(|high| high > most && high < 25.0), "{open:?}");
    assert!(line > 1.5 * most / open.today * 100.0, "the requests by themselves: {line}");
    let text = render(&lines, "streams.toml", observe::plot::Style::Ascii);
    let stood = text::number(open.stood.unwrap());
    assert!(text.contains(&format!(" stand today; it recovers with {stood}, at ")), "{text}");
    assert!(text.contains(&format!(" {stood}\n")), "the row of the ordinary day: {text}");
}

/// What is asked for stands where nothing cuts it: what stood in the runs, and Little's law. Where a
/// balancer cuts it after a second of silence, as many stand as come in a second.
#[test]
fn the_connections_that_are_told_are_those_that_stood() {
    let wanted = Wanted { probability: 0.6, ..Wanted::default() };
    let of_asked = |idle: &str| {
        let text = STREAMS.replace("phones.chat", "lb.chat").replace("\"2m\"", idle) + IN_FRONT;
        let lines = draw(&design(&text), &wanted, Watch::nobody()).unwrap();
        let open = lines.open_connections.unwrap();
        [open.stood_today.unwrap() / open.today, open.stood.unwrap() / open.line.unwrap()]
    };
    let (kept, cut) = (of_asked("\"2m\""), of_asked("\"1s\""));

    assert!(kept.iter().all(|share| (0.85..1.15).contains(share)), "{kept:?}");
    let seconds = cut.map(|share| share * 13.5);
    assert!(seconds.iter().all(|share| (0.85..1.15).contains(share)), "{cut:?}");
}

const STREAMS: &str = r#"
[region.eu]
at = [53.3, -6.3]
[client.phones]
traffic = "100/s"
requests = [
  { share = "99%", method = "GET", path = "/" },
  { share = "1%", method = "GET", path = "/stream", holds = { median = "10s", p99 = "60s" } },
]
[service.chat]
model = { workers = 8, queue = 64, service_time = "20ms" }
[call.phones.chat]
timeout = "1s"
idempotent = true
on_failure = "error"
in_flight = 64
queue = 16
retry = "none"
[call.phones.chat.only.stream]
path = "/stream"
timeout = "stream"
idle_timeout = "2m"
in_flight = 25
queue = 0
"#;

/// A balancer between the phones and the chat.
const IN_FRONT: &str = r#"
[balancer.lb]
[[balancer.lb.listen]]
address = "127.0.0.1:8080"
protocol = "http"
routes = [{ path = "/", to = "chat" }]
[call.phones.lb]
timeout = "1s"
idempotent = true
on_failure = "error"
in_flight = "none"
retry = "none"
[call.phones.lb.only.stream]
path = "/stream"
timeout = "stream"
idle_timeout = "2m"
"#;

/// Of a fault with a size the smallest for some lengths, the longer the smaller; and the shortest
/// of the file's size. One without a size says so.
#[test]
fn a_trigger_is_told_by_its_size_and_by_its_length() {
    let wanted = Wanted { probability: 0.6, ..Wanted::default() };
    let sized = draw(&rush(30.0, (2, 20), "\"none\"", 3), &wanted, Watch::nobody()).unwrap();
    let mut hang = rush(30.0, (2, 20), "\"none\"", 3);
    let service = hang.node_named("svc").unwrap();
    let entry = &mut hang.incidents[0].entries[0];
    (entry.fault, entry.on) = (Fault::Hang, Target::Node(service));
    let hung = draw(&hang, &wanted, Watch::nobody()).unwrap();

    let of = |varied| sized.smallest_trigger.iter().filter(move |one| one.varied == varied);
    let sizes: Vec<_> = of(Varied::Size).map(|one| (one.lasts_s, one.size)).collect();
    assert!(sizes.len() > 2 && sizes.is_sorted_by(|one, next| one.0 < next.0 && one.1 >= next.1));
    let shortest: Vec<_> = of(Varied::Length).collect();
    assert_eq!((shortest.len(), shortest[0].size), (1, Some(5.0)));
    assert!(shortest[0].lasts_s > shortest[0].holds_lasts_s, "{shortest:?}");
    assert!(hung.smallest_trigger.iter().all(|one| one.varied == Varied::Length));
    assert_eq!(hung.lines[1].not_scaled, ["`hang` is there or not: it has no size"]);
}

/// The service could do four times as much.
#[test]
fn a_line_above_all_that_was_tried_is_told_as_such() {
    let design = rush(25.0, (2, 20), "\"none\"", 3);
    let incident = Some("none".to_owned());
    let wanted = Wanted { incident, probability: 0.6, up_to: Some(2.0), ..Wanted::default() };

    let lines = draw(&design, &wanted, Watch::nobody()).unwrap();

    let LoadLine { per_second, high, .. } = lines.load_line;
    assert_eq!((per_second, high, lines.tried_up_to_per_second), (Some(50.0), None, 50.0));
    assert!(lines.lines[0].points.iter().all(|point| point.per_second <= 50.0));
    let text = render(&lines, "rush.toml", observe::plot::Style::Ascii);
    assert!(text.contains("LOAD LINE AT LEAST 50.0/s"), "{text}");
    assert!(text.contains("no line was looked for above 50.0/s, 2.00 times today's"), "{text}");
}

/// What breaks is not asked again above what was wanted, to see whether all above it breaks too.
#[test]
fn nobody_looks_above_what_was_asked_for_where_the_line_lies_below_it() {
    let design = rush(60.0, (2, 20), "20", 1);
    let incident = Some("none".to_owned());
    let wanted = Wanted { incident, probability: 0.6, up_to: Some(2.0), ..Wanted::default() };

    let lines = draw(&design, &wanted, Watch::nobody()).unwrap();

    let high = lines.load_line.high.unwrap();
    assert!(high * 2.0 > 120.0, "{high}");
    let asked: Vec<f64> = lines.lines[0].points.iter().map(|point| point.per_second).collect();
    assert!(asked.iter().all(|&asked| asked <= 120.0), "{asked:?}");
}

/// In a thousand seconds one request is asked for: in most runs there is nothing to judge. The line is
/// looked for where there is.
#[test]
fn a_run_in_which_nothing_was_asked_for_counts_neither_way() {
    let mut quiet = rush(1.0, (2, 20), "20", 1);
    for node in &mut quiet.nodes {
        if let config::design::NodeKind::Client(client) = &mut node.kind {
            let rate = base::Rate::from_millis_per_sec(1);
            client.arrivals = model::traffic::Arrivals::Poisson(rate);
        }
    }
    let incident = Some("none".to_owned());
    let wanted = Wanted { incident, probability: 0.6, ..Wanted::default() };

    let lines = draw(&quiet, &wanted, Watch::nobody()).unwrap();

    let day = &lines.lines[0];
    let today = day.points.iter().find(|point| point.per_second == 0.001).unwrap();
    assert!(today.empty > 0 && today.recovers.is_none(), "{today:?}");
    assert!(today.runs > 0, "it went on until something was asked for: {today:?}");
    assert_eq!(day.load_line.per_second, Some(1.0), "a thousand times as much: {:?}", day.points);
    let shown = day.points.iter().find(|point| point.recovers == Some(true)).unwrap();
    assert!(shown.recovered == shown.runs && shown.runs > 0, "{shown:?}");
    let text = render(&lines, "quiet.toml", observe::plot::Style::Ascii);
    assert!(text.contains("more runs nothing was asked for"), "{text}");
}

/// A request in a month: no run has one in the time that is judged.
#[test]
fn where_nothing_is_asked_for_it_is_not_known_whether_a_trigger_breaks_anything() {
    let mut quiet = rush(1.0, (2, 20), "20", 1);
    for node in &mut quiet.nodes {
        if let config::design::NodeKind::Client(client) = &mut node.kind {
            let month = base::Duration::from_secs(30 * 86_400);
            let times = vec![month];
            client.arrivals = model::traffic::Arrivals::Replayed(times);
        }
    }
    let wanted = Wanted { probability: 0.6, ..Wanted::default() };
    let lab = Lab::new(&quiet, &wanted, Crew::new(None, Watch::nobody()));

    let triggers = trigger::find(&lab, "rush", "");

    assert!(triggers.smallest.is_empty() && !triggers.in_vain.is_empty(), "{triggers:?}");
    let is_open = |told: &String| told.contains("is not known: nothing was asked for");
    assert!(triggers.in_vain.iter().all(is_open), "{:?}", triggers.in_vain);
}

#[test]
fn what_cannot_be_drawn_is_refused_with_a_way_out() {
    let design = rush(30.0, (2, 20), "\"none\"", 3);
    let refused = |wanted: Wanted| draw(&design, &wanted, Watch::nobody()).unwrap_err();

    assert_eq!(refused(Wanted { probability: 1.0, ..Wanted::default() }).len(), 1);
    for up_to in [0.5, 2_000.0, f64::NAN] {
        assert_eq!(refused(Wanted { up_to: Some(up_to), ..Wanted::default() }).len(), 1);
    }
    let unknown = Wanted { incident: Some("flood".to_owned()), ..Wanted::default() };
    assert!(refused(unknown)[0].problem.contains("flood"));
}

fn line_of(design: &Design, incident: Option<&str>) -> line::Line {
    line_at(design, incident, 0.9)
}

fn line_at(design: &Design, incident: Option<&str>, probability: f64) -> line::Line {
    let wanted = Wanted { probability, ..Wanted::default() };
    let lab = Lab::new(design, &wanted, Crew::new(None, Watch::nobody()));
    let today = scale::traffic(design);
    let day = line::find(&lab, None, "", today, None);
    match incident {
        None => day,
        Some(_) => line::find(&lab, incident, "", today, Some(&day)),
    }
}
