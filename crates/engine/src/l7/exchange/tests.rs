use alloc::sync::Arc;
use std::vec::Vec;

use base::{CallId, Random, Rate, Share, WorkerId};
use event::Scope;
use policy::retry::{Backoff, Causes};
use policy::{admission, breaker, deadline, health, retry};

use super::*;
use crate::{CallSpec, Carrier, EndpointSpec, Idempotence, Rules, Shared};

mod any_order;
mod choosing;
mod evidence;
mod hops;
mod probing;
mod turns;

#[test]
fn a_request_that_is_answered_takes_one_attempt_and_gives_everything_back() {
    let mut call = call(rules());
    let mut exchange = Driven::begin(&mut call, GET);

    assert!(matches!(exchange.told[..], [Output::Attempt { number: 1, grounds: None, .. }]));
    exchange.tell(&mut call, 1, Input::Sent);
    let relayed = exchange.tell(&mut call, 5, head(200));
    assert_eq!(relayed, [Output::Relay { until: Instant::from_millis(800) }]);
    exchange.tell(&mut call, 6, Input::Finished);

    assert!(exchange.is_done());
    assert_nothing_held(&call);
}

#[test]
fn a_refused_connection_is_tried_elsewhere_whatever_the_method() {
    let mut call = call(rules());
    let mut exchange = Driven::begin(&mut call, POST);
    let first = exchange.endpoint();

    let told = exchange.tell(&mut call, 1, failed(Cause::Refused));
    let [Output::Wait { until }] = told[..] else { panic!("{told:?}") };
    let told = exchange.tell_at(&mut call, until, TIME);

    let [Output::Attempt { endpoint, number: 2, grounds: Some(Grounds::NotSent), .. }] = told[..]
    else {
        panic!("{told:?}")
    };
    assert_ne!(endpoint, first);
}

#[test]
fn what_may_have_been_processed_is_not_sent_again_without_grounds() {
    let mut call = call(rules());
    let mut exchange = Driven::begin(&mut call, POST);
    exchange.tell(&mut call, 1, Input::Sent);

    let told = exchange.tell(&mut call, 2, failed(Cause::Reset));

    assert_eq!(told, [Output::Respond { cause: Cause::Reset, retry_after: None }]);
    assert_eq!(exchange.seen.refused(), [NoRetry::NoGrounds]);
    assert_nothing_held(&call);
}

#[test]
fn a_body_that_was_not_kept_cannot_be_sent_again() {
    let mut call = call(rules());
    let mut exchange = Driven::begin(&mut call, GET);
    exchange.tell(&mut call, 1, Input::Sent);

    let gone = Input::Failed { cause: Cause::Reset, refused_by_peer: false, body: Body::Gone };
    exchange.tell(&mut call, 2, gone);

    assert_eq!(exchange.seen.refused(), [NoRetry::BodyGone]);
}

#[test]
fn who_leaves_before_the_request_is_known_leaves_no_trace() {
    let mut call = call(rules());
    for left in [Input::ClientLeft, Input::ClientFailed(Cause::ClientTimeout), Input::ShutDown] {
        let mut exchange = Driven::new(Instant::ZERO, Key(1));

        assert_eq!(exchange.tell(&mut call, 1, left), []);
        assert_eq!(exchange.tell(&mut call, 2, Input::Begin(GET)), []);

        assert!(exchange.is_done());
        assert_eq!(exchange.seen.0, [], "answered without having been asked");
    }
}

#[test]
fn a_try_that_is_not_answered_is_cancelled_and_tried_again() {
    let mut call = call(rules());
    let mut exchange = Driven::begin(&mut call, GET);
    exchange.tell(&mut call, 1, Input::Sent);

    let told = exchange.tell(&mut call, 350, TIME);

    assert!(matches!(told[..], [Output::Cancel { .. }, Output::Wait { .. }]), "{told:?}");
}

#[test]
fn a_timer_that_fires_early_changes_nothing() {
    let mut call = call(rules());
    let mut exchange = Driven::begin(&mut call, GET);

    assert_eq!(exchange.tell(&mut call, 349, TIME), []);
}

