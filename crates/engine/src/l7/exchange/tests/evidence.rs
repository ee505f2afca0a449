//! What a try proves, and what a request earns.

use super::*;

#[test]
fn a_client_with_too_little_time_proves_nothing_about_the_service() {
    let mut call = answering_in_ten_ms();
    for _ in 0..10 {
        hurried(&mut call, 9);
    }

    assert_eq!(call.breaker_state(), breaker::State::Closed);
    assert_nothing_held(&call);
}

#[test]
fn however_slow_a_path_is_a_client_that_gives_it_less_than_the_file_does_proves_nothing() {
    let mut fresh = call(Rules { breaker: Some(breaker()), ..rules() });
    for call in [&mut answering_in_ten_ms(), &mut fresh] {
        for ms in [1, 20, 100, 314] {
            hurried(call, ms);
        }

        assert_eq!(call.breaker_state(), breaker::State::Closed);
    }
}

#[test]
fn a_service_that_had_about_the_time_that_the_file_gives_a_try_has_failed() {
    let mut call = answering_in_ten_ms();
    for _ in 0..2 {
        hurried(&mut call, 315);
    }

    assert_eq!(call.breaker_state(), breaker::State::Open);
}

#[test]
fn where_client_and_service_may_wait_for_each_other_no_time_speaks_against_the_service() {
    for (body, state) in
        [(Body::Awaited, breaker::State::Closed), (Body::Kept, breaker::State::Open)]
    {
        let mut call = answering_in_ten_ms();
        for _ in 0..10 {
            let mut exchange = Driven::begin(&mut call, GET);
            exchange.tell(&mut call, 1, Input::Sent);
            exchange.tell(&mut call, 800, Input::Time { body });
            assert!(exchange.is_done());
        }

        assert_eq!(call.breaker_state(), state, "{body:?}");
        assert_nothing_held(&call);
    }
}

#[test]
fn a_client_that_is_still_reading_when_the_time_is_up_does_not_speak_against_the_service() {
    for (input, state) in [
        (Input::ClientFailed(Cause::Timeout), breaker::State::Closed),
        (Input::ClientFailed(Cause::ClientTimeout), breaker::State::Closed),
        (TIME, breaker::State::Open),
    ] {
        let mut call = answering_in_ten_ms();
        for _ in 0..10 {
            let mut exchange = Driven::begin(&mut call, GET);
            exchange.tell(&mut call, 1, head(200));
            exchange.tell(&mut call, 800, input);
            assert!(exchange.is_done());
        }

        assert_eq!(call.breaker_state(), state, "{input:?}");
        assert_nothing_held(&call);
    }
}

#[test]
fn what_a_client_has_seen_of_an_answer_keeps_its_status_whoever_broke_it_off() {
    for (input, cause) in [
        (Input::ClientFailed(Cause::Timeout), Cause::Timeout),
        (Input::ClientFailed(Cause::ClientTimeout), Cause::ClientTimeout),
        (Input::ClientLeft, Cause::ClientLeft),
        (failed(Cause::Reset), Cause::Reset),
    ] {
        let mut call = answering_in_ten_ms();
        let mut exchange = Driven::begin(&mut call, GET);
        exchange.tell(&mut call, 1, head(200));
        exchange.tell(&mut call, 800, input);

        let Some(&Event::L7(l7::Event::Answered { status, cause: told, .. })) =
            exchange.seen.0.last()
        else {
            panic!("{:?}", exchange.seen.0)
        };
        assert_eq!((status, told), (200, Some(cause)), "{input:?}");
    }
}

#[test]
fn what_a_service_says_of_a_request_does_not_speak_against_the_service() {
    for status in [404, 421, 501, 505, 508] {
        assert_eq!(after_answers(status), breaker::State::Closed, "{status}");
    }
    for status in [500, 502, 503, 504] {
        assert_eq!(after_answers(status), breaker::State::Open, "{status}");
    }
}

