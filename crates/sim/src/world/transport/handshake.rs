//! How connections begin: those that are made, and those that stood before.

use std::sync::Arc;

use base::{Duration, EndpointId, Instant};
use config::design::NodeKind;
use event::{Cause, Scope, l4};
use netsim::l4::tcp::{Endpoint, Input, Output, Profile, Segment};

use super::super::slab::Handle;
use super::connection::{CALLED, CALLER, Connection, Stage};
use super::net::{Around, Net};
use crate::stats::mix;
use crate::world::tap::packets as captured;

impl Net {
    /// A new connection for an engine: the handshake begins.
    ///
    /// # Errors
    /// There is no port or no descriptor left to call from.
    pub(super) fn connect(
        &mut self,
        now: Instant,
        engine: u32,
        endpoint: EndpointId,
        (from, to): (u32, u32),
        around: &mut Around<'_>,
    ) -> Result<Handle, Cause> {
        let (handle, profile, scope) =
            self.new_connection(now, engine, endpoint, (from, to), around)?;
        let Some(connection) = self.connections.get_mut(handle) else { return Ok(handle) };
        let first = initial(connection.id);
        connection.end(CALLER).tcp = Some(Endpoint::connect(now, profile, scope, first));
        self.drive(now, handle, CALLER, around);
        Ok(handle)
    }

    /// A connection that stands, as if it had been made long ago.
    ///
    /// # Errors
    /// There is no port or no descriptor left to call from, or to accept with; or who is called takes
    /// no more.
    pub(super) fn stand(
        &mut self,
        now: Instant,
        engine: u32,
        endpoint: EndpointId,
        (from, to): (u32, u32),
        way: Duration,
        around: &mut Around<'_>,
    ) -> Result<Handle, Cause> {
        if self.hosts[to as usize].is_full() {
            return Err(Cause::Refused);
        }
        if self.hosts[to as usize].is_out_of_descriptors() {
            return Err(Cause::Exhausted);
        }
        let (handle, profile, scope) =
            self.new_connection(now, engine, endpoint, (from, to), around)?;
        let called = &mut self.hosts[to as usize];
        (called.descriptors, called.accepted) = (called.descriptors + 1, called.accepted + 1);
        let Some(connection) = self.connections.get_mut(handle) else { return Ok(handle) };
        let first = [initial(connection.id), initial(mix(connection.id))];
        let caller = Endpoint::connect(now, profile, scope, first[0]);
        let profile = Arc::clone(&self.profiles[scope.call.index()][1]);
        let accept = |at, syn: &Segment| Endpoint::accept(at, profile, scope, first[1], syn);
        for (end, tcp) in connection.ends.iter_mut().zip(shake_hands(now, way, caller, accept)) {
            (end.tcp, end.stood, end.is_taken, end.has_descriptor) = (tcp, true, true, true);
        }
        connection.stage = Stage::Busy;
        connection.rest();
        for side in [CALLER, CALLED] {
            self.set_timer(now, handle, side, around);
        }
        Ok(handle)
    }

    /// A place for a connection, with what it takes to call from: and how the caller's end is set.
    fn new_connection(
        &mut self,
        now: Instant,
        engine: u32,
        endpoint: EndpointId,
        (from, to): (u32, u32),
        around: &mut Around<'_>,
    ) -> Result<(Handle, Arc<Profile>, Scope), Cause> {
        let channel = &mut self.channels[engine as usize];
        let scope = Scope { call: channel.call, endpoint: Some(endpoint) };
        if self.hosts[from as usize].is_out_of_descriptors() {
            let cause = Cause::Exhausted;
            around.emit(now, scope, l4::Event::ConnectFailed { cause });
            return Err(cause);
        }
        let port = match self.ports.entry((from, to)).or_default().take(now) {
            Ok(port) => port,
            Err(event) => {
                around.emit(now, scope, event);
                return Err(Cause::Exhausted);
            }
        };
        let id = channel.next_id();
        let mut connection = Connection::new(id, engine, endpoint, [from, to]);
        connection.port = port;
        let profile = Arc::clone(&self.profiles[scope.call.index()][0]);
        let end = connection.end(CALLER);
        (end.is_taken, end.has_descriptor) = (true, true);
        self.hosts[from as usize].descriptors += 1;
        self.introduce(&connection, around);
        Ok((self.connections.insert(connection), profile, scope))
    }

    /// Tells those who capture packets of a new connection.
    fn introduce(&self, connection: &Connection, around: &mut Around<'_>) {
        let channel = &self.channels[connection.engine as usize];
        let socket = |side: u8, port| {
            let instance = connection.instances[usize::from(side)];
            captured::Socket { instance, address: self.grid.address(instance), port }
        };
        around.ears.tap.opened(
            connection.id,
            captured::Connection {
                sockets: [socket(CALLER, connection.port), socket(CALLED, channel.port)],
                initial: [initial(connection.id), initial(mix(connection.id))],
                speech: channel.speech,
            },
        );
    }
}

/// Linux at both ends. A balancer of ours gives up connections on which nothing is acknowledged
/// for half a minute, to its clients and to those it calls, unless the call says otherwise.
pub(super) fn profiles(design: &config::Design, call: &config::design::Call) -> [Arc<Profile>; 2] {
    let is_ours = |node| matches!(design.node(node).kind, NodeKind::Balancer(_));
    let end = |node, said: Option<Duration>| {
        let usual = is_ours(node).then_some(STUCK);
        Arc::new(Profile { user_timeout: said.or(usual), ..Profile::linux() })
    };
    [end(call.from, call.stuck_timeout), end(call.to, None)]
}

/// A handshake over a way on which nothing is lost, of which nobody else learns.
fn shake_hands(
    now: Instant,
    way: Duration,
    mut caller: Endpoint,
    accept: impl FnOnce(Instant, &Segment) -> Endpoint,
) -> [Option<Endpoint>; 2] {
    let said = |tcp: &mut Endpoint, at| {
        let outputs = std::iter::from_fn(|| tcp.poll_output(at, &mut ()));
        let segments = outputs.filter_map(|output| match output {
            Output::Send(segment) => Some(segment),
            _ => None,
        });
        segments.last()
    };
    let Some(syn) = said(&mut caller, now) else { return [Some(caller), None] };
    let mut called = accept(now + way, &syn);
    if let Some(answer) = said(&mut called, now + way) {
        let back = now + way + way;
        caller.handle(back, Input::Segment(&answer), &mut ());
        if let Some(last) = said(&mut caller, back) {
            called.handle(back + way, Input::Segment(&last), &mut ());
            said(&mut called, back + way);
        }
    }
    [Some(caller), Some(called)]
}

/// `TCP_USER_TIMEOUT` of `plimsoll run`, on both sides.
const STUCK: Duration = Duration::from_secs(30);

/// Where Linux begins with the ports that it calls from.
pub(super) const FIRST_PORT: u16 = 32_768;
/// Where services listen that do not say where.
pub(super) const SERVICE_PORT: u16 = 8_080;

/// Where sequence numbers begin: hard to guess, and the same in every run.
pub(super) const fn initial(id: u64) -> u32 {
    (mix(id) >> 32) as u32
}
