//! One instance of a service.
//!
//! ```text
//!   arrive ──► Refused (no room, or down)
//!     │
//!     ├──► Queued ──────────────┐ a worker is free
//!     ▼                         ▼
//!   Started { until } ── driver waits ──► finished ──► release: the worker takes the next
//! ```
//!
//! A worker belongs to its request until [`Service::release`]: own work first, then whatever the
//! request asks of others. So a service whose databases are slow runs out of workers, as services
//! with a thread, a connection or a permit for each request do.
//!
//! Work goes on when its caller gave up. Only [`Service::withdraw`] and an early release stop it,
//! and a driver calls these only where the design declares `cancel`.

use alloc::collections::VecDeque;

use base::{Duration, Instant, Random, Share};

use super::time::Sampler;
use super::{Contention, Params};

/// One instance of a service. `T` is whatever its driver calls a request.
///
/// Contention counts when work starts and is not changed for work that has begun.
#[derive(Clone, Debug)]
pub struct Service<T> {
    workers: u32,
    most_queued: Option<u32>,
    time: Sampler,
    contention: Option<Contention>,
    random: Random,
    condition: Condition,
    busy: u32,
    waiting: VecDeque<Option<Waiting<T>>>,
    /// The number of the first place of `waiting`.
    first: u64,
    queued: u32,
}

#[derive(Clone, Copy, Debug)]
struct Waiting<T> {
    request: T,
    chance: u64,
}

/// How a service is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Condition {
    /// Work that starts takes so many times as long.
    pub slow: f64,
    /// This share of answers is an error of this status.
    pub errors: Option<(Share, u16)>,
    /// Accepts, and never answers.
    pub hangs: bool,
    /// Connections are refused.
    pub down: bool,
}

/// What became of a request that arrived.
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use]
pub enum Arrival<T> {
    /// A worker has it.
    Started(Started<T>),
    /// It waits for a worker.
    Queued(Ticket),
    /// It is not taken.
    Refused(Refusal),
}

/// Why a request is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// All workers are busy and the queue is full: answered with 503.
    Full,
    /// Nobody listens.
    Down,
}

/// A worker has begun.
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use]
pub struct Started<T> {
    /// On which request.
    pub request: T,
    /// When its own work is done: ask [`Service::finished`] then. [`Instant::NEVER`] if the
    /// service hangs.
    pub until: Instant,
}

/// How own work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Well.
    Done,
    /// With an error of this status.
    Error(u16),
}

/// A place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

impl Condition {
    /// Nothing is wrong.
    pub const WELL: Self = Self { slow: 1.0, errors: None, hangs: false, down: false };
}

impl<T: Copy> Service<T> {
    /// An instance that has just started. `random` is its own stream; what is drawn for a request
    /// hangs on that request's `chance` alone, not on the order in which requests come.
    pub fn new(params: &Params, random: Random) -> Self {
        Self {
            workers: params.workers,
            most_queued: params.queue,
            time: Sampler::new(&params.service_time),
            contention: params.contention,
            random,
            condition: Condition::WELL,
            busy: 0,
            waiting: VecDeque::new(),
            first: 0,
            queued: 0,
        }
    }

    /// A request arrives. `chance` should differ from request to request.
    #[inline]
    pub fn arrive(&mut self, now: Instant, request: T, chance: u64) -> Arrival<T> {
        if self.condition.down {
            return Arrival::Refused(Refusal::Down);
        }
        if self.busy < self.workers {
            return Arrival::Started(self.start(now, Waiting { request, chance }));
        }
        if self.most_queued.is_some_and(|most| self.queued >= most) {
            return Arrival::Refused(Refusal::Full);
        }
        self.queued += 1;
        self.waiting.push_back(Some(Waiting { request, chance }));
        Arrival::Queued(Ticket(self.first + self.waiting.len() as u64 - 1))
    }

    /// The own work of a request is done. Its worker stays with it until [`Service::release`].
    #[inline]
    pub fn finished(&self, chance: u64) -> Outcome {
        let Some((rate, status)) = self.condition.errors else {
            return Outcome::Done;
        };
        let drawn = self.random.child(chance).child(ERRORS).below(WHOLE);
        if drawn < u64::from(rate.as_millionths()) { Outcome::Error(status) } else { Outcome::Done }
    }

    /// A worker is free: it takes the next request, if one waits.
    #[inline]
    pub fn release(&mut self, now: Instant) -> Option<Started<T>> {
        self.busy = self.busy.saturating_sub(1);
        while let Some(place) = self.waiting.pop_front() {
            self.first += 1;
            if let Some(next) = place {
                self.queued -= 1;
                return Some(self.start(now, next));
            }
        }
        None
    }

    /// The process stood still and goes on: when the own work of a request will be done that had
    /// a worker all the while. It begins anew.
    pub fn resume(&self, now: Instant, chance: u64) -> Instant {
        now + Duration::from_secs_f64(self.seconds(chance))
    }

    /// A request that waits is taken back.
    pub fn withdraw(&mut self, ticket: Ticket) {
        let at = ticket.0.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        let place = at.and_then(|at| self.waiting.get_mut(at));
        if place.is_some_and(|place| place.take().is_some()) {
            self.queued -= 1;
        }
    }

