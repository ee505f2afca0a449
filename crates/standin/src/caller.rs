//! Other people's code that carries a call: the same engine, driven with other people's rules.
//!
//! Whether it retries at once and without end, or with care, stands in the rules of the design.
//! What it gives up is a connection that it closes; whether the other side stops working then is
//! the other side's affair.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use base::{CallId, Duration, EndpointId, Instant, Random, WorkerId};
use engine::l7::{Body, Exchange, Input, Key, Output, Request};
use engine::{Call, CallSpec, EndpointSpec, Pool, Rules, Shared};
use event::{Cause, Event, Scope, Sink, l4};
use tokio::sync::Notify;
use wire::l7::http1::write;

use crate::Clock;
use crate::connection::{Connection, Head, SIZE_FIELD};

/// Takes what callers report: all of them are on one thread.
pub type Listener = Rc<RefCell<dyn Sink>>;

/// Who carries which call, and how.
pub struct CallerSpec {
    /// Which call of the design.
    pub call: CallId,
    /// Its rules.
    pub rules: Rules,
    /// Whom it can ask.
    pub endpoints: Vec<(SocketAddr, EndpointSpec)>,
    /// How long an idle connection is kept.
    pub keep: Duration,
    /// Its chance: a stream of its own.
    pub random: Random,
    /// Where its events go.
    pub listener: Listener,
}

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Question {
    /// The HTTP method.
    pub method: String,
    /// The path.
    pub path: String,
    /// Bytes of the request's body.
    pub request: u64,
    /// Bytes that the answer's body should have.
    pub response: u64,
    /// The method may be repeated without harm.
    pub idempotent: bool,
}

/// What the one who asked saw of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// When it was meant to be sent.
    pub intended: Instant,
    /// From then to the end of the answer, or of all hope.
    pub took: Duration,
    /// Why it failed, if it did.
    pub cause: Option<Cause>,
    /// What a balancer that answered with this failure said was the reason (`Proxy-Status`).
    pub told: Option<Cause>,
    /// Tries that left.
    pub attempts: u8,
}

/// Carries a call.
pub struct Caller {
    clock: Clock,
    addresses: Vec<SocketAddr>,
    hosts: Vec<String>,
    call: RefCell<Call>,
    pool: RefCell<Pool<Connection>>,
    listener: Listener,
    /// Requests that wait for their turn.
    turns: RefCell<HashMap<Key, Rc<Notify>>>,
    next: Cell<u32>,
}

/// What an exchange waits for.
enum Doing {
    /// A turn, or the end of a backoff.
    Waiting(Instant),
    /// A connection, and that a request has left on it.
    Sending(Instant),
    /// The head of an answer.
    Expecting(Instant),
    /// The rest of it.
    Reading(Head, Instant),
}

impl Seen {
    /// Answered, and not with a failure.
    pub const fn is_good(&self) -> bool {
        self.cause.is_none()
    }
}

impl Caller {
    /// Nothing is connected yet.
    pub fn new(clock: Clock, spec: CallerSpec) -> Self {
        let now = clock.now();
        let (addresses, endpoints): (Vec<_>, Vec<_>) = spec.endpoints.into_iter().unzip();
        let shared = Arc::new(Shared::new(now, &spec.rules));
        let call = CallSpec {
            id: spec.call,
            worker: WorkerId(0),
            rules: spec.rules,
            endpoints: &endpoints,
            random: spec.random,
        };
        Self {
            clock,
            call: RefCell::new(Call::new(now, call, shared)),
            pool: RefCell::new(Pool::new(addresses.len(), spec.keep, MOST_IDLE)),
            hosts: addresses.iter().map(SocketAddr::to_string).collect(),
            addresses,
            listener: spec.listener,
            turns: RefCell::default(),
            next: Cell::new(0),
        }
    }

    /// The time on its clock.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Asks, as often as the rules say. `intended` is when this should have happened: an event
    /// loop that is late may not make its own latency look better.
    pub async fn ask(&self, intended: Instant, question: &Question) -> Seen {
        let key = Key(self.next.replace(self.next.get().wrapping_add(1)));
        let mut asking = Asking {
            caller: self,
            question,
            exchange: Exchange::new(self.now(), key),
            turn: Rc::default(),
            doing: Doing::Waiting(Instant::NEVER),
            endpoint: EndpointId(0),
            connection: None,
            status: 0,
            told: None,
            failed: None,
        };
        self.turns.borrow_mut().insert(key, Rc::clone(&asking.turn));
        let request = Request { idempotent_method: question.idempotent, ..Request::default() };
        asking.tell(Input::Begin(request));
        while !asking.exchange.is_done() {
            let input = asking.next().await;
            asking.tell(input);
        }
        self.turns.borrow_mut().remove(&key);
        asking.seen(intended)
    }

    fn emit(&self, endpoint: EndpointId, event: l4::Event) {
        let scope = Scope { call: self.call.borrow().id(), endpoint: Some(endpoint) };
        self.listener.borrow_mut().emit(self.now(), scope, Event::L4(event));
    }

    /// Somebody's turn has come.
    fn admit(&self, key: Key) {
        if let Some(turn) = self.turns.borrow().get(&key) {
            turn.notify_one();
        }
    }
}

/// One request that is being asked.
struct Asking<'a> {
    caller: &'a Caller,
    question: &'a Question,
    exchange: Exchange,
    turn: Rc<Notify>,
    doing: Doing,
    endpoint: EndpointId,
    connection: Option<Connection>,
    status: u16,
    told: Option<Cause>,
    failed: Option<Cause>,
}

