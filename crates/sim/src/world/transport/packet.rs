//! Which connection a request takes, and what its caller and its job learn of it.

use base::{EndpointId, Instant};
use config::design::{NodeKind, Protocol};
use event::Cause;
use netsim::l4::tcp::{End as Why, Input};

use super::super::World;
use super::super::ears::Ears;
use super::super::event::Event;
use super::super::job::{Job, State};
use super::super::slab::Handle;
use super::channel::Place;
use super::connection::{CALLED, CALLER, Stage, Stream};
use super::net::{Around, Net, News, Tidings};
use super::sizes::cancel;
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
        let is_alone = self.is_alone(stream.flight);
        let Some(net) = self.net.as_deref_mut() else { return };
        match place {
            Place::On(connection) => self.board(now, connection, stream),
            Place::Wait => net.wait(engine, to, stream, is_alone),
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

    /// An answer leaves for the caller of a job.
    pub(in crate::world) fn reply(&mut self, now: Instant, job: Handle, answer: Event) {
        let Some(state) = self.jobs.get(job) else { return };
        let (engine, instance, connection) = (state.engine, state.instance, state.connection);
        let stays = state.state == State::Holding;
        let Event::Answer { status, .. } = answer else { return };
        let to = self.engines[engine as usize].from;
        if self.net.is_none() {
            return self.push_message(now, instance, to, answer);
        }
        let message = self.answer_of_job(state, status, self.speech(engine));
        if self.is_datagram(engine) {
            let call = (self.engines[engine as usize].call.id(), false);
            return self.send_in_datagram(now, call, (instance, to), (message, answer));
        }
        self.with_net(|net, around| {
            let Some(connection_state) = net.connections.get_mut(connection) else { return };
            if !stays {
                connection_state.serving.retain(|other| *other != job);
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
        let Some(net) = self.net.as_deref_mut() else { return };
        let Some(state) = net.connections.get_mut(connection) else { return };
        let shared = net.channels[engine as usize].is_shared() && !state.is_alone;
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

    /// The caller gave up a stream; its connection goes on.
    pub(in crate::world) fn on_stream_reset(&mut self, now: Instant, job: Handle) {
        let Some(state) = self.jobs.get_mut(job) else { return };
        let (engine, connection) = (state.engine, state.connection);
        let stands = state.state == State::Holding;
        state.connection = Handle::NOBODY;
        if let Some(net) = self.net.as_deref_mut()
            && let Some(connection) = net.connections.get_mut(connection)
        {
            connection.serving.retain(|other| *other != job);
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

    pub(super) fn with_net<R>(
        &mut self,
        f: impl FnOnce(&mut Net, &mut Around<'_>) -> R,
    ) -> Option<R> {
        let net = self.net.as_deref_mut()?;
        let ears = Ears { stats: &mut self.stats, tap: &mut self.tap };
        let mut around = Around { queue: &mut self.queue, ears };
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
    pub(super) fn notices(&self, engine: u32) -> bool {
        let call = self.plan.design.call(self.engines[engine as usize].call.id());
        call.cancel || matches!(self.plan.design.node(call.to).kind, NodeKind::Balancer(_))
    }

    pub(in crate::world) fn is_datagram(&self, engine: u32) -> bool {
        let call = self.plan.design.call(self.engines[engine as usize].call.id());
        call.protocol == Protocol::Udp
    }

    pub(super) fn speech(&self, engine: u32) -> Speech {
        self.net.as_deref().map_or(Speech::Http1, |net| net.channels[engine as usize].speech)
    }

    pub(super) fn endpoint_of(&self, engine: u32, target: u32) -> EndpointId {
        let first = self.plan.target(self.engines[engine as usize].call.id(), EndpointId(0));
        EndpointId(u16::try_from(target - first).unwrap_or(u16::MAX))
    }
}
