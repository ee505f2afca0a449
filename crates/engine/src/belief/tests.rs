//! What a worker believes of the endpoints, when it has little to go by.

use base::Share;
use policy::health;

use super::*;

#[test]
fn ejection_leaves_somebody_in_a_region_that_may_not_be_left() {
    let specs = [NEAR, NEAR, FAR, FAR, FAR, FAR];
    let mut belief = belief(&Rules { region: region::Params::Own, ..ejecting(33) }, &specs);

    fail_all(&mut belief);

    assert!(belief.pick(NOW, None, &mut random()).is_some());
}

#[test]
fn ejection_leaves_somebody_who_has_any_weight() {
    let specs = [NEAR, EndpointSpec { weight: 0, ..NEAR }, EndpointSpec { weight: 0, ..NEAR }];
    let mut belief = belief(&ejecting(100), &specs);

    fail_all(&mut belief);

    assert!(belief.pick(NOW, None, &mut random()).is_some());
}

#[test]
fn whoever_the_checks_have_left_is_not_ejected() {
    let second = Duration::from_secs(1);
    let health = health::check::Params::new(second, second, 1, 1).unwrap();
    let mut belief = belief(&Rules { health: Some(health), ..ejecting(33) }, &[NEAR; 3]);
    for down in [0, 1] {
        belief.on_check(EndpointId(down), false);
    }

    fail(&mut belief, EndpointId(2));

    assert!(belief.pick(NOW, None, &mut random()).is_some());
}

#[test]
fn an_endpoint_that_was_slow_long_ago_is_tried_again() {
    let mut belief =
        belief(&Rules { balance: balance::Params::PeakEwma, ..Rules::default() }, &[NEAR; 2]);
    belief.on_head(NOW, EndpointId(0), Duration::from_secs(10));
    let mut tried = |now: Instant| {
        let mut random = random();
        let picks = core::iter::from_fn(|| {
            belief.on_head(now, EndpointId(1), Duration::from_millis(5));
            belief.pick(now, None, &mut random)
        });
        picks.take(100).any(|pick| pick.endpoint == EndpointId(0))
    };

    assert!(!tried(NOW + Duration::from_secs(20)), "the peak is still in mind");
    assert!(tried(NOW + Duration::from_secs(200)), "nobody is left alone for ever");
}

const NOW: Instant = Instant::from_secs(1);
const NEAR: EndpointSpec = EndpointSpec { weight: 1, rank: 0 };
const FAR: EndpointSpec = EndpointSpec { weight: 1, rank: 1 };

fn ejecting(percent: u32) -> Rules {
    let ejection =
        health::ejection::Params::new(2, Duration::from_secs(10), Share::percent(percent)).unwrap();
    Rules { ejection: Some(ejection), ..Rules::default() }
}

fn belief(rules: &Rules, specs: &[EndpointSpec]) -> Belief {
    Belief::new(Instant::ZERO, rules, specs, 0, &mut random())
}

fn fail_all(belief: &mut Belief) {
    (0..belief.len()).map(EndpointId::from_index).for_each(|endpoint| fail(belief, endpoint));
}

fn fail(belief: &mut Belief, endpoint: EndpointId) {
    for _ in 0..5 {
        belief.on_end(NOW, endpoint, Outcome::Failure);
    }
}

fn random() -> Random {
    Random::of(1, "test", "belief")
}
