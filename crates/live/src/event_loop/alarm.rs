//! A timer that is set a thousand times and rings once.
//!
//! A request that is answered in a millisecond has a deadline in a second, and the next request on
//! the same connection has its own. To arm and disarm a timer for each would cost more than the
//! rules. So the alarm is left armed for the earliest time it was ever asked for: it rings early,
//! looks at what is asked for now, and arms itself again.

use std::rc::Rc;
use std::task::{Context, Poll};

use base::Instant;

use super::timers::{Timer, Timers};

/// The timer of one connection at a time.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    /// While it is armed.
    timer: Option<Armed>,
}

#[derive(Debug)]
struct Armed {
    timer: Timer,
    /// When it rings, to the nanosecond.
    at: Instant,
    /// It would wake whoever had it before.
    handed_over: bool,
}

impl Alarm {
    /// Somebody else has it from here on.
    pub(crate) fn hand_over(&mut self) {
        if let Some(armed) = &mut self.timer {
            armed.handed_over = true;
        }
    }

    /// Ready once `deadline` has come. Always to be polled by the same task until it is handed
    /// over.
    pub(crate) fn poll(
        &mut self,
        cx: &Context<'_>,
        timers: &Rc<Timers>,
        deadline: Instant,
    ) -> Poll<Instant> {
        loop {
            match &mut self.timer {
                Some(armed) if armed.at <= deadline => {
                    if !armed.has_rung(cx) {
                        return Poll::Pending;
                    }
                    self.timer = None;
                    let now = timers.now();
                    if now >= deadline {
                        return Poll::Ready(now);
                    }
                }
                _ if deadline == Instant::NEVER => return Poll::Pending,
                timer => {
                    let armed =
                        Armed { timer: timers.at(deadline), at: deadline, handed_over: true };
                    *timer = Some(armed);
                }
            }
        }
    }
}

impl Armed {
    fn has_rung(&mut self, cx: &Context<'_>) -> bool {
        if std::mem::take(&mut self.handed_over) {
            self.timer.poll(cx).is_ready()
        } else {
            self.timer.has_rung()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Waker;

    use base::Duration;

    use super::*;
    use crate::event_loop::tests;

    #[test]
    fn whoever_it_was_handed_to_is_woken() {
        within_a_loop(async |timers, soon| {
            let mut alarm = Alarm::default();
            let before = &Context::from_waker(Waker::noop());
            assert!(alarm.poll(before, timers, soon).is_pending());

            alarm.hand_over();

            poll_fn(|cx| alarm.poll(cx, timers, soon)).await;
        });
    }

    #[test]
    fn a_later_deadline_costs_nothing_until_the_earlier_one_has_come() {
        within_a_loop(async |timers, soon| {
            let mut alarm = Alarm::default();
            let cx = &Context::from_waker(Waker::noop());
            assert!(alarm.poll(cx, timers, soon).is_pending());

            let later = soon + Duration::from_millis(20);
            assert!(alarm.poll(cx, timers, later).is_pending());
            assert_eq!(alarm.timer.as_ref().unwrap().at, soon);
            alarm.hand_over();
            let rang = poll_fn(|cx| alarm.poll(cx, timers, later)).await;

            assert!(rang >= later);
        });
    }

    #[test]
    fn an_earlier_deadline_is_kept_too() {
        within_a_loop(async |timers, soon| {
            let mut alarm = Alarm::default();
            let cx = &Context::from_waker(Waker::noop());
            assert!(alarm.poll(cx, timers, soon + Duration::from_secs(3_600)).is_pending());

            poll_fn(|cx| alarm.poll(cx, timers, soon)).await;
        });
    }

    #[test]
    fn without_a_deadline_nothing_is_armed() {
        within_a_loop(async |timers, _| {
            let mut alarm = Alarm::default();

            let cx = &Context::from_waker(Waker::noop());
            assert!(alarm.poll(cx, timers, Instant::NEVER).is_pending());

            assert!(alarm.timer.is_none());
        });
    }

    /// Plays a story in an event loop, in which a moment that comes soon is waited for.
    fn within_a_loop(story: impl AsyncFnOnce(&Rc<Timers>, Instant)) {
        tests::within_a_loop(async |events| {
            let timers = &events.timers;
            let soon = timers.now() + Duration::from_millis(20);
            story(timers, soon).await;
        });
    }
}
