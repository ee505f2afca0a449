//! The timers of one worker: all that it waits for, over one timer of the kernel.
//!
//! tokio has timers of its own. With them each turn of the event loop takes three looks at the clock,
//! and arms and disarms a timer of the kernel; a request whose answer comes in time has no use for
//! any of it. Here a turn costs nothing. The kernel is told only of a moment that is earlier than
//! all that were waited for before.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use base::{Duration, Instant};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::clock::Clock;

/// One worker's. Somebody has to [`Timers::ring`], or nobody is ever woken.
#[derive(Debug)]
pub(crate) struct Timers {
    clock: Clock,
    kernel: AsyncFd<OwnedFd>,
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
    pub(crate) fn new(clock: Clock) -> io::Result<Rc<Self>> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let kernel = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        #[expect(deprecated, reason = "an `OwnedFd` stays open as long as it is registered")]
        let kernel = AsyncFd::with_interest(kernel, Interest::READABLE)?;
        Ok(Rc::new(Self {
            clock,
            kernel,
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
        self.sleep_until(self.clock.now() + time).await;
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

    /// The clock that they go by.
    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    /// Wakes whoever's moment has come, for as long as the worker runs.
    ///
    /// # Errors
    /// The event loop is gone.
    pub(crate) async fn ring(&self) -> io::Result<()> {
        loop {
            let mut ready = self.kernel.readable().await?;
            // How often it rang does not matter; nor that it has not, for once.
            let _ = rustix::io::read(ready.get_inner(), &mut [0; 8]);
            ready.clear_ready();
            self.armed.set(Instant::NEVER);
            self.wake_until(self.clock.now());
        }
    }

    fn wake_until(&self, now: Instant) {
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
            it_value: timespec(at.since(self.clock.now())),
        };
        // It fails for what is no timer and for times that are none: never, or always.
        let set = timerfd_settime(self.kernel.get_ref(), TimerfdTimerFlags::empty(), &spec);
        debug_assert!(set.is_ok(), "{set:?}");
        if set.is_ok() {
            self.armed.set(at);
        }
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
pub(crate) mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::Wake;

    use tokio::runtime::{Builder, LocalOptions};
    use tokio::task::spawn_local;

    use super::*;

    #[test]
    fn who_waits_for_less_is_woken_first_whoever_began() {
        within_a_loop(async |timers| {
            let order = Rc::new(RefCell::new(Vec::new()));
            let waits = [30, 10, 20].map(|ms| {
                let (timers, order) = (Rc::clone(timers), Rc::clone(&order));
                spawn_local(async move {
                    timers.sleep(Duration::from_millis(ms)).await;
                    order.borrow_mut().push(ms);
                })
            });

            for wait in waits {
                wait.await.unwrap();
            }

            assert_eq!(*order.borrow(), [10, 20, 30]);
        });
    }

    #[test]
    fn nobody_is_woken_before_their_time() {
        within_a_loop(async |timers| {
            for micros in [0, 1, 999, 1_000, 1_001, 2_500] {
                let until = timers.clock().now() + Duration::from_micros(micros);
                timers.sleep_until(until).await;

                assert!(timers.clock().now() >= until, "{micros} us");
            }
        });
    }

    #[test]
    fn what_ends_in_time_is_had_and_what_does_not_is_given_up() {
        within_a_loop(async |timers| {
            let soon = timers.clock().now() + Duration::from_millis(5);

            assert_eq!(timers.within(Instant::NEVER, async { 7 }).await, Some(7));
            assert_eq!(timers.within(soon, std::future::pending::<u8>()).await, None);
        });
    }

    #[test]
    fn a_timer_that_was_dropped_leaves_nothing_and_wakes_nobody() {
        within_a_loop(async |timers| {
            let flag = Arc::new(Flag::default());
            let waker = Waker::from(Arc::clone(&flag));
            let mut timer = timers.at(timers.clock().now() + Duration::from_millis(5));
            assert!(timer.poll(&Context::from_waker(&waker)).is_pending());

            drop(timer);
            drop(waker);

            assert_eq!(Arc::strong_count(&flag), 1, "the waker is kept");
            assert!(timers.waiting.borrow().moments.is_empty());
            timers.sleep(Duration::from_millis(10)).await;
            assert!(!flag.0.load(Ordering::Relaxed));
            assert_eq!(timers.waiting.borrow().wakers.len(), 1, "its place is used again");
        });
    }

    #[test]
    fn only_who_listened_last_is_woken() {
        within_a_loop(async |timers| {
            let flags = [(); 2].map(|()| Arc::new(Flag::default()));
            let until = timers.clock().now() + Duration::from_millis(5);
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
        within_a_loop(async |timers| {
            let now = timers.clock().now();
            let cx = &Context::from_waker(Waker::noop());
            let wait = |seconds| {
                let mut timer = timers.at(now + Duration::from_secs(seconds));
                assert!(timer.poll(cx).is_pending());
                (timer, timers.armed.get())
            };

            let (_first, armed) = wait(20);
            let (_later, unchanged) = wait(30);
            let (_sooner, changed) = wait(10);

            assert_eq!(armed, coarse(now + Duration::from_secs(20)));
            assert_eq!(unchanged, armed);
            assert_eq!(changed, coarse(now + Duration::from_secs(10)));
        });
    }

    #[test]
    fn the_end_of_time_is_waited_for_without_a_place() {
        within_a_loop(async |timers| {
            let mut never = timers.at(Instant::NEVER);
            let mut nearly = timers.at(Instant::from_nanos(u64::MAX - 1));
            for timer in [&mut never, &mut nearly] {
                assert!(timer.poll(&Context::from_waker(Waker::noop())).is_pending());
            }

            assert!(timers.waiting.borrow().moments.is_empty());
        });
    }

    /// Plays a story in an event loop whose timers ring.
    pub(crate) fn within_a_loop(story: impl AsyncFnOnce(&Rc<Timers>)) {
        let mut runtime = Builder::new_current_thread();
        let runtime = runtime.enable_all().build_local(LocalOptions::default()).unwrap();
        let clock = Clock::start();
        runtime.block_on(async {
            let timers = Timers::new(clock).unwrap();
            let ringing = Rc::clone(&timers);
            spawn_local(async move { ringing.ring().await });
            // A task that was forgotten is looked at once more when this is over.
            let _ = tokio::time::timeout(PATIENCE.into(), story(&timers)).await;
        });
        assert!(clock.now() < Instant::ZERO + PATIENCE, "nobody was woken");
    }

    const PATIENCE: Duration = Duration::from_secs(20);

    /// Whether somebody was woken.
    #[derive(Default)]
    struct Flag(AtomicBool);

    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}
