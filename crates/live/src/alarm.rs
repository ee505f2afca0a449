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
use tokio::time::Sleep;

use crate::clock::Clock;

/// One connection's timer.
#[derive(Debug)]
pub(crate) struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
    /// When it rings; never if it is not armed.
    armed: Instant,
}

impl Alarm {
    /// Ready once `deadline` has come. Must always be polled by the same task.
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
                    if !sleep.is_elapsed() {
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

    /// Nothing is waited for: once it has rung it gives its memory back.
    pub(crate) fn rest(&mut self) {
        if self.sleep.as_ref().is_some_and(|sleep| sleep.is_elapsed()) {
            *self = Self::default();
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
        self.armed = deadline;
        // Registers the task. If the time has come already, the caller's loop sees it.
        let _ = sleep.as_mut().poll(cx);
    }
}

impl Default for Alarm {
    fn default() -> Self {
        Self { sleep: None, armed: Instant::NEVER }
    }
}
