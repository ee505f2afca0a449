//! What hops in a row make of each other's tries.

use proptest::prelude::*;

use super::*;

#[test]
fn a_client_that_retries_itself_gets_no_retries_from_us() {
    let mut call = call(rules());
    let second_try = Request { client_attempt: 2, ..GET };
    let mut exchange = Driven::begin(&mut call, second_try);

    let told = exchange.tell(&mut call, 1, failed(Cause::Refused));

    assert_eq!(told, [Output::Respond { cause: Cause::Refused, retry_after: None }]);
    assert_eq!(exchange.seen.refused(), [NoRetry::Forbidden]);
}

#[test]
fn a_try_tells_the_next_hop_what_the_hops_before_have_tried() {
    let mut call = call(rules());
    let numbers = [0, 1, 3, 255].map(|client_attempt| {
        let exchange = Driven::begin(&mut call, Request { client_attempt, ..GET });
        match exchange.told[..] {
            [Output::Attempt { number, .. }] => number,
            _ => panic!("{:?}", exchange.told),
        }
    });

    assert_eq!(numbers, [1, 1, 3, 255]);
}

#[test]
fn what_was_tried_again_below_is_not_tried_again_here_and_is_passed_on() {
    for (attempts, reasons) in [(0, &[][..]), (1, &[]), (2, &[NoRetry::RetriedBelow])] {
        let mut call = call(rules());
        let mut exchange = Driven::begin(&mut call, GET);

        let told = exchange.tell(&mut call, 1, answer(503, attempts));

        let is_passed_on = matches!(told[..], [Output::Relay { .. }]);
        assert_eq!((exchange.seen.refused(), is_passed_on), (reasons.to_vec(), attempts > 1));
    }
}

/// Else a service could hide its failures by saying that it had tried hard.
#[test]
fn a_failure_that_was_tried_again_below_speaks_against_the_endpoint_as_any_other() {
    let mut call = call(Rules { breaker: Some(breaker()), ..rules() });
    for _ in 0..2 {
        let mut exchange = Driven::begin(&mut call, GET);
        exchange.tell(&mut call, 1, answer(503, 3));
        exchange.tell(&mut call, 2, Input::Finished);
    }

    assert_eq!(call.breaker_state(), breaker::State::Open);
    assert_nothing_held(&call);
}

#[test]
fn an_answer_says_how_many_tries_it_took_here_and_below() {
    let mut call = call(rules());
    let mut exchange = Driven::begin(&mut call, GET);
    assert_eq!(exchange.exchange.attempts_in_all(), 1);

    let told = exchange.tell(&mut call, 1, answer(503, 1));
    let [Output::Cancel { .. }, Output::Wait { until }] = told[..] else { panic!("{told:?}") };
    exchange.tell_at(&mut call, until, TIME);
    exchange.tell(&mut call, 200, answer(200, 4));
    assert_eq!(exchange.exchange.attempts_in_all(), 5);

    let mut beyond_counting = Driven::begin(&mut call, GET);
    beyond_counting.tell(&mut call, 1, answer(404, 255));
    assert_eq!(beyond_counting.exchange.attempts_in_all(), 255);
}

#[test]
fn other_peoples_code_does_not_hear_what_others_have_tried() {
    let mut call = call(Rules { carrier: Carrier::Others, ..rules() });
    let mut exchange = Driven::begin(&mut call, Request { client_attempt: 3, ..GET });
    assert!(matches!(exchange.told[..], [Output::Attempt { number: 1, .. }]));

    let told = exchange.tell(&mut call, 1, answer(503, 3));

    assert!(matches!(told[..], [Output::Cancel { .. }, Output::Wait { .. }]), "{told:?}");
    assert_eq!(exchange.exchange.attempts_in_all(), 1);
}

#[test]
fn where_every_answer_comes_up_only_the_last_of_three_hops_retries() {
    assert_eq!(tries_at_the_end(&[OURS; 3], |_| Way::Up), 3);
}

/// The most that three hops of three tries can make of one request.
#[test]
fn where_no_answer_comes_up_the_tries_of_hops_add_up() {
    let lost = |hop| if hop == 2 { Way::Up } else { Way::Lost };

    assert_eq!(tries_at_the_end(&[OURS; 3], lost), 3 + 2 + 2);
}

#[test]
fn where_other_peoples_code_stands_between_tries_multiply() {
    let other = Hop { is_ours: false, ..OURS };

    assert_eq!(tries_at_the_end(&[other; 3], |_| Way::Up), 27);
    assert_eq!(tries_at_the_end(&[OURS, other, OURS], |_| Way::Up), 27);
    assert_eq!(tries_at_the_end(&[other, OURS, OURS], |_| Way::Up), 9);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(2_000),
        ..ProptestConfig::default()
    })]

    /// Whatever becomes of each answer on its way up.
    #[test]
    fn the_tries_of_our_hops_in_a_row_add_up_and_only_those_of_others_multiply(
        hops in prop::collection::vec(any_hop(), 1..6),
        ways in prop::collection::vec(any_way(), 1..40),
    ) {
        let mut ways = ways.into_iter().cycle();

        let tries = tries_at_the_end(&hops, |_| ways.next().unwrap());

        prop_assert!(tries <= most(&hops), "{tries} of {}", most(&hops));
    }
}