#[test]
fn a_503_is_tried_elsewhere_and_the_last_one_is_passed_on() {
    let mut call = call(rules());
    let mut exchange = Driven::begin(&mut call, GET);
    exchange.tell(&mut call, 1, Input::Sent);

    let told = exchange.tell(&mut call, 2, head(503));
    let [Output::Cancel { .. }, Output::Wait { until }] = told[..] else { panic!("{told:?}") };
    exchange.tell_at(&mut call, until, TIME);
    let told = exchange.tell(&mut call, 200, head(503));

    assert!(matches!(told[..], [Output::Relay { .. }]), "{told:?}");
}

#[test]
fn a_quick_failure_does_not_pass_for_a_fast_answer() {
    let mut call = call(Rules { retry: retry::Params::NEVER, ..rules() });
    Driven::begin(&mut call, GET).tell(&mut call, 40, head(200));

    for _ in 0..20 {
        Driven::begin(&mut call, GET).tell(&mut call, 1, head(500));
    }

    assert_eq!(call.belief().typical_latency(), Duration::from_millis(40));
}

#[test]
fn nothing_is_retried_after_a_head_has_left() {
    let mut call = call(rules());
    let mut exchange = Driven::begin(&mut call, GET);
    exchange.tell(&mut call, 1, head(200));

    let told = exchange.tell(&mut call, 2, failed(Cause::Reset));

    assert_eq!(told, [Output::Abort { cause: Cause::Reset }]);
    assert_nothing_held(&call);
}

#[test]
fn an_answer_that_never_ends_is_broken_off_at_the_deadline() {
    let mut call = call(rules());
    let mut exchange = Driven::begin(&mut call, GET);
    exchange.tell(&mut call, 1, head(200));

    let told = exchange.tell(&mut call, 800, TIME);

    assert!(matches!(told[..], [Output::Cancel { .. }, Output::Abort { cause: Cause::Timeout }]));
    assert_nothing_held(&call);
}

#[test]
fn the_budget_is_charged_when_the_retry_is_decided() {
    let budget = retry::budget::Params::new(Share::NONE, Rate::default(), 1, 10).unwrap();
    let mut call = call(Rules { budget: Some(budget), ..rules() });
    let mut first = Driven::begin(&mut call, GET);
    let mut second = Driven::begin(&mut call, GET);

    first.tell(&mut call, 1, failed(Cause::Refused));
    let told = second.tell(&mut call, 1, failed(Cause::Refused));

    assert_eq!(told, [Output::Respond { cause: Cause::Refused, retry_after: None }]);
    assert_eq!(second.seen.refused(), [NoRetry::BudgetSpent], "the first waits, but has paid");
}

#[test]
fn who_finds_no_room_waits_and_is_called_when_there_is() {
    let mut call = call(Rules { admission: limits(1, 1), ..rules() });
    let mut first = Driven::begin(&mut call, GET);
    let mut second = Driven::begin_as(&mut call, GET, Key(2));
    let third = Driven::begin_as(&mut call, GET, Key(3));

    assert!(matches!(second.told[..], [Output::Wait { .. }]), "{:?}", second.told);
    assert!(matches!(
        third.told[..],
        [Output::Respond { cause: Cause::QueueFull, retry_after: Some(_) }]
    ));
    first.tell(&mut call, 5, head(200));
    let told = first.tell(&mut call, 6, Input::Finished);
    assert_eq!(told, [Output::Admit(Key(2))]);

    let told = second.tell(&mut call, 6, Input::Turn);
    assert!(matches!(told[..], [Output::Attempt { .. }]), "{told:?}");
    assert_eq!((call.shared().in_flight(), call.shared().queued()), (1, 0));
}