#[test]
fn a_client_whose_head_comes_slowly_proves_nothing_with_what_time_is_left() {
    let mut call = answering_in_ten_ms();
    for _ in 0..10 {
        let slow = Request { head_took: Duration::from_millis(780), ..GET };
        let mut exchange = Driven::begin_at(&mut call, Instant::from_millis(780), slow);
        exchange.tell(&mut call, 800, TIME);
        assert!(exchange.is_done());
    }

    assert_eq!(call.breaker_state(), breaker::State::Closed);
}

#[test]
fn behind_a_balancer_of_the_same_file_a_service_that_hangs_has_failed_however_long_requests_queued()
{
    let whole = deadline::Params::new(Some(Duration::from_millis(800)), None).unwrap();
    let rules = Rules { deadline: whole, admission: limits(1, 1), ..rules() };
    let mut call = call(Rules { breaker: Some(breaker()), retry: retry::Params::NEVER, ..rules });
    let behind = Request { client_remaining: Some(Duration::from_millis(795)), ..GET };
    for second in 0..2 {
        let at = Instant::from_secs(second);
        let mut first = Driven::begin_at(&mut call, at, GET);
        let mut queued = Driven::begin_at(&mut call, at, behind);
        first.tell_at(&mut call, at + Duration::from_millis(100), Input::ClientLeft);
        queued.tell_at(&mut call, at + Duration::from_millis(100), Input::Turn);
        queued.tell_at(&mut call, at + Duration::from_millis(795), TIME);
        assert!(queued.is_done());
    }

    assert_eq!(call.breaker_state(), breaker::State::Open);
}

#[test]
fn a_tunnel_proves_with_its_head_that_the_service_is_well_and_nothing_with_its_end() {
    for cause in [Cause::IdleTimeout, Cause::Reset] {
        let mut call = answering_in_ten_ms();
        let mut tunnels = [(); 20].map(|()| {
            let mut tunnel = Driven::begin(&mut call, GET);
            tunnel.tell(&mut call, 1, head(101));
            tunnel
        });
        for tunnel in &mut tunnels {
            tunnel.tell(&mut call, 20_000, failed(cause));
        }
        assert_eq!(call.breaker_state(), breaker::State::Closed, "{cause:?}");

        // Their heads were told long ago: what is learnt now is not diluted by their ends.
        for _ in 0..2 {
            let mut request = Driven::begin_at(&mut call, Instant::from_secs(20), GET);
            request.tell(&mut call, 20_001, Input::Sent);
            request.tell(&mut call, 20_002, failed(Cause::Reset));
        }

        assert_eq!(call.breaker_state(), breaker::State::Open, "{cause:?}");
        assert_nothing_held(&call);
    }
}

#[test]
fn an_endpoint_whose_tunnels_break_is_not_ejected_for_it() {
    for (status, is_fit) in [(101, true), (200, false)] {
        let eject =
            health::ejection::Params::new(2, Duration::from_secs(9), Share::percent(50)).unwrap();
        let mut call = call(Rules { ejection: Some(eject), ..rules() });
        for _ in 0..20 {
            let mut exchange = Driven::begin(&mut call, GET);
            exchange.tell(&mut call, 1, head(status));
            exchange.tell(&mut call, 2, failed(Cause::Reset));
        }

        let endpoints = [0, 1].map(EndpointId);
        assert_eq!(endpoints.iter().all(|at| call.belief().is_fit(*at)), is_fit, "{status}");
    }
}

#[test]
fn a_head_that_takes_longer_than_all_the_time_there_is_is_the_clients_fault() {
    let mut call = call(rules());
    let slow = Request { head_took: Duration::from_millis(800), ..GET };

    let late = Driven::begin_at(&mut call, Instant::from_secs(1), slow);

    assert_eq!(late.told, [Output::Respond { cause: Cause::ClientTimeout, retry_after: None }]);
}

#[test]
fn a_request_arrives_with_the_first_byte_of_its_head() {
    let mut call = call(Rules { admission: limits(1, 1), ..rules() });
    let _first = Driven::begin(&mut call, GET);
    let slow = Request { head_took: Duration::from_millis(700), ..GET };

    let mut second = Driven::begin_at(&mut call, Instant::from_millis(1_000), slow);
    let told = second.tell(&mut call, 1_100, TIME);

    assert_eq!(
        told,
        [Output::Respond { cause: Cause::QueueExpired, retry_after: Some(TRY_AGAIN) }]
    );
    assert_eq!(second.exchange.arrived(), Instant::from_millis(300));
    assert_eq!(second.exchange.queue_wait(), Duration::from_millis(100));
}

