//! One instance of a service: a listener, and the model behind it.
//!
//! The model keeps to its schedule, not to the event loop's: a timer that fires a millisecond late
//! makes one answer a millisecond late, but the worker took its next request when it should have.
//! Without that, a service of two hundred workers would lose a tenth of its capacity to timers.
//!
//! Work whose caller hung up goes on, unless the design declares `cancel`.

mod serve;

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use base::{Instant, Random};
use model::service::{Arrival, Condition, Outcome, Params, Refusal, Service, Started, Ticket};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Notify, oneshot, watch};

use crate::{Caller, Clock, Question};

/// What an instance is.
#[derive(Clone)]
pub struct HostSpec {
    /// How it behaves.
    pub params: Params,
    /// Its chance: a stream of its own.
    pub random: Random,
    /// Where it listens; port 0 for any that is free.
    pub address: SocketAddr,
    /// Whether it stops working on what nobody waits for any more.
    pub cancel: bool,
    /// The path that active checks ask for: answered at once, without a worker.
    pub health_path: Option<String>,
    /// Whom it asks when its own work is done, one step after the other; the calls of one step in
    /// parallel.
    pub steps: Vec<Vec<Step>>,
}

/// One call of a step.
#[derive(Clone)]
pub struct Step {
    /// Who carries it.
    pub caller: Rc<Caller>,
    /// What is asked.
    pub question: Question,
    /// Whether the answer can be given without it.
    pub omit: bool,
}

/// A running instance. Dropping it leaves it running: it ends with its `LocalSet`.
#[derive(Clone)]
pub struct Host {
    shared: Rc<Shared>,
}

struct Shared {
    clock: Clock,
    address: SocketAddr,
    cancel: bool,
    health_path: Option<String>,
    steps: Vec<Vec<Step>>,
    state: RefCell<State>,
    /// The next end of work may have come nearer.
    sooner: Notify,
    down: watch::Sender<bool>,
}

struct State {
    service: Service<u64>,
    /// Requests that are here, waiting or being worked on.
    here: HashMap<u64, Here>,
    /// When own work ends.
    due: BinaryHeap<Reverse<(Instant, u64)>>,
    next: u64,
}

struct Here {
    answer: oneshot::Sender<u16>,
    /// Its place in the queue, until a worker has it.
    ticket: Option<Ticket>,
    working: bool,
}

impl Host {
    /// Listens, and answers from now on. To be called inside a `LocalSet`.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub fn start(clock: Clock, spec: HostSpec) -> io::Result<Self> {
        let listener = listen(spec.address)?;
        let shared = Rc::new(Shared {
            clock,
            address: listener.local_addr()?,
            cancel: spec.cancel,
            health_path: spec.health_path,
            steps: spec.steps,
            state: RefCell::new(State {
                service: Service::new(&spec.params, spec.random),
                here: HashMap::new(),
                due: BinaryHeap::new(),
                next: 0,
            }),
            sooner: Notify::new(),
            down: watch::Sender::new(false),
        });
        tokio::task::spawn_local(serve::accept(Rc::clone(&shared), listener));
        tokio::task::spawn_local(Rc::clone(&shared).work());
        Ok(Self { shared })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Whether both are the same instance.
    pub fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.shared, &other.shared)
    }

    /// From now on it is like this.
    pub fn set_condition(&self, condition: Condition) {
        self.shared.set_condition(condition);
    }

    /// Requests that have reached it so far, health checks left out.
    pub fn arrived(&self) -> u64 {
        self.shared.state.borrow().next
    }

    /// Workers there are.
    pub fn workers(&self) -> u32 {
        self.shared.state.borrow().service.workers()
    }

    /// Workers that have a request, and requests that wait.
    pub fn load(&self) -> (u32, u32) {
        let state = self.shared.state.borrow();
        (state.service.busy(), state.service.queued())
    }
}

impl Shared {
    /// A request is here. What comes back is its status, or nothing if the process goes down.
    fn arrive(self: &Rc<Self>) -> (u64, oneshot::Receiver<u16>) {
        let now = self.clock.now();
        self.advance(now);
        let (answer, answered) = oneshot::channel();
        let state = &mut *self.state.borrow_mut();
        let id = state.next;
        state.next += 1;
        let mut here = Here { answer, ticket: None, working: false };
        match state.service.arrive(now, id, id) {
            Arrival::Started(started) => {
                here.working = true;
                state.here.insert(id, here);
                self.begin(state, started);
            }
            Arrival::Queued(ticket) => {
                here.ticket = Some(ticket);
                state.here.insert(id, here);
            }
            Arrival::Refused(Refusal::Full) => drop(here.answer.send(FULL)),
            Arrival::Refused(Refusal::Down) => {}
        }
        (id, answered)
    }