#[test]
fn what_a_request_waited_is_its_time_in_the_queue_however_that_ended() {
    let mut call = call(Rules { admission: limits(1, 2), ..rules() });
    let mut first = Driven::begin(&mut call, GET);
    let mut admitted = Driven::begin_as(&mut call, GET, Key(2));
    let mut expired = Driven::begin_as(&mut call, GET, Key(3));
    let refused = Driven::begin_as(&mut call, GET, Key(4));
    let waited = |of: &Driven| of.exchange.queue_wait().as_millis();

    first.tell(&mut call, 5, head(200));
    first.tell(&mut call, 6, Input::Finished);
    admitted.tell(&mut call, 7, Input::Turn);
    let mut left = Driven::begin_as(&mut call, GET, Key(5));
    left.tell(&mut call, 90, Input::ClientLeft);
    admitted.tell(&mut call, 100, failed(Cause::Refused));
    admitted.tell(&mut call, 200, TIME);
    expired.tell(&mut call, 800, TIME);

    assert_eq!([&first, &refused].map(waited), [0, 0]);
    assert_eq!([&admitted, &expired, &left].map(waited), [7, 800, 90]);
}

#[test]
fn who_waits_too_long_is_told_so_and_leaves_the_queue() {
    let mut call = call(Rules { admission: limits(1, 1), ..rules() });
    let _first = Driven::begin(&mut call, GET);
    let mut second = Driven::begin_as(&mut call, GET, Key(2));

    let told = second.tell(&mut call, 800, TIME);

    assert!(matches!(told[..], [Output::Respond { cause: Cause::QueueExpired, .. }]), "{told:?}");
    assert_eq!(call.shared().queued(), 0);
}

#[test]
fn an_open_breaker_refuses_at_once_and_says_until_when() {
    let mut call = call(Rules { breaker: Some(breaker()), retry: retry::Params::NEVER, ..rules() });
    for _ in 0..2 {
        Driven::begin(&mut call, GET).tell(&mut call, 0, failed(Cause::Refused));
    }

    let refused = Driven::begin(&mut call, GET);

    let until = Some(Duration::from_secs(5));
    assert_eq!(refused.told, [Output::Respond { cause: Cause::BreakerOpen, retry_after: until }]);
    assert_nothing_held(&call);
}

/// One probe at a time: a stream that kept its place would keep everybody else out while it lasts.
#[test]
fn a_stream_proves_with_its_head_that_the_service_is_back() {
    let deadline = deadline::Params::default();
    let rules =
        Rules { breaker: Some(breaker()), retry: retry::Params::NEVER, deadline, ..rules() };
    let mut call = call(rules);
    for _ in 0..2 {
        Driven::begin(&mut call, GET).tell(&mut call, 0, failed(Cause::Refused));
    }
    let after = Instant::from_secs(6);
    let mut stream = Driven::begin_at(&mut call, after, GET);
    assert_eq!(call.breaker_state(), breaker::State::HalfOpen);

    stream.tell_at(&mut call, after, head(200));

    assert_eq!((call.breaker_state(), call.shared().probes()), (breaker::State::Closed, 0));
    let end = failed(Cause::Reset);
    stream.tell_at(&mut call, after + Duration::from_secs(3_600), end);
    assert_eq!(call.breaker_state(), breaker::State::Closed);
    assert_nothing_held(&call);
}

#[test]
fn a_client_that_leaves_cancels_its_attempt_and_proves_nothing_about_the_service() {
    let mut call = call(Rules { breaker: Some(breaker()), ..rules() });
    for _ in 0..10 {
        let mut exchange = Driven::begin(&mut call, GET);
        let told = exchange.tell(&mut call, 1, Input::ClientLeft);
        assert!(matches!(told[..], [Output::Cancel { .. }]), "{told:?}");
    }

    assert_eq!(call.breaker_state(), breaker::State::Closed);
    assert_nothing_held(&call);
}

