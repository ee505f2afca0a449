//! What a worker believes of the endpoints, when it has little to go by.

use std::collections::BTreeSet;
use std::vec;

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
    let mut belief = belief(&Rules { health: checked().health, ..ejecting(33) }, &[NEAR; 3]);
    tell_down(&mut belief, &[0, 1]);

    fail(&mut belief, EndpointId(2));

    assert_eq!(picked(&mut belief), [2]);
}

#[test]
fn checks_that_call_everybody_down_are_not_believed() {
    let mut belief = belief(&checked(), &[NEAR; 3]);

    tell_down(&mut belief, &[0, 1]);
    assert_eq!((picked(&mut belief), is_unchecked(&mut belief)), (vec![2], false));
    tell_down(&mut belief, &[2]);
    assert_eq!((picked(&mut belief), is_unchecked(&mut belief)), (vec![0, 1, 2], true));
    assert!((0..3).all(|endpoint| belief.is_fit(EndpointId(endpoint))));
    belief.on_check(NOW, EndpointId(1), true);
    assert_eq!((picked(&mut belief), is_unchecked(&mut belief)), (vec![1], false));
}

#[test]
fn a_region_that_may_not_be_left_fails_open_by_itself() {
    let rules = Rules { region: region::Params::Own, ..checked() };
    let mut belief = belief(&rules, &[NEAR, NEAR, FAR]);

    tell_down(&mut belief, &[0, 1]);

    assert_eq!((picked(&mut belief), is_unchecked(&mut belief)), (vec![0, 1], true));
}

#[test]
fn who_is_out_of_reach_is_neither_asked_nor_checked() {
    let away = EndpointSpec { rank: EndpointSpec::OUT_OF_REACH, ..NEAR };
    for region in [region::Params::Own, region::Params::Spill { at_most: Share::WHOLE }] {
        let mut belief = belief(&Rules { region, ..checked() }, &[NEAR, away]);
        let later = NOW + Duration::from_secs(60);

        let asked: Vec<_> =
            std::iter::from_fn(|| belief.next_check(later)).map(|(endpoint, _)| endpoint).collect();
        assert_eq!(asked, [EndpointId(0)]);
        assert_eq!(picked(&mut belief), [0]);
    }
}

#[test]
fn another_region_is_asked_before_checks_are_doubted() {
    let region = region::Params::Spill { at_most: Share::WHOLE };
    let mut belief = belief(&Rules { region, ..checked() }, &[NEAR, NEAR, FAR]);

    tell_down(&mut belief, &[0, 1]);
    assert_eq!((picked(&mut belief), is_unchecked(&mut belief)), (vec![2], false));
    tell_down(&mut belief, &[2]);
    assert_eq!((picked(&mut belief), is_unchecked(&mut belief)), (vec![0, 1], true));
}

#[test]
fn checks_do_not_empty_what_ejection_has_left() {
    let mut belief = belief(&Rules { health: checked().health, ..ejecting(33) }, &[NEAR; 3]);
    fail(&mut belief, EndpointId(0));

    tell_down(&mut belief, &[1, 2]);
    assert_eq!((picked(&mut belief), is_unchecked(&mut belief)), (vec![1, 2], true));
    let back = NOW + Duration::from_secs(10);
    assert_eq!(belief.on_time(back), Some(Change::Returned(EndpointId(0))));
    assert_eq!((picked(&mut belief), is_unchecked(&mut belief)), (vec![0], false));
}

/// Of two endpoints, the new one has the part f / (1 + f) of the traffic while its weight is f
/// times the other's, and f grows from 0 to 1: in all 1 - ln 2 of what comes in the window.
#[test]
fn an_endpoint_that_comes_up_gets_the_part_of_the_closed_form() {
    for balance in [balance::Params::RoundRobin, balance::Params::LeastOfTwo] {
        let mut belief = coming_up(balance);
        let mut random = random();
        let mut share = |from: Duration| {
            let new = (0..100_000).filter(|&at| {
                let now = NOW + from + Duration::from_micros(at * 300);
                belief.pick(now, None, &mut random).unwrap().endpoint == EndpointId(0)
            });
            new.count() as f64 / 1e5
        };

        let (while_new, later) = (share(Duration::ZERO), share(WINDOW));

        assert!((while_new - (1.0 - 2_f64.ln())).abs() < 0.005, "{balance:?}: {while_new}");
        assert!((later - 0.5).abs() < 0.005, "{balance:?}: {later}");
    }
}

/// Of what is under way at once, whoever has f times the weight holds f times as much.
#[test]
fn an_endpoint_that_comes_up_holds_the_part_of_its_weight() {
    for balance in
        [balance::Params::LeastOfTwo, balance::Params::PeakEwma, balance::Params::LeastConnections]
    {
        for (passed, percent) in [(0, 1), (10, 33), (15, 50), (30, 100)] {
            let mut belief = coming_up(balance);
            let now = NOW + Duration::from_secs(passed);
            let mut random = random();

            for _ in 0..10_000 {
                let pick = belief.pick(now, None, &mut random).unwrap();
                belief.on_attempt(pick.endpoint);
            }

            let expected = 10_000 * percent / (100 + percent);
            let held = belief.in_flight(EndpointId(0));
            assert!(held.abs_diff(expected) <= 2, "{balance:?} after {passed} s: {held}");
        }
    }
}

#[test]
fn an_ejected_endpoint_comes_back_little_by_little() {
    let mut belief = belief(&Rules { slow_start: slow_start(), ..ejecting(50) }, &[NEAR; 2]);
    fail(&mut belief, EndpointId(0));
    let back = NOW + Duration::from_secs(10);
    assert_eq!(belief.on_time(back), Some(Change::Returned(EndpointId(0))));

    let mut random = random();
    let mut count = |now| {
        let pick = || belief.pick(now, None, &mut random).unwrap().endpoint;
        core::iter::repeat_with(pick).take(1_000).filter(|&chosen| chosen == EndpointId(0)).count()
    };

    assert!(count(back) < 50);
    assert!(count(back + WINDOW) > 400);
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

const WINDOW: Duration = Duration::from_secs(30);

fn slow_start() -> Option<SlowStart> {
    Some(SlowStart::new(WINDOW).unwrap())
}

fn checked() -> Rules {
    let second = Duration::from_secs(1);
    let health = health::check::Params::new(second, second, 1, 1).unwrap();
    Rules { health: Some(health), ..Rules::default() }
}

/// Two endpoints, of which the first has just come up.
fn coming_up(balance: balance::Params) -> Belief {
    let mut belief = belief(&Rules { balance, slow_start: slow_start(), ..checked() }, &[NEAR; 2]);
    tell_down(&mut belief, &[0]);
    belief.on_check(NOW, EndpointId(0), true);
    belief
}

fn tell_down(belief: &mut Belief, endpoints: &[u16]) {
    for &endpoint in endpoints {
        belief.on_check(NOW, EndpointId(endpoint), false);
    }
}

/// Who is picked at all.
fn picked(belief: &mut Belief) -> Vec<u16> {
    let mut random = random();
    let pick = || belief.pick(NOW, None, &mut random).unwrap().endpoint.0;
    let picked: BTreeSet<u16> = core::iter::repeat_with(pick).take(50).collect();
    picked.into_iter().collect()
}

fn is_unchecked(belief: &mut Belief) -> bool {
    belief.pick(NOW, None, &mut random()).unwrap().unchecked
}

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
