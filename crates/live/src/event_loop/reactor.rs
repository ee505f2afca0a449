//! Which sockets are ready, as the kernel tells it.
//!
//! It tells of changes alone (`EPOLLET`), for reading and writing at once: a socket is registered
//! when it opens, forgotten when it is closed, and costs no other system call. So what is ready is
//! kept here until a read or a write finds that it is not so any more.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::task::{Context, Waker};

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
}

/// A socket.
#[derive(Debug)]
struct Source {
    can_read: bool,
    can_write: bool,
    /// The peer has closed or reset it. Reading finds the end for ever.
    hung_up: bool,
    /// Stays when it is woken: it is mostly the same who reads next.
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
    pub(super) mail: bool,
    /// There may be more.
    pub(super) is_full: bool,
}

impl Reactor {
    /// One that also listens to the loop's timer and to its mailbox.
    pub(super) fn new(timer: impl AsFd, mailbox: impl AsFd) -> io::Result<Rc<Self>> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, timer, EventData::new_u64(TIMER), EventFlags::IN)?;
        epoll::add(&epoll, mailbox, EventData::new_u64(MAILBOX), EventFlags::IN)?;
        let events = RefCell::new(Vec::with_capacity(AT_ONCE));
        Ok(Rc::new(Self { epoll, sources: RefCell::default(), events }))
    }

    /// Listens to a socket. It is taken to be writable.
    pub(super) fn register(self: &Rc<Self>, socket: impl AsFd) -> io::Result<Registered> {
        let key = self.sources.borrow_mut().insert_with(|_| Source::new());
        // From here on, so that it is given up if the kernel does not listen.
        let registered = Registered { reactor: Rc::clone(self), key };
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(&self.epoll, socket, EventData::new_u64(key.into()), flags)?;
        Ok(registered)
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
        let mut heard = Heard { is_full: events.len() == AT_ONCE, ..Heard::default() };
        let mut sources = self.sources.borrow_mut();
        for event in &*events {
            match event.data.u64() {
                TIMER => heard.timer = true,
                MAILBOX => heard.mail = true,
                key => {
                    let source = u32::try_from(key).ok().and_then(|key| sources.get_mut(key));
                    source.into_iter().for_each(|source| source.hear(event.flags));
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
        Self { can_read: false, can_write: true, hung_up: false, reader: None, writer: None }
    }

    fn hear(&mut self, flags: EventFlags) {
        let broken = flags.intersects(EventFlags::ERR | EventFlags::HUP);
        self.hung_up |= broken || flags.contains(EventFlags::RDHUP);
        if flags.contains(EventFlags::IN) || self.hung_up {
            self.can_read = true;
            self.reader.as_ref().inspect(|reader| reader.wake_by_ref());
        }
        if flags.contains(EventFlags::OUT) || broken {
            self.can_write = true;
            self.writer.take().into_iter().for_each(Waker::wake);
        }
    }
}

impl Registered {
    /// Whether there may be something to read. If not, the task is woken when there is.
    pub(super) fn can_read(&self, cx: &Context<'_>) -> bool {
        self.with(|source| {
            if !source.can_read {
                listen(&mut source.reader, cx);
            }
            source.can_read
        })
    }

    /// Whether there may be room to write. If not, the task is woken when there is.
    pub(super) fn can_write(&self, cx: &Context<'_>) -> bool {
        self.with(|source| {
            if !source.can_write {
                listen(&mut source.writer, cx);
            }
            source.can_write
        })
    }

    /// Whether the kernel has told that there is something to read, or the end.
    pub(super) fn has_heard(&self) -> bool {
        self.with(|source| source.can_read)
    }

    /// Less came than could have: that was all, but for the end.
    pub(super) fn has_read_all(&self) {
        self.with(|source| source.can_read = source.hung_up);
    }

    /// There was nothing to read, nor the end.
    pub(super) fn cannot_read(&self) {
        self.with(|source| (source.can_read, source.hung_up) = (false, false));
    }

    /// There was no room, or no more of it.
    pub(super) fn cannot_write(&self) {
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

/// What the kernel tells in a turn at most.
const AT_ONCE: usize = 1_024;
/// No key of a socket.
const TIMER: u64 = u64::MAX;
const MAILBOX: u64 = u64::MAX - 1;