#[test]
fn a_driver_that_ends_answers_who_waits_breaks_off_what_is_half_said_and_blames_no_service() {
    let breaker = Some(breaker());
    let mut call = call(Rules { admission: limits(2, 1), breaker, ..rules() });
    let mut relaying = Driven::begin(&mut call, GET);
    relaying.tell(&mut call, 1, head(200));
    let mut trying = Driven::begin_as(&mut call, GET, Key(2));
    let mut queued = Driven::begin_as(&mut call, GET, Key(3));
    let cause = Cause::Draining;
    let respond = Output::Respond { cause, retry_after: Some(TRY_AGAIN) };

    let queued = queued.tell(&mut call, 2, Input::ShutDown);
    let trying = trying.tell(&mut call, 2, Input::ShutDown);
    let relaying = relaying.tell(&mut call, 2, Input::ShutDown);

    assert_eq!(queued, [respond]);
    assert!(matches!(trying[..], [Output::Cancel { .. }, last] if last == respond), "{trying:?}");
    assert_eq!(relaying, [Output::Abort { cause }]);
    assert_eq!(call.breaker_state(), breaker::State::Closed);
    assert_nothing_held(&call);
}

#[test]
fn other_peoples_code_sends_again_without_grounds_and_says_so() {
    let mut call =
        call(Rules { carrier: Carrier::Others, idempotence: Idempotence::Never, ..rules() });
    let mut exchange = Driven::begin(&mut call, POST);
    exchange.tell(&mut call, 1, Input::Sent);

    let told = exchange.tell(&mut call, 2, failed(Cause::Reset));
    let [Output::Wait { until }] = told[..] else { panic!("{told:?}") };
    let told = exchange.tell_at(&mut call, until, TIME);

    assert!(matches!(told[..], [Output::Attempt { grounds: Some(Grounds::OtherPeoplesCode), .. }]));
}

#[test]
fn a_permit_that_is_free_goes_to_the_worker_that_waits() {
    let rules = Rules { admission: limits(1, 10), ..rules() };
    let shared = Arc::new(Shared::new(Instant::ZERO, &rules));
    let mut here = call_on(WorkerId(0), rules.clone(), shared.clone());
    let mut there = call_on(WorkerId(1), rules, shared);
    let mut first = Driven::begin(&mut here, GET);
    let mut waiting = Driven::begin_as(&mut there, GET, Key(7));

    first.tell(&mut here, 1, head(200));
    let told = first.tell(&mut here, 2, Input::Finished);
    assert_eq!(told, [Output::Wake(WorkerId(1))]);

    assert_eq!(there.woken(Instant::from_millis(2)), Some(Output::Admit(Key(7))));
    assert_eq!(there.woken(Instant::from_millis(2)), None);
    waiting.tell(&mut there, 2, Input::Turn);
    assert_eq!(there.shared().in_flight(), 1);
}

#[test]
fn a_worker_whose_waiting_requests_are_all_too_late_does_not_keep_the_permit_from_others() {
    let rules = Rules { admission: limits(1, 10), ..rules() };
    let shared = Arc::new(Shared::new(Instant::ZERO, &rules));
    let mut here = call_on(WorkerId(0), rules.clone(), shared.clone());
    let mut there = call_on(WorkerId(1), rules, shared);
    let mut first = Driven::begin(&mut here, GET);
    let _late = Driven::begin_as(&mut there, GET, Key(7));

    first.tell(&mut here, 1, head(200));
    let told = first.tell(&mut here, 800, Input::Finished);

    assert_eq!(told, [Output::Wake(WorkerId(1))]);
    assert_eq!(there.woken(Instant::from_millis(800)), None);
    assert_eq!(there.shared().in_flight(), 0);
}

const ENDPOINTS: [EndpointSpec; 3] = [EndpointSpec { weight: 1, rank: 0 }; 3];
const GET: Request = Request {
    idempotent_method: true,
    declared_idempotent: false,
    client_remaining: None,
    client_attempt: 1,
    head_took: Duration::ZERO,
};
const POST: Request = Request { idempotent_method: false, ..GET };
const TIME: Input = Input::Time { body: Body::Kept };

fn head(status: u16) -> Input {
    Input::Head { status, retry_after: None, attempts: 1, body: Body::Kept }
}

