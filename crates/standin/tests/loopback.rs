//! Hosts, callers and crowds against each other, on loopback and in real time.
//!
//! Bounds follow from the model: nothing can be faster than its work, and what is slower is
//! allowed for with the time that a loaded machine may take.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;

use base::{Bytes, CallId, Duration, Instant, Random, Rate, Share};
use engine::{EndpointSpec, Rules};
use event::{Cause, Event, Scope, Sink};
use model::fault::{Course, Fault};
use model::service::{Condition, Params, ServiceTime};
use model::traffic::{Arrivals, RequestKind, Source};
use plimsoll_standin::{
    Caller, CallerSpec, Clock, Crowd, CrowdSpec, Host, HostSpec, Question, Seen, Step, incident,
};
use policy::{deadline, retry};

#[test]
fn a_host_serves_as_much_as_its_model_can_and_late_timers_take_nothing_from_it() {
    let took = run(async |clock| {
        let host = host(clock, &params(2, None, 1), false);
        let caller = caller(clock, &host, &Rules::default());

        let seen = ask_times(&caller, 1_000).await;

        assert!(seen.iter().all(Seen::is_good));
        seen.iter().map(|seen| seen.took).max().unwrap()
    });

    // A thousand pieces of 1 ms, two at once. A timer of 1 ms comes after 1 to 2 ms: if that were
    // lost with each piece, it would be 500 ms more on average.
    assert!((500..800).contains(&took.as_millis()), "{took}");
}

#[test]
fn whoever_finds_no_room_is_told_so_at_once() {
    run(async |clock| {
        let host = host(clock, &params(1, Some(1), 300), false);
        let caller = caller(clock, &host, &Rules::default());

        let seen = ask_times(&caller, 3).await;

        let refused: Vec<_> = seen.iter().filter(|seen| !seen.is_good()).collect();
        assert_eq!(refused.len(), 1, "{seen:?}");
        assert_eq!(refused[0].cause, Some(Cause::Status(503)));
        assert!(refused[0].took < Duration::from_millis(300));
    });
}

#[test]
fn work_that_nobody_waits_for_goes_on_unless_the_design_cancels_it() {
    let then = |cancel| {
        run(async move |clock| {
            let host = host(clock, &params(1, None, 2_000), cancel);
            let impatient = caller(clock, &host, &patience(50, 50));
            assert_eq!(ask(&impatient).await.cause, Some(Cause::Timeout));
            // By then the host has seen the end of the connection.
            clock.sleep_until(clock.now() + Duration::from_millis(100)).await;
            host.load()
        })
    };

    assert_eq!(then(false), (1, 0));
    assert_eq!(then(true), (0, 0));
}

#[test]
fn a_request_that_waited_in_vain_is_worked_on_all_the_same() {
    run(async |clock| {
        let host = host(clock, &params(1, None, 100), false);
        let impatient = caller(clock, &host, &patience(20, 20));
        let _given_up = ask_times(&impatient, 3).await;

        let patient = ask(&caller(clock, &host, &Rules::default())).await;

        assert!(patient.is_good());
        assert!(patient.took >= Duration::from_millis(3 * 100 + 100 - 50), "{}", patient.took);
    });
}

#[test]
fn impatient_callers_multiply_their_requests() {
    run(async |clock| {
        let host = host(clock, &params(1, None, 1_000), false);
        let listener = Rc::new(RefCell::new(Counted::default()));
        let rules = Rules { retry: at_once(3), ..patience(500, 40) };
        let caller = caller_to(clock, &[&host], &rules, Rc::clone(&listener));

        let seen = ask(&caller).await;

        assert_eq!((seen.cause, seen.attempts), (Some(Cause::AttemptTimeout), 3));
        assert!((120..1_000).contains(&seen.took.as_millis()), "{}", seen.took);
        assert_eq!(host.load(), (1, 2));
        let counted = &listener.borrow().0;
        assert_eq!((counted["attempts"], counted["retries"], counted["connect"]), (3, 2, 3));
    });
}

#[test]
fn connections_are_used_again() {
    run(async |clock| {
        let host = host(clock, &params(1, None, 1), false);
        let listener = Rc::new(RefCell::new(Counted::default()));
        let caller = caller_to(clock, &[&host], &Rules::default(), Rc::clone(&listener));

        for _ in 0..5 {
            assert!(ask(&caller).await.is_good());
        }

        let counted = &listener.borrow().0;
        assert_eq!((counted["connect"], counted["reused"]), (1, 4));
    });
}

