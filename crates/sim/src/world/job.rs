//! One try of a request, as the instance sees it that works on it.

use base::{CallId, Duration, Instant};
use config::design::NodeKind;
use engine::Carrier;
use engine::l7::{Input, Request};
use event::Cause;
use model::quality::Quality;
use model::service::{Arrival, Outcome, Refusal, Started, Ticket};
use model::traffic::Item;

use super::cache::Vintage;
use super::event::Event;
use super::flight::{Parent, Start};
use super::slab::Handle;
use super::tap::examples::End;
use super::{Role, World};
use crate::stats::mix;

/// A try that has left its caller.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// The flight that it serves; it may have ended long ago.
    pub(super) caller: Handle,
    /// The caller's engine: where the answer goes.
    pub(super) engine: u32,
    /// Which of its flight's tries it is.
    pub(super) attempt: u8,
    /// Which try it is when those of the hops before are counted too.
    pub(super) number: u8,
    /// Where it is worked on.
    pub(super) instance: u32,
    pub(super) kind: u16,
    pub(super) item: Item,
    /// It is part of a session's way: it stays when it has answered.
    pub(super) holds: bool,
    /// It has come to the wrong place.
    pub(super) astray: bool,
    pub(super) chance: u64,
    /// How much time the caller said remains.
    pub(super) remaining: Option<Duration>,
    pub(super) state: State,
    /// The connection that it came over, if there is one.
    pub(super) connection: Handle,
    /// Which of its streams.
    pub(super) stream: u32,
    /// How often its own work has begun: a pause begins it anew.
    pub(super) began: u32,
    /// The step that comes next.
    pub(super) step: u16,
    /// Calls of the current step that have not ended.
    pub(super) pending: u16,
    /// The status of a call without which there is no answer.
    pub(super) failed: Option<u16>,
    /// How good the answer is, as far as is known.
    pub(super) quality: Quality,
    /// How up to date it is.
    pub(super) vintage: Vintage,
    /// The first of its flights.
    pub(super) child: Option<Handle>,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum State {
    /// On its way.
    Travelling,
    /// Waits for a worker.
    Queued(Ticket),
    /// A worker is at it.
    Working,
    /// A worker would be at it, but the process stands still.
    Stuck,
    /// Its worker waits for others.
    Asking,
    /// Waits, at a cache, for what another asks for.
    Collapsed,
    /// Has answered, and is part of a session that stands.
    Holding,
}

/// What a service answers that has no room.
const NO_ROOM: u16 = 503;
const NOT_FOUND: u16 = 404;
/// What one answers who does not serve what is asked for (RFC 9110, 15.5.20).
const MISDIRECTED: u16 = 421;
const WELL: u16 = 200;

impl Job {
    /// What it tells its caller.
    pub(super) fn answer(&self, status: u16) -> Event {
        let quality = if status < 400 { self.quality } else { Quality::Complete };
        Event::Answer { flight: self.caller, attempt: self.attempt, status, quality }
    }
}

