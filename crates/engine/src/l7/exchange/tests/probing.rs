//! Finding out, on several workers, that a service is well again.

use super::*;

#[test]
fn the_probes_of_all_workers_together_close_the_breaker() {
    let [mut here, mut there] = opened(3);

    answered(&mut here);
    answered(&mut there);
    assert_eq!(states(&here, &there), [HALF_OPEN; 2]);
    answered(&mut here);

    assert_eq!(states(&here, &there), [CLOSED, HALF_OPEN]);
    answered(&mut there);
    assert_eq!(states(&here, &there), [CLOSED; 2]);
    assert_nothing_held(&here);
}

#[test]
fn as_many_probes_leave_from_all_workers_as_the_file_says() {
    let [mut here, mut there] = opened(2);
    let _first = Driven::begin_at(&mut here, COOLED, GET);
    let _second = Driven::begin_at(&mut there, COOLED, GET);

    for call in [&mut here, &mut there] {
        let refused = Driven::begin_at(call, COOLED, GET);
        assert!(matches!(refused.told[..], [Output::Respond { cause: Cause::BreakerOpen, .. }]));
    }
}

#[test]
fn a_probe_that_fails_anywhere_undoes_what_was_proven() {
    let [mut here, mut there] = opened(2);
    answered(&mut here);

    Driven::begin_at(&mut there, COOLED, GET).tell_at(&mut there, COOLED, failed(Cause::Refused));
    assert_eq!(states(&here, &there), [HALF_OPEN, breaker::State::Open]);
    answered(&mut here);
    assert_eq!(states(&here, &there), [HALF_OPEN, breaker::State::Open]);
    answered(&mut here);

    assert_eq!(states(&here, &there), [CLOSED, breaker::State::Open]);
    assert_nothing_held(&here);
}

const COOLED: Instant = Instant::from_secs(5);
const CLOSED: breaker::State = breaker::State::Closed;
const HALF_OPEN: breaker::State = breaker::State::HalfOpen;

/// Two workers of an instance whose breakers have opened at the beginning.
fn opened(probes: u32) -> [Call; 2] {
    let seconds = Duration::from_secs;
    let breaker =
        breaker::Params::new(Share::percent(50), seconds(10), 2, seconds(5), probes).unwrap();
    let rules = Rules { breaker: Some(breaker), retry: retry::Params::NEVER, ..rules() };
    let shared = Arc::new(Shared::new(Instant::ZERO, &rules));
    let mut calls = [0, 1].map(|at| call_on(WorkerId(at), rules.clone(), shared.clone()));
    for call in &mut calls {
        for _ in 0..2 {
            Driven::begin(call, GET).tell(call, 0, failed(Cause::Refused));
        }
    }
    assert!(calls.iter().all(|call| call.breaker_state() == breaker::State::Open));
    calls
}

fn answered(call: &mut Call) {
    let mut exchange = Driven::begin_at(call, COOLED, GET);
    exchange.tell_at(call, COOLED, head(200));
    exchange.tell_at(call, COOLED, Input::Finished);
    assert!(exchange.is_done());
}

fn states(here: &Call, there: &Call) -> [breaker::State; 2] {
    [here.breaker_state(), there.breaker_state()]
}