#[test]
fn requests_that_are_turned_away_earn_no_retries() {
    let mut call = call(Rules { admission: limits(1, 0), ..half_a_retry_each() });
    let mut carried = Driven::begin(&mut call, GET);
    spend_all(&call);
    for _ in 0..10 {
        Driven::begin(&mut call, GET);
    }

    carried.tell(&mut call, 1, failed(Cause::Refused));

    assert_eq!(carried.seen.refused(), [NoRetry::BudgetSpent]);
}

#[test]
fn retries_of_a_client_earn_none_of_ours() {
    let mut call = call(half_a_retry_each());
    spend_all(&call);
    for _ in 0..10 {
        Driven::begin(&mut call, Request { client_attempt: 2, ..GET });
    }

    let mut first_try = Driven::begin(&mut call, GET);
    first_try.tell(&mut call, 1, failed(Cause::Refused));

    assert_eq!(first_try.seen.refused(), [NoRetry::BudgetSpent]);
}

#[test]
fn a_retry_that_would_typically_be_answered_too_late_does_not_leave() {
    for (carrier, retried) in [(Carrier::Plimsoll, false), (Carrier::Others, true)] {
        let mut call = call(Rules { carrier, ..rules() });
        Driven::begin(&mut call, GET).tell(&mut call, 300, head(200));
        let hurry = Some(Duration::from_millis(320));
        let mut exchange = Driven::begin(&mut call, Request { client_remaining: hurry, ..GET });

        let told = exchange.tell(&mut call, 20, failed(Cause::Refused));

        assert_eq!(matches!(told[..], [Output::Wait { .. }]), retried, "{carrier:?}: {told:?}");
        let refused: &[NoRetry] = if retried { &[] } else { &[NoRetry::NoTimeLeft] };
        assert_eq!(exchange.seen.refused(), refused);
    }
}

#[test]
fn as_long_as_nothing_was_answered_a_retry_may_take_what_time_there_is() {
    let mut call = call(rules());
    let hurry = Some(Duration::from_millis(200));
    let mut exchange = Driven::begin(&mut call, Request { client_remaining: hurry, ..GET });

    let told = exchange.tell(&mut call, 1, failed(Cause::Refused));

    assert!(matches!(told[..], [Output::Wait { .. }]), "{told:?}");
}

/// The breaker, when ten requests were answered so.
fn after_answers(status: u16) -> breaker::State {
    let mut call = answering_in_ten_ms();
    for _ in 0..10 {
        let mut exchange = Driven::begin(&mut call, GET);
        exchange.tell(&mut call, 1, head(status));
        exchange.tell(&mut call, 2, Input::Finished);
    }
    call.breaker_state()
}

fn answering_in_ten_ms() -> Call {
    let mut call = call(Rules { breaker: Some(breaker()), retry: retry::Params::NEVER, ..rules() });
    let mut answered = Driven::begin(&mut call, GET);
    answered.tell(&mut call, 10, head(200));
    answered.tell(&mut call, 10, Input::Finished);
    call
}

/// A request whose client gives it so many milliseconds, in which nothing comes.
fn hurried(call: &mut Call, ms: u64) {
    let remaining = Some(Duration::from_millis(ms));
    let mut exchange = Driven::begin(call, Request { client_remaining: remaining, ..GET });
    exchange.tell(call, ms, TIME);
    assert!(exchange.is_done());
}

fn half_a_retry_each() -> Rules {
    let budget = retry::budget::Params::new(Share::percent(50), Rate::default(), 1, 10).unwrap();
    Rules { budget: Some(budget), ..rules() }
}

fn spend_all(call: &Call) {
    while call.shared().withdraw(Instant::ZERO) == crate::Withdrawal::Granted {
        call.shared().end_retry();
    }
}
