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