impl World<'_> {
    pub(super) fn on_reach(&mut self, now: Instant, handle: Handle) {
        let Some(job) = self.jobs.get(handle) else { return };
        let (at, chance) = (job.instance as usize, job.chance);
        let stands = job.holds && now == Instant::ZERO;
        let is_closed = !self.instances[at].accepts(now);
        if is_closed && !self.instances[at].down && self.net.is_some() {
            // Its connections stand, and it says so on them.
            self.instances[at].present += 1;
            return self.respond(now, handle, NO_ROOM);
        }
        if is_closed || self.is_out_of_connections(at) {
            return self.break_off(now, handle, Cause::Refused);
        }
        self.instances[at].present += 1;
        self.stats.tap.reached(now, handle);
        if self.is_turned_away(handle) {
            return self.respond(now, handle, MISDIRECTED);
        }
        match &mut self.instances[at].role {
            Role::Client => {}
            Role::Relay => self.relay(now, handle),
            Role::Cache(_) => self.ask_cache(now, handle),
            Role::Server(_) if stands => self.hold(now, handle),
            Role::Server(None) => self.ask_others(now, handle),
            Role::Server(Some(service)) => match service.arrive(now, handle, chance) {
                Arrival::Started(started) => self.start_work(now, started),
                Arrival::Queued(ticket) => {
                    if let Some(job) = self.jobs.get_mut(handle) {
                        job.state = State::Queued(ticket);
                    }
                }
                Arrival::Refused(Refusal::Full) => self.respond(now, handle, NO_ROOM),
                Arrival::Refused(Refusal::Down) => self.break_off(now, handle, Cause::Refused),
            },
        }
    }

    pub(super) fn on_worked(&mut self, now: Instant, handle: Handle, began: u32) {
        let Some(job) = self.jobs.get_mut(handle).filter(|job| job.began == began) else { return };
        let Role::Server(Some(service)) = &self.instances[job.instance as usize].role else {
            return;
        };
        if service.condition().hangs {
            job.state = State::Stuck;
            return;
        }
        match service.finished(job.chance) {
            Outcome::Done if job.astray => self.respond(now, handle, MISDIRECTED),
            Outcome::Done => self.ask_others(now, handle),
            Outcome::Error(status) => self.respond(now, handle, status),
        }
    }

    /// A call that this job made has ended: well, or with a failure that the job cannot do without.
    pub(super) fn child_ended(
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
    pub(super) fn child_told(
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

    /// The caller gave up, and the instance knows: it stops.
    pub(super) fn abandon(&mut self, now: Instant, handle: Handle) {
        self.stats.tap.work_ended(now, handle, End::Left);
        self.leave_children(now, handle);
        self.retire(now, handle);
    }

    /// A flight of a job began.
    pub(super) fn link(&mut self, job: Handle, flight: Handle) {
        let (Some(job), Some(flight_state)) =
            (self.jobs.get_mut(job), self.flights.get_mut(flight))
        else {
            return;
        };
        flight_state.sibling = job.child.replace(flight);
    }

    /// A flight of a job ended; `next` was the one behind it.
    pub(super) fn unlink(&mut self, job: Handle, flight: Handle, next: Option<Handle>) {
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

    /// A worker has begun on a job.
    pub(super) fn start_work(&mut self, now: Instant, started: Started<Handle>) {
        let Some(job) = self.jobs.get_mut(started.request) else { return };
        job.began += 1;
        self.stats.tap.work_began(now, started.request);
        if started.until == Instant::NEVER {
            job.state = State::Stuck;
            return;
        }
        job.state = State::Working;
        let (instance, began) = (job.instance, job.began);
        let event = Event::Worked { job: started.request, began };
        self.push_local(started.until, instance, event);
    }

    /// The connection breaks, or never stood.
    pub(super) fn break_off(&mut self, now: Instant, handle: Handle, cause: Cause) {
        let Some(job) = self.jobs.remove(handle) else { return };
        self.stats.tap.work_ended(now, handle, End::Failed(cause));
        if job.state == State::Holding && self.net.is_some() && !self.is_datagram(job.engine) {
            return self.say_broken(now, handle, &job, cause);
        }
        if job.state == State::Holding {
            let to = self.engines[job.engine as usize].from;
            let event = Event::Broken { flight: job.caller, attempt: job.attempt, cause };
            return self.push_standing(now, job.instance, to, event);
        }
        self.report_break(now, &job, cause);
    }

    /// Everything that a job asked of others is left.
    pub(super) fn leave_children(&mut self, now: Instant, handle: Handle) {
        // With the job's record gone first, the ends of its flights would find nobody; with it
        // still there they must not be taken for the end of a step.
        if let Some(job) = self.jobs.get_mut(handle) {
            job.pending = u16::MAX;
        }
        while let Some(child) = self.jobs.get(handle).and_then(|job| job.child) {
            self.tell(now, child, Input::ClientLeft);
        }
    }

    /// Who does not know a request says so at once, if the process answers at all.
    fn is_turned_away(&self, handle: Handle) -> bool {
        let astray = self.jobs.get(handle).filter(|job| job.astray);
        astray.is_some_and(|job| !self.hangs(job.instance))
    }

    /// With packets, it is connections that are refused, not requests.
    fn is_out_of_connections(&self, at: usize) -> bool {
        if self.net.is_some() {
            return false;
        }
        let instance = &self.instances[at];
        match &self.plan.design.node(instance.node).kind {
            NodeKind::Database(database) => {
                database.connections.is_some_and(|most| instance.present >= most)
            }
            _ => false,
        }
    }

    /// Passes the request on, as a balancer does.
    pub(super) fn relay(&mut self, now: Instant, handle: Handle) {
        let Some(job) = self.jobs.get(handle) else { return };
        let node = self.instances[job.instance as usize].node;
        let Some(right) = self.plan.requests.route(node, job.kind) else {
            return self.respond(now, handle, NOT_FOUND);
        };
        let (call, astray) = self.way_on(now, job, right);
        let Some(job) = self.jobs.get_mut(handle) else { return };
        (job.state, job.pending) = (State::Asking, 1);
        // The kernel gives a connection to any of the workers.
        let workers = u64::from(self.plan.workers_of(node));
        let worker = u16::try_from(mix(job.chance) % workers).unwrap_or(0);
        let number = self.plan.engine_number(call, job.kind, worker);
        let holds = job.holds;
        let engine = self.plan.engine(call, job.instance, number);
        let (item, kind, chance, remaining, number) =
            (job.item, job.kind, job.chance, job.remaining, job.number);
        // Which try it is, only our own balancers say.
        let caller = self.engines[job.engine as usize].call.rules().carrier;
        let client_attempt = if caller == Carrier::Plimsoll { number } else { 1 };
        let request =
            Request { client_remaining: remaining, client_attempt, ..self.request_of(kind) };
        let parent = Parent::Job(handle);
        self.begin(
            now,
            Start { engine, parent, kind, item, chance, request, fallbacks: 0, holds, astray },
        );
    }

    /// The call that a request takes from here, and whether that is the wrong one.
    fn way_on(&self, now: Instant, job: &Job, right: CallId) -> (CallId, bool) {
        let astray = self.is_misrouted(now, job.instance, right, job.chance);
        let elsewhere = || self.plan.requests.elsewhere(self.plan.design, right, job.kind);
        (if astray { elsewhere() } else { right }, astray)
    }

    fn ask_others(&mut self, now: Instant, handle: Handle) {
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

    /// The answer leaves for the caller, whether or not anybody waits there.
    pub(super) fn respond(&mut self, now: Instant, handle: Handle, status: u16) {
        let Some(job) = self.jobs.get(handle) else { return };
        if job.holds && status < 400 {
            return self.hold(now, handle);
        }
        let vintage = self.vintage_of(now, job);
        let to = &self.engines[job.engine as usize];
        // The answer travels without its age, which waits for it where it will arrive.
        match self.flights.get_mut(job.caller).filter(|flight| flight.awaits(job.attempt)) {
            Some(flight) => flight.vintage = vintage,
            None if self.stats.counts(now) => {
                self.stats.calls[to.call.id().index()].wasted += 1;
            }
            None => {}
        }
        let event = job.answer(status);
        self.stats.tap.work_ended(now, handle, End::Answered(status));
        self.reply(now, handle, event);
        self.retire(now, handle);
    }

    /// Who answers on its own puts its own date on the answer; who passes it on leaves the one
    /// that is there.
    fn vintage_of(&self, now: Instant, job: &Job) -> Vintage {
        let instance = &self.instances[job.instance as usize];
        match instance.role {
            Role::Server(_) => Vintage { made: instance.clock.read(now), ..job.vintage },
            Role::Client | Role::Relay | Role::Cache(_) => job.vintage,
        }
    }

    /// The job is over: its worker takes the next one.
    pub(super) fn retire(&mut self, now: Instant, handle: Handle) {
        self.free_worker(now, handle);
        let Some(job) = self.jobs.get(handle) else { return };
        let (number, item) = (job.instance, job.item);
        self.jobs.forget(handle);
        let instance = &mut self.instances[number as usize];
        instance.present = instance.present.saturating_sub(1);
        if matches!(instance.role, Role::Cache(_)) {
            self.left_cache(now, number, item, handle);
        }
    }

    /// Its worker takes the next job.
    pub(super) fn free_worker(&mut self, now: Instant, handle: Handle) {
        let Some(job) = self.jobs.get(handle) else { return };
        let Role::Server(Some(service)) = &mut self.instances[job.instance as usize].role else {
            return;
        };
        let next = match job.state {
            State::Travelling | State::Collapsed | State::Holding => None,
            State::Queued(ticket) => {
                service.withdraw(ticket);
                None
            }
            State::Working | State::Stuck | State::Asking => service.release(now),
        };
        if let Some(next) = next {
            self.start_work(now, next);
        }
    }
}