impl Asking<'_> {
    /// Tells the exchange what happened, and does what it says.
    fn tell(&mut self, input: Input) {
        let now = self.caller.now();
        if matches!(input, Input::Failed { .. }) {
            self.connection = None;
        }
        {
            let call = &mut *self.caller.call.borrow_mut();
            let mut listener: &mut dyn Sink = &mut *self.caller.listener.borrow_mut();
            self.exchange.handle(now, input, call, &mut listener);
        }
        while let Some(output) = self.exchange.poll_output() {
            self.follow(now, output);
        }
    }

    fn follow(&mut self, now: Instant, output: Output) {
        match output {
            Output::Attempt { endpoint, until, .. } => {
                self.endpoint = endpoint;
                self.connection = self.caller.pool.borrow_mut().take(now, endpoint);
                self.doing = Doing::Sending(until);
            }
            Output::Wait { until } => self.doing = Doing::Waiting(until),
            Output::Relay { until } => {
                if let Doing::Reading(_, end) = &mut self.doing {
                    *end = until;
                }
            }
            Output::Cancel { .. } => self.connection = None,
            Output::Respond { cause, .. } | Output::Abort { cause } => self.failed = Some(cause),
            Output::Admit(key) => self.caller.admit(key),
            // There is but one worker: whoever is next is here.
            Output::Wake(_) => {
                let woken = self.caller.call.borrow_mut().woken(now);
                if let Some(Output::Admit(key)) = woken {
                    self.caller.admit(key);
                }
            }
        }
    }

    /// Waits for what happens next, or until it is too late for it.
    async fn next(&mut self) -> Input {
        match std::mem::replace(&mut self.doing, Doing::Waiting(Instant::NEVER)) {
            Doing::Waiting(until) => {
                // A turn that has come is taken even at the last moment: its permit is ours.
                let turn = self.caller.clock.within(until, self.turn.notified()).await;
                turn.map_or(LATE, |()| Input::Turn)
            }
            Doing::Sending(until) => {
                let sent = self.caller.clock.within(until, self.send()).await;
                self.doing = Doing::Expecting(until);
                sent.map_or(LATE, |sent| sent.map_or_else(failed, |()| Input::Sent))
            }
            Doing::Expecting(until) => {
                let head = self.caller.clock.within(until, self.head()).await;
                head.map_or(LATE, |head| head.map_or_else(failed, |head| self.on_head(head, until)))
            }
            Doing::Reading(head, until) => {
                let read = self.caller.clock.within(until, self.read(&head)).await;
                read.map_or(LATE, |read| read.map_or_else(failed, |()| Input::Finished))
            }
        }
    }

    async fn send(&mut self) -> Result<(), Cause> {
        if self.connection.is_none() {
            self.connect().await?;
        } else {
            self.caller.emit(self.endpoint, l4::Event::Reused);
        }
        let request = self.request();
        self.connection.as_mut().ok_or(Cause::Closed)?.send(&request).await
    }

    async fn connect(&mut self) -> Result<(), Cause> {
        let caller = self.caller;
        let begun = caller.now();
        let within = caller.call.borrow().rules().connect_timeout.unwrap_or(Duration::MAX);
        let opened = Connection::open(caller.addresses[self.endpoint.index()]);
        let opened = caller.clock.within(begun + within, opened).await;
        let connection = opened.unwrap_or(Err(Cause::ConnectTimeout)).inspect_err(|&cause| {
            caller.emit(self.endpoint, l4::Event::ConnectFailed { cause });
        })?;
        caller.emit(self.endpoint, l4::Event::Connected { took: caller.now().since(begun) });
        self.connection = Some(connection);
        Ok(())
    }

    async fn head(&mut self) -> Result<Head, Cause> {
        let connection = self.connection.as_mut().ok_or(Cause::Closed)?;
        connection.head(&self.question.method).await
    }

    fn on_head(&mut self, head: Head, until: Instant) -> Input {
        (self.status, self.told) = (head.status, head.told);
        let retry_after = head.retry_after;
        let (status, body) = (head.status, Body::Kept);
        let input = Input::Head { status, retry_after, attempts: 1, body };
        self.doing = Doing::Reading(head, until);
        input
    }

    async fn read(&mut self, head: &Head) -> Result<(), Cause> {
        let keep = self.connection.as_mut().ok_or(Cause::Closed)?.finish(head).await?;
        if let Some(connection) = self.connection.take().filter(|_| keep) {
            let now = self.caller.now();
            drop(self.caller.pool.borrow_mut().put(now, self.endpoint, connection));
        }
        Ok(())
    }

    fn request(&self) -> Vec<u8> {
        let Question { method, path, request, response, .. } = self.question;
        let mut out = Vec::with_capacity(256);
        write::request_line(&mut out, method, path);
        write::field(&mut out, "Host", self.caller.hosts[self.endpoint.index()].as_bytes());
        write::number_field(&mut out, SIZE_FIELD, *response);
        if *request > 0 {
            write::number_field(&mut out, "Content-Length", *request);
        }
        write::end(&mut out);
        out.extend((0..*request).map(|_| b'x'));
        out
    }

    fn seen(&self, intended: Instant) -> Seen {
        let refused = (self.status >= 400).then_some(Cause::of_status(self.status));
        Seen {
            intended,
            took: self.caller.now().since(intended),
            cause: self.failed.or(refused),
            told: self.told.filter(|_| refused.is_some()),
            attempts: self.exchange.attempts(),
        }
    }
}

const LATE: Input = Input::Time { body: Body::Kept };

const fn failed(cause: Cause) -> Input {
    Input::Failed { cause, refused_by_peer: false, body: Body::Kept }
}

/// To one endpoint. More than callers usually keep: a demo that ran out of ports would show that
/// instead.
const MOST_IDLE: usize = 1_024;
