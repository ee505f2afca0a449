//! A request as its caller sees it: the real exchange, driven by events.

mod ending;
mod trying;

use base::{Instant, WorkerId};
use engine::l7::{Body, Exchange, Input, Key, Output, Request};
use event::Cause;
use model::quality::Quality;
use model::traffic::Item;

use super::World;
use super::cache::Vintage;
use super::ears::Ears;
use super::slab::Handle;
use super::tap::examples::Asked;

/// A request under way.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    exchange: Exchange,
    engine: u32,
    /// The connection that its try went over, if there is one.
    pub(super) connection: Handle,
    parent: Parent,
    kind: u16,
    item: Item,
    /// What all chance about this request hangs on.
    chance: u64,
    /// The try that is under way.
    job: Option<Handle>,
    /// The earliest timer that it has set.
    pub(super) timer: Instant,
    /// How good the answer is.
    quality: Quality,
    /// How up to date it is.
    pub(super) vintage: Vintage,
    /// How many other nodes were asked instead of the first.
    fallbacks: u8,
    /// It goes to the wrong place.
    astray: bool,
    stay: Stay,
    /// The next flight of the same job.
    pub(super) sibling: Option<Handle>,
}

/// How a request begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub(super) engine: u32,
    pub(super) parent: Parent,
    pub(super) kind: u16,
    pub(super) item: Item,
    pub(super) chance: u64,
    pub(super) request: Request,
    pub(super) fallbacks: u8,
    /// It is the way of a session.
    pub(super) holds: bool,
    /// It is sent to the wrong place.
    pub(super) astray: bool,
}

/// Who waits for the answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Parent {
    /// Somebody outside.
    Client { id: u64 },
    /// A job that needs it.
    Job(Handle),
    /// A client's connection to a balancer that shares out connections.
    Connection(Handle),
    /// Somebody outside who wants it to stay open.
    Session { session: Handle, id: u64 },
}

/// Whether a flight ends with its answer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stay {
    /// It does.
    Ends,
    /// It is to stay open once an answer has come.
    Opens,
    /// It stays open, and its own deadline still ends it, as that of a gRPC stream does.
    Stands,
    /// It stays open: the timeout of a tunnel, and everyone of other people's, is for the opening.
    Unbound,
}

impl Flight {
    /// A client's request that arrived at that time or later.
    pub(super) fn is_clients_since(&self, time: Instant) -> bool {
        matches!(self.parent, Parent::Client { .. }) && self.exchange.arrived() >= time
    }

    /// When it wants to be told the time.
    pub(super) fn due(&self) -> Instant {
        match self.stay {
            Stay::Unbound => Instant::NEVER,
            Stay::Ends | Stay::Opens | Stay::Stands => self.exchange.next_deadline(),
        }
    }

    pub(super) const fn kind(&self) -> u16 {
        self.kind
    }

    pub(super) const fn parent(&self) -> Parent {
        self.parent
    }

    pub(super) const fn attempts(&self) -> u8 {
        self.exchange.attempts()
    }

    /// Those of the hops behind included, as far as its answer tells them.
    pub(super) const fn attempts_in_all(&self) -> u8 {
        self.exchange.attempts_in_all()
    }

    pub(super) const fn arrived(&self) -> Instant {
        self.exchange.arrived()
    }

    /// Another node is asked than the first.
    pub(super) const fn is_fallback(&self) -> bool {
        self.fallbacks > 0
    }

    pub(super) const fn quality(&self) -> Quality {
        self.quality
    }

    pub(super) const fn take_job(&mut self) -> Option<Handle> {
        self.job.take()
    }

    /// It is to stay open, or does.
    pub(super) fn is_to_stay(&self) -> bool {
        self.stay != Stay::Ends
    }

    /// It is somebody's session: a device with a connection of its own.
    pub(super) const fn is_of_session(&self) -> bool {
        matches!(self.parent, Parent::Session { .. })
    }

    /// The try that is under way.
    pub(super) const fn job(&self) -> Option<Handle> {
        self.job
    }

    /// It stays open from now on.
    const fn stands(&mut self, is_unbound: bool) {
        self.stay = if is_unbound { Stay::Unbound } else { Stay::Stands };
    }

    /// The client's connection for which an endpoint is looked for, if it is about one.
    pub(super) const fn spliced(&self) -> Option<Handle> {
        match self.parent {
            Parent::Connection(connection) => Some(connection),
            Parent::Client { .. } | Parent::Job(_) | Parent::Session { .. } => None,
        }
    }

    pub(super) const fn engine(&self) -> u32 {
        self.engine
    }

    /// Whether somebody still waits for this try.
    pub(super) fn awaits(&self, attempt: u8) -> bool {
        self.job.is_some() && self.exchange.attempts() == attempt
    }
}

