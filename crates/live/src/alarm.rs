//! A timer that is set a thousand times and rings once.
//!
//! A request that is answered in a millisecond has a deadline in a second, and the next request on
//! the same connection has its own. To arm and disarm a timer for each would cost more than the
//! rules. So the alarm is left armed for the earliest time it was ever asked for: it rings early,
//! looks at what is asked for now, and arms itself again.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use base::Instant;
use tokio::task::unconstrained;
use tokio::time::Sleep;

use crate::clock::Clock;

/// The timer of one connection at a time.
#[derive(Debug)]
pub(crate) struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
    /// When it rings; never if it is not armed.
    armed: Instant,
    /// It would wake whoever had it before.
    handed_over: bool,
}

impl Alarm {
    /// Somebody else has it from here on.
    pub(crate) fn hand_over(&mut self) {
        self.handed_over = true;
    }

    /// Ready once `deadline` has come. Always to be polled by the same task until it is handed
    /// over.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        clock: Clock,
        deadline: Instant,
    ) -> Poll<Instant> {
        loop {
            if self.armed == Instant::NEVER && deadline == Instant::NEVER {
                return Poll::Pending;
            }
            match &mut self.sleep {
                Some(sleep) if self.armed <= deadline => {
                    let has_rung = if std::mem::take(&mut self.handed_over) {
                        listen(sleep, cx).is_ready()
                    } else {
                        sleep.is_elapsed()
                    };
                    if !has_rung {
                        return Poll::Pending;
                    }
                    self.armed = Instant::NEVER;
                    let now = clock.now();
                    if now >= deadline {
                        return Poll::Ready(now);
                    }
                }
                _ => self.arm(cx, clock, deadline),
            }
        }
    }

    fn arm(&mut self, cx: &mut Context<'_>, clock: Clock, deadline: Instant) {
        let at = clock.timer(deadline);
        let sleep = match &mut self.sleep {
            Some(sleep) => {
                sleep.as_mut().reset(at);
                sleep
            }
            none => none.insert(Box::pin(tokio::time::sleep_until(at))),
        };
        (self.armed, self.handed_over) = (deadline, false);
        // If the time has come already, the caller's loop sees it.
        let _ = listen(sleep, cx);
    }
}

/// Wakes this task when it rings. Whatever the task has done before: the event loop would put a
/// busy one off, and it would not be asked again.
fn listen(sleep: &mut Pin<Box<Sleep>>, cx: &mut Context<'_>) -> Poll<()> {
    Pin::new(&mut unconstrained(sleep.as_mut())).poll(cx)
}

impl Default for Alarm {
    fn default() -> Self {
        Self { sleep: None, armed: Instant::NEVER, handed_over: false }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Waker;

    use base::Duration;
    use tokio::task::coop::poll_proceed;

    use super::*;

    #[test]
    fn whoever_it_was_handed_to_is_woken() {
        within_a_loop(async |clock, soon| {
            let mut alarm = Alarm::default();
            let before = &mut Context::from_waker(Waker::noop());
            assert!(alarm.poll(before, clock, soon).is_pending());

            alarm.hand_over();

            poll_fn(|cx| alarm.poll(cx, clock, soon)).await;
        });
    }

    #[test]
    fn a_task_that_has_done_much_already_is_woken_too() {
        within_a_loop(async |clock, soon| {
            let mut alarm = Alarm::default();
            let mut first = true;
            poll_fn(|cx| {
                if std::mem::take(&mut first) {
                    while let Poll::Ready(done) = poll_proceed(cx) {
                        done.made_progress();
                    }
                }
                alarm.poll(cx, clock, soon)
            })
            .await;
        });
    }

    #[test]
    fn a_later_deadline_costs_nothing_until_the_earlier_one_has_come() {
        within_a_loop(async |clock, soon| {
            let mut alarm = Alarm::default();
            let cx = &mut Context::from_waker(Waker::noop());
            assert!(alarm.poll(cx, clock, soon).is_pending());

            let later = soon + Duration::from_millis(20);
            assert!(alarm.poll(cx, clock, later).is_pending());
            assert_eq!(alarm.armed, soon);
            alarm.hand_over();
            let rang = poll_fn(|cx| alarm.poll(cx, clock, later)).await;

            assert!(rang >= later);
        });
    }

    /// Plays a story in an event loop, in which a moment that comes soon is waited for.
    fn within_a_loop(story: impl AsyncFnOnce(Clock, Instant)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let clock = Clock::start();
        let soon = clock.now() + Duration::from_millis(20);
        runtime.block_on(async {
            // A task that was forgotten is looked at once more when this is over.
            let _ = tokio::time::timeout(PATIENCE.into(), story(clock, soon)).await;
        });
        assert!(clock.now() < soon + PATIENCE, "nobody was woken");
    }

    const PATIENCE: Duration = Duration::from_secs(4);
}
