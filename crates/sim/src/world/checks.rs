//! Active health checks, as far as messages show them.
//!
//! A check is a small request that needs no worker: it is answered at once by a process that
//! runs, refused by one that is gone, and not answered by one that stands still.

use base::{EndpointId, Instant};

use super::World;
use super::ears::Ears;
use super::event::Event;
use super::instance::Role;

impl World<'_> {
    pub(super) fn schedule_check(&mut self, now: Instant, engine: usize) {
        let state = &self.engines[engine];
        let Some(next) = state.call.next_deadline() else { return };
        if state.call.rules().health.is_none() || now >= self.plan.times.end {
            return;
        }
        let from = state.from;
        let engine = u32::try_from(engine).unwrap_or(u32::MAX);
        let soonest = now + base::Duration::from_millis(10);
        self.push_local(next.max(soonest), from, Event::Check { engine });
    }

    pub(super) fn on_check(&mut self, now: Instant, engine: u32) {
        let at = engine as usize;
        while let Some((endpoint, until)) = self.engines[at].call.next_check(now) {
            if self.net.is_some() {
                self.send_check(now, engine, endpoint, until);
                continue;
            }
            let state = &self.engines[at];
            let from = state.from;
            let target = self.plan.target(state.call.id(), endpoint);
            let back = now + self.plan.delay(from, target) + self.plan.delay(target, from);
            let (answered, well) = self.answer_check(target, back, until);
            let checked = Event::Checked { engine, endpoint: endpoint.0, well };
            self.push_local(answered, from, checked);
        }
        self.schedule_check(now, at);
    }

    pub(super) fn on_checked(&mut self, now: Instant, engine: u32, endpoint: u16, well: bool) {
        let call = &mut self.engines[engine as usize].call;
        let mut ears = Ears { stats: &mut self.stats, tap: &mut self.tap };
        call.on_check(now, EndpointId(endpoint), well, &mut ears);
    }

    /// Whether a process accepts and does not answer.
    pub(super) fn hangs(&self, target: u32) -> bool {
        match &self.instances[target as usize].role {
            Role::Server(Some(service)) => service.condition().hangs,
            _ => false,
        }
    }

    /// When the check ends, and how.
    fn answer_check(&self, target: u32, back: Instant, until: Instant) -> (Instant, bool) {
        let instance = &self.instances[target as usize];
        if self.hangs(target) {
            (until, false)
        } else {
            (back.min(until), instance.is_well() && back <= until)
        }
    }
}
