//! What the kernel of an instance does for its processes: who is let in, what descriptors and ports
//! there are, and what becomes of connections when a process is gone.

use std::sync::Arc;

use base::Instant;
use event::Scope;
use netsim::Party;
use netsim::l4::tcp::{Backlog, End as Why, Endpoint, Input, Listener, Profile, Segment, State};

use super::super::slab::Handle;
use super::connection::{CALLED, CALLER, Connection, Stage};
use super::handshake::initial;
use super::net::{Around, Net, News, Tidings};
use crate::stats::mix;

/// What an instance's kernel knows.
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub(super) party: Party,
    /// Of its name.
    pub(super) identity: u64,
    pub(super) listener: Listener<Handle>,
    /// The process runs: somebody listens.
    pub(super) runs: bool,
    /// Descriptors in use.
    pub(super) descriptors: u32,
    /// The most there may be.
    pub(super) most_descriptors: Option<u32>,
    /// Connections that the process has accepted and not closed.
    pub(super) accepted: u32,
    /// The most that it accepts; it refuses more.
    pub(super) most_accepted: Option<u32>,
}

impl Net {
    /// The application that is called closes a connection: it has its descriptor back.
    pub(super) fn close_called(&mut self, now: Instant, handle: Handle, around: &mut Around<'_>) {
        let Some(connection) = self.connections.get(handle) else { return };
        let instance = connection.instances[usize::from(CALLED)];
        self.ask(now, handle, CALLED, Input::Close, around);
        self.release(handle, CALLED);
        self.accept(now, instance, around);
    }

    /// The application at one side has closed it, well or not.
    pub(super) fn release(&mut self, handle: Handle, side: u8) {
        let Some(connection) = self.connections.get_mut(handle) else { return };
        let host = &mut self.hosts[connection.instances[usize::from(side)] as usize];
        let end = connection.end(side);
        if std::mem::take(&mut end.has_descriptor) {
            host.descriptors -= 1;
            host.accepted -= u32::from(side == CALLED);
        }
    }

    /// Takes what waits to be accepted, as far as there are descriptors.
    pub(super) fn accept(&mut self, now: Instant, instance: u32, around: &mut Around<'_>) {
        loop {
            let host = &mut self.hosts[instance as usize];
            if !host.runs || host.is_out_of_descriptors() {
                return;
            }
            let Some(handle) = host.listener.accept() else { return };
            let Some(connection) = self.connections.get_mut(handle) else { continue };
            let end = connection.end(CALLED);
            if end.tcp.as_ref().is_none_or(|tcp| tcp.state() == State::Closed) {
                continue;
            }
            (end.is_taken, end.has_descriptor) = (true, true);
            (host.descriptors, host.accepted) = (host.descriptors + 1, host.accepted + 1);
            let bytes = u32::try_from(end.arrived).unwrap_or(u32::MAX);
            let what = Tidings::Accepted;
            self.news.push_back(News { connection: handle, side: CALLED, what });
            self.open_frames(now, handle, CALLED, around);
            if bytes > 0
                && let Some(connection) = self.connections.get_mut(handle)
                && let Some(tcp) = &mut connection.end(CALLED).tcp
            {
                tcp.handle(now, Input::Read(bytes), &mut around.ears);
                self.read(handle, CALLED);
                self.drive(now, handle, CALLED, around);
            }
        }
    }

    /// Everything that an instance had is gone. Its kernel says so, unless it is gone too.
    pub(super) fn crash(
        &mut self,
        now: Instant,
        instance: u32,
        silent: bool,
        around: &mut Around<'_>,
    ) {
        let mut ends: Vec<_> = self
            .connections
            .iter()
            .flat_map(|(handle, connection)| {
                let here = move |side: &u8| connection.instances[usize::from(*side)] == instance;
                [CALLER, CALLED]
                    .into_iter()
                    .filter(here)
                    .map(move |side| (connection.id, side, handle))
            })
            .collect();
        ends.sort_unstable_by_key(|(id, side, _)| (*id, *side));
        for (_, side, handle) in ends {
            if silent {
                self.forget(handle, side);
            } else {
                self.ask(now, handle, side, Input::Abort, around);
            }
        }
        let host = &mut self.hosts[instance as usize];
        host.listener = Listener::new(Backlog::default());
        host.runs = false;
    }

