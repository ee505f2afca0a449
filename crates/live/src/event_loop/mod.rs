//! The event loop of a worker: one thread, its tasks, its sockets and its timers.
//!
//! A turn waits for the kernel, notes which sockets are ready and which timers have rung, and polls
//! every task that was woken, once. Who is woken meanwhile is polled in the next turn, so between
//! any two polls of a task the kernel was heard.
//!
//! It is our own because it is on the way of every byte, and of every idle connection: what that saves
//! is in ARCHITECTURE.md.

mod alarm;
mod listener;
mod reactor;
mod slab;
mod stream;
mod tasks;
mod timers;
mod turns;
mod wake_queue;

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

pub(crate) use alarm::Alarm;
pub(crate) use listener::Listener;
pub(crate) use stream::Stream;
pub(crate) use timers::Timers;
pub(crate) use turns::{Turn, Turns};

use self::reactor::Reactor;
use self::tasks::{MAIN, Tasks};
use crate::clock::Clock;

/// One worker's. Everything of it stays on its thread, but for the wakers.
#[derive(Debug)]
pub(crate) struct EventLoop {
    pub(crate) turns: Rc<Turns>,
    pub(crate) timers: Rc<Timers>,
    reactor: Rc<Reactor>,
    tasks: Tasks,
}

impl EventLoop {
    /// One that has nothing to do.
    ///
    /// # Errors
    /// The machine has no descriptors for it.
    pub(crate) fn new(clock: Clock) -> io::Result<Rc<Self>> {
        let turns = Rc::new(Turns::new(clock));
        let timers = Timers::new(Rc::clone(&turns))?;
        let tasks = Tasks::new()?;
        let reactor = Reactor::new(&timers, tasks.queue())?;
        Ok(Rc::new(Self { turns, timers, reactor, tasks }))
    }

    /// Begins a task. If it panics, it alone ends.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.tasks.spawn(task);
    }

    /// Runs on this thread until `main` has ended. Then all tasks are dropped. Once.
    ///
    /// # Errors
    /// The kernel cannot wait.
    pub(crate) fn run<T>(&self, main: impl Future<Output = T>) -> io::Result<T> {
        let mut main = pin!(main);
        let _here = self.tasks.enter();
        let waker = self.tasks.waker_of_main();
        let mut woken = Vec::new();
        loop {
            self.tasks.take_woken(&mut woken);
            for key in woken.drain(..) {
                self.reactor.refill();
                if key != MAIN {
                    self.tasks.poll(key);
                } else if let Poll::Ready(done) = self.tasks.poll_main(&waker, main.as_mut()) {
                    return Ok(done);
                }
                self.turns.wears_on();
            }
            self.turn()?;
        }
    }

    /// Hears in the middle of a turn what the kernel has to say by now of all sockets. Whom that wakes
    /// is polled in the next turn.
    pub(crate) fn catch_up(&self) {
        // The kernel's timer and the wake queue will be heard of again. An error will, too, and nothing
        // is known then.
        while let Ok(heard) = self.reactor.wait(false) {
            if !heard.is_full {
                self.turns.begin();
                return;
            }
        }
    }

    fn turn(&self) -> io::Result<()> {
        let heard = self.reactor.wait(!self.tasks.are_woken())?;
        let now = self.turns.begin();
        if heard.timer {
            self.timers.ring(now);
        }
        if heard.posted {
            self.tasks.take_posted();
        }
        Ok(())
    }
}

/// Lets all others have their turn, and the kernel be heard.
pub(crate) async fn yield_now() {
    let mut has_waited = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut has_waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
pub(crate) mod tests;
