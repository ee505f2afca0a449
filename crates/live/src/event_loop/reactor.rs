//! Which sockets are ready, as the kernel tells it.
//!
//! It tells of changes alone (`EPOLLET`), for reading and writing at once: a socket is registered
//! when it opens, forgotten when it is closed, and costs no other system call. So what is ready is
//! kept here until a read or a write finds that it is not so any more.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

use super::slab::Slab;

/// What one event loop hears from the kernel.
pub(super) struct Reactor {
    epoll: OwnedFd,
    sources: RefCell<Slab<Source>>,
    events: RefCell<Vec<Event>>,
    /// What the task that is polled may still ask of its sockets.
    budget: Cell<u32>,
}

/// A socket.
#[derive(Debug)]
struct Source {
    can_read: bool,
    can_write: bool,
    /// The peer has closed or reset it. Reading finds the end for ever.
    hung_up: bool,
    /// Urgent data came: from here on a read may stop short before it.
    urgent: bool,
    /// Stays when it is woken: mostly the same task reads next. If another does, this one is woken once
    /// more than it needs.
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// A socket's place with its reactor. Given up when dropped; the kernel forgets it when the socket
/// is closed.
#[derive(Debug)]
pub(super) struct Registered {
    reactor: Rc<Reactor>,
    key: u32,
}

/// What was heard besides sockets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Heard {
    pub(super) timer: bool,
    pub(super) posted: bool,
    /// There may be more.
    pub(super) is_full: bool,
}

impl Reactor {
    /// One that also listens to the loop's timer and to its queue.
    pub(super) fn new(timer: impl AsFd, queue: impl AsFd) -> io::Result<Rc<Self>> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, timer, EventData::new_u64(TIMER), EventFlags::IN)?;
        epoll::add(&epoll, queue, EventData::new_u64(QUEUE), EventFlags::IN)?;
        let events = RefCell::new(Vec::with_capacity(AT_ONCE));
        let budget = Cell::new(BUDGET);
        Ok(Rc::new(Self { epoll, sources: RefCell::default(), events, budget }))
    }

    /// Listens to a socket. It is taken to be writable.
    pub(super) fn register(self: &Rc<Self>, socket: impl AsFd) -> io::Result<Registered> {
        let key = self.sources.borrow_mut().insert_with(|_| Source::new());
        // From here on, so that it is given up if the kernel does not listen.
        let registered = Registered { reactor: Rc::clone(self), key };
        let ready = EventFlags::IN | EventFlags::PRI | EventFlags::OUT | EventFlags::RDHUP;
        let flags = ready | EventFlags::ET;
        epoll::add(&self.epoll, socket, EventData::new_u64(key.into()), flags)?;
        Ok(registered)
    }

    /// Another task is polled.
    pub(super) fn refill(&self) {
        self.budget.set(BUDGET);
    }

    /// Whether the task may go on. If not, it is woken for the next turn: a peer that never runs dry
    /// must not keep all others waiting.
    fn spend(&self, cx: &Context<'_>) -> bool {
        let left = self.budget.get().checked_sub(1);
        match left {
            Some(left) => self.budget.set(left),
            None => cx.waker().wake_by_ref(),
        }
        left.is_some()
    }

    /// Hears what there is; waits for something if told so.
    pub(super) fn wait(&self, long: bool) -> io::Result<Heard> {
        let mut events = self.events.borrow_mut();
        events.clear();
        let at_once = Timespec::default();
        let timeout = (!long).then_some(&at_once);
        match epoll::wait(&self.epoll, spare_capacity(&mut events), timeout) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut heard = Heard { is_full: events.len() >= AT_ONCE, ..Heard::default() };
        let mut sources = self.sources.borrow_mut();
        for event in &*events {
            match event.data.u64() {
                TIMER => heard.timer = true,
                QUEUE => heard.posted = true,
                key => {
                    let source = u32::try_from(key).ok().and_then(|key| sources.get_mut(key));
                    if let Some(source) = source {
                        source.hear(event.flags);
                    }
                }
            }
        }
        Ok(heard)
    }
}

impl std::fmt::Debug for Reactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reactor").field("sources", &self.sources).finish_non_exhaustive()
    }
}

impl Source {
    fn new() -> Self {
        Self {
            can_read: false,
            can_write: true,
            hung_up: false,
            urgent: false,
            reader: None,
            writer: None,
        }
    }

    fn hear(&mut self, flags: EventFlags) {
        let broken = flags.intersects(EventFlags::ERR | EventFlags::HUP);
        let before = (self.can_read, self.hung_up);
        self.hung_up |= broken || flags.contains(EventFlags::RDHUP);
        self.urgent |= flags.contains(EventFlags::PRI);
        self.can_read |= flags.intersects(EventFlags::IN | EventFlags::PRI) || self.hung_up;
        // Who waits to read does so because it could not: else this is no news.
        if (self.can_read, self.hung_up) != before
            && let Some(reader) = &self.reader
        {
            reader.wake_by_ref();
        }
        if flags.contains(EventFlags::OUT) || broken {
            self.can_write = true;
            if let Some(writer) = self.writer.take() {
                writer.wake();
            }
        }
    }
}

impl Registered {
    /// Ready when there may be something to read, or the end; and when it is this task's turn.
    pub(super) fn poll_readable(&self, cx: &Context<'_>) -> Poll<()> {
        let ready = self.with(|source| {
            if !source.can_read {
                listen(&mut source.reader, cx);
            }
            source.can_read
        });
        if ready && self.reactor.spend(cx) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Ready when there may be room to write; and when it is this task's turn.
    pub(super) fn poll_writable(&self, cx: &Context<'_>) -> Poll<()> {
        let ready = self.with(|source| {
            if !source.can_write {
                listen(&mut source.writer, cx);
            }
            source.can_write
        });
        if ready && self.reactor.spend(cx) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Whether the kernel has told that there is something to read, or the end.
    pub(super) fn has_heard(&self) -> bool {
        self.with(|source| source.can_read)
    }

    /// Less came than could have: that was all, but for the end, and for what is behind urgent data.
    pub(super) fn mark_drained(&self) {
        self.with(|source| source.can_read = source.hung_up || source.urgent);
    }

    /// There was nothing to read, nor the end.
    pub(super) fn mark_unreadable(&self) {
        self.with(|source| (source.can_read, source.hung_up) = (false, false));
    }

    /// There was no room, or no more of it.
    pub(super) fn mark_unwritable(&self) {
        self.with(|source| source.can_write = false);
    }

    fn with<T>(&self, look: impl FnOnce(&mut Source) -> T) -> T {
        let mut sources = self.reactor.sources.borrow_mut();
        look(sources.get_mut(self.key).expect("it is given up only when this is dropped"))
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let source = self.reactor.sources.borrow_mut().remove(self.key);
        drop(source);
    }
}

fn listen(place: &mut Option<Waker>, cx: &Context<'_>) {
    if !place.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
        *place = Some(cx.waker().clone());
    }
}

/// How often a task may find a socket ready before it is the turn of others. A large download goes on
/// after some hundred pieces of it.
const BUDGET: u32 = 128;
/// What the kernel tells in a turn at most.
const AT_ONCE: usize = 1_024;
/// No key of a socket.
const TIMER: u64 = u64::MAX;
const QUEUE: u64 = u64::MAX - 1;
