//! Faults that come and go while everything runs.

use std::rc::Rc;

use base::{Instant, Share};
use model::fault::{Course, Fault};
use model::service::Condition;

use crate::{Clock, Crowd, Host};

/// A fault, when it is there, and whom it hits.
pub struct Trouble {
    /// What.
    pub fault: Fault,
    /// When, and how much of it.
    pub course: Course,
    /// The instances of services.
    pub hosts: Vec<Host>,
    /// The clients, for [`Fault::Spike`].
    pub crowds: Vec<Rc<Crowd>>,
}

/// Whether the stand-ins can play it.
pub const fn is_playable(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::Slow { .. } | Fault::Error { .. } | Fault::Hang | Fault::Crash | Fault::Spike { .. }
    )
}

/// Plays an incident to its end.
pub async fn play(clock: Clock, troubles: &[Trouble]) {
    let mut now = clock.now();
    loop {
        for host in troubles.iter().flat_map(|trouble| &trouble.hosts) {
            let hits = |trouble: &&Trouble| trouble.hosts.iter().any(|hit| hit.is(host));
            let faults = troubles.iter().filter(hits).map(|hit| (&hit.fault, &hit.course));
            host.set_condition(condition(now, faults));
        }
        for crowd in troubles.iter().flat_map(|trouble| &trouble.crowds) {
            let hits = |trouble: &&Trouble| trouble.crowds.iter().any(|hit| Rc::ptr_eq(hit, crowd));
            let faults = troubles.iter().filter(hits).map(|hit| (&hit.fault, &hit.course));
            crowd.set_pace(pace(now, faults));
        }
        let next = troubles.iter().filter_map(|trouble| trouble.course.next_change(now)).min();
        let Some(next) = next else { return };
        clock.sleep_until(next).await;
        now = clock.now().max(next);
    }
}

/// How a service is under these faults.
pub fn condition<'a>(
    now: Instant,
    faults: impl Iterator<Item = (&'a Fault, &'a Course)>,
) -> Condition {
    let mut condition = Condition::WELL;
    for (fault, course) in faults {
        let size = course.size(now);
        if size <= 0.0 {
            continue;
        }
        match fault {
            Fault::Slow { times } => condition.slow *= 1.0 + (times - 1.0) * size,
            Fault::Error { rate, status } => {
                let share = Share::from_millionths(millionths(rate.as_f64() * size));
                condition.errors = Some((share, *status));
            }
            Fault::Hang => condition.hangs = true,
            Fault::Crash => condition.down = true,
            _ => {}
        }
    }
    condition
}

/// How many times its usual traffic a client sends under these faults.
pub fn pace<'a>(now: Instant, faults: impl Iterator<Item = (&'a Fault, &'a Course)>) -> f64 {
    let spikes = faults.map(|(fault, course)| match fault {
        Fault::Spike { times } => 1.0 + (times - 1.0) * course.size(now),
        _ => 1.0,
    });
    spikes.product()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of the whole")]
fn millionths(share: f64) -> u32 {
    (share.clamp(0.0, 1.0) * 1e6) as u32
}

#[cfg(test)]
mod tests {
    use base::Duration;

    use super::*;

    #[test]
    fn faults_that_meet_are_there_together_and_each_in_its_size() {
        let slow = (Fault::Slow { times: 3.0 }, course(0, 10));
        let slower = (Fault::Slow { times: 2.0 }, course(5, 10));
        let error = (Fault::Error { rate: Share::percent(50), status: 500 }, course(5, 10));
        let all = [slow, slower, error];

        let at = |secs| condition(Instant::from_secs(secs), all.iter().map(|(a, b)| (a, b)));

        assert_eq!((at(1).slow, at(1).errors), (2.0, None));
        assert_eq!((at(7).slow, at(7).errors), (6.0, Some((Share::percent(50), 500))));
        assert_eq!(at(20), Condition::WELL);
    }

    #[test]
    fn a_spike_is_the_crowds_and_leaves_services_as_they_are() {
        let spike = [(Fault::Spike { times: 5.0 }, course(0, 10))];
        let faults = || spike.iter().map(|(fault, course)| (fault, course));

        assert_eq!(pace(Instant::from_secs(9), faults()), 5.0);
        assert_eq!(pace(Instant::from_secs(10), faults()), 1.0);
        assert_eq!(condition(Instant::from_secs(9), faults()), Condition::WELL);
    }

    /// Two seconds until it is there in full.
    fn course(at: u64, lasts: u64) -> Course {
        let lasts = Some(Duration::from_secs(lasts));
        Course { at: Instant::from_secs(at), ramp: Duration::from_secs(2), lasts }
    }
}
