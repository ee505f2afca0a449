//! Which connection a request takes, and who takes it next.

use base::{EndpointId, Instant};
use event::{Cause, l4};
use netsim::l4::tcp::Input;

use super::super::World;
use super::super::event::Event;
use super::super::slab::Handle;
use super::channel::Place;
use super::connection::{CALLER, Stage, Stream};
use super::net::Net;
use super::sizes::check;

impl World<'_> {
    /// The connection that a try takes. Some have one of their own.
    pub(super) fn place_of(
        &mut self,
        now: Instant,
        engine: u32,
        to: EndpointId,
        flight: Handle,
    ) -> Place {
        let is_alone = self.is_alone(flight);
        let Some(net) = self.net.as_deref_mut() else { return Place::Wait };
        let may_open = net.may_open(engine, to);
        match &mut net.channels[engine as usize] {
            _ if is_alone && may_open => Place::New,
            _ if is_alone => Place::Wait,
            channel => channel.place(now, to, &net.connections, may_open),
        }
    }

    /// An answer is whole: its connection is free for the next.
    pub(super) fn on_answered(
        &mut self,
        now: Instant,
        connection: Handle,
        flight: Handle,
        attempt: u8,
    ) {
        let Some(net) = self.net.as_deref_mut() else { return };
        let Some(state) = net.connections.get_mut(connection) else { return };
        let of_it = |stream: &Stream| stream.flight == flight && stream.attempt == attempt;
        if let Some(at) = state.streams.iter().position(of_it) {
            state.streams.remove(at);
            self.on_stream_over(now, connection);
        }
    }

    /// A connection has room for another request, or is of no more use.
    pub(super) fn on_stream_over(&mut self, now: Instant, handle: Handle) {
        let Some(net) = self.net.as_deref_mut() else { return };
        let Some(connection) = net.connections.get_mut(handle) else { return };
        if !connection.is_usable() || connection.stage == Stage::Connecting {
            return;
        }
        while let Some(next) = self.net.as_deref_mut().and_then(|net| net.next_for(handle)) {
            self.board(now, handle, next);
        }
        self.rest_if_empty(now, handle);
    }

    /// A connection that carries nothing is kept, unless it was somebody's alone or its place is
    /// wanted.
    fn rest_if_empty(&mut self, now: Instant, handle: Handle) {
        let Some(net) = self.net.as_deref_mut() else { return };
        let Some(connection) = net.connections.get(handle) else { return };
        if !connection.streams.is_empty() {
            return;
        }
        let (engine, to) = (connection.engine, connection.endpoint);
        if connection.is_alone || net.is_wanted(engine, to) {
            return self.drop_connection(now, handle, Input::Close);
        }
        if let Some(connection) = net.connections.get_mut(handle) {
            connection.stage = Stage::Idle(now);
            connection.rest();
            net.channels[engine as usize].put(now, to, handle);
            self.watch_idle(engine);
        }
    }

    /// A request takes a connection.
    pub(super) fn board(&mut self, now: Instant, handle: Handle, stream: Stream) {
        let Some(net) = self.net.as_deref_mut() else { return };
        let Some(connection) = net.connections.get_mut(handle) else { return };
        connection.streams.push(stream);
        self.tap.boarded(connection.id, stream.job);
        if let Some(flight) = self.flights.get_mut(stream.flight) {
            flight.connection = handle;
        }
        if connection.stage == Stage::Connecting {
            return;
        }
        connection.stage = Stage::Busy;
        let call = net.channels[connection.engine as usize].call;
        let scope = event::Scope { call, endpoint: Some(connection.endpoint) };
        self.with_net(|_, around| around.emit(now, scope, l4::Event::Reused));
        self.say(now, handle, stream);
    }

    /// A new connection for a request; or why there is none.
    pub(super) fn open_for(
        &mut self,
        now: Instant,
        engine: u32,
        to: EndpointId,
        stream: Stream,
    ) -> Option<Cause> {
        let state = &self.engines[engine as usize];
        let (from, patience) = (state.from, state.call.rules().connect_timeout);
        let target = self.plan.target(state.call.id(), to);
        let is_alone = self.is_alone(stream.flight);
        let opened = self.with_net(|net, around| {
            let opened = net.connect(now, engine, to, (from, target), around);
            if let Ok(handle) = opened {
                net.opened(engine, to, handle, is_alone);
            }
            opened
        })?;
        match opened {
            Ok(connection) => {
                if let Some(patience) = patience {
                    self.push_local(now + patience, from, Event::ConnectTimeout { connection });
                }
                self.board(now, connection, stream);
                None
            }
            Err(cause) => {
                self.jobs.remove(stream.job);
                Some(cause)
            }
        }
    }

    /// Whoever waits for a connection may make one, if there may be one more.
    pub(super) fn serve_waiting(&mut self, now: Instant, engine: u32, to: EndpointId) {
        let next = |net: &mut Net| net.next_of_all(engine, to);
        while let Some((engine, next)) = self.net.as_deref_mut().and_then(next) {
            if let Some(cause) = self.open_for(now, engine, to, next) {
                // Told later: another exchange may be in the middle of what it does.
                let from = self.engines[engine as usize].from;
                let (flight, attempt) = (next.flight, next.attempt);
                self.push_local(now, from, Event::Broken { flight, attempt, cause });
            }
        }
    }

    pub(super) fn close_expired(&mut self, now: Instant, engine: u32) {
        let expired =
            self.with_net(|net, _| net.channels[engine as usize].expired(now, &net.connections));
        for handle in expired.unwrap_or_default() {
            self.drop_connection(now, handle, Input::Close);
        }
    }

    pub(super) fn on_connected(&mut self, now: Instant, handle: Handle) {
        let Some(net) = self.net.as_deref_mut() else { return };
        let Some(connection) = net.connections.get_mut(handle) else { return };
        connection.end(CALLER).stood = true;
        if connection.is_check {
            connection.stage = Stage::Busy;
            let check = (check(), Event::CheckReached { connection: handle });
            self.with_net(|net, around| net.write(now, handle, CALLER, check, around));
            return;
        }
        if connection.stage != Stage::Connecting {
            return;
        }
        connection.stage = Stage::Busy;
        let streams = connection.streams.clone();
        if let [one] = streams.as_slice()
            && self.join_splice(now, one.flight, one.attempt)
        {
            return;
        }
        self.with_net(|net, around| net.open_frames(now, handle, CALLER, around));
        for stream in streams {
            self.say(now, handle, stream);
        }
        // Whoever it was made for may have left.
        self.on_stream_over(now, handle);
    }

    /// Some of an engine's connections have idled for too long.
    pub(in crate::world) fn on_idle(&mut self, now: Instant, engine: u32) {
        if let Some(net) = self.net.as_deref_mut() {
            net.channels[engine as usize].is_armed = false;
        }
        self.close_expired(now, engine);
        self.watch_idle(engine);
    }

    /// An idle connection, of whichever worker, gives its place to who has none. Whether there was
    /// one.
    pub(super) fn make_room(&mut self, now: Instant, engine: u32, to: EndpointId) -> bool {
        let idle = self.with_net(|net, _| net.take_idle(now, engine, to)).flatten();
        if let Some(idle) = idle {
            self.drop_connection(now, idle, Input::Close);
        }
        idle.is_some()
    }

    /// A request is written.
    fn say(&mut self, now: Instant, handle: Handle, stream: Stream) {
        let Some(net) = self.net.as_deref_mut() else { return };
        let Some(connection) = net.connections.get_mut(handle) else { return };
        let (engine, number) = (connection.engine, connection.next_stream);
        connection.next_stream += 2;
        if let Some(said) = connection.streams.iter_mut().find(|said| said.job == stream.job) {
            said.number = number;
        }
        if let Some(job) = self.jobs.get_mut(stream.job) {
            job.stream = number;
        }
        let message = self.request_of_job(stream.job, self.speech(engine), number);
        self.tell_sent(now, stream.flight);
        let request = (message, Event::Reach { job: stream.job });
        self.with_net(|net, around| net.write(now, handle, CALLER, request, around));
    }

    fn watch_idle(&mut self, engine: u32) {
        let from = self.engines[engine as usize].from;
        let Some(net) = self.net.as_deref_mut() else { return };
        let channel = &mut net.channels[engine as usize];
        if channel.is_armed {
            return;
        }
        if let Some(at) = channel.next_expiry(&net.connections) {
            channel.is_armed = true;
            self.push_local(at, from, Event::Idle { engine });
        }
    }
}