impl World<'_> {
    /// A request begins. It may end at once.
    pub(super) fn begin(&mut self, now: Instant, start: Start) {
        let handle = self.flights.next_handle();
        let flight = Flight {
            exchange: Exchange::new(now, Key(handle.slot())),
            engine: start.engine,
            connection: Handle::NOBODY,
            parent: start.parent,
            kind: start.kind,
            item: start.item,
            chance: start.chance,
            job: None,
            timer: Instant::NEVER,
            quality: Quality::Complete,
            vintage: Vintage::NONE,
            fallbacks: start.fallbacks,
            astray: start.astray,
            stay: if start.holds { Stay::Opens } else { Stay::Ends },
            sibling: None,
        };
        self.flights.insert(flight);
        self.tell_tap(now, handle, start);
        if let Parent::Job(job) = start.parent {
            self.link(job, handle);
        }
        self.tell(now, handle, Input::Begin(start.request));
    }

    fn tell_tap(&mut self, now: Instant, flight: Handle, start: Start) {
        if !self.tap.is_on() {
            return;
        }
        let engine = &self.engines[start.engine as usize];
        let id = match start.parent {
            Parent::Client { id } | Parent::Session { id, .. } => id,
            Parent::Job(_) | Parent::Connection(_) => start.chance,
        };
        let asked = Asked { id, kind: start.kind, call: engine.call.id(), from: engine.from };
        match start.parent {
            Parent::Client { .. } | Parent::Session { .. } => {
                self.tap.client_asked(now, flight, asked);
            }
            Parent::Job(job) => self.tap.job_asked(now, job, flight, asked),
            Parent::Connection(_) => {}
        }
    }

    /// Tells a flight what happened, and whoever's turn comes because of it.
    pub(super) fn tell(&mut self, now: Instant, flight: Handle, input: Input) {
        self.step(now, flight, input);
        while let Some((next, input)) = self.turns.pop_front() {
            self.step(now, next, input);
        }
    }

    pub(super) fn on_answer(
        &mut self,
        now: Instant,
        flight: Handle,
        attempt: u8,
        (status, tries): (u16, u8),
        quality: Quality,
    ) {
        let Some(state) = self.flights.get_mut(flight).filter(|flight| flight.awaits(attempt))
        else {
            return;
        };
        state.quality = quality;
        if status >= 400 {
            state.stay = Stay::Ends;
        }
        self.tap.answer_came(flight, status);
        let (retry_after, body) = (None, Body::Kept);
        self.tell(now, flight, Input::Head { status, retry_after, attempts: tries, body });
    }

    pub(super) fn on_broken(&mut self, now: Instant, flight: Handle, attempt: u8, cause: Cause) {
        let Some(state) = self.flights.get_mut(flight).filter(|flight| flight.awaits(attempt))
        else {
            return;
        };
        if cause == Cause::IdleTimeout {
            self.leave(now, flight);
        } else {
            state.job = None;
        }
        self.tell(now, flight, Input::Failed { cause, refused_by_peer: false, body: Body::Kept });
    }

    fn step(&mut self, now: Instant, handle: Handle, input: Input) {
        let mut input = input;
        loop {
            let Some(flight) = self.flights.get_mut(handle) else { return };
            let call = &mut self.engines[flight.engine as usize].call;
            self.tap.turn_to(handle, flight.engine);
            self.stats.turn_to(matches!(flight.stay, Stay::Stands | Stay::Unbound));
            let mut ears = Ears { stats: &mut self.stats, tap: &mut self.tap };
            flight.exchange.handle(now, input, call, &mut ears);
            let mut next = flight.exchange.poll_output();
            let mut is_relayed = false;
            while let Some(output) = next {
                is_relayed |= matches!(output, Output::Relay { .. });
                self.act(now, handle, output);
                next = self.poll(handle);
            }
            if !is_relayed {
                break;
            }
            match self.flights.get(handle) {
                Some(flight) if flight.stay == Stay::Opens => return self.stand(now, handle),
                // A message arrives whole: head and body at once.
                Some(flight) if flight.spliced().is_none() => input = Input::Finished,
                _ => {
                    self.opened(now, handle, false);
                    break;
                }
            }
        }
        match self.stats.take_ended() {
            Some(ended) => self.end(now, handle, ended),
            None => self.arm(handle),
        }
    }

    /// What stays open has been answered, and its caller waits no longer.
    pub(super) fn opened(&mut self, now: Instant, handle: Handle, is_unbound: bool) {
        let Some(flight) = self.flights.get_mut(handle) else { return };
        flight.stands(is_unbound);
        let call = self.engines[flight.engine as usize].call.id();
        self.stats.opened(now, call, now.since(flight.exchange.arrived()));
    }

    fn poll(&mut self, handle: Handle) -> Option<Output> {
        self.flights.get_mut(handle)?.exchange.poll_output()
    }

    fn act(&mut self, now: Instant, handle: Handle, output: Output) {
        match output {
            Output::Attempt { endpoint, number, remaining, .. } => {
                self.send(now, handle, endpoint, number, remaining);
            }
            Output::Cancel { .. } => self.leave(now, handle),
            Output::Admit(key) => self.admit(key),
            Output::Wake(worker) => self.wake(now, handle, worker),
            Output::Wait { .. }
            | Output::Relay { .. }
            | Output::Respond { .. }
            | Output::Abort { .. } => {}
        }
    }

    fn admit(&mut self, key: Key) {
        if let Some(flight) = self.flights.at(key.0) {
            self.turns.push_back((flight, Input::Turn));
        }
    }

    /// Another worker of the same instance may have somebody to admit.
    fn wake(&mut self, now: Instant, handle: Handle, worker: WorkerId) {
        let Some(flight) = self.flights.get(handle) else { return };
        let engine = &self.engines[flight.engine as usize];
        let (call, from) = (engine.call.id(), engine.from);
        let mut worker = Some(worker);
        while let Some(next) = worker.take() {
            let other = self.plan.engine(call, from, next.0) as usize;
            while let Some(output) = self.engines[other].call.woken(now) {
                match output {
                    Output::Admit(key) => self.admit(key),
                    Output::Wake(further) => {
                        worker = Some(further);
                        break;
                    }
                    _ => {}
                }
            }
        }
    }

    /// What the deciding code is told of a kind of request.
    pub(super) fn request_of(&self, kind: u16) -> Request {
        Request {
            idempotent_method: self.plan.requests.kinds[usize::from(kind)].idempotent,
            ..Request::default()
        }
    }
}
