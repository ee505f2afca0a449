//! The tasks of a worker: futures, and which of them are to be polled.
//!
//! A waker may be used on any thread. On that of its loop it puts the task into a list that no other
//! thread sees; from elsewhere it goes through the wake queue.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::slab::Slab;
use super::wake_queue::WakeQueue;

/// All tasks of one event loop.
#[derive(Debug)]
pub(super) struct Tasks {
    tasks: RefCell<Slab<Task>>,
    queue: Arc<WakeQueue>,
    main: Arc<Bell>,
}

struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    bell: Arc<Bell>,
    waker: Waker,
}

/// Wakes one task.
#[derive(Debug)]
struct Bell {
    key: u32,
    /// It is to be polled already.
    rung: AtomicBool,
    queue: Arc<WakeQueue>,
}

/// The future that the loop runs for.
pub(super) const MAIN: u32 = u32::MAX;

thread_local! {
    static HERE: Here = const { Here { id: Cell::new(NOWHERE), woken: RefCell::new(Vec::new()) } };
}

/// The event loop that runs on this thread.
struct Here {
    id: Cell<u64>,
    woken: RefCell<Vec<u32>>,
}

const NOWHERE: u64 = 0;

/// On this thread the loop runs, as long as this lives.
pub(super) struct Running<'a>(&'a Tasks);

impl Tasks {
    pub(super) fn new() -> io::Result<Self> {
        let queue = Arc::new(WakeQueue::new()?);
        let main = Arc::new(Bell::new(MAIN, &queue));
        Ok(Self { tasks: RefCell::default(), queue, main })
    }

    pub(super) fn queue(&self) -> &Arc<WakeQueue> {
        &self.queue
    }

    /// Begins a task.
    pub(super) fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        let future = Box::pin(future);
        let key = self.tasks.borrow_mut().insert_with(|key| {
            let bell = Arc::new(Bell::new(key, &self.queue));
            Task { future, waker: Waker::from(Arc::clone(&bell)), bell }
        });
        self.wake(key);
    }

    fn wake(&self, key: u32) {
        if let Some(task) = self.tasks.borrow_mut().get_mut(key) {
            task.waker.wake_by_ref();
        }
    }

    /// The loop runs on this thread from here on. What was woken before comes first.
    pub(super) fn enter(&self) -> Running<'_> {
        HERE.with(|here| {
            assert_eq!(here.id.get(), NOWHERE, "one event loop on a thread");
            here.id.set(self.queue.id);
        });
        self.take_posted();
        self.main.wake_by_ref();
        Running(self)
    }

    /// Those who were woken by others are to be polled.
    pub(super) fn take_posted(&self) {
        HERE.with(|here| self.queue.empty(&mut here.woken.borrow_mut()));
    }

    /// Whether anybody is to be polled.
    pub(super) fn are_woken(&self) -> bool {
        HERE.with(|here| !here.woken.borrow().is_empty())
    }

    /// Those who are to be polled, into an empty list.
    pub(super) fn take_woken(&self, into: &mut Vec<u32>) {
        HERE.with(|here| std::mem::swap(&mut *here.woken.borrow_mut(), into));
    }

    pub(super) fn waker_of_main(&self) -> Waker {
        Waker::from(Arc::clone(&self.main))
    }

    pub(super) fn poll_main<T>(
        &self,
        waker: &Waker,
        main: Pin<&mut impl Future<Output = T>>,
    ) -> Poll<T> {
        self.main.silence();
        main.poll(&mut Context::from_waker(waker))
    }

    /// Polls a task, if there still is one. Meanwhile it may begin others, or wake whomever it will.
    pub(super) fn poll(&self, key: u32) {
        let Some(mut task) = self.lend(key) else {
            return;
        };
        task.bell.silence();
        match task.poll() {
            Poll::Pending => self.tasks.borrow_mut().give_back(key, task),
            Poll::Ready(()) => {
                // With it goes what it holds, which may wake others: so not within the borrow.
                drop_quietly(task);
                self.tasks.borrow_mut().remove(key);
            }
        }
    }

    fn lend(&self, key: u32) -> Option<Task> {
        self.tasks.borrow_mut().lend(key)
    }
}

impl Task {
    /// A task that panics has ended: what it did for one client is no reason to leave the others.
    fn poll(&mut self) -> Poll<()> {
        let mut cx = Context::from_waker(&self.waker);
        let polled = catch_unwind(AssertUnwindSafe(|| self.future.as_mut().poll(&mut cx)));
        polled.unwrap_or(Poll::Ready(()))
    }
}

fn drop_quietly(task: Task) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(task)));
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Task").field("bell", &self.bell).finish_non_exhaustive()
    }
}

impl Bell {
    fn new(key: u32, queue: &Arc<WakeQueue>) -> Self {
        Self { key, rung: AtomicBool::new(false), queue: Arc::clone(queue) }
    }

    /// It is about to be polled: what happens from here on rings anew.
    fn silence(&self) {
        self.rung.store(false, Ordering::SeqCst);
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.rung.swap(true, Ordering::SeqCst) {
            return;
        }
        let is_here = HERE.try_with(|here| {
            let is_here = here.id.get() == self.queue.id;
            if is_here {
                here.woken.borrow_mut().push(self.key);
            }
            is_here
        });
        if is_here != Ok(true) {
            self.queue.post(self.key);
        }
    }
}

/// The tasks know of the loop, and the loop of them: one has to let go.
impl Drop for Running<'_> {
    fn drop(&mut self) {
        // With a task may begin another.
        loop {
            let tasks = std::mem::take(&mut *self.0.tasks.borrow_mut());
            let tasks: Vec<_> = tasks.into_all().collect();
            if tasks.is_empty() {
                break;
            }
            tasks.into_iter().for_each(drop_quietly);
        }
        self.0.main.silence();
        HERE.with(|here| {
            here.id.set(NOWHERE);
            here.woken.borrow_mut().clear();
        });
    }
}
