//! The timers of one worker: all that it waits for, over one timer of the kernel.
//!
//! A request whose answer comes in time has no use for any of it, so a turn of the loop costs
//! nothing here: the kernel is told only of a moment that is earlier than all that were waited for
//! before.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use base::{Duration, Instant};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use super::turns::Turns;

/// One event loop's.
#[derive(Debug)]
pub(crate) struct Timers {
    turns: Rc<Turns>,
    kernel: OwnedFd,
    waiting: RefCell<Waiting>,
    /// When the kernel says something.
    armed: Cell<Instant>,
    /// Everything until then has rung.
    rung: Cell<Instant>,
}

/// Who is to be woken when.
#[derive(Debug, Default)]
struct Waiting {
    /// The moments in order, each with its place among the wakers.
    moments: BTreeSet<(Instant, usize)>,
    wakers: Vec<Waker>,
    /// Places that nobody has.
    free: Vec<usize>,
}

/// A moment that is waited for. Forgotten when dropped.
#[derive(Debug)]
pub(crate) struct Timer {
    timers: Rc<Timers>,
    at: Instant,
    /// Once somebody listens.
    place: Option<usize>,
}

impl Timers {
    /// None waits.
    ///
    /// # Errors
    /// The machine has no descriptor for it.
    pub(super) fn new(turns: Rc<Turns>) -> io::Result<Rc<Self>> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        Ok(Rc::new(Self {
            turns,
            kernel: timerfd_create(TimerfdClockId::Monotonic, flags)?,
            waiting: RefCell::default(),
            armed: Cell::new(Instant::NEVER),
            rung: Cell::new(Instant::ZERO),
        }))
    }

    /// A moment to wait for. It may ring as much as [`COARSE`] late.
    pub(crate) fn at(self: &Rc<Self>, at: Instant) -> Timer {
        Timer { timers: Rc::clone(self), at: coarse(at), place: None }
    }

    /// Waits until `at`.
    pub(crate) async fn sleep_until(self: &Rc<Self>, at: Instant) {
        let mut timer = self.at(at);
        poll_fn(|cx| timer.poll(cx)).await;
    }

    /// Waits so long.
    pub(crate) async fn sleep(self: &Rc<Self>, time: Duration) {
        self.sleep_until(self.now() + time).await;
    }

    /// What comes of `work`, if it ends before `until`.
    pub(crate) async fn within<T>(
        self: &Rc<Self>,
        until: Instant,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let mut timer = self.at(until);
        let mut work = pin!(work);
        poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => timer.poll(cx).map(|()| None),
        })
        .await
    }

    /// The time that they go by.
    pub(crate) fn now(&self) -> Instant {
        self.turns.now()
    }

    /// The kernel's timer has gone off: wakes whoever's moment has come.
    pub(super) fn ring(&self, now: Instant) {
        // How often it went off does not matter; nor that it has not, for once.
        let _ = rustix::io::read(&self.kernel, &mut [0; 8]);
        self.armed.set(Instant::NEVER);
        self.rung.set(now);
        self.waiting.borrow_mut().wake_until(now);
        let next = self.waiting.borrow().moments.first().map(|(at, _)| *at);
        if let Some(next) = next {
            self.arm(next);
        }
    }

    /// Has the kernel say something at `at`, unless it will before that anyway.
    fn arm(&self, at: Instant) {
        if at >= self.armed.get() {
            return;
        }
        let spec = Itimerspec {
            it_interval: Timespec::default(),
            it_value: timespec(at.since(self.turns.read())),
        };
        // It fails for what is no timer and for times that are none: never, or always.
        let set = timerfd_settime(&self.kernel, TimerfdTimerFlags::empty(), &spec);
        debug_assert!(set.is_ok(), "{set:?}");
        if set.is_ok() {
            self.armed.set(at);
        }
    }
}

impl AsFd for Timers {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.kernel.as_fd()
    }
}

impl Waiting {
    fn wake_until(&mut self, now: Instant) {
        while let Some((at, place)) = self.moments.first().copied().filter(|(at, _)| *at <= now) {
            self.moments.remove(&(at, place));
            self.wakers[place].wake_by_ref();
        }
    }

    fn add(&mut self, at: Instant) -> usize {
        let place = self.free.pop().unwrap_or_else(|| {
            self.wakers.push(Waker::noop().clone());
            self.wakers.len() - 1
        });
        self.moments.insert((at, place));
        place
    }

    fn remove(&mut self, at: Instant, place: usize) -> Waker {
        self.moments.remove(&(at, place));
        self.free.push(place);
        std::mem::replace(&mut self.wakers[place], Waker::noop().clone())
    }
}

impl Timer {
    /// Ready once its moment has come; else this task is woken then.
    pub(crate) fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.has_rung() {
            return Poll::Ready(());
        }
        if self.at < Instant::NEVER {
            self.listen(cx.waker());
        }
        Poll::Pending
    }

    fn listen(&mut self, waker: &Waker) {
        let mut waiting = self.timers.waiting.borrow_mut();
        let place = *self.place.get_or_insert_with(|| {
            self.timers.arm(self.at);
            waiting.add(self.at)
        });
        if !waiting.wakers[place].will_wake(waker) {
            let before = std::mem::replace(&mut waiting.wakers[place], waker.clone());
            // With it may go the last of a task, and a timer of that.
            drop(waiting);
            drop(before);
        }
    }

    /// Whether its moment has come, as far as was told: no look at the clock.
    pub(crate) fn has_rung(&self) -> bool {
        self.at <= self.timers.rung.get()
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let waker = self.timers.waiting.borrow_mut().remove(self.at, place);
            drop(waker);
        }
    }
}