#[test]
fn requests_beyond_the_limit_wait_for_their_turn() {
    run(async |clock| {
        let host = host(clock, &params(10, None, 100), false);
        let admission = policy::admission::Params { in_flight: Some(2), queue: Some(4) };
        let caller = caller(clock, &host, &Rules { admission, ..Rules::default() });

        let mut seen = ask_times(&caller, 7).await;

        seen.sort_by_key(|seen| seen.took);
        let refused: Vec<_> = seen.iter().filter_map(|seen| seen.cause).collect();
        assert_eq!(refused, [Cause::QueueFull]);
        let waited: Vec<_> = seen.iter().skip(1).map(|seen| seen.took.as_millis() / 100).collect();
        assert_eq!(waited, [1, 1, 2, 2, 3, 3]);
    });
}

#[test]
fn a_crash_resets_connections_and_refuses_new_ones_until_it_is_back() {
    run(async |clock| {
        let host = host(clock, &params(1, None, 60), false);
        let caller = caller(clock, &host, &Rules::default());
        let asked = tokio::task::spawn_local({
            let caller = Rc::clone(&caller);
            async move { ask(&caller).await }
        });
        clock.sleep_until(clock.now() + Duration::from_millis(20)).await;

        host.set_condition(Condition { down: true, ..Condition::WELL });
        let during = asked.await.unwrap();
        let refused = ask(&caller).await;
        host.set_condition(Condition::WELL);
        clock.sleep_until(clock.now() + Duration::from_millis(20)).await;
        let after = ask(&caller).await;

        assert!(matches!(during.cause, Some(Cause::Reset | Cause::Closed)), "{during:?}");
        assert_eq!(refused.cause, Some(Cause::Refused));
        assert!(after.is_good(), "{after:?}");
    });
}

#[test]
fn a_host_asks_others_when_its_own_work_is_done_and_answers_without_what_may_be_omitted() {
    let through = |omit| {
        run(async move |clock| {
            let below = host(clock, &params(1, None, 40), false);
            let gone = host(clock, &params(1, None, 1), false);
            gone.set_condition(Condition { errors: Some((Share::WHOLE, 500)), ..Condition::WELL });
            let step = |host: &Host, omit| Step {
                caller: caller(clock, host, &Rules::default()),
                question: question(),
                omit,
            };
            let steps = vec![vec![step(&below, false), step(&gone, omit)]];
            let spec = HostSpec { steps, ..spec(&params(1, None, 20), false) };
            let host = Host::start(clock, spec).unwrap();
            ask(&caller(clock, &host, &Rules::default())).await
        })
    };

    let (partial, failed) = (through(true), through(false));

    assert_eq!((partial.cause, failed.cause), (None, Some(Cause::Status(502))));
    assert!(partial.took >= Duration::from_millis(60), "{}", partial.took);
}

#[test]
fn a_crowd_does_not_wait_for_its_answers() {
    run(async |clock| {
        let host = host(clock, &params(1, None, 1), false);
        host.set_condition(Condition { hangs: true, ..Condition::WELL });
        let crowd = crowd(clock, caller(clock, &host, &patience(300, 300)), 200);
        let failed = Cell::new(0_u64);
        let end = clock.now() + Duration::from_millis(500);

        crowd
            .run(end, |seen| {
                assert_eq!(seen.cause, Some(Cause::Timeout));
                failed.set(failed.get() + 1);
            })
            .await;

        let due = end.as_nanos() / 5_000_000;
        assert!(crowd.offered().abs_diff(due) <= 1, "{} of {due}", crowd.offered());
        assert_eq!(failed.get(), crowd.offered());
    });
}

