//! One try of a request, as the instance sees it that works on it.

mod asking;

use base::{Duration, Instant};
use config::design::NodeKind;
use event::Cause;
use model::quality::Quality;
use model::service::{Arrival, Outcome, Refusal, Started, Ticket};
use model::traffic::Item;

use super::World;
use super::cache::Vintage;
use super::event::Event;
use super::instance::Role;
use super::slab::Handle;
use super::tap::examples::End;

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
    /// How many tries it took to answer it, as it tells its caller; 1 where it tells nothing.
    pub(super) tries: u8,
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
        let (flight, attempt, tries) = (self.caller, self.attempt, self.tries);
        Event::Answer { flight, attempt, status, tries, quality }
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
        self.tap.reached(now, handle);
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

    /// The caller gave up, and the instance knows: it stops.
    pub(super) fn abandon(&mut self, now: Instant, handle: Handle) {
        self.tap.work_ended(now, handle, End::Left);
        self.leave_children(now, handle);
        self.retire(now, handle);
    }

    /// A worker has begun on a job.
    pub(super) fn start_work(&mut self, now: Instant, started: Started<Handle>) {
        let Some(job) = self.jobs.get_mut(started.request) else { return };
        job.began += 1;
        self.tap.work_began(now, started.request);
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
        self.tap.work_ended(now, handle, End::Failed(cause));
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
        self.tap.work_ended(now, handle, End::Answered(status));
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
