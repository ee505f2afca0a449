//! Which connection a request takes, and what its caller and its job learn of it.

use base::{EndpointId, Instant};
use config::design::{NodeKind, Protocol};
use event::{Cause, l4};
use netsim::l4::tcp::{End as Why, Input};

use super::super::event::Event;
use super::super::job::{Job, State};
use super::super::slab::Handle;
use super::super::{Held, World};
use super::connection::{CALLED, CALLER, Connection, End, Stage, Stream};
use super::desk::Place;
use super::net::{Around, Net, News, Tidings};
use super::sizes::{cancel, check, check_answer};
use crate::world::tap::packets::{Message, Speech};

impl World<'_> {
    /// A try leaves for its instance.
    pub(in crate::world) fn depart(&mut self, now: Instant, job: Handle) {
        if self.net.is_none() {
            return self.depart_as_message(now, job);
        }
        let Some(state) = self.jobs.get(job) else { return };
        let (engine, to) = (state.engine, self.endpoint_of(state.engine, state.instance));
        let stream = Stream { job, flight: state.caller, attempt: state.attempt, number: 0 };
        if self.is_datagram(engine) {
            return self.send_datagram(now, engine, stream);
        }
        self.close_expired(now, engine);
        let mut place = self.place_of(now, engine, to, stream.flight);
        if place == Place::Wait && self.make_room(now, engine, to) {
            place = self.place_of(now, engine, to, stream.flight);
        }
        let Some(net) = self.net.as_deref_mut() else { return };
        match place {
            Place::On(connection) => self.board(now, connection, stream),
            Place::Wait => net.wait(engine, to, stream),
            Place::New => {
                if let Some(failed) = self.open_for(now, engine, to, stream) {
                    // It is told once the exchange has taken in that the try has left.
                    let from = self.engines[engine as usize].from;
                    let (flight, attempt) = (stream.flight, stream.attempt);
                    self.push_local(now, from, Event::Broken { flight, attempt, cause: failed });
                }
            }
        }
    }

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
        match &mut net.desks[engine as usize] {
            _ if is_alone && may_open => Place::New,
            _ if is_alone => Place::Wait,
            desk => desk.place(now, to, &net.connections, may_open),
        }
    }

    /// Another worker's idle connection gives its place to who has none. Whether there was one.
    fn make_room(&mut self, now: Instant, engine: u32, to: EndpointId) -> bool {
        let idle = self.with_net(|net, _| net.idle_elsewhere(now, engine, to)).flatten();
        if let Some(idle) = idle {
            self.drop_connection(now, idle, Input::Close);
        }
        idle.is_some()
    }

    /// An answer leaves for the caller of a job.
    pub(in crate::world) fn reply(&mut self, now: Instant, job: Handle, answer: Event) {
        let Some(state) = self.jobs.get(job) else { return };
        let (engine, instance, connection) = (state.engine, state.instance, state.connection);
        let stays = state.state == State::Holding;
        let Event::Answer { status, .. } = answer else { return };
        let message = self.answer_of_job(state, status, self.speech(engine));
        let to = self.engines[engine as usize].from;
        if self.net.is_none() {
            return self.push_message(now, instance, to, answer);
        }
        if self.is_datagram(engine) {
            let call = (self.engines[engine as usize].call.id(), false);
            return self.send_in_datagram(now, call, (instance, to), (message, answer));
        }
        self.with_net(|net, around| {
            let Some(connection_state) = net.connections.get_mut(connection) else { return };
            if !stays {
                connection_state.serving.retain(|&other| other != job);
            }
            if connection_state.ends[usize::from(CALLED)].stands() {
                net.write(now, connection, CALLED, (message, answer), around);
            }
        });
    }

    /// A job breaks off: what that looks like from outside is the kernel's affair.
    pub(in crate::world) fn report_break(&mut self, now: Instant, job: &Job, cause: Cause) {
        if self.net.is_none() {
            let event = Event::Broken { flight: job.caller, attempt: job.attempt, cause };
            self.push_message(now, job.instance, self.engines[job.engine as usize].from, event);
        }
    }

    /// Nobody waits for a try any more. Only who declared it learns of it; a balancer notices that
    /// its client's connection closed.
    pub(in crate::world) fn part(
        &mut self,
        now: Instant,
        engine: u32,
        connection: Handle,
        job: Handle,
    ) {
        let target = self.jobs.get(job).map(|job| job.instance);
        if self.net.is_none() {
            let from = self.engines[engine as usize].from;
            if let Some(target) = target.filter(|_| self.notices(engine)) {
                self.push_message(now, from, target, Event::GaveUp { job });
            }
            return;
        }
        if let Some(target) = target.filter(|_| connection == Handle::NOBODY) {
            let to = self.endpoint_of(engine, target);
            let waited =
                self.net.as_deref_mut().is_some_and(|net| net.stop_waiting(engine, to, job));
            if waited {
                self.jobs.remove(job);
            }
            return;
        }
        let is_alone = self.jobs.get(job).is_some_and(|job| self.is_alone(job.caller));
        let Some(net) = self.net.as_deref_mut() else { return };
        let Some(state) = net.connections.get_mut(connection) else { return };
        let shared = net.desks[engine as usize].is_shared() && !is_alone;
        let is_connecting = state.stage == Stage::Connecting;
        let Some(ended) = state.end_stream(job) else { return };
        if is_connecting {
            self.jobs.remove(job);
        }
        if !shared {
            return self.drop_connection(now, connection, Input::Abort);
        }
        if !is_connecting {
            let reset = (cancel(ended.number), Event::StreamReset { job });
            self.with_net(|net, around| net.write(now, connection, CALLER, reset, around));
        }
        self.on_stream_over(now, connection);
    }

    /// What the network has to say since the last event.
    pub(in crate::world) fn settle(&mut self, now: Instant) {
        while let Some(news) = self.net.as_deref_mut().and_then(|net| net.news.pop_front()) {
            self.on_news(now, news);
        }
    }

    pub(in crate::world) fn on_segments_due(&mut self, now: Instant, connection: Handle, side: u8) {
        self.with_net(|net, around| net.on_timer(now, connection, side, around));
    }

    pub(in crate::world) fn on_datagram(&mut self, now: Instant, datagram: Handle) {
        self.with_net(|net, around| net.on_datagram(now, datagram, around));
    }

    pub(in crate::world) fn on_announced(&mut self, now: Instant, announcement: Handle) {
        self.with_net(|net, around| net.on_announced(now, announcement, around));
    }

    pub(in crate::world) fn on_unreachable(&mut self, now: Instant, connection: Handle, side: u8) {
        self.with_net(|net, around| net.ask(now, connection, side, Input::Unreachable, around));
    }

    /// A connection does not stand in time.
    pub(in crate::world) fn on_connect_timeout(&mut self, now: Instant, handle: Handle) {
        let Some(net) = self.net.as_deref_mut() else { return };
        let Some(connection) = net.connections.get(handle) else { return };
        if connection.stage != Stage::Connecting {
            return;
        }
        let call = net.desks[connection.engine as usize].call;
        let scope = event::Scope { call, endpoint: Some(connection.endpoint) };
        let cause = Cause::ConnectTimeout;
        self.with_net(|_, around| around.emit(now, scope, l4::Event::ConnectFailed { cause }));
        self.fail(now, handle, cause);
    }

    /// Some of an engine's connections have idled for too long.
    pub(in crate::world) fn on_idle(&mut self, now: Instant, engine: u32) {
        if let Some(net) = self.net.as_deref_mut() {
            net.desks[engine as usize].is_armed = false;
        }
        self.close_expired(now, engine);
        self.watch_idle(engine);
    }

    /// The caller gave up a stream; its connection goes on.
    pub(in crate::world) fn on_stream_reset(&mut self, now: Instant, job: Handle) {
        let Some(state) = self.jobs.get_mut(job) else { return };
        let (engine, connection) = (state.engine, state.connection);
        let stands = state.state == State::Holding;
        state.connection = Handle::NOBODY;
        if let Some(net) = self.net.as_deref_mut()
            && let Some(connection) = net.connections.get_mut(connection)
        {
            connection.serving.retain(|&other| other != job);
        }
        if stands || self.notices(engine) {
            self.abandon(now, job);
        }
    }

    /// Everything that an instance had on the network is gone.
    pub(in crate::world) fn crash_kernel(&mut self, now: Instant, instance: u32, silent: bool) {
        self.with_net(|net, around| net.crash(now, instance, silent, around));
    }

    /// What the incident does to the network, as of now.
    pub(in crate::world) fn refresh_network(&mut self, now: Instant) {
        let plan = self.plan;
        self.with_net(|net, around| net.refresh(now, plan, around));
    }

    /// The process of an instance listens, or is gone; and how many descriptors it may have.
    pub(in crate::world) fn set_process(
        &mut self,
        now: Instant,
        instance: u32,
        runs: bool,
        most: Option<u32>,
    ) {
        self.with_net(|net, around| {
            let host = &mut net.hosts[instance as usize];
            (host.runs, host.most_descriptors) = (runs, most);
            net.accept(now, instance, around);
        });
    }

    /// Asks an endpoint how it is.
    pub(in crate::world) fn send_check(
        &mut self,
        now: Instant,
        engine: u32,
        to: EndpointId,
        until: Instant,
    ) {
        let from = self.engines[engine as usize].from;
        let target = self.plan.target(self.engines[engine as usize].call.id(), to);
        let opened = self
            .with_net(|net, around| {
                let handle = net.connect(now, engine, to, (from, target), around).ok()?;
                net.connections.get_mut(handle)?.is_check = true;
                Some(handle)
            })
            .flatten();
        match opened {
            Some(connection) => {
                self.push_local(until, from, Event::CheckDue { connection });
            }
            None => {
                self.push_local(now, from, Event::Checked { engine, endpoint: to.0, well: false });
            }
        }
    }

    /// A check has reached its instance.
    pub(in crate::world) fn on_check_reached(&mut self, now: Instant, connection: Handle) {
        let target = self.net.as_deref().and_then(|net| net.connections.get(connection));
        let Some(target) = target.map(|it| it.instances[usize::from(CALLED)]) else { return };
        if !self.hangs(target) && self.instances[target as usize].is_well() {
            let answer = (check_answer(), Event::CheckAnswered { connection });
            self.with_net(|net, around| net.write(now, connection, CALLED, answer, around));
        }
    }

    /// A check is over: answered in time, or not.
    pub(in crate::world) fn on_check_over(&mut self, now: Instant, connection: Handle, well: bool) {
        let Some(net) = self.net.as_deref_mut() else { return };
        let Some(state) = net.connections.get_mut(connection) else { return };
        if state.stage == Stage::Done {
            return;
        }
        state.stage = Stage::Done;
        let (engine, endpoint) = (state.engine, state.endpoint);
        let from = state.instances[usize::from(CALLER)];
        let goodbye = if well { Input::Close } else { Input::Abort };
        self.with_net(|net, around| {
            net.ask(now, connection, CALLER, goodbye, around);
            net.release(connection, CALLER);
            net.accept(now, from, around);
        });
        self.on_checked(now, engine, endpoint.0, well);
    }

    pub(super) fn with_net<R>(
        &mut self,
        f: impl FnOnce(&mut Net, &mut Around<'_>) -> R,
    ) -> Option<R> {
        let net = self.net.as_deref_mut()?;
        let mut around = Around { queue: &mut self.queue, stats: &mut self.stats };
        Some(f(net, &mut around))
    }

    fn on_news(&mut self, now: Instant, News { connection, side, what }: News) {
        match what {
            Tidings::Said(event) => self.on_said(now, connection, side, event),
            Tidings::Connected if side == CALLER => self.on_connected(now, connection),
            Tidings::Connected => self.on_handshake(now, connection),
            Tidings::Accepted => self.begin_splice(now, connection),
            Tidings::PeerClosed => self.on_peer_closed(now, connection, side),
            Tidings::Ended(why) if side == CALLER => self.on_ended(now, connection, why),
            Tidings::Ended(why) => {
                self.end_splice(now, connection, why != Why::Closed);
                self.on_served(now, connection);
            }
            Tidings::Gone => self.on_gone(connection, side),
            Tidings::Lost(Event::Reach { job }) => self.forget_travelling(job),
            Tidings::Lost(_) => {}
        }
    }

    fn on_said(&mut self, now: Instant, connection: Handle, side: u8, event: Event) {
        if self.pass_on(now, connection, side, event) {
            return;
        }
        match event {
            Event::Reach { job: handle } => {
                let travels = |job: &&mut Job| job.state == State::Travelling;
                let Some(job) = self.jobs.get_mut(handle).filter(travels) else { return };
                job.connection = connection;
                if let Some(net) = self.net.as_deref_mut()
                    && let Some(connection) = net.connections.get_mut(connection)
                {
                    connection.serving.push(handle);
                }
            }
            Event::Answer { flight, attempt, status, .. }
                if side == CALLER && !self.opens_session(flight, status) =>
            {
                self.on_answered(now, connection, flight, attempt);
            }
            Event::Broken { flight, attempt, .. } if side == CALLER => {
                self.end_session_on(now, connection, (flight, attempt));
            }
            Event::Message { job } => return self.pass_message(now, job, side),
            _ => {}
        }
        self.happen(now, event);
    }

    /// An answer is whole: its connection is free for the next.
    fn on_answered(&mut self, now: Instant, connection: Handle, flight: Handle, attempt: u8) {
        let Some(net) = self.net.as_deref_mut() else { return };
        let Some(state) = net.connections.get_mut(connection) else { return };
        let of_it = |stream: &Stream| stream.flight == flight && stream.attempt == attempt;
        if let Some(at) = state.streams.iter().position(of_it) {
            state.streams.remove(at);
            if self.is_alone(flight) {
                return self.drop_connection(now, connection, Input::Close);
            }
            self.on_stream_over(now, connection);
        }
    }

    /// A connection has room for another request.
    pub(super) fn on_stream_over(&mut self, now: Instant, handle: Handle) {
        let Some(net) = self.net.as_deref_mut() else { return };
        let Some(connection) = net.connections.get_mut(handle) else { return };
        if !connection.is_usable() || connection.stage == Stage::Connecting {
            return;
        }
        let (engine, to) = (connection.engine, connection.endpoint);
        let is_empty = connection.streams.is_empty();
        if let Some(next) = net.next_waiting(engine, to) {
            return self.board(now, handle, next);
        }
        if is_empty && net.is_wanted_elsewhere(engine, to) {
            return self.drop_connection(now, handle, Input::Close);
        }
        if is_empty && let Some(connection) = net.connections.get_mut(handle) {
            connection.stage = Stage::Idle(now);
            connection.rest();
            net.desks[engine as usize].put(now, to, handle);
            self.watch_idle(engine);
        }
    }

    /// A request takes a connection.
    fn board(&mut self, now: Instant, handle: Handle, stream: Stream) {
        let Some(net) = self.net.as_deref_mut() else { return };
        let Some(connection) = net.connections.get_mut(handle) else { return };
        connection.streams.push(stream);
        if let Some(flight) = self.flights.get_mut(stream.flight) {
            flight.connection = handle;
        }
        if connection.stage == Stage::Connecting {
            return;
        }
        connection.stage = Stage::Busy;
        let call = net.desks[connection.engine as usize].call;
        let scope = event::Scope { call, endpoint: Some(connection.endpoint) };
        self.with_net(|_, around| around.emit(now, scope, l4::Event::Reused));
        self.say(now, handle, stream);
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

    /// A new connection for a request; or why there is none.
    fn open_for(
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

    fn on_connected(&mut self, now: Instant, handle: Handle) {
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

    fn on_handshake(&mut self, now: Instant, handle: Handle) {
        let instance = self.with_net(|net, _| {
            let connection = net.connections.get_mut(handle)?;
            connection.end(CALLED).stood = true;
            Some(connection.instances[usize::from(CALLED)])
        });
        if let Some(instance) = instance.flatten() {
            self.with_net(|net, around| net.accept(now, instance, around));
        }
    }

    fn on_peer_closed(&mut self, now: Instant, handle: Handle, side: u8) {
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
    fn on_ended(&mut self, now: Instant, handle: Handle, why: Why) {
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
    fn on_served(&mut self, now: Instant, handle: Handle) {
        let Some(net) = self.net.as_deref_mut() else { return };
        let Some(connection) = net.connections.get_mut(handle) else { return };
        let (engine, instance) = (connection.engine, connection.instances[1]);
        let never_stood = !connection.ends[1].stood;
        let jobs = std::mem::take(&mut connection.serving);
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

    fn on_gone(&mut self, handle: Handle, side: u8) {
        let left = self.net.as_deref_mut().and_then(|net| net.on_gone(handle, side));
        if let Some(connection) = left {
            self.stats.tap.forgotten(connection.id);
            self.forget_unsaid(&connection);
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

    /// A job that has not reached its instance will not.
    pub(super) fn forget_travelling(&mut self, job: Handle) {
        if self.jobs.get(job).is_some_and(|job| job.state == State::Travelling) {
            self.jobs.remove(job);
        }
    }

    /// What was not given back.
    pub(in crate::world) fn held(&self) -> Held {
        let Some(net) = self.net.as_deref() else {
            return Held { connections: self.count_unanswered(), ..Held::default() };
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

    /// A connection fails, and with it all requests on it.
    fn fail(&mut self, now: Instant, handle: Handle, cause: Cause) {
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

    /// The caller has no more use for a connection.
    pub(super) fn drop_connection(&mut self, now: Instant, handle: Handle, goodbye: Input<'_>) {
        let left = self.with_net(|net, around| {
            let connection = net.connections.get_mut(handle)?;
            if connection.stage == Stage::Done {
                return None;
            }
            connection.stage = Stage::Done;
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

    /// Whoever waits for a connection may make one, if there may be one more.
    fn serve_waiting(&mut self, now: Instant, engine: u32, to: EndpointId) {
        let next = |net: &mut Net| net.next_of_all(engine, to);
        while let Some((engine, next)) = self.net.as_deref_mut().and_then(next) {
            if let Some(cause) = self.open_for(now, engine, to, next) {
                self.on_broken(now, next.flight, next.attempt, cause);
            }
        }
    }

    fn close_expired(&mut self, now: Instant, engine: u32) {
        let expired =
            self.with_net(|net, _| net.desks[engine as usize].expired(now, &net.connections));
        for handle in expired.unwrap_or_default() {
            self.drop_connection(now, handle, Input::Close);
        }
    }

    fn watch_idle(&mut self, engine: u32) {
        let from = self.engines[engine as usize].from;
        let Some(net) = self.net.as_deref_mut() else { return };
        let desk = &mut net.desks[engine as usize];
        if desk.is_armed {
            return;
        }
        if let Some(at) = desk.next_expiry(&net.connections) {
            desk.is_armed = true;
            self.push_local(at, from, Event::Idle { engine });
        }
    }

    fn send_datagram(&mut self, now: Instant, engine: u32, stream: Stream) {
        let Some(job) = self.jobs.get(stream.job) else { return };
        let ends = (self.engines[engine as usize].from, job.instance);
        let message = self.request_of_job(stream.job, Speech::Opaque, 1);
        self.tell_sent(now, stream.flight);
        let call = (self.engines[engine as usize].call.id(), true);
        self.send_in_datagram(now, call, ends, (message, Event::Reach { job: stream.job }));
    }

    fn send_in_datagram(
        &mut self,
        now: Instant,
        call: (base::CallId, bool),
        ends: (u32, u32),
        said: (Message, Event),
    ) {
        self.with_net(|net, around| net.send_message(now, call, ends, said, around));
    }

    /// Whether the called node stops when its caller leaves.
    fn notices(&self, engine: u32) -> bool {
        let call = self.plan.design.call(self.engines[engine as usize].call.id());
        call.cancel || matches!(self.plan.design.node(call.to).kind, NodeKind::Balancer(_))
    }

    pub(in crate::world) fn is_datagram(&self, engine: u32) -> bool {
        let call = self.plan.design.call(self.engines[engine as usize].call.id());
        call.protocol == Protocol::Udp
    }

    pub(super) fn speech(&self, engine: u32) -> Speech {
        self.net.as_deref().map_or(Speech::Http1, |net| net.desks[engine as usize].speech)
    }

    pub(super) fn endpoint_of(&self, engine: u32, target: u32) -> EndpointId {
        let first = self.plan.target(self.engines[engine as usize].call.id(), EndpointId(0));
        EndpointId(u16::try_from(target - first).unwrap_or(u16::MAX))
    }
}
