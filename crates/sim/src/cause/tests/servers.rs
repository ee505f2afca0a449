//! Which server is named: the one that waits, or the one that is waited for.

use base::Duration;
use config::Design;

use crate::cause::ordinary::{Ordinary, Quiet};
use crate::examples::{design, options_for};
use crate::plan::Plan;
use crate::{Options, Report, run};

/// Traffic times 1 ms + the answer of `s` is more than the workers of `a` (Little's law), and a
/// fraction of what `s` can do.
#[test]
fn who_has_too_few_workers_to_wait_is_named_and_not_the_idle_one_that_it_waits_for() {
    for (traffic, a, s) in [
        (100, (2, "50"), (16, "30ms")),
        (150, (3, NONE), (32, "40ms")),
        (20, (4, NONE), (9, "300ms")),
    ] {
        let report = named(&front(traffic, a, s, ""));

        assert_eq!(first(&report), Some("workers"), "{:#?}", report.causes);
        let told = "It fails without any incident, because of the workers of a.";
        assert_eq!(report.conclusion.as_deref(), Some(told));
    }
}

/// More workers would only send it more.
#[test]
fn who_cannot_do_what_is_asked_is_named_however_few_workers_its_caller_has() {
    for (traffic, a, s) in [
        (100, (2, "50"), (2, "30ms")),
        (150, (64, NONE), (4, "40ms")),
        (20, (40, "20"), (5, "300ms")),
    ] {
        let report = named(&front(traffic, a, s, ""));

        assert_eq!(first(&report), Some("capacity"), "{:#?}", report.causes);
        let told = "It fails without any incident, because of the capacity of s.";
        assert_eq!(report.conclusion.as_deref(), Some(told));
    }
}

/// Slowed three times, 16 workers of 30 ms can do 178/s and 4 can do 44/s.
#[test]
fn a_slow_answer_is_borne_by_more_workers_only_as_long_as_it_is_within_capacity() {
    let slow = "[[incident.it]]\non = \"s\"\nkind = \"slow\"\ntimes = 3.0\nat = \"10s\"\n";
    for (a, s, cause) in [
        ((6, "50"), 16, "the workers of a"),
        ((6, "50"), 4, "the capacity of s"),
        ((100, NONE), 4, "the capacity of s"),
    ] {
        let report = named(&front(100, a, (s, "30ms"), slow));

        let told = format!("`slow` on s is there to the end, and is not borne because of {cause}.");
        assert_eq!(report.conclusion, Some(told), "{:#?}", report.causes);
    }
}

/// More workers would do more of it too, but waiting is not what holds them.
#[test]
fn who_is_busy_with_its_own_work_is_named_with_its_capacity() {
    let slow = "[[incident.it]]\non = \"a\"\nkind = \"slow\"\ntimes = 30.0\nat = \"10s\"\n";
    for (text, told) in [
        (
            front(100, (2, "50"), (16, "3ms"), "").replace("\"1ms\"", "\"30ms\""),
            "It fails without any incident, because of the capacity of a.",
        ),
        (
            front(100, (2, "50"), (16, "8ms"), slow),
            "`slow` on a is there to the end, and is not borne because of the capacity of a.",
        ),
    ] {
        let report = named(&text);

        assert_eq!(report.conclusion.as_deref(), Some(told), "{:#?}", report.causes);
    }
}

#[test]
fn of_several_that_wait_for_each_other_those_are_named_that_have_too_few_workers() {
    for ((a, b), cause) in [((2, 2), "b, a"), ((100, 2), "b"), ((2, 100), "a")] {
        let between = front(100, (b, "50"), (16, "30ms"), "")
            .replace("users.a", "a.b")
            .replace("a.s", "b.s")
            .replace("service.a", "service.b");
        let before = format!(
            "[service.a]\nsteps = [\"b\"]\n\
             model = {{ workers = {a}, queue = 50, service_time = \"1ms\" }}\n\
             [call.users.a]\n{RULES}"
        );
        let report = named(&format!("{between}{before}"));

        let told = format!("It fails without any incident, because of the workers of {cause}.");
        assert_eq!(report.conclusion, Some(told), "{:#?}", report.causes);
    }
}

/// 100/s times 1 ms of its own, and times the longer of two answers of 30 ms and 10 ms and then one
/// of 10 ms, two messages each.
#[test]
fn an_ordinary_day_holds_as_many_workers_as_littles_law_gives() {
    let text = front(100, (64, "50"), (16, "30ms"), "")
        .replace("[\"s\"]", "[[\"s\", \"t\"], \"u\"]")
        + &["t", "u"].map(|node| {
            format!(
                "[service.{node}]\nmodel = {{ workers = 16, queue = 50, service_time = \"10ms\" }}\n\
                 [call.a.{node}]\n{RULES}"
            )
        })
        .concat();
    let design = design(&text);
    let options = options_for("none", 20);
    let plan = Plan::new(&design, &options).unwrap();
    let runs = crate::seeds::play_all(
        &plan,
        1,
        1,
        &crate::crew::Crew::new(Some(1), crate::Watch::nobody()),
        "",
    );
    let quiet = Quiet { well: runs.clone(), ..Quiet::default() };
    let ordinary = Ordinary::new(&plan, &runs, &quiet);

    let held = ordinary.held(design.node_named("a").unwrap()).unwrap();

    assert!((held.working - 0.1).abs() < 1e-9, "{held:?}");
    assert!((4.0..4.3).contains(&held.waiting), "{held:?}");
    assert_eq!(ordinary.held(design.node_named("s").unwrap()), None, "it waits for nobody");
}

const NONE: &str = "\"none\"";

const RULES: &str = "timeout = \"2s\"\nidempotent = true\non_failure = \"error\"\nin_flight = \"none\"\nretry = \"none\"\n";

/// A service `a` that works 1 ms and then asks `s`: workers and queue of the one, workers and work of
/// the other.
fn front(traffic: u32, a: (u32, &str), s: (u32, &str), incident: &str) -> String {
    format!(
        r#"
[region.eu]
at = [53.3, -6.3]
[client.users]
traffic = "{traffic}/s"
requests = [{{ share = "100%", method = "GET", path = "/" }}]
[service.a]
model = {{ workers = {}, queue = {}, service_time = "1ms" }}
steps = ["s"]
[service.s]
model = {{ workers = {}, queue = 50, service_time = "{}" }}
[call.users.a]
{RULES}
[call.a.s]
{RULES}
{incident}
"#,
        a.0, a.1, s.0, s.1
    )
}

fn named(text: &str) -> Report {
    let lasts = Some(Duration::from_secs(60));
    let design: Design = design(text);
    run(&design, &Options { causes: true, lasts, ..Options::default() }).unwrap()
}

/// The first of what sustains it.
fn first(report: &Report) -> Option<&'static str> {
    report.causes.first().map(|cause| cause.kind)
}