#[test]
fn an_incident_makes_a_service_slow_for_a_while() {
    run(async |clock| {
        let host = host(clock, &params(20, None, 20), false);
        let begin = clock.now();
        let course = Course {
            at: begin + Duration::from_millis(300),
            ramp: Duration::ZERO,
            lasts: Some(Duration::from_millis(300)),
        };
        let fault = Fault::Slow { times: 5.0 };
        let hosts = vec![host.clone()];
        let trouble = incident::Trouble { fault, course, hosts, crowds: Vec::new() };
        let crowd = crowd(clock, caller(clock, &host, &Rules::default()), 100);
        let seen = RefCell::new(Vec::new());

        let troubles = [trouble];
        tokio::join!(
            incident::play(clock, &troubles),
            crowd.run(begin + Duration::from_millis(900), |one| seen.borrow_mut().push(one)),
        );

        let typical = |from: u64, to: u64| {
            let within = |one: &&Seen| (from..to).contains(&one.intended.since(begin).as_millis());
            let seen = seen.borrow();
            let mut took: Vec<_> = seen.iter().filter(within).map(|one| one.took).collect();
            took.sort();
            took[took.len() / 2].as_millis()
        };
        let typical = [typical(0, 300), typical(300, 600), typical(600, 900)];
        assert!(typical[0] < 100 && typical[1] >= 100 && typical[2] < 100, "{typical:?}");
    });
}

#[derive(Default)]
struct Counted(BTreeMap<&'static str, u64>);

impl Sink for Counted {
    fn emit(&mut self, _now: Instant, _scope: Scope, event: Event) {
        *self.0.entry(event.describe().name).or_default() += 1;
    }
}

/// On one thread, in real time.
fn run<T, F: Future<Output = T>>(story: impl FnOnce(Clock) -> F) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("an event loop");
    let local = tokio::task::LocalSet::new();
    runtime.block_on(local.run_until(async { story(Clock::start()).await }))
}

fn params(workers: u32, queue: Option<u32>, ms: u64) -> Params {
    let service_time = ServiceTime::Constant(Duration::from_millis(ms));
    Params { workers, queue, service_time, contention: None }
}

fn spec(params: &Params, cancel: bool) -> HostSpec {
    HostSpec {
        params: params.clone(),
        random: Random::of(1, "svc", "work"),
        address: SocketAddr::from(([127, 0, 0, 1], 0)),
        cancel,
        health_path: None,
        steps: Vec::new(),
    }
}

fn host(clock: Clock, params: &Params, cancel: bool) -> Host {
    Host::start(clock, spec(params, cancel)).expect("a free port")
}

fn patience(timeout_ms: u64, attempt_ms: u64) -> Rules {
    let deadline = deadline::Params {
        timeout: Some(Duration::from_millis(timeout_ms)),
        attempt_timeout: Some(Duration::from_millis(attempt_ms)),
    };
    Rules { deadline, ..Rules::default() }
}

fn at_once(attempts: u8) -> retry::Params {
    retry::Params { attempts, backoff: None, on: retry::Causes::TIMEOUT }
}

fn caller(clock: Clock, host: &Host, rules: &Rules) -> Rc<Caller> {
    caller_to(clock, &[host], rules, Rc::new(RefCell::new(Counted::default())))
}

fn caller_to(
    clock: Clock,
    hosts: &[&Host],
    rules: &Rules,
    listener: Rc<RefCell<Counted>>,
) -> Rc<Caller> {
    let endpoint = |host: &&Host| (host.address(), EndpointSpec { weight: 1, rank: 0 });
    let spec = CallerSpec {
        call: CallId(0),
        rules: Rules { carrier: engine::Carrier::Others, ..rules.clone() },
        endpoints: hosts.iter().map(endpoint).collect(),
        keep: Duration::from_secs(10),
        random: Random::of(1, "users.svc", "call"),
        listener,
    };
    Rc::new(Caller::new(clock, spec))
}

fn crowd(clock: Clock, caller: Rc<Caller>, per_sec: u64) -> Crowd {
    let request = RequestKind {
        share: Share::WHOLE,
        method: "GET".into(),
        path: "/".into(),
        request: Bytes(0),
        response: Bytes(100),
        keys: None,
        holds: None,
        messages: None,
    };
    let source = Source::new(&Arrivals::Constant(Rate::per_sec(per_sec)), Random::of(1, "u", "a"));
    let random = Random::of(1, "users", "requests");
    Crowd::new(clock, CrowdSpec { source, requests: vec![request], random, caller })
}

fn question() -> Question {
    Question { method: "GET".into(), path: "/".into(), idempotent: true, ..Question::default() }
}

async fn ask(caller: &Caller) -> Seen {
    caller.ask(caller.now(), &question()).await
}

async fn ask_times(caller: &Rc<Caller>, times: usize) -> Vec<Seen> {
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..times {
        let caller = Rc::clone(caller);
        asked.spawn_local(async move { ask(&caller).await });
    }
    asked.join_all().await
}
