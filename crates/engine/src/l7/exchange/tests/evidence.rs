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
fn a_service_that_had_its_usual_time_and_did_not_answer_has_failed() {
    let mut call = answering_in_ten_ms();
    for _ in 0..2 {
        hurried(&mut call, 10);
    }

    assert_eq!(call.breaker_state(), breaker::State::Open);
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