fn failed(cause: Cause) -> Input {
    Input::Failed { cause, refused_by_peer: false, body: Body::Kept }
}

/// Two tries of 350 ms within 800 ms.
fn rules() -> Rules {
    let backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(80)).unwrap();
    let deadline =
        deadline::Params::new(Some(Duration::from_millis(800)), Some(Duration::from_millis(350)))
            .unwrap();
    Rules {
        deadline,
        idempotence: Idempotence::ByMethod,
        retry: retry::Params::new(2, Some(backoff), Causes::default()).unwrap(),
        ..Rules::default()
    }
}

fn limits(in_flight: u32, queue: u32) -> admission::Params {
    admission::Params::new(Some(in_flight), Some(queue)).unwrap()
}

fn breaker() -> breaker::Params {
    breaker::Params::new(Share::percent(50), Duration::from_secs(10), 2, Duration::from_secs(5), 1)
        .unwrap()
}

fn call(rules: Rules) -> Call {
    let shared = Arc::new(Shared::new(Instant::ZERO, &rules));
    call_on(WorkerId(0), rules, shared)
}

fn call_on(worker: WorkerId, rules: Rules, shared: Arc<Shared>) -> Call {
    Call::new(Instant::ZERO, spec(worker, rules), shared)
}

fn spec(worker: WorkerId, rules: Rules) -> CallSpec<'static> {
    let random = Random::of(1, "lb.svc", "decisions").child(u64::from(worker.0));
    CallSpec { id: CallId(0), worker, rules, endpoints: &ENDPOINTS, random }
}

fn assert_nothing_held(call: &Call) {
    let shared = call.shared();
    assert_eq!((shared.in_flight(), shared.queued()), (0, 0));
    assert_eq!((shared.probes(), shared.retries_in_flight()), (0, 0));
    assert!((0..3).all(|endpoint| call.belief().in_flight(EndpointId(endpoint)) == 0));
}

/// An exchange whose outputs are collected.
struct Driven {
    exchange: Exchange,
    told: Vec<Output>,
    seen: Seen,
}

#[derive(Default)]
struct Seen(Vec<Event>);

impl Sink for Seen {
    fn emit(&mut self, _now: Instant, _scope: Scope, event: Event) {
        self.0.push(event);
    }
}

impl Seen {
    fn refused(&self) -> Vec<NoRetry> {
        let reason = |event: &Event| match event {
            Event::Policy(decided::Event::RetryRefused { reason, .. }) => Some(*reason),
            _ => None,
        };
        self.0.iter().filter_map(reason).collect()
    }
}

impl Driven {
    fn begin(call: &mut Call, request: Request) -> Self {
        Self::begin_as(call, request, Key(1))
    }

    fn begin_as(call: &mut Call, request: Request, key: Key) -> Self {
        Self::new(Instant::ZERO, key).begun(call, Instant::ZERO, request)
    }

    fn begin_at(call: &mut Call, now: Instant, request: Request) -> Self {
        Self::new(now, Key(1)).begun(call, now, request)
    }

    fn new(now: Instant, key: Key) -> Self {
        Self { exchange: Exchange::new(now, key), told: Vec::new(), seen: Seen::default() }
    }

    fn begun(mut self, call: &mut Call, now: Instant, request: Request) -> Self {
        self.told = self.tell_at(call, now, Input::Begin(request));
        self
    }

    fn tell(&mut self, call: &mut Call, ms: u64, input: Input) -> Vec<Output> {
        self.tell_at(call, Instant::from_millis(ms), input)
    }

    fn tell_at(&mut self, call: &mut Call, now: Instant, input: Input) -> Vec<Output> {
        self.exchange.handle(now, input, call, &mut self.seen);
        core::iter::from_fn(|| self.exchange.poll_output()).collect()
    }

    fn endpoint(&self) -> EndpointId {
        match self.told[..] {
            [Output::Attempt { endpoint, .. }] => endpoint,
            _ => panic!("{:?}", self.told),
        }
    }

    fn is_done(&self) -> bool {
        self.exchange.is_done()
    }
}
