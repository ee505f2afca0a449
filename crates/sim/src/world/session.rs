//! Sessions: requests that stay open, as streams and WebSockets do.
//!
//! A session opens like any request, through the real exchanges. Then it stands: at the client, at
//! each balancer on its way and at the service, where it holds a permit, a descriptor and memory,
//! but no worker. When an instance on its way goes, the client opens it anew after the backoff of its
//! call. Clients whose backoff has no jitter all come back at the same moment.
//!
//! ```text
//!   opening ──► stands ──► over
//!      ▲          │ an instance on its way is gone
//!      └─ backoff ┘
//! ```
//!
//! A run begins with the sessions that are open in a system that has been up for long (see
//! `model::traffic::Holding`): they stand at time zero, at no cost.
//!
//! Where messages are delays, those of a session are not events: at a rate that never changes their
//! number is rate times time. With packets a session that stands is a connection, or a stream of
//! one, at each hop, and they are bytes on it (see `transport::standing`); in a run of which only
//! the verdict is wanted, no more than those that would not arrive.

mod beats;
mod from_the_start;

use base::{Duration, Instant, Random};
use config::design::{NodeKind, Protocol};
use event::Cause;
use model::traffic::Item;

use super::World;
use super::event::Event;
use super::flight::{Flight, Parent, Start};
use super::job::State;
use super::slab::Handle;
use super::tap::examples::End;
use crate::stats::{Ended, Outcome, mix};

/// What a client wants to have open.
#[derive(Clone, Debug)]
pub(super) struct Session {
    id: u64,
    client: u16,
    /// The instance that the client is at.
    from: u32,
    kind: u16,
    item: Item,
    chance: u64,
    /// How long it is to be open.
    holds: Duration,
    /// When it will be over, once it has stood.
    ends: Instant,
    /// Since when it stands, if it does.
    since: Option<Instant>,
    flight: Handle,
    /// How often it was opened anew, and how often in a row that failed.
    reconnects: u32,
    failures: u8,
    /// Its first opening is a request of a client, and counts as such.
    is_asked: bool,
    /// When its next message is an event; never if none is.
    next_beat: Instant,
}

/// A client that comes back at once needs at least the time of a round trip.
const LEAST_PAUSE: Duration = Duration::from_micros(500);

