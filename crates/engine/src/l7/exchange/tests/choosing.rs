//! Which endpoint a try goes to.

use policy::balance;

use super::*;

#[test]
fn instances_that_start_together_do_not_all_begin_with_the_first_endpoint() {
    let rules = Rules { balance: balance::Params::RoundRobin, ..rules() };

    let first_of = |instance: u32| {
        let shared = Arc::new(Shared::new(Instant::ZERO, &rules));
        let random = Random::of(1, &std::format!("lb.svc/{instance}"), "decisions");
        let spec = CallSpec { random, ..spec(WorkerId(0), rules.clone()) };
        let mut call = Call::new(Instant::ZERO, spec, shared);
        Driven::begin(&mut call, GET).endpoint()
    };

    let mut begun: Vec<_> = (0..30).map(first_of).collect();
    begun.sort_unstable();
    assert!(begun.chunk_by(|a, b| a == b).all(|same| (3..=17).contains(&same.len())), "{begun:?}");
    assert_eq!(begun.chunk_by(|a, b| a == b).count(), 3);
    assert_eq!(first_of(1), first_of(1), "by its name, not by luck");
}

#[test]
fn when_checks_call_every_endpoint_down_requests_are_carried_and_the_event_says_so() {
    let health =
        health::check::Params::new(Duration::from_secs(2), Duration::from_secs(1), 1, 1).unwrap();
    let mut call = call(Rules { health: Some(health), ..rules() });
    let failed_open = |exchange: &Driven| {
        let is_that = |event: &&Event| **event == Event::Policy(decided::Event::FailedOpen);
        exchange.seen.0.iter().filter(is_that).count()
    };
    assert_eq!(failed_open(&Driven::begin(&mut call, GET)), 0);
    for endpoint in 0..3 {
        call.on_check(Instant::ZERO, EndpointId(endpoint), false, &mut ());
    }

    let carried = Driven::begin(&mut call, GET);

    assert!(matches!(carried.told[..], [Output::Attempt { .. }]), "{:?}", carried.told);
    assert_eq!(failed_open(&carried), 1);
}

#[test]
fn when_there_is_nobody_who_may_be_asked_the_answer_says_so() {
    let rules = Rules { region: policy::region::Params::Own, ..rules() };
    let shared = Arc::new(Shared::new(Instant::ZERO, &rules));
    let far = [EndpointSpec { weight: 1, rank: 1 }; 3];
    let mut call =
        Call::new(Instant::ZERO, CallSpec { endpoints: &far, ..spec(WorkerId(0), rules) }, shared);

    let refused = Driven::begin(&mut call, GET);

    assert!(matches!(refused.told[..], [Output::Respond { cause: Cause::NoEndpoint, .. }]));
    assert_nothing_held(&call);
}
