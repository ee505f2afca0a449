//! Sessions that stand, on connections.
//!
//! A session is a connection at each hop, or a stream of one that others share: the client's is its
//! own, since each session is another device. While it stands, its messages are bytes on them.
//! Whatever ends a connection ends the sessions on it, and each end learns of it in its own time:
//! at once from a reset, and from silence only when it has something to say itself.
//!
//! Sessions that stand at time zero were opened long before: their connections stand with them.

use base::Instant;
use event::Cause;
use netsim::l4::tcp::Input;

use super::super::World;
use super::super::event::Event;
use super::super::flight::{Flight, Parent};
use super::super::job::{Job, State};
use super::super::slab::Handle;
use super::channel::Place;
use super::connection::{CALLED, CALLER, End, Stage, Stream};
use super::net::whose;
use super::sizes::farewell;
use crate::world::tap::packets::Message;

impl World<'_> {
    /// Whether what a flight says and hears travels on a connection.
    pub(in crate::world) fn has_wires(&self, flight: Handle) -> bool {
        let is_datagram = |flight: &Flight| self.is_datagram(flight.engine());
        self.net.is_some() && self.flights.get(flight).is_some_and(|flight| !is_datagram(flight))
    }

    /// The connection that a job came over has gone while it was opening a session.
    pub(in crate::world) fn has_lost_its_wire(&self, job: Handle) -> bool {
        let Some(net) = self.net.as_deref() else { return false };
        self.jobs.get(job).is_some_and(|job| {
            let stands = |end: &End| end.stands();
            let connection = net.connections.get(job.connection);
            !self.is_datagram(job.engine)
                && !connection.is_some_and(|it| stands(&it.ends[usize::from(CALLED)]))
        })
    }

    /// Gives a try that stands from the beginning a connection that does. Whether there is one;
    /// else its flight is told.
    pub(in crate::world) fn settle_on_wire(&mut self, now: Instant, job: Handle) -> bool {
        let Some(state) = self.jobs.get(job) else { return false };
        let (engine, flight, attempt) = (state.engine, state.caller, state.attempt);
        if !self.has_wires(flight) {
            return true;
        }
        match self.standing_place(now, job) {
            Ok(connection) => {
                self.sit_down(job, connection);
                true
            }
            Err(cause) => {
                self.jobs.remove(job);
                let from = self.engines[engine as usize].from;
                self.push_local(now, from, Event::Broken { flight, attempt, cause });
                false
            }
        }
    }

    fn standing_place(&mut self, now: Instant, job: Handle) -> Result<Handle, Cause> {
        let Some(state) = self.jobs.get(job) else { return Err(Cause::Closed) };
        let (engine, target, flight) = (state.engine, state.instance, state.caller);
        if !self.instances[target as usize].accepts(now) {
            return Err(Cause::Refused);
        }
        let to = self.endpoint_of(engine, target);
        match self.place_of(now, engine, to, flight) {
            Place::On(connection) => Ok(connection),
            Place::Wait => Err(Cause::Exhausted),
            Place::New => {
                let from = self.engines[engine as usize].from;
                let (way, is_alone) = (self.plan.delay(from, target), self.is_alone(flight));
                let made = self.with_net(|net, around| {
                    let made = net.stand(now, engine, to, (from, target), way, around)?;
                    net.opened(engine, to, made, is_alone);
                    Ok(made)
                });
                made.unwrap_or(Err(Cause::Closed))
            }
        }
    }

    /// A try has its place on a connection at both ends.
    fn sit_down(&mut self, job: Handle, handle: Handle) {
        let (Some(net), Some(state)) = (self.net.as_deref_mut(), self.jobs.get_mut(job)) else {
            return;
        };
        let Some(connection) = net.connections.get_mut(handle) else { return };
        let number = connection.next_stream;
        connection.next_stream += 2;
        connection.stage = Stage::Busy;
        let stream = Stream { job, flight: state.caller, attempt: state.attempt, number };
        connection.streams.push(stream);
        connection.serving.push(job);
        (state.connection, state.stream) = (handle, number);
        if let Some(flight) = self.flights.get_mut(state.caller) {
            flight.connection = handle;
        }
    }

    /// Whether an answer of this status lets a session stand: its stream stays.
    pub(super) fn opens_session(&self, flight: Handle, status: u16) -> bool {
        status < 400 && self.flights.get(flight).is_some_and(Flight::is_to_stay)
    }

    /// The caller of a session has a message for who is called, whether or not he is still there.
    pub(in crate::world) fn say_down(&mut self, now: Instant, flight: Handle) {
        let Some(state) = self.flights.get(flight) else { return };
        let Some(job) = state.job() else { return };
        let (engine, kind, connection) = (state.engine(), state.kind(), state.connection);
        let number = self.stream_of(connection, job).map_or(1, |stream| stream.number);
        let message = self.message_of_kind(kind, self.speech(engine), whose(CALLER));
        let said = (Message { stream: number, ..message }, Event::Message { job });
        self.with_net(|net, around| net.write(now, connection, CALLER, said, around));
    }

    /// Whether what a session says now comes to the other end of its way: the network keeps
    /// everything, and each connection stands at both ends.
    pub(in crate::world) fn would_arrive(&self, flight: Handle) -> bool {
        let Some(net) = self.net.as_deref().filter(|_| self.plan.network.keeps_all) else {
            return false;
        };
        let mut next = Some(flight);
        while let Some(state) = next.and_then(|flight| self.flights.get(flight)) {
            let connection = net.connections.get(state.connection);
            let stands = connection.is_some_and(|it| it.ends.iter().all(End::stands));
            let Some(job) = state.job().filter(|_| stands) else { return false };
            if self.jobs.get(job).is_none_or(|job| job.state != State::Holding) {
                return false;
            }
            next = self.flight_behind(job);
        }
        true
    }

    /// The called end of a connection is no more. Its reset may be lost where thousands leave at once,
    /// and then those who hold sessions at the other end learn of it only when they say something.
    pub(super) fn doubt_sessions_on(&mut self, now: Instant, handle: Handle) {
        let connection = self.net.as_deref().and_then(|net| net.connections.get(handle));
        let Some(connection) = connection.filter(|it| it.ends[usize::from(CALLER)].stands()) else {
            return;
        };
        let flights: Vec<_> = connection.streams.iter().map(|stream| stream.flight).collect();
        for flight in flights {
            if let Some(session) = self.session_of(flight) {
                self.schedule_beat(now, session);
            }
        }
    }

    /// The session that a flight carries, perhaps for others.
    fn session_of(&self, mut flight: Handle) -> Option<Handle> {
        loop {
            match self.flights.get(flight)?.parent() {
                Parent::Session { session, .. } => return Some(session),
                Parent::Job(job) => flight = self.jobs.get(job)?.caller,
                Parent::Client { .. } | Parent::Connection(_) => return None,
            }
        }
    }

    fn stream_of(&self, connection: Handle, job: Handle) -> Option<&Stream> {
        let connection = self.net.as_deref()?.connections.get(connection)?;
        connection.streams.iter().find(|stream| stream.job == job)
    }

    /// The service at the other end of a session has a message for the client.
    pub(in crate::world) fn say_from_service(&mut self, now: Instant, flight: Handle) {
        let mut last = self.flights.get(flight).and_then(Flight::job);
        while let Some(next) = last.and_then(|job| self.flight_behind(job)) {
            last = self.flights.get(next).and_then(Flight::job);
        }
        if let Some(job) = last {
            self.say_up(now, job);
        }
    }

    /// A message has come as far as one side of a job's connection: it goes on to the next.
    pub(super) fn pass_message(&mut self, now: Instant, job: Handle, side: u8) {
        if side == CALLED {
            if let Some(next) = self.flight_behind(job) {
                self.say_down(now, next);
            }
        } else if let Some(next) = self.job_before(job) {
            self.say_up(now, next);
        }
    }

    /// What a session is at the next hop of its way.
    fn flight_behind(&self, job: Handle) -> Option<Handle> {
        let child = self.jobs.get(job)?.child?;
        self.flights.get(child).filter(|flight| flight.is_to_stay()).map(|_| child)
    }

    /// The job at the hop before.
    fn job_before(&self, job: Handle) -> Option<Handle> {
        match self.flights.get(self.jobs.get(job)?.caller)?.parent() {
            Parent::Job(before) => Some(before),
            Parent::Client { .. } | Parent::Connection(_) | Parent::Session { .. } => None,
        }
    }

    /// Who is called has a message for the caller.
    fn say_up(&mut self, now: Instant, job: Handle) {
        let Some(state) = self.jobs.get(job).filter(|job| job.state == State::Holding) else {
            return;
        };
        let (connection, stream) = (state.connection, state.stream);
        let message = self.message_of_kind(state.kind, self.speech(state.engine), whose(CALLED));
        let said = (Message { stream, ..message }, Event::Message { job });
        self.with_net(|net, around| net.write(now, connection, CALLED, said, around));
    }

    /// The caller of a session that stands ends it in good order.
    pub(in crate::world) fn say_farewell(&mut self, now: Instant, flight: Handle) {
        let Some(state) = self.flights.get_mut(flight) else { return };
        let (engine, connection, attempt) = (state.engine(), state.connection, state.attempts());
        let Some(job) = state.take_job() else { return };
        let number = self.jobs.get(job).map_or(1, |job| job.stream);
        let message = farewell(self.speech(engine), whose(CALLER), number);
        let said = (message, Event::Closed { job });
        self.with_net(|net, around| net.write(now, connection, CALLER, said, around));
        self.end_session_on(now, connection, (flight, attempt));
    }

    /// A session is over for its caller: so is its connection, unless others share it.
    pub(super) fn end_session_on(
        &mut self,
        now: Instant,
        handle: Handle,
        (flight, attempt): (Handle, u8),
    ) {
        let Some(net) = self.net.as_deref_mut() else { return };
        let Some(connection) = net.connections.get_mut(handle) else { return };
        let shared = net.channels[connection.engine as usize].is_shared() && !connection.is_alone;
        let of_it = |stream: &Stream| stream.flight == flight && stream.attempt == attempt;
        let Some(at) = connection.streams.iter().position(of_it) else { return };
        connection.streams.remove(at);
        if shared {
            self.on_stream_over(now, handle);
        } else {
            self.drop_connection(now, handle, Input::Close);
        }
    }

    /// A session breaks at the instance that is called. A process that is gone says nothing: what its
    /// kernel does about its connections is all that others learn.
    pub(in crate::world) fn say_broken(
        &mut self,
        now: Instant,
        handle: Handle,
        job: &Job,
        cause: Cause,
    ) {
        let connection = job.connection;
        let is_gone = self.instances[job.instance as usize].down;
        let message = farewell(self.speech(job.engine), whose(CALLED), job.stream);
        let event = Event::Broken { flight: job.caller, attempt: job.attempt, cause };
        self.with_net(|net, around| {
            let shared = net.channels[job.engine as usize].is_shared();
            if let Some(connection) = net.connections.get_mut(connection) {
                connection.serving.retain(|other| *other != handle);
            }
            if !is_gone {
                net.write(now, connection, CALLED, (message, event), around);
                if !shared {
                    net.close_called(now, connection, around);
                }
            }
        });
    }

    /// A session is over for the instance that is called: its connection serves it no more.
    pub(in crate::world) fn leave_wire(&mut self, job: Handle) {
        let Some(connection) = self.jobs.get(job).map(|job| job.connection) else { return };
        self.with_net(|net, _| {
            let connection = net.connections.get_mut(connection)?;
            connection.serving.retain(|other| *other != job);
            Some(())
        });
    }
}

#[cfg(test)]
mod tests;