    /// The kernel at one side has nothing more to do with it.
    pub(super) fn on_gone(&mut self, handle: Handle, side: u8) -> Option<Connection> {
        let connection = self.connections.get_mut(handle)?;
        connection.end(side).tcp = None;
        let (from, to) = (connection.instances[0], connection.instances[1]);
        if side == CALLER && !connection.lingers {
            self.ports.entry((from, to)).or_default().release(connection.port);
        }
        if connection.is_gone() { self.connections.remove(handle) } else { None }
    }

    /// The address of a connection that its caller closed first stays taken for a while.
    pub(super) fn linger(&mut self, now: Instant, handle: Handle) {
        let Some(connection) = self.connections.get_mut(handle) else { return };
        let waits = |tcp: &Endpoint| tcp.state() == State::TimeWait;
        if connection.ends[0].tcp.as_ref().is_some_and(waits) && !connection.lingers {
            connection.lingers = true;
            let way = (connection.instances[0], connection.instances[1]);
            let until = now + Profile::linux().time_wait;
            self.ports.entry(way).or_default().linger(connection.port, until);
        }
    }

    /// Somebody wants to connect.
    pub(super) fn on_call(
        &mut self,
        now: Instant,
        handle: Handle,
        syn: &Segment,
        around: &mut Around<'_>,
    ) {
        let Some(connection) = self.connections.get_mut(handle) else { return };
        let host = &mut self.hosts[connection.instances[1] as usize];
        if !host.runs || host.is_full() {
            return self.answer_as_stranger(now, handle, CALLED, syn, around);
        }
        let call = self.channels[connection.engine as usize].call;
        let scope = Scope { call, endpoint: Some(connection.endpoint) };
        if let Err(overflow) = host.listener.on_syn() {
            return around.emit(now, scope, overflow);
        }
        let profile = Arc::clone(&self.profiles[call.index()][1]);
        // A SYN that comes again after the connection has stood finds other numbers (RFC 6528): else an
        // old acknowledgement would complete a handshake that the caller knows nothing of, and the two
        // would answer each other's stale numbers for ever.
        let is_old = connection.stage != Stage::Connecting;
        let first = initial(mix(if is_old { mix(connection.id) } else { connection.id }));
        let tcp = Endpoint::accept(now, profile, scope, first, syn);
        let end = connection.end(CALLED);
        (end.tcp, end.stood) = (Some(tcp), false);
        self.drive(now, handle, CALLED, around);
    }

    /// A half-open connection has ended without ever having stood.
    pub(super) fn on_given_up(&mut self, instance: u32) {
        self.hosts[instance as usize].listener.on_given_up();
    }

    /// A side of a connection is no more, and nobody is told.
    fn forget(&mut self, handle: Handle, side: u8) {
        self.release(handle, side);
        let Some(connection) = self.connections.get_mut(handle) else { return };
        connection.end(side).tcp = None;
        self.news.push_back(News { connection: handle, side, what: Tidings::Ended(Why::Aborted) });
        self.news.push_back(News { connection: handle, side, what: Tidings::Gone });
    }
}

impl Host {
    pub(super) fn is_out_of_descriptors(&self) -> bool {
        self.most_descriptors.is_some_and(|most| self.descriptors >= most)
    }

    /// Whether the process has as many connections as it takes, with those that are on their way.
    pub(super) fn is_full(&self) -> bool {
        let (half_open, whole) = self.listener.waiting();
        let coming = half_open + u32::try_from(whole).unwrap_or(u32::MAX);
        self.most_accepted.is_some_and(|most| self.accepted + coming >= most)
    }
}
