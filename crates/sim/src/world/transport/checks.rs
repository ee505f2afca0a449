//! Active health checks, on connections of their own.

use base::{EndpointId, Instant};
use netsim::l4::tcp::Input;

use super::super::World;
use super::super::event::Event;
use super::super::slab::Handle;
use super::connection::{CALLED, CALLER, Stage};
use super::sizes::check_answer;

impl World<'_> {
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
}
