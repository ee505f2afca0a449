use std::collections::BTreeSet;
use std::vec;
use std::vec::Vec;

use super::*;

#[test]
fn it_opens_at_the_threshold_and_not_before_it_has_seen_enough() {
    let mut walk = closed();

    walk.end(BEFORE, Outcome::Failure);
    assert_eq!(walk.breaker.state(), State::Closed);
    walk.end(BEFORE, Outcome::Success);

    assert_eq!(walk.breaker.state(), State::Open);
    assert_eq!(walk.ask(), Verdict::Refuse { until: COOLED });
}

#[test]
fn after_the_cooldown_a_hanging_service_sees_no_more_than_the_probes() {
    let mut walk = opened();
    walk.now = COOLED;

    let verdicts = [(); 4].map(|()| walk.ask());

    assert_eq!(verdicts[..2], [Verdict::Probe; 2]);
    assert!(verdicts[2..].iter().all(|verdict| matches!(verdict, Verdict::Refuse { .. })));
}

#[test]
fn enough_good_probes_close_it_with_a_clean_window() {
    let mut walk = half_open();

    for _ in 0..2 {
        walk.end(FIRST_ROUND, Outcome::Success);
    }
    walk.end(AFTER, Outcome::Failure);

    assert_eq!(walk.breaker.state(), State::Closed);
}

#[test]
fn good_probes_of_another_worker_close_it_too() {
    let mut walk = opened();
    for _ in 0..PROBES {
        walk.trial = walk.trial.with_probe(&walk.breaker.params).unwrap();
        walk.trial = walk.trial.ended(walk.trial.round(), Outcome::Success);
    }
    assert_eq!(walk.ask(), Verdict::Refuse { until: COOLED }, "the cooldown holds all the same");
    walk.now = COOLED;

    assert_eq!(walk.ask(), Verdict::Pass(AFTER));
}

#[test]
fn what_another_worker_proved_before_this_one_opened_does_not_close_it() {
    let mut walk = closed();
    walk.trial = Trial::default().with_probe(&walk.breaker.params).unwrap();
    walk.trial = walk.trial.ended(0, Outcome::Success);
    walk.open();
    walk.now = COOLED;

    assert_eq!([(); 2].map(|()| walk.ask()), [Verdict::Probe; 2]);
    walk.end(FIRST_ROUND, Outcome::Success);
    assert_eq!(walk.breaker.state(), State::HalfOpen);
}

#[test]
fn a_probe_that_tells_nothing_makes_room_for_another() {
    let mut walk = half_open();

    walk.end(FIRST_ROUND, Outcome::Unknown);

    assert_eq!(walk.ask(), Verdict::Probe);
}

#[test]
fn a_probe_that_hung_through_another_cooldown_proves_nothing_any_more() {
    let mut walk = half_open();
    walk.end(FIRST_ROUND, Outcome::Failure);
    walk.now = COOLED + COOLDOWN;
    let _ = walk.ask();

    walk.end(FIRST_ROUND, Outcome::Failure);

    assert_eq!(walk.breaker.state(), State::HalfOpen);
}

#[test]
fn a_late_failure_from_before_it_opened_does_not_open_it_again() {
    let mut walk = half_open();

    walk.end(BEFORE, Outcome::Failure);

    assert_eq!(walk.breaker.state(), State::HalfOpen);
}

#[test]
fn a_late_failure_from_before_it_opened_does_not_count_when_it_has_closed_again() {
    let mut walk = half_open();
    for _ in 0..2 {
        walk.end(FIRST_ROUND, Outcome::Success);
    }

    for _ in 0..10 {
        walk.end(BEFORE, Outcome::Failure);
    }

    assert_eq!(walk.breaker.state(), State::Closed);
}

/// Every state that sixteen events can lead to, each with every event: against a table of the
/// field's definition.
#[test]
fn by_full_enumeration_only_the_arrows_of_the_definition_exist() {
    let mut arrows = BTreeSet::new();
    let mut visited = BTreeSet::new();
    let mut states = vec![closed()];
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

/// A breaker, its clock, what all workers know, and the probes that have not ended.
#[derive(Clone, Debug)]
struct Walk {
    breaker: Breaker,
    trial: Trial,
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
            "ask" => drop(walk.ask()),
            "cooldown passes" => walk.now += COOLDOWN,
            "regular succeeds" => walk.end_regular(Outcome::Success),
            "regular fails" => walk.end_regular(Outcome::Failure),
            "probe succeeds" => walk.end_probe(Outcome::Success)?,
            "probe fails" => walk.end_probe(Outcome::Failure)?,
            _ => walk.end_probe(Outcome::Unknown)?,
        }
        assert!(walk.probes.len() <= PROBES as usize, "more probes than the design allows");
        assert_eq!(walk.probes.len(), walk.trial.under_way() as usize);
        arrows.insert((self.breaker.state().name(), walk.breaker.state().name(), event));
        Some(walk)
    }

    fn ask(&mut self) -> Verdict {
        let verdict = self.breaker.ask(self.now, self.trial);
        match verdict {
            Verdict::Probe => {
                self.trial = self.trial.with_probe(&self.breaker.params).unwrap();
                self.probes.push(Pass::Probe { round: self.trial.round() });
            }
            Verdict::Pass(_) => assert_eq!(self.breaker.state(), State::Closed),
            Verdict::Refuse { until } => assert!(until > self.now, "asking again must make sense"),
        }
        verdict
    }

    fn end(&mut self, pass: Pass, outcome: Outcome) {
        let before = self.breaker.state();
        if let Pass::Probe { round } = pass {
            self.trial = self.trial.ended(round, outcome);
        }
        self.breaker.on_end(self.now, pass, outcome, self.trial);
        if before != State::Open && self.breaker.state() == State::Open {
            self.trial = self.trial.relapsed();
        }
    }

    /// The latest that can have left while it was closed.
    fn end_regular(&mut self, outcome: Outcome) {
        let round = match self.breaker.state {
            Inner::Closed { round, .. } => round,
            _ => self.trial.round() - 1,
        };
        self.end(Pass::Regular { round }, outcome);
    }

    fn end_probe(&mut self, outcome: Outcome) -> Option<()> {
        let pass = self.probes.pop()?;
        self.end(pass, outcome);
        Some(())
    }

    fn open(&mut self) {
        for _ in 0..2 {
            self.end(BEFORE, Outcome::Failure);
        }
        assert_eq!(self.breaker.state(), State::Open);
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

fn closed() -> Walk {
    let params =
        Params::new(Share::percent(50), Duration::from_secs(1_000), 2, COOLDOWN, PROBES).unwrap();
    Walk { breaker: Breaker::new(T0, params), trial: Trial::default(), now: T0, probes: Vec::new() }
}

fn opened() -> Walk {
    let mut walk = closed();
    walk.open();
    walk
}

/// With both probes under way.
fn half_open() -> Walk {
    let mut walk = opened();
    walk.now = COOLED;
    for _ in 0..PROBES {
        assert_eq!(walk.ask(), Verdict::Probe);
    }
    walk
}