    /// The process is gone and with it all it had: its driver forgets every request that it gave.
    pub fn crash(&mut self) {
        self.first += self.waiting.len() as u64;
        self.waiting.clear();
        (self.busy, self.queued) = (0, 0);
    }

    /// From now on it is like this.
    pub const fn set_condition(&mut self, condition: Condition) {
        self.condition = condition;
    }

    /// How it is.
    pub const fn condition(&self) -> Condition {
        self.condition
    }

    /// Workers that have a request.
    pub const fn busy(&self) -> u32 {
        self.busy
    }

    /// Workers there are.
    pub const fn workers(&self) -> u32 {
        self.workers
    }

    /// Requests that wait.
    pub const fn queued(&self) -> u32 {
        self.queued
    }

    fn start(&mut self, now: Instant, next: Waiting<T>) -> Started<T> {
        self.busy += 1;
        let until = if self.condition.hangs {
            Instant::NEVER
        } else {
            now + Duration::from_secs_f64(self.seconds(next.chance))
        };
        Started { request: next.request, until }
    }

    fn seconds(&self, chance: u64) -> f64 {
        let own = self.time.draw(&mut self.random.child(chance));
        let contended = self.contention.map_or(1.0, |contention| contention.factor(self.busy));
        own * contended * self.condition.slow
    }
}

/// The child stream that decides about errors, apart from the one that decides about time.
const ERRORS: u64 = 1;
const WHOLE: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::super::ServiceTime;
    use super::*;

    #[test]
    fn who_came_first_is_served_first_and_who_finds_no_room_is_told_so() {
        let mut service = service(1, Some(1));

        let arrivals = [1, 2, 3].map(|request| service.arrive(at(0), request, 0));
        let next = service.release(at(10));

        assert_eq!(arrivals[0], Arrival::Started(Started { request: 1, until: at(10) }));
        assert_eq!(arrivals[2], Arrival::Refused(Refusal::Full));
        assert_eq!(next, Some(Started { request: 2, until: at(20) }));
    }

    #[test]
    fn a_request_that_is_taken_back_makes_room_and_is_never_started() {
        let mut service = service(1, Some(1));
        let _ = service.arrive(at(0), 1, 0);
        let Arrival::Queued(ticket) = service.arrive(at(0), 2, 0) else { panic!("it waits") };

        service.withdraw(ticket);
        service.withdraw(ticket);
        let third = service.arrive(at(0), 3, 0);

        assert!(matches!(third, Arrival::Queued(_)));
        assert_eq!(service.release(at(10)).map(|started| started.request), Some(3));
    }

    #[test]
    fn slow_work_takes_longer_but_work_that_has_begun_is_not_changed() {
        let mut service = service(2, None);
        let before = started(&mut service, 1);
        service.set_condition(Condition { slow: 1.4, ..Condition::WELL });

        assert_eq!((before, started(&mut service, 2)), (at(10), at(14)));
    }

    #[test]
    fn a_service_that_hangs_accepts_and_never_ends() {
        let mut service = service(1, None);
        service.set_condition(Condition { hangs: true, ..Condition::WELL });

        assert_eq!(started(&mut service, 1), Instant::NEVER);
    }

    #[test]
    fn a_crash_forgets_everything() {
        let mut service = service(1, None);
        let _ = service.arrive(at(0), 1, 0);
        let Arrival::Queued(ticket) = service.arrive(at(0), 2, 0) else { panic!("it waits") };
        service.crash();
        service.withdraw(ticket);

        assert_eq!((service.busy(), service.queued()), (0, 0));
        assert_eq!(started(&mut service, 3), at(10));
    }

    #[test]
    fn errors_come_at_their_rate_and_hang_on_the_request_alone() {
        let mut service = service(1, None);
        service.set_condition(Condition {
            errors: Some((Share::percent(10), 500)),
            ..Condition::WELL
        });
        let errors = |service: &Service<u32>| -> Vec<bool> {
            (0..10_000).map(|chance| service.finished(chance) == Outcome::Error(500)).collect()
        };

        let failed = errors(&service).into_iter().filter(|&error| error).count();

        assert!((850..1_150).contains(&failed), "{failed} of 10000 within five sigma of a tenth");
        assert_eq!(errors(&service), errors(&service));
    }

    #[test]
    fn contention_makes_each_slower_when_many_are_served() {
        let contention = Some(Contention { sigma: 0.1, kappa: 0.0 });
        let params = Params { contention, ..params(10, None) };
        let mut service = Service::new(&params, Random::of(1, "svc", "work"));

        let untils = [1, 2, 3].map(|request| started(&mut service, request));

        assert_eq!(untils, [at(10), at(11), at(12)]);
    }

    fn started(service: &mut Service<u32>, request: u32) -> Instant {
        match service.arrive(at(0), request, 0) {
            Arrival::Started(started) => started.until,
            other => panic!("{other:?}"),
        }
    }

    fn service(workers: u32, queue: Option<u32>) -> Service<u32> {
        Service::new(&params(workers, queue), Random::of(1, "svc", "work"))
    }

    fn params(workers: u32, queue: Option<u32>) -> Params {
        let service_time = ServiceTime::Constant(Duration::from_millis(10));
        Params { workers, queue, service_time, contention: None }
    }

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }
}
