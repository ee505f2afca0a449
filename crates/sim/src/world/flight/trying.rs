//! One try of a request: how it leaves, and how it is left.

use base::{Duration, EndpointId, Instant};
use engine::Carrier;
use engine::l7::Input;
use event::Cause;
use model::quality::Quality;

use super::super::World;
use super::super::cache::Vintage;
use super::super::ears::Ears;
use super::super::event::Event;
use super::super::job::{Job, State};
use super::super::slab::Handle;
use super::Stay;
use crate::stats::mix;

impl World<'_> {
    pub(super) fn send(
        &mut self,
        now: Instant,
        handle: Handle,
        endpoint: EndpointId,
        number: u8,
        remaining: Option<Duration>,
    ) {
        let Some(flight) = self.flights.get_mut(handle) else { return };
        let engine = &self.engines[flight.engine as usize];
        let target = self.plan.target(engine.call.id(), endpoint);
        // Only our own balancers tell how much time remains.
        let is_ours = engine.call.rules().carrier == Carrier::Plimsoll;
        let attempt = flight.exchange.attempts();
        let job = self.jobs.insert(Job {
            caller: handle,
            engine: flight.engine,
            attempt,
            number,
            instance: target,
            kind: flight.kind,
            item: flight.item,
            chance: mix(flight.chance ^ u64::from(attempt)),
            holds: flight.stay != Stay::Ends,
            astray: flight.astray,
            remaining: remaining.filter(|_| is_ours),
            state: State::Travelling,
            connection: Handle::NOBODY,
            stream: 1,
            began: 0,
            step: 0,
            pending: 0,
            tries: 1,
            failed: None,
            quality: Quality::Complete,
            vintage: Vintage::NONE,
            child: None,
        });
        (flight.job, flight.connection) = (Some(job), Handle::NOBODY);
        self.tap.tried(now, handle, job, number, target);
        self.end_silence(now, handle);
        if let Some(from) = self.standing_from(now, job) {
            if !self.settle_on_wire(now, job) {
                return;
            }
            self.tell_sent(now, handle);
            return self.push_standing(now, from, target, Event::Reach { job });
        }
        self.depart(now, job);
    }

    /// A request on a call without an end of its own is given up when nothing has moved for the
    /// idle timeout. A session that stands has messages, and sees to itself.
    fn end_silence(&mut self, now: Instant, handle: Handle) {
        let Some(flight) = self.flights.get(handle) else { return };
        let engine = &self.engines[flight.engine as usize];
        let rules = engine.call.rules();
        let Some(idle) = rules.idle_timeout.filter(|_| rules.deadline.timeout.is_none()) else {
            return;
        };
        if flight.stay == Stay::Ends && flight.spliced().is_none() {
            let (attempt, from) = (flight.exchange.attempts(), engine.from);
            let broken = Event::Broken { flight: handle, attempt, cause: Cause::IdleTimeout };
            self.push_local(now + idle, from, broken);
        }
    }

    /// Whence a try leaves that is to stand from the beginning.
    fn standing_from(&self, now: Instant, job: Handle) -> Option<u32> {
        if now > Instant::ZERO {
            return None;
        }
        let job = self.jobs.get(job).filter(|job| job.holds)?;
        Some(self.engines[job.engine as usize].from)
    }

    /// The first byte of its try has left.
    pub(in crate::world) fn tell_sent(&mut self, now: Instant, handle: Handle) {
        let Some(flight) = self.flights.get_mut(handle) else { return };
        let engine = &mut self.engines[flight.engine as usize];
        let mut ears = Ears { stats: &mut self.stats, tap: &mut self.tap };
        flight.exchange.handle(now, Input::Sent, &mut engine.call, &mut ears);
    }

    /// Nobody waits for the current try any more.
    pub(super) fn leave(&mut self, now: Instant, handle: Handle) {
        let Some(flight) = self.flights.get_mut(handle) else { return };
        let Some(job) = flight.job.take() else { return };
        let (engine, connection) = (flight.engine, flight.connection);
        let standing = self.jobs.get(job).filter(|job| job.state == State::Holding);
        if let Some(target) = standing.map(|job| job.instance)
            && !self.has_wires(handle)
        {
            let from = self.engines[engine as usize].from;
            return self.push_standing(now, from, target, Event::GaveUp { job });
        }
        self.part(now, engine, connection, job);
    }
}