impl World<'_> {
    /// A client asks for a session.
    pub(super) fn ask_session(&mut self, now: Instant, start: Start, client: u16, id: u64) {
        let Some(holding) = self.plan.requests.kinds[usize::from(start.kind)].holds else { return };
        let holds =
            holding.draw(&mut Random::of(self.seed, "sessions", "holds").child(start.chance));
        let from = self.engines[start.engine as usize].from;
        self.open_session(
            now,
            Session {
                id,
                client,
                from,
                kind: start.kind,
                item: start.item,
                chance: start.chance,
                holds,
                ends: Instant::NEVER,
                since: None,
                flight: Handle::NOBODY,
                reconnects: 0,
                failures: 0,
                is_asked: true,
                next_beat: Instant::NEVER,
            },
        );
    }

    pub(super) fn open_session(&mut self, now: Instant, session: Session) {
        let handle = self.sessions.insert(session);
        self.begin_session(now, handle);
    }

    fn begin_session(&mut self, now: Instant, handle: Handle) {
        let plan = self.plan;
        let flight = self.flights.next_handle();
        let Some(session) = self.sessions.get_mut(handle) else { return };
        session.flight = flight;
        let session = session.clone();
        let call = plan.requests.clients[usize::from(session.client)].call;
        let call = plan.requests.variant(call, session.kind);
        let start = Start {
            engine: plan.engine(call, session.from, plan.engine_number(call, session.kind, 0)),
            parent: Parent::Session { session: handle, id: session.id },
            kind: session.kind,
            item: session.item,
            chance: mix(session.chance ^ u64::from(session.reconnects)),
            request: self.request_of(session.kind),
            fallbacks: 0,
            holds: true,
            astray: false,
        };
        self.begin(now, start);
    }

    /// The head of an answer has come for a flight that is to stay open.
    pub(super) fn stand(&mut self, now: Instant, handle: Handle) {
        let Some(flight) = self.flights.get(handle) else { return };
        let engine = &self.engines[flight.engine() as usize];
        let (is_ours, from) = (engine.is_ours(), engine.from);
        let is_stream = self.plan.design.call(engine.call.id()).protocol == Protocol::Grpc;
        let (parent, kind, attempt) = (flight.parent(), flight.kind(), flight.attempts());
        let idle = engine.call.rules().idle_timeout.filter(|_| is_ours);
        let messages = self.plan.requests.kinds[usize::from(kind)].messages;
        // Messages come at equal distances: too far apart once, too far apart always.
        if let Some(idle) = idle.filter(|&idle| messages.interval() > idle) {
            let broken = Event::Broken { flight: handle, attempt, cause: Cause::IdleTimeout };
            self.push_local(now + idle, from, broken);
        }
        // The request that a 101 answers is over; what follows is a tunnel (RFC 9110, 15.2.2).
        self.opened(now, handle, !is_ours || !is_stream);
        self.arm(handle);
        match parent {
            Parent::Job(job) => self.hold(now, job),
            Parent::Session { session, .. } => self.session_stands(now, session, handle),
            Parent::Client { .. } | Parent::Connection(_) => {}
        }
    }

    fn session_stands(&mut self, now: Instant, handle: Handle, flight: Handle) {
        if self.sessions.get(handle).is_none() {
            return self.close_flight(now, flight);
        }
        let Some(session) = self.sessions.get_mut(handle) else { return };
        let is_first = session.ends == Instant::NEVER;
        (session.since, session.failures) = (Some(now), 0);
        if is_first {
            let is_late = now >= self.plan.times.end;
            session.ends = if is_late { now } else { now + session.holds };
        }
        let (from, ends) = (session.from, session.ends);
        let (is_new, id) = (is_first && session.is_asked, session.id);
        self.stats.session_stands(now, is_new);
        if is_new {
            let arrived = self.flights.get(flight).map_or(now, Flight::arrived);
            let quality = self.flights.get(flight).map(Flight::quality).unwrap_or_default();
            self.stats.answered(now, arrived, id, Outcome::Answered(quality));
        }
        if is_first {
            self.push_local(ends, from, Event::SessionEnds { session: handle });
        }
        if self.has_wires(flight) {
            self.schedule_beat(now, handle);
        }
    }

    /// Its time is over: it closes in good order, wherever it is.
    pub(super) fn on_session_ends(&mut self, now: Instant, handle: Handle) {
        let Some(session) = self.sessions.remove(handle) else { return };
        if let Some(since) = session.since {
            self.session_stood(now, &session, since);
            self.close_flight(now, session.flight);
        } else {
            self.tell(now, session.flight, engine::l7::Input::ClientLeft);
        }
    }

    /// Traffic has ended: nobody is interested any more. Who is about to open gets his answer first.
    pub(super) fn on_close_sessions(&mut self, now: Instant) {
        self.stats.sessions.close();
        let has_stood = |session: &Session| session.ends != Instant::NEVER;
        let open = self.sessions.iter().filter(|(_, session)| has_stood(session));
        let mut open: Vec<_> = open.map(|(handle, session)| (session.id, handle)).collect();
        open.sort_unstable();
        for (_, session) in open {
            self.on_session_ends(now, session);
        }
    }

    /// Sessions that clients have asked for since then and that were neither opened nor refused.
    pub(super) fn count_unopened(&self, since: Instant) -> u64 {
        let waits = |session: &Session| {
            let arrived = self.flights.get(session.flight).map(Flight::arrived);
            let is_first = session.is_asked && session.ends == Instant::NEVER;
            is_first && arrived.is_some_and(|arrived| arrived >= since)
        };
        self.sessions.iter().filter(|(_, session)| waits(session)).count() as u64
    }

    /// The flight of a session has ended, and not because the session was over.
    pub(super) fn session_broke(
        &mut self,
        now: Instant,
        handle: Handle,
        arrived: Instant,
        ended: Ended,
    ) {
        let Some(session) = self.sessions.get_mut(handle) else { return };
        session.flight = Handle::NOBODY;
        let stood = session.since.take();
        let Some(stood) = stood else {
            let cause = ended.cause.unwrap_or(Cause::of_status(ended.status));
            return self.opening_failed(now, handle, arrived, cause);
        };
        let session = session.clone();
        self.session_stood(now, &session, stood);
        self.stats.session_lost(now, session.id);
        self.reconnect(now, handle);
    }

    fn opening_failed(&mut self, now: Instant, handle: Handle, arrived: Instant, cause: Cause) {
        let Some(session) = self.sessions.get_mut(handle) else { return };
        session.failures = session.failures.saturating_add(1);
        let is_first = session.ends == Instant::NEVER;
        let (id, is_asked) = (session.id, session.is_asked);
        self.stats.session_refused(now, is_first);
        if !is_first {
            return self.reconnect(now, handle);
        }
        if !is_asked {
            return self.ask_on(now, handle);
        }
        self.sessions.remove(handle);
        self.stats.answered(now, arrived, id, Outcome::Failed(cause));
    }

    /// A session of the start that found no room is wanted all the same, as long as it would have
    /// stood.
    fn ask_on(&mut self, now: Instant, handle: Handle) {
        let Some(session) = self.sessions.get_mut(handle) else { return };
        session.ends = now + session.holds;
        let (from, ends) = (session.from, session.ends);
        self.push_local(ends, from, Event::SessionEnds { session: handle });
        self.reconnect(now, handle);
    }

    /// A client opens its session anew if its call retries at all, after the backoff of its call,
    /// until it stands or would be over. Each opening has the tries of the call.
    fn reconnect(&mut self, now: Instant, handle: Handle) {
        let Some(session) = self.sessions.get_mut(handle) else { return };
        let call = self.plan.requests.clients[usize::from(session.client)].call;
        let retry = &self.plan.design.call(call).rules.retry;
        session.reconnects += 1;
        let mut random = Random::of(self.seed, "sessions", "backoff")
            .child(session.chance)
            .child(session.reconnects.into());
        let pause = retry.backoff.map_or(Duration::ZERO, |backoff| {
            backoff.draw(session.failures.saturating_add(1), &mut random)
        });
        let at = now + pause.max(LEAST_PAUSE);
        if retry.attempts <= 1 || at >= session.ends.min(self.plan.times.end) {
            self.sessions.remove(handle);
            return;
        }
        let from = session.from;
        self.push_local(at, from, Event::Reconnect { session: handle });
    }

    pub(super) fn on_reconnect(&mut self, now: Instant, handle: Handle) {
        if self.sessions.get(handle).is_some() {
            self.stats.reconnects(now);
            self.begin_session(now, handle);
        }
    }

    /// Counts what it carried while it stood.
    fn session_stood(&mut self, now: Instant, session: &Session, since: Instant) {
        let messages = self.plan.requests.kinds[usize::from(session.kind)].messages;
        self.stats.session_over(now.since(since), messages);
    }

    /// A job answers with a head and stays: with its session, but without a worker.
    pub(super) fn hold(&mut self, now: Instant, handle: Handle) {
        let Some(job) = self.jobs.get(handle) else { return };
        let is_awaited =
            self.flights.get(job.caller).is_some_and(|flight| flight.awaits(job.attempt));
        if !is_awaited {
            return self.abandon(now, handle);
        }
        if now > Instant::ZERO && self.has_lost_its_wire(handle) {
            return self.abandon(now, handle);
        }
        self.free_worker(now, handle);
        let Some(job) = self.jobs.get_mut(handle) else { return };
        job.state = State::Holding;
        let answer = job.answer(OPENED);
        self.tap.work_ended(now, handle, End::Answered(OPENED));
        let (instance, to) = (job.instance, self.engines[job.engine as usize].from);
        if now == Instant::ZERO {
            self.push_standing(now, instance, to, answer);
        } else {
            self.reply(now, handle, answer);
        }
    }

    /// A flight ends in good order, and whoever holds the other end is told.
    fn close_flight(&mut self, now: Instant, handle: Handle) {
        if self.has_wires(handle) {
            self.say_farewell(now, handle);
            return self.tell(now, handle, engine::l7::Input::Finished);
        }
        let Some(flight) = self.flights.get_mut(handle) else { return };
        let (engine, job) = (flight.engine(), flight.take_job());
        if let Some((job, target)) = job.and_then(|job| Some((job, self.jobs.get(job)?.instance))) {
            let from = self.engines[engine as usize].from;
            self.push_standing(now, from, target, Event::Closed { job });
        }
        self.tell(now, handle, engine::l7::Input::Finished);
    }

    /// The caller closed the session in good order.
    pub(super) fn on_closed(&mut self, now: Instant, handle: Handle) {
        let mut child = self.jobs.get(handle).and_then(|job| job.child);
        self.leave_wire(handle);
        self.retire(now, handle);
        while let Some(flight) = child {
            child = self.flights.get(flight).and_then(|flight| flight.sibling);
            self.close_flight(now, flight);
        }
    }

    /// The way onwards of a session broke.
    pub(super) fn way_broke(&mut self, now: Instant, handle: Handle) {
        let Some(job) = self.jobs.get(handle) else { return };
        // Who leaves all its ways needs no news of them.
        if job.pending != u16::MAX {
            self.break_session(now, handle, Cause::Reset);
        }
    }

    /// A session breaks here.
    pub(super) fn break_session(&mut self, now: Instant, handle: Handle, cause: Cause) {
        if self.jobs.get(handle).is_some_and(|job| job.state == State::Holding) {
            self.leave_children(now, handle);
            self.break_off(now, handle, cause);
        }
    }

    /// An instance that is drained says goodbye to its sessions: a balancer of ours one after the
    /// other over the time that it has, everybody else at once.
    pub(super) fn dismiss_sessions(&mut self, now: Instant, at: u32, within: Duration) {
        let node = self.plan.design.node(self.plan.instances[at as usize].node);
        let is_ours = matches!(node.kind, NodeKind::Balancer(_));
        let all = self.jobs_at(at, |state| state == State::Holding);
        let step = if is_ours { within.as_nanos() / (all.len().max(1) as u64) } else { 0 };
        for (job, number) in all.into_iter().zip(0_u64..) {
            let when = now + Duration::from_nanos(step * number);
            self.push_local(when, at, Event::Dismissed { job });
        }
    }

    /// What concerns a session that stands travels as a message where there are no packets, and at
    /// time zero, without any delay.
    pub(super) fn push_standing(&mut self, now: Instant, from: u32, to: u32, event: Event) {
        let (sender, receiver) =
            (self.instances[from as usize].party, self.instances[to as usize].party);
        let delay = if now == Instant::ZERO { Duration::ZERO } else { self.plan.delay(from, to) };
        self.queue.push(now + delay, sender, receiver, event);
    }
}

/// The status of the head with which a session opens.
const OPENED: u16 = 200;

#[cfg(test)]
mod tests;