/// One balancer, or one caller, before the next.
#[derive(Clone, Copy, Debug)]
struct Hop {
    attempts: u8,
    is_ours: bool,
}

/// What becomes of an answer on its way to the hop that waits for it.
#[derive(Clone, Copy, Debug)]
enum Way {
    Up,
    /// Somebody between says it with another status.
    UpAs(u16),
    Broken,
    /// The hop gives up before it comes.
    Lost,
}

const OURS: Hop = Hop { attempts: 3, is_ours: true };

fn any_hop() -> impl Strategy<Value = Hop> {
    (1_u8..4, prop::bool::weighted(0.7)).prop_map(|(attempts, is_ours)| Hop { attempts, is_ours })
}

fn any_way() -> impl Strategy<Value = Way> {
    let status = prop_oneof![Just(200_u16), Just(404), Just(500), Just(502)];
    prop_oneof![
        4 => Just(Way::Up),
        1 => status.prop_map(Way::UpAs),
        2 => Just(Way::Broken),
        3 => Just(Way::Lost),
    ]
}

/// One request of the first hop's: the most tries that a service behind the last one can meet.
fn most(hops: &[Hop]) -> u64 {
    let (mut tries, mut asked_first, mut is_told) = (1, 1, false);
    for &Hop { attempts, is_ours } in hops {
        let attempts = u64::from(attempts);
        if is_told && is_ours {
            tries += asked_first * (attempts - 1);
        } else {
            asked_first = tries;
            tries *= attempts;
        }
        is_told = is_ours;
    }
    tries
}

/// How often a service that only fails is asked because of one request.
fn tries_at_the_end(hops: &[Hop], mut way: impl FnMut(usize) -> Way) -> u64 {
    let mut calls: Vec<Call> = hops.iter().map(|&hop| call(rules_of(hop))).collect();
    let mut tries = 0;
    ask(&mut calls, 0, 1, &mut way, &mut tries);
    tries
}

/// Asks a hop, and with it those below. The answer's status, and the tries that it tells of.
fn ask(
    calls: &mut [Call],
    hop: usize,
    client_attempt: u8,
    way: &mut impl FnMut(usize) -> Way,
    tries: &mut u64,
) -> (u16, u8) {
    let Some((call, below)) = calls.split_first_mut() else {
        *tries += 1;
        return (503, 1);
    };
    let is_ours = call.rules.carrier == Carrier::Plimsoll;
    let mut exchange = Driven::begin(call, Request { client_attempt, ..GET });
    let mut now = Instant::ZERO;
    let mut status = 0;
    while !exchange.is_done() {
        let last = *exchange.told.last().unwrap();
        exchange.told = match last {
            Output::Attempt { number, until, .. } => {
                let number = if is_ours { number } else { 1 };
                let (told, attempts) = ask(below, hop + 1, number, way, tries);
                let soon = now + Duration::from_millis(1);
                let (at, input) = match way(hop) {
                    Way::Up => (soon, answer(told, attempts)),
                    Way::UpAs(status) => (soon, answer(status, attempts)),
                    Way::Broken => (soon, failed(Cause::Reset)),
                    Way::Lost => (until, TIME),
                };
                if let Input::Head { status: told, .. } = input {
                    status = told;
                }
                now = at;
                exchange.tell_at(call, now, input)
            }
            Output::Wait { until } => {
                now = until;
                exchange.tell_at(call, now, TIME)
            }
            Output::Relay { .. } => exchange.tell_at(call, now, Input::Finished),
            other => panic!("{other:?}"),
        };
        if let [.., Output::Respond { cause, .. }] = exchange.told[..] {
            status = cause.status();
        }
    }
    let attempts = if is_ours { exchange.exchange.attempts_in_all() } else { 1 };
    (status, attempts)
}

/// Time enough for all tries, and no budget.
fn rules_of(hop: Hop) -> Rules {
    let second = Duration::from_secs(1);
    let backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(2)).unwrap();
    let on = Causes::default().with(Cause::Status(500)).with(Cause::Status(404));
    Rules {
        carrier: if hop.is_ours { Carrier::Plimsoll } else { Carrier::Others },
        deadline: deadline::Params::new(Some(second.saturating_mul(60)), Some(second)).unwrap(),
        retry: retry::Params::new(hop.attempts, Some(backoff), on).unwrap(),
        ..rules()
    }
}

fn answer(status: u16, attempts: u8) -> Input {
    Input::Head { status, retry_after: None, attempts, body: Body::Kept }
}
