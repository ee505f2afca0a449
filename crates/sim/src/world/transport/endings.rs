//! How connections end, and who learns of it: those who wait for an answer on them, and those who
//! work on one.

use base::Instant;
use event::{Cause, l4};
use netsim::l4::tcp::{End as Why, Input};

use super::super::event::Event;
use super::super::job::State;
use super::super::slab::Handle;
use super::super::{Held, World};
use super::connection::{CALLED, CALLER, Connection, End, Stage};

impl World<'_> {
    /// A connection does not stand in time.
    pub(in crate::world) fn on_connect_timeout(&mut self, now: Instant, handle: Handle) {
        let Some(net) = self.net.as_deref_mut() else { return };
        let Some(connection) = net.connections.get(handle) else { return };
        if connection.stage != Stage::Connecting {
            return;
        }
        let call = net.channels[connection.engine as usize].call;
        let scope = event::Scope { call, endpoint: Some(connection.endpoint) };
        let cause = Cause::ConnectTimeout;
        self.with_net(|_, around| around.emit(now, scope, l4::Event::ConnectFailed { cause }));
        self.fail(now, handle, cause);
    }

    pub(in crate::world) fn on_unreachable(&mut self, now: Instant, connection: Handle, side: u8) {
        self.with_net(|net, around| net.ask(now, connection, side, Input::Unreachable, around));
    }

    /// A job that has not reached its instance will not.
    pub(super) fn forget_travelling(&mut self, job: Handle) {
        if self.jobs.get(job).is_some_and(|job| job.state == State::Travelling) {
            self.jobs.remove(job);
        }
    }

    /// What was not given back.
    pub(in crate::world) fn held(&self) -> Held {
        let Some(net) = self.net.as_deref() else {
            // Whoever waits for an answer, a client or not, would wait on a connection.
            let waits = self.flights.iter().filter(|(_, flight)| flight.job().is_some());
            return Held { connections: waits.count() as u64, ..Held::default() };
        };
        let mut held = Held { connections: 0, descriptors: Some(0), bytes: Some(0) };
        for (_, connection) in net.connections.iter() {
            let of_whom = connection.made_for().and_then(|client| net.connections.get(client));
            let kept = matches!(of_whom.unwrap_or(connection).stage, Stage::Idle(_));
            let stand = connection.ends.iter().filter(|end| end.has_descriptor).count() as u64;
            if kept || stand == 0 {
                continue;
            }
            let bytes: u64 = connection.ends.iter().map(End::unacknowledged).sum();
            held.connections += 1;
            held.descriptors = held.descriptors.map(|sum| sum + stand);
            held.bytes = held.bytes.map(|sum| sum + bytes);
        }
        held
    }

    /// The caller has no more use for a connection.
    pub(super) fn drop_connection(&mut self, now: Instant, handle: Handle, goodbye: Input<'_>) {
        let left = self.with_net(|net, around| {
            let connection = net.connections.get_mut(handle)?;
            if connection.stage == Stage::Done {
                return None;
            }
            connection.stage = Stage::Done;
            debug_assert!(connection.streams.is_empty(), "somebody waits for an answer on it");
            let (engine, to) = (connection.engine, connection.endpoint);
            let from = connection.instances[usize::from(CALLER)];
            net.closed(engine, to, handle);
            net.ask(now, handle, CALLER, goodbye, around);
            net.release(handle, CALLER);
            net.accept(now, from, around);
            Some((engine, to))
        });
        if let Some((engine, to)) = left.flatten() {
            self.serve_waiting(now, engine, to);
        }
    }

    pub(super) fn on_peer_closed(&mut self, now: Instant, handle: Handle, side: u8) {
        if side == CALLED {
            self.end_splice(now, handle, false);
            self.with_net(|net, around| net.close_called(now, handle, around));
            return;
        }
        let stage = self.net.as_deref().and_then(|net| Some(net.connections.get(handle)?.stage));
        if stage.is_some_and(|stage| stage != Stage::Done) {
            self.fail(now, handle, Cause::Closed);
        }
    }

    /// A caller's connection has ended.
    pub(super) fn on_ended(&mut self, now: Instant, handle: Handle, why: Why) {
        if let Some(net) = self.net.as_deref_mut() {
            net.linger(now, handle);
        }
        let Some(net) = self.net.as_deref() else { return };
        let Some(connection) = net.connections.get(handle) else { return };
        let cause = match why {
            Why::Refused => Cause::Refused,
            Why::Reset => Cause::Reset,
            Why::TimedOut if !connection.ends[0].stood => Cause::ConnectTimeout,
            Why::TimedOut | Why::Unreachable => Cause::Unreachable,
            Why::Closed | Why::Aborted => Cause::Closed,
        };
        if connection.stage != Stage::Done {
            self.fail(now, handle, cause);
        }
    }

    /// The called side's end of a connection is over: jobs that came over it have no caller.
    pub(super) fn on_served(&mut self, now: Instant, handle: Handle) {
        let Some(net) = self.net.as_deref_mut() else { return };
        let Some(connection) = net.connections.get_mut(handle) else { return };
        let (engine, instance) = (connection.engine, connection.instances[1]);
        let never_stood = !connection.ends[1].stood;
        let jobs = std::mem::take(&mut connection.serving);
        self.doubt_sessions_on(now, handle);
        let Some(net) = self.net.as_deref_mut() else { return };
        if never_stood {
            net.on_given_up(instance);
        }
        net.release(handle, CALLED);
        self.with_net(|net, around| net.accept(now, instance, around));
        for job in jobs {
            let stands = self.jobs.get(job).is_some_and(|job| job.state == State::Holding);
            if stands || self.notices(engine) {
                self.abandon(now, job);
            } else if let Some(job) = self.jobs.get_mut(job) {
                job.connection = Handle::NOBODY;
            }
        }
    }

    pub(super) fn on_gone(&mut self, handle: Handle, side: u8) {
        let left = self.net.as_deref_mut().and_then(|net| net.on_gone(handle, side));
        if let Some(connection) = left {
            self.tap.forgotten(connection.id);
            self.forget_unsaid(&connection);
        }
    }

    /// A connection fails, and with it all requests on it.
    pub(super) fn fail(&mut self, now: Instant, handle: Handle, cause: Cause) {
        let Some(net) = self.net.as_deref_mut() else { return };
        let Some(connection) = net.connections.get_mut(handle) else { return };
        if connection.is_check {
            return self.on_check_over(now, handle, false);
        }
        let streams = std::mem::take(&mut connection.streams);
        let goodbye = if cause == Cause::Closed { Input::Close } else { Input::Abort };
        self.drop_connection(now, handle, goodbye);
        for stream in streams {
            self.forget_travelling(stream.job);
            self.on_broken(now, stream.flight, stream.attempt, cause);
        }
    }

    /// Requests that were written and never arrived will not be worked on.
    fn forget_unsaid(&mut self, connection: &Connection) {
        let said = &connection.ends[usize::from(CALLER)];
        let unsaid = said.said.iter().map(|(_, event)| *event);
        for event in unsaid.chain(said.in_turns.iter().map(|turn| turn.event)) {
            if let Event::Reach { job } = event {
                self.forget_travelling(job);
            }
        }
    }
}