/// The next moment at which anything rings: so those of about the same time ring together.
fn coarse(at: Instant) -> Instant {
    let step = COARSE.as_nanos();
    at.as_nanos().checked_next_multiple_of(step).map_or(Instant::NEVER, Instant::from_nanos)
}

/// As the kernel takes it, to which no time at all would mean never.
fn timespec(time: Duration) -> Timespec {
    let nanos = time.as_nanos().clamp(1, FAR.as_nanos());
    let part = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    Timespec { tv_sec: part(nanos / SECOND), tv_nsec: part(nanos % SECOND) }
}

const SECOND: u64 = 1_000_000_000;
/// A year: the kernel cannot count to the end of time. Whoever waits for that is put off once more.
const FAR: Duration = Duration::from_secs(365 * 24 * 3_600);
/// How late a timer may be.
pub(crate) const COARSE: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::Wake;

    use super::*;
    use crate::event_loop::tests::within_a_loop;
    use crate::event_loop::yield_now;

    #[test]
    fn who_waits_for_less_is_woken_first_whoever_began() {
        within_a_loop(async |events| {
            let timers = &events.timers;
            let order = Rc::new(RefCell::new(Vec::new()));
            for ms in [30, 10, 20] {
                let (timers, order) = (Rc::clone(timers), Rc::clone(&order));
                events.spawn(async move {
                    timers.sleep(Duration::from_millis(ms)).await;
                    order.borrow_mut().push(ms);
                });
            }

            while order.borrow().len() < 3 {
                yield_now().await;
            }

            assert_eq!(*order.borrow(), [10, 20, 30]);
        });
    }

    #[test]
    fn nobody_is_woken_before_their_time() {
        within_a_loop(async |events| {
            let timers = &events.timers;
            for micros in [0, 1, 999, 1_000, 1_001, 2_500] {
                let until = timers.now() + Duration::from_micros(micros);
                timers.sleep_until(until).await;

                assert!(timers.now() >= until, "{micros} us");
            }
        });
    }

    #[test]
    fn what_ends_in_time_is_had_and_what_does_not_is_given_up() {
        within_a_loop(async |events| {
            let timers = &events.timers;
            let soon = timers.now() + Duration::from_millis(5);

            assert_eq!(timers.within(Instant::NEVER, async { 7 }).await, Some(7));
            assert_eq!(timers.within(soon, std::future::pending::<u8>()).await, None);
        });
    }

    #[test]
    fn a_timer_that_was_dropped_leaves_nothing_and_wakes_nobody() {
        within_a_loop(async |events| {
            let timers = &events.timers;
            let flag = Arc::new(Flag::default());
            let waker = Waker::from(Arc::clone(&flag));
            let mut timer = timers.at(timers.now() + Duration::from_millis(5));
            assert!(timer.poll(&Context::from_waker(&waker)).is_pending());
            let count = || {
                let waiting = timers.waiting.borrow();
                (waiting.moments.len(), waiting.wakers.len())
            };
            let (waiting, places) = count();

            drop(timer);
            drop(waker);

            assert_eq!(Arc::strong_count(&flag), 1, "the waker is kept");
            assert_eq!(count(), (waiting - 1, places));
            timers.sleep(Duration::from_millis(10)).await;
            assert!(!flag.0.load(Ordering::Relaxed));
            assert_eq!(count(), (waiting - 1, places), "its place is used again");
        });
    }

    #[test]
    fn only_who_listened_last_is_woken() {
        within_a_loop(async |events| {
            let timers = &events.timers;
            let flags = [(); 2].map(|()| Arc::new(Flag::default()));
            let until = timers.now() + Duration::from_millis(5);
            let mut timer = timers.at(until);
            for flag in &flags {
                let waker = Waker::from(Arc::clone(flag));
                assert!(timer.poll(&Context::from_waker(&waker)).is_pending());
            }

            timers.sleep_until(until + COARSE + COARSE).await;

            assert!(timer.has_rung());
            assert_eq!(flags.map(|flag| flag.0.load(Ordering::Relaxed)), [false, true]);
        });
    }

    #[test]
    fn only_what_comes_before_all_others_is_told_the_kernel() {
        within_a_loop(async |events| {
            let timers = &events.timers;
            let now = timers.now();
            let cx = &Context::from_waker(Waker::noop());
            let wait = |seconds| {
                let mut timer = timers.at(now + Duration::from_secs(seconds));
                assert!(timer.poll(cx).is_pending());
                (timer, timers.armed.get())
            };

            let (_first, armed) = wait(9);
            let (_later, unchanged) = wait(10);
            let (_sooner, changed) = wait(8);

            assert_eq!(armed, coarse(now + Duration::from_secs(9)));
            assert_eq!(unchanged, armed);
            assert_eq!(changed, coarse(now + Duration::from_secs(8)));
        });
    }

    #[test]
    fn the_end_of_time_is_waited_for_without_a_place() {
        within_a_loop(async |events| {
            let timers = &events.timers;
            let waiting = timers.waiting.borrow().moments.len();
            let mut never = timers.at(Instant::NEVER);
            let mut nearly = timers.at(Instant::from_nanos(u64::MAX - 1));
            for timer in [&mut never, &mut nearly] {
                assert!(timer.poll(&Context::from_waker(Waker::noop())).is_pending());
            }

            assert_eq!(timers.waiting.borrow().moments.len(), waiting);
        });
    }

    /// Whether somebody was woken.
    #[derive(Default)]
    struct Flag(AtomicBool);

    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}