    /// The one who asked has hung up.
    fn abandoned(self: &Rc<Self>, id: u64) {
        if !self.cancel {
            return;
        }
        let now = self.clock.now();
        self.advance(now);
        let state = &mut *self.state.borrow_mut();
        let Some(here) = state.here.remove(&id) else { return };
        if let Some(ticket) = here.ticket {
            state.service.withdraw(ticket);
        }
        if here.working {
            self.release(state, now);
        }
    }

    fn is_health_check(&self, path: &str) -> bool {
        self.health_path.as_deref() == Some(path)
    }

    /// At once, unless it hangs.
    async fn answer_check(&self) -> u16 {
        if self.state.borrow().service.condition().hangs {
            std::future::pending::<()>().await;
        }
        OK
    }

    fn set_condition(self: &Rc<Self>, condition: Condition) {
        self.advance(self.clock.now());
        let state = &mut *self.state.borrow_mut();
        if condition.down && !state.service.condition().down {
            state.service.crash();
            state.here.clear();
            state.due.clear();
        }
        state.service.set_condition(condition);
        self.down
            .send_if_modified(|down| std::mem::replace(down, condition.down) != condition.down);
    }

    /// Ends what is due, each at its own time.
    fn advance(self: &Rc<Self>, now: Instant) {
        let state = &mut *self.state.borrow_mut();
        while let Some(&Reverse((until, id))) = state.due.peek() {
            if until > now {
                break;
            }
            state.due.pop();
            if !state.here.contains_key(&id) {
                continue;
            }
            match state.service.finished(id) {
                Outcome::Error(status) => self.answer(state, until, id, status),
                Outcome::Done if self.steps.is_empty() => self.answer(state, until, id, OK),
                Outcome::Done => {
                    tokio::task::spawn_local(Rc::clone(self).ask_others(id));
                }
            }
        }
    }

    /// The steps of a request whose own work is done. Its worker stays with it.
    async fn ask_others(self: Rc<Self>, id: u64) {
        let mut status = OK;
        for step in &self.steps {
            if !ask_all(step).await {
                status = DEPENDENCY_FAILED;
                break;
            }
        }
        let now = self.clock.now();
        self.advance(now);
        self.answer(&mut self.state.borrow_mut(), now, id, status);
    }

    /// The answer leaves and the worker takes the next request.
    fn answer(self: &Rc<Self>, state: &mut State, now: Instant, id: u64, status: u16) {
        let Some(here) = state.here.remove(&id) else { return };
        // Nobody may be waiting any more; the work was done all the same.
        let _abandoned = here.answer.send(status);
        self.release(state, now);
    }

    fn release(self: &Rc<Self>, state: &mut State, now: Instant) {
        if let Some(started) = state.service.release(now) {
            if let Some(here) = state.here.get_mut(&started.request) {
                (here.ticket, here.working) = (None, true);
            }
            self.begin(state, started);
        }
    }

    fn begin(&self, state: &mut State, started: Started<u64>) {
        if started.until != Instant::NEVER {
            state.due.push(Reverse((started.until, started.request)));
            self.sooner.notify_one();
        }
    }

    async fn work(self: Rc<Self>) {
        loop {
            let next = self.state.borrow().due.peek().map(|Reverse((until, _))| *until);
            tokio::select! {
                () = self.clock.sleep_until(next.unwrap_or(Instant::NEVER)) => {}
                () = self.sooner.notified() => {}
            }
            self.advance(self.clock.now());
        }
    }
}

/// All calls of one step at once; whether the answer can still be given.
async fn ask_all(step: &[Step]) -> bool {
    let asked: Vec<_> = step
        .iter()
        .map(|step| {
            let (caller, question) = (Rc::clone(&step.caller), step.question.clone());
            tokio::task::spawn_local(async move { caller.ask(caller.now(), &question).await })
        })
        .collect();
    let mut well = true;
    for (asked, step) in asked.into_iter().zip(step) {
        let seen = asked.await;
        well &= step.omit || seen.is_ok_and(|seen| seen.is_good());
    }
    well
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The most that Linux gives by default; a storm of new connections is part of the show.
const BACKLOG: u32 = 4_096;
const OK: u16 = 200;
const FULL: u16 = 503;
/// What a service answers whose own call failed.
const DEPENDENCY_FAILED: u16 = 502;
