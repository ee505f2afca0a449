//! Faults that come and go while everything runs.

use base::{Instant, Share};
use model::fault::{Course, Fault};
use model::service::Condition;

use crate::{Clock, Crowd, Host};

/// A fault, when it is there, and the instances that it hits.
pub struct Trouble {
    /// What.
    pub fault: Fault,
    /// When, and how much of it.
    pub course: Course,
    /// Whom. For [`Fault::Spike`] nobody: that is the crowd's.
    pub hosts: Vec<Host>,
}

/// Whether the stand-ins can play it.
pub const fn is_playable(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::Slow { .. } | Fault::Error { .. } | Fault::Hang | Fault::Crash | Fault::Spike { .. }
    )
}

/// Plays an incident to its end.
pub async fn play(clock: Clock, troubles: &[Trouble], crowds: &[&Crowd]) {
    let mut now = clock.now();
    loop {
        for host in troubles.iter().flat_map(|trouble| &trouble.hosts) {
            let hits = troubles
                .iter()
                .filter(|trouble| trouble.hosts.iter().any(|hit| hit.address() == host.address()));
            host.set_condition(condition(
                now,
                hits.map(|trouble| (&trouble.fault, &trouble.course)),
            ));
        }
        let pace = pace(now, troubles);
        crowds.iter().for_each(|crowd| crowd.set_pace(pace));
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

fn pace(now: Instant, troubles: &[Trouble]) -> f64 {
    let spikes = troubles.iter().map(|trouble| match trouble.fault {
        Fault::Spike { times } => 1.0 + (times - 1.0) * trouble.course.size(now),
        _ => 1.0,
    });
    spikes.product()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of the whole")]
fn millionths(share: f64) -> u32 {
    (share.clamp(0.0, 1.0) * 1e6) as u32
}

/// When the last fault is over; [`Instant::NEVER`] if one is not.
pub fn ends<'a>(courses: impl Iterator<Item = &'a Course>) -> Instant {
    courses.map(Course::ends).max().unwrap_or(Instant::ZERO)
}
