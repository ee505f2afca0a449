//! Permits that go from hand to hand: none is lost on the way, and none is made.

use super::*;

#[test]
fn a_turn_that_comes_after_the_client_has_left_goes_to_the_next() {
    let mut call = call(Rules { admission: limits(1, 2), ..rules() });
    let mut first = Driven::begin(&mut call, GET);
    let mut second = Driven::begin_as(&mut call, GET, Key(2));
    let mut third = Driven::begin_as(&mut call, GET, Key(3));
    assert_eq!(finish(&mut first, &mut call), [Output::Admit(Key(2))]);

    let told = second.tell(&mut call, 6, Input::ClientLeft);

    assert_eq!(told, [Output::Admit(Key(3))]);
    assert_eq!(second.tell(&mut call, 6, Input::Turn), []);
    third.tell(&mut call, 6, Input::Turn);
    finish(&mut third, &mut call);
    assert_nothing_held(&call);
}

#[test]
fn a_turn_that_comes_when_it_is_too_late_is_given_back() {
    let mut call = call(Rules { admission: limits(1, 1), ..rules() });
    let mut first = Driven::begin(&mut call, GET);
    let mut second = Driven::begin_as(&mut call, GET, Key(2));
    finish(&mut first, &mut call);

    second.tell(&mut call, 800, TIME);

    assert!(second.is_done());
    assert_nothing_held(&call);
}

#[test]
fn a_turn_that_nobody_gave_admits_nobody() {
    let mut call = call(Rules { admission: limits(1, 1), ..rules() });
    let _first = Driven::begin(&mut call, GET);
    let mut second = Driven::begin_as(&mut call, GET, Key(2));

    assert_eq!(second.tell(&mut call, 1, Input::Turn), []);
    assert_eq!((call.shared().in_flight(), call.shared().queued()), (1, 1));
}

#[test]
fn of_two_permits_for_one_waiting_request_the_other_goes_to_the_next_worker() {
    let [mut here, mut there, mut elsewhere] = three_workers(2);
    let mut busy = [Driven::begin(&mut here, GET), Driven::begin(&mut here, GET)];
    let _one = Driven::begin_as(&mut there, GET, Key(7));
    let _other = Driven::begin_as(&mut elsewhere, GET, Key(8));
    for busy in &mut busy {
        assert_eq!(finish(busy, &mut here), [Output::Wake(WorkerId(1))]);
    }

    let told = [there.woken(NOW), there.woken(NOW)];

    assert_eq!(told, [Some(Output::Admit(Key(7))), Some(Output::Wake(WorkerId(2)))]);
    assert_eq!(elsewhere.woken(NOW), Some(Output::Admit(Key(8))));
}

#[test]
fn a_worker_whose_waiting_request_has_left_wakes_the_next() {
    let [mut here, mut there, mut elsewhere] = three_workers(1);
    let mut busy = Driven::begin(&mut here, GET);
    let mut one = Driven::begin_as(&mut there, GET, Key(7));
    let _other = Driven::begin_as(&mut elsewhere, GET, Key(8));
    assert_eq!(finish(&mut busy, &mut here), [Output::Wake(WorkerId(1))]);

    one.tell(&mut there, 6, Input::ClientLeft);

    assert_eq!(there.woken(NOW), Some(Output::Wake(WorkerId(2))));
    assert_eq!(elsewhere.woken(NOW), Some(Output::Admit(Key(8))));
}

const NOW: Instant = Instant::from_millis(6);

fn finish(exchange: &mut Driven, call: &mut Call) -> Vec<Output> {
    exchange.tell(call, 6, head(200));
    exchange.tell(call, 6, Input::Finished)
}

fn three_workers(in_flight: u32) -> [Call; 3] {
    let rules = Rules { admission: limits(in_flight, 10), ..rules() };
    let shared = Arc::new(Shared::new(Instant::ZERO, &rules));
    [0, 1, 2].map(|worker| call_on(WorkerId(worker), rules.clone(), shared.clone()))
}
