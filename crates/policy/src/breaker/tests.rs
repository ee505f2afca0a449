use std::collections::BTreeSet;
use std::vec;
use std::vec::Vec;

use super::*;

#[test]
fn it_opens_at_the_threshold_and_not_before_it_has_seen_enough() {
    let mut breaker = closed();

    breaker.on_end(T0, BEFORE, Outcome::Failure);
    assert_eq!(breaker.state(), State::Closed);
    breaker.on_end(T0, BEFORE, Outcome::Success);

    assert_eq!(breaker.state(), State::Open);
    assert_eq!(breaker.ask(T0), Verdict::Refuse { until: COOLED });
}

#[test]
fn after_the_cooldown_a_hanging_service_sees_no_more_than_the_probes() {
    let mut breaker = opened();

    let verdicts = [COOLED; 4].map(|now| breaker.ask(now));

    assert_eq!(verdicts[..2], [Verdict::Probe(FIRST_ROUND); 2]);
    assert!(verdicts[2..].iter().all(|verdict| matches!(verdict, Verdict::Refuse { .. })));
}

#[test]
fn enough_good_probes_close_it_with_a_clean_window() {
    let mut breaker = half_open();

    for _ in 0..2 {
        breaker.on_end(COOLED, FIRST_ROUND, Outcome::Success);
    }
    breaker.on_end(COOLED, AFTER, Outcome::Failure);

    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn a_probe_that_tells_nothing_makes_room_for_another() {
    let mut breaker = half_open();

    breaker.on_end(COOLED, FIRST_ROUND, Outcome::Unknown);

    assert_eq!(breaker.ask(COOLED), Verdict::Probe(FIRST_ROUND));
}

#[test]
fn a_probe_that_hung_through_another_cooldown_proves_nothing_any_more() {
    let mut breaker = half_open();
    breaker.on_end(COOLED, FIRST_ROUND, Outcome::Failure);
    let again = COOLED + COOLDOWN;
    let _ = breaker.ask(again);

    breaker.on_end(again, FIRST_ROUND, Outcome::Failure);

    assert_eq!(breaker.state(), State::HalfOpen);
}

#[test]
fn a_late_failure_from_before_it_opened_does_not_open_it_again() {
    let mut breaker = half_open();

    breaker.on_end(COOLED, BEFORE, Outcome::Failure);

    assert_eq!(breaker.state(), State::HalfOpen);
}

#[test]
fn a_late_failure_from_before_it_opened_does_not_count_when_it_has_closed_again() {
    let mut breaker = half_open();
    for _ in 0..2 {
        breaker.on_end(COOLED, FIRST_ROUND, Outcome::Success);
    }

    for _ in 0..10 {
        breaker.on_end(COOLED, BEFORE, Outcome::Failure);
    }

    assert_eq!(breaker.state(), State::Closed);
}

/// Every state that sixteen events can lead to, each with every event: against a table of the
/// field's definition.
#[test]
fn by_full_enumeration_only_the_arrows_of_the_definition_exist() {
    let mut arrows = BTreeSet::new();
    let mut visited = BTreeSet::new();
    let mut states = vec![Walk { breaker: closed(), now: T0, probes: Vec::new() }];
    for _ in 0..16 {
        states = states
            .iter()
            .flat_map(|state| EVENTS.map(|event| state.after(event, &mut arrows)))
            .flatten()
            .filter(|state| visited.insert(std::format!("{state:?}")))
            .collect();
    }
    assert!(visited.len() > 1_000, "{}", visited.len());

    let arrows: Vec<_> = arrows.into_iter().collect();
    assert_eq!(
        arrows,
        [
            ("closed", "closed", "ask"),
            ("closed", "closed", "cooldown passes"),
            ("closed", "closed", "probe fails"),
            ("closed", "closed", "probe succeeds"),
            ("closed", "closed", "probe tells nothing"),
            ("closed", "closed", "regular fails"),
            ("closed", "closed", "regular succeeds"),
            ("closed", "open", "regular fails"),
            ("closed", "open", "regular succeeds"),
            ("half_open", "closed", "probe succeeds"),
            ("half_open", "half_open", "ask"),
            ("half_open", "half_open", "cooldown passes"),
            ("half_open", "half_open", "probe fails"),
            ("half_open", "half_open", "probe succeeds"),
            ("half_open", "half_open", "probe tells nothing"),
            ("half_open", "half_open", "regular fails"),
            ("half_open", "half_open", "regular succeeds"),
            ("half_open", "open", "probe fails"),
            ("open", "half_open", "ask"),
            ("open", "open", "ask"),
            ("open", "open", "cooldown passes"),
            ("open", "open", "probe fails"),
            ("open", "open", "probe succeeds"),
            ("open", "open", "probe tells nothing"),
            ("open", "open", "regular fails"),
            ("open", "open", "regular succeeds"),
        ]
    );
}

const EVENTS: [&str; 7] = [
    "ask",
    "cooldown passes",
    "regular succeeds",
    "regular fails",
    "probe succeeds",
    "probe fails",
    "probe tells nothing",
];

/// A breaker, its clock, and the probes that have not ended.
#[derive(Clone, Debug)]
struct Walk {
    breaker: Breaker,
    now: Instant,
    probes: Vec<Pass>,
}

impl Walk {
    /// The state after one more event; nothing where a probe should end and none is under way.
    fn after(
        &self,
        event: &'static str,
        arrows: &mut BTreeSet<(&'static str, &'static str, &'static str)>,
    ) -> Option<Self> {
        let mut walk = self.clone();
        match event {
            "ask" => walk.ask(),
            "cooldown passes" => walk.now += COOLDOWN,
            "regular succeeds" => walk.end_regular(Outcome::Success),
            "regular fails" => walk.end_regular(Outcome::Failure),
            "probe succeeds" => walk.end_probe(Outcome::Success)?,
            "probe fails" => walk.end_probe(Outcome::Failure)?,
            _ => walk.end_probe(Outcome::Unknown)?,
        }
        if let Inner::HalfOpen { under_way, succeeded } = walk.breaker.state {
            assert!(under_way + succeeded <= PROBES, "more probes than the design allows");
        }
        arrows.insert((self.breaker.state().name(), walk.breaker.state().name(), event));
        Some(walk)
    }

    fn ask(&mut self) {
        match self.breaker.ask(self.now) {
            Verdict::Probe(pass) => self.probes.push(pass),
            Verdict::Pass(_) => assert_eq!(self.breaker.state(), State::Closed),
            Verdict::Refuse { until } => assert!(until > self.now, "asking again must make sense"),
        }
    }

    /// The latest that can have left while it was closed.
    fn end_regular(&mut self, outcome: Outcome) {
        let since_closed = self.breaker.state() == State::Closed;
        let round = self.breaker.round - u32::from(!since_closed).min(self.breaker.round);
        self.breaker.on_end(self.now, Pass::Regular { round }, outcome);
    }

    fn end_probe(&mut self, outcome: Outcome) -> Option<()> {
        let pass = self.probes.pop()?;
        self.breaker.on_end(self.now, pass, outcome);
        Some(())
    }
}

const T0: Instant = Instant::ZERO;
const COOLDOWN: Duration = Duration::from_secs(5);
const COOLED: Instant = Instant::from_secs(5);
const PROBES: u32 = 2;
/// Of an attempt that left before the breaker ever opened.
const BEFORE: Pass = Pass::FREE;
/// Of one that left after it had closed again.
const AFTER: Pass = Pass::Regular { round: 1 };
const FIRST_ROUND: Pass = Pass::Probe { round: 1 };

fn closed() -> Breaker {
    let params =
        Params::new(Share::percent(50), Duration::from_secs(1_000), 2, COOLDOWN, PROBES).unwrap();
    Breaker::new(T0, params)
}

fn opened() -> Breaker {
    let mut breaker = closed();
    for _ in 0..2 {
        breaker.on_end(T0, BEFORE, Outcome::Failure);
    }
    breaker
}

/// With both probes under way.
fn half_open() -> Breaker {
    let mut breaker = opened();
    for _ in 0..PROBES {
        let _ = breaker.ask(COOLED);
    }
    breaker
}
