//! What a job asks of others, and what becomes of it.

use base::{CallId, Instant};
use config::design::{NodeKind, Protocol};
use engine::l7::{Input, Request};
use model::quality::Quality;

use super::super::World;
use super::super::cache::Vintage;
use super::super::flight::{Flight, Parent, Start};
use super::super::instance::Role;
use super::super::slab::Handle;
use super::{Job, NOT_FOUND, State, WELL};
use crate::stats::mix;

impl World<'_> {
    pub(super) fn ask_others(&mut self, now: Instant, handle: Handle) {
        if let Some(job) = self.jobs.get_mut(handle) {
            job.state = State::Asking;
        }
        self.next_step(now, handle);
    }

    fn next_step(&mut self, now: Instant, handle: Handle) {
        let plan = self.plan;
        let Some(job) = self.jobs.get_mut(handle) else { return };
        let steps = match &plan.design.node(self.instances[job.instance as usize].node).kind {
            NodeKind::Service(service) => service.steps.as_slice(),
            _ => &[],
        };
        let Some(calls) = steps.get(usize::from(job.step)) else {
            self.read_or_write(now, handle);
            return self.respond(now, handle, WELL);
        };
        job.step += 1;
        // One more than there are, so that the step does not end before all have begun.
        job.pending = u16::try_from(calls.len()).unwrap_or(u16::MAX - 1) + 1;
        let chance = job.chance;
        for (&call, number) in calls.iter().zip(0_u64..) {
            self.ask(now, handle, call, mix(chance ^ mix(number + 1)));
        }
        self.child_ended(now, handle, None, Quality::Complete);
    }

    fn ask(&mut self, now: Instant, handle: Handle, call: CallId, chance: u64) {
        let Some(job) = self.jobs.get(handle) else { return };
        let (item, kind) = (job.item, job.kind);
        let call = self.plan.requests.variant(call, kind);
        let engine = self.plan.engine(call, job.instance, self.plan.engine_number(call, kind, 0));
        let (parent, request) = (Parent::Job(handle), self.request_of(kind));
        self.begin(
            now,
            Start {
                engine,
                parent,
                kind,
                item,
                chance,
                request,
                fallbacks: 0,
                holds: false,
                astray: false,
            },
        );
    }

    /// Passes the request on, as a balancer does.
    pub(in crate::world) fn relay(&mut self, now: Instant, handle: Handle) {
        let Some(job) = self.jobs.get(handle) else { return };
        let node = self.instances[job.instance as usize].node;
        let Some(right) = self.plan.requests.route(node, job.kind) else {
            return self.respond(now, handle, NOT_FOUND);
        };
        let (call, astray) = self.way_on(now, job, right);
        let client_attempt = self.client_attempt(job);
        let Some(job) = self.jobs.get_mut(handle) else { return };
        (job.state, job.pending) = (State::Asking, 1);
        // The kernel gives a connection to any of the workers.
        let workers = u64::from(self.plan.workers_of(node));
        let worker = u16::try_from(mix(job.chance) % workers).unwrap_or(0);
        let number = self.plan.engine_number(call, job.kind, worker);
        let holds = job.holds;
        let engine = self.plan.engine(call, job.instance, number);
        let (item, kind, chance, remaining) = (job.item, job.kind, job.chance, job.remaining);
        let request =
            Request { client_remaining: remaining, client_attempt, ..self.request_of(kind) };
        let parent = Parent::Job(handle);
        self.begin(
            now,
            Start { engine, parent, kind, item, chance, request, fallbacks: 0, holds, astray },
        );
    }

    /// Which try it is, as its caller says: only our own balancers do, in the heads of messages.
    pub(in crate::world) fn told_number(&self, job: &Job) -> u8 {
        if self.tells_tries(job.engine) { job.number } else { 1 }
    }

    /// Which try what a job asks of others is of its caller's: who passes a request on heeds that,
    /// who makes requests of its own does not.
    pub(in crate::world) fn client_attempt(&self, job: &Job) -> u8 {
        if self.passes_on(job) { self.told_number(job) } else { 1 }
    }

    /// Who passes an answer on says how many tries it took, those of what was asked before it and
    /// failed included.
    pub(in crate::world) fn count_tries(&mut self, job: Handle, flight: &Flight) {
        let is_told = self.tells_tries(flight.engine());
        let passes_on = self.jobs.get(job).is_some_and(|job| self.passes_on(job));
        if let Some(job) = self.jobs.get_mut(job).filter(|_| is_told && passes_on) {
            let before = if flight.is_fallback() { job.tries } else { 0 };
            job.tries = before.saturating_add(flight.attempts_in_all());
        }
    }

    fn tells_tries(&self, engine: u32) -> bool {
        let engine = &self.engines[engine as usize];
        let protocol = self.plan.design.call(engine.call.id()).protocol;
        engine.is_ours() && matches!(protocol, Protocol::Http | Protocol::Grpc)
    }

    fn passes_on(&self, job: &Job) -> bool {
        !matches!(self.instances[job.instance as usize].role, Role::Server(_))
    }

    /// The call that a request takes from here, and whether that is the wrong one.
    fn way_on(&self, now: Instant, job: &Job, right: CallId) -> (CallId, bool) {
        let astray = self.is_misrouted(now, job.instance, right, job.chance);
        let elsewhere = || self.plan.requests.elsewhere(self.plan.design, right, job.kind);
        (if astray { elsewhere() } else { right }, astray)
    }

    /// A call that this job made has ended: well, or with a failure that the job cannot do without.
    pub(in crate::world) fn child_ended(
        &mut self,
        now: Instant,
        handle: Handle,
        failed: Option<u16>,
        quality: Quality,
    ) {
        let Some(job) = self.jobs.get_mut(handle) else { return };
        job.quality = job.quality.and(quality);
        job.failed = job.failed.or(failed);
        job.pending = job.pending.saturating_sub(1);
        if job.pending > 0 {
            return;
        }
        let (failed, instance) = (job.failed, job.instance as usize);
        if matches!(self.instances[instance].role, Role::Cache(_)) {
            return self.upstream_ended(now, handle, failed);
        }
        match failed {
            Some(status) => self.respond(now, handle, status),
            None => self.next_step(now, handle),
        }
    }

    /// A call that this job made has ended well.
    pub(in crate::world) fn child_told(
        &mut self,
        now: Instant,
        handle: Handle,
        quality: Quality,
        vintage: Vintage,
    ) {
        if let Some(job) = self.jobs.get_mut(handle) {
            job.vintage = job.vintage.and(vintage);
        }
        self.child_ended(now, handle, None, quality);
    }

    /// A flight of a job began.
    pub(in crate::world) fn link(&mut self, job: Handle, flight: Handle) {
        let (Some(job), Some(flight_state)) =
            (self.jobs.get_mut(job), self.flights.get_mut(flight))
        else {
            return;
        };
        flight_state.sibling = job.child.replace(flight);
    }

    /// A flight of a job ended; `next` was the one behind it.
    pub(in crate::world) fn unlink(&mut self, job: Handle, flight: Handle, next: Option<Handle>) {
        let Some(job) = self.jobs.get_mut(job) else { return };
        if job.child == Some(flight) {
            job.child = next;
            return;
        }
        let mut at = job.child;
        while let Some(other) = at.and_then(|at| self.flights.get_mut(at)) {
            if other.sibling == Some(flight) {
                other.sibling = next;
                return;
            }
            at = other.sibling;
        }
    }

    /// Everything that a job asked of others is left.
    pub(in crate::world) fn leave_children(&mut self, now: Instant, handle: Handle) {
        self.leave_those(now, handle, |_| true);
    }

    /// Of what a job asked of others, that is left which has not been sent.
    pub(in crate::world) fn leave_unsent(&mut self, now: Instant, handle: Handle) {
        self.leave_those(now, handle, |flight| flight.job().is_none());
    }

    fn leave_those(&mut self, now: Instant, handle: Handle, fits: impl Fn(&Flight) -> bool) {
        // With the job's record gone first, the ends of its flights would find nobody; with it
        // still there they must not be taken for the end of a step.
        if let Some(job) = self.jobs.get_mut(handle) {
            job.pending = u16::MAX;
        }
        while let Some(child) = self.child_that(handle, &fits) {
            self.tell(now, child, Input::ClientLeft);
        }
    }

    fn child_that(&self, job: Handle, fits: impl Fn(&Flight) -> bool) -> Option<Handle> {
        let mut child = self.jobs.get(job)?.child;
        while let Some(handle) = child {
            let flight = self.flights.get(handle)?;
            if fits(flight) {
                break;
            }
            child = flight.sibling;
        }
        child
    }
}
