//! The world: the only simulated clock.
//!
//! Requests are two kinds of things that take turns. A *flight* is a request as its caller sees
//! it: the real `Exchange`, driven by the world. A *job* is one try of it as the instance sees it
//! that works on it. A flight sends jobs, a job that asks others begins flights:
//!
//! ```text
//!   client ── flight ── job at api ── flight ── job at svc ─┬─ flight ── job at db
//!                                                           └─ flight ── job at prices
//! ```
//!
//! A caller that gives up ends its flight; the job knows nothing of it and goes on, unless the
//! design declares `cancel`.

mod cache;
mod checks;
mod clients;
mod database;
mod early;
mod ears;
mod engines;
mod event;
mod faults;
mod flight;
mod fork;
mod instance;
mod job;
mod session;
mod slab;
pub(crate) mod tap;
mod timers;
mod transport;

use std::collections::{BTreeMap, VecDeque};

use ::event::Cause;
use base::{Duration, Instant};
use engine::l7::Input;
use model::cache::Cache;
use model::replica::Book;
use netsim::{Party, Queue};

use self::clients::ClientState;
use self::early::Early;
use self::engines::{Engine, engines_of};
use self::event::Event;
use self::flight::Flight;
use self::instance::{Instance, Role, instances};
use self::job::Job;
use self::session::Session;
use self::slab::{Handle, Slab};
pub(crate) use self::tap::Tap;
use self::transport::Net;
use crate::plan::{Plan, Times};
use crate::stats::{DRAIN, Stats};

/// A run as it goes on.
pub(crate) struct World<'p> {
    plan: &'p Plan<'p>,
    seed: u64,
    queue: Queue<Event>,
    /// Whose the run's own events are.
    own: Party,
    flights: Slab<Flight>,
    jobs: Slab<Job>,
    instances: Vec<Instance>,
    engines: Vec<Engine>,
    /// What is below the messages, if packets are simulated.
    net: Option<Box<Net>>,
    clients: Vec<ClientState>,
    /// What clients want to have open.
    sessions: Slab<Session>,
    /// What databases have acknowledged, by node.
    books: Vec<Option<Book>>,
    /// What callers remember who may use an old answer, by engine.
    memories: BTreeMap<u32, Cache<Handle>>,
    /// Flights whose turn in a queue has come.
    turns: VecDeque<(Handle, Input)>,
    stats: Stats,
    /// Whoever wants more than counts.
    tap: Tap,
    events: u64,
    /// Ends the run when its verdict is certain, if that is wanted.
    early: Option<Early>,
    /// Nobody counts what sessions say.
    is_terse: bool,
}

/// What a run leaves behind.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) stats: Stats,
    /// Who listened.
    pub(crate) tap: Tap,
    /// Events that happened.
    pub(crate) events: u64,
    /// What was not given back.
    pub(crate) held: Held,
    /// When the run had to stop because too much was under way.
    pub(crate) stopped: Option<Instant>,
    /// Whether the design recovers, where that was certain before the end.
    pub(crate) decided: Option<bool>,
    /// Permits of all calls that were never given back.
    #[cfg(test)]
    pub(crate) permits: u64,
}

/// Why a run goes on no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Nothing is left to happen, or to be found out.
    Quiet,
    /// More is under way than there is room for.
    TooMuch(Instant),
    /// Somebody asked for it.
    Asked,
}

/// What was not given back at the end of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// Connections that stand and are not kept for reuse; without packets, tries that nobody
    /// has answered: each would wait on one.
    pub(crate) connections: u64,
    /// Descriptors of these. Nothing without packets.
    pub(crate) descriptors: Option<u64>,
    /// Bytes that were written on these and never acknowledged. Nothing without packets.
    pub(crate) bytes: Option<u64>,
}

impl<'p> World<'p> {
    pub(crate) fn new(plan: &'p Plan<'p>, seed: u64) -> Self {
        let mut queue = Queue::new(seed);
        let own = queue.party("the world");
        let instances = instances(plan, seed, &mut queue);
        let engines = (0..plan.design.calls.len())
            .flat_map(|call| engines_of(plan, base::CallId::from_index(call), seed))
            .collect();
        let parties: Vec<_> = instances.iter().map(|one: &Instance| one.party).collect();
        let has_packets = plan.network.has_packets;
        let net = has_packets.then(|| Box::new(Net::new(plan, seed, own, &parties)));
        let mut world = Self {
            plan,
            seed,
            queue,
            own,
            flights: Slab::new(),
            jobs: Slab::new(),
            instances,
            engines,
            net,
            clients: clients::start(plan, seed),
            sessions: Slab::new(),
            books: database::books(plan.design, seed),
            memories: BTreeMap::new(),
            turns: VecDeque::new(),
            stats: Stats::new(plan.times, plan.design),
            tap: Tap::default(),
            events: 0,
            early: None,
            is_terse: false,
        };
        world.start();
        world
    }

    /// Somebody listens to this run.
    pub(crate) fn listened(mut self, tap: Tap) -> Self {
        self.tap = tap;
        self
    }

    /// Only whether this run recovers is wanted, and not what sessions have said.
    pub(crate) const fn be_terse(&mut self) {
        self.is_terse = true;
    }

    /// How many events have happened.
    pub(crate) const fn events(&self) -> u64 {
        self.events
    }

    /// The times of the run.
    pub(crate) const fn times(&self) -> Times {
        self.plan.times
    }

    /// Plays what happens before a moment; nothing comes of it if somebody wants it to `stop`.
    pub(crate) fn play_until(mut self, moment: Instant, stop: impl Fn() -> bool) -> Option<Self> {
        while self.queue.next_at().is_some_and(|next| next < moment) {
            if let Some((now, &event)) = self.queue.pop() {
                self.events += 1;
                self.turn(now, event);
            }
            if self.events.is_multiple_of(LOOKS_UP) && stop() {
                return None;
            }
        }
        Some(self)
    }

    /// Plays everything, to the last answer.
    pub(crate) fn run(mut self) -> Run {
        let end = self.play_out(|| false);
        self.leave_behind(end)
    }

    /// Plays everything, to the last answer; nothing comes of it if somebody wants it to
    /// `stop`.
    pub(crate) fn run_unless(mut self, stop: impl Fn() -> bool) -> Option<Run> {
        let end = self.play_out(stop);
        (end != End::Asked).then(|| self.leave_behind(end))
    }

    fn play_out(&mut self, stop: impl Fn() -> bool) -> End {
        let end = self.plan.times.end;
        while let Some((now, &event)) = self.queue.pop() {
            if now > end && (now > end + DRAIN || self.is_quiet()) {
                break;
            }
            self.events += 1;
            self.turn(now, event);
            if !self.events.is_multiple_of(COUNTS) {
                continue;
            }
            if self.is_too_much() {
                return End::TooMuch(now);
            }
            if self.decided().is_some() {
                break;
            }
            if self.events.is_multiple_of(LOOKS_UP) && stop() {
                return End::Asked;
            }
        }
        End::Quiet
    }

    fn leave_behind(mut self, end: End) -> Run {
        self.stats.edge.unanswered = self.count_unanswered();
        Run {
            #[cfg(test)]
            permits: self.count_permits(),
            held: self.held(),
            decided: self.decided(),
            stats: self.stats,
            tap: self.tap,
            events: self.events,
            stopped: match end {
                End::TooMuch(now) => Some(now),
                End::Quiet | End::Asked => None,
            },
        }
    }

    fn start(&mut self) {
        for client in 0..self.clients.len() {
            self.schedule_arrival(client);
        }
        for number in 0..self.plan.faults.len() {
            self.schedule_first(number);
        }
        for engine in 0..self.engines.len() {
            self.schedule_check(Instant::ZERO, engine);
        }
        self.start_sessions();
        self.schedule_sample(Instant::ZERO);
    }

    /// One event, and all that applications hear because of it: one after the other, however many.
    #[expect(clippy::inline_always, reason = "called in two loops, one of which is all of a run")]
    #[inline(always)]
    fn turn(&mut self, now: Instant, event: Event) {
        self.happen(now, event);
        if self.net.is_some() {
            self.settle(now);
        }
    }

    fn happen(&mut self, now: Instant, event: Event) {
        match event {
            Event::Arrive { client, pace } => self.on_arrive(now, client, pace),
            Event::Reach { job } => self.on_reach(now, job),
            Event::Worked { job, began } => self.on_worked(now, job, began),
            Event::Answer { flight, attempt, status, tries, quality } => {
                self.on_answer(now, flight, attempt, (status, tries), quality);
            }
            Event::Broken { flight, attempt, cause } => {
                self.on_broken(now, flight, attempt, cause);
            }
            Event::GaveUp { job } => self.abandon(now, job),
            Event::Timer { flight } => self.on_timer(now, flight),
            Event::Timers { engine } => self.on_timers(now, engine),
            Event::Check { engine } => self.on_check(now, engine),
            Event::Checked { engine, endpoint, well } => {
                self.on_checked(now, engine, endpoint, well);
            }
            Event::Fault { number } => self.on_fault(now, usize::from(number)),
            Event::Datagram { datagram } => self.on_datagram(now, datagram),
            Event::Segments { connection, side } => self.on_segments_due(now, connection, side),
            Event::ConnectTimeout { connection } => self.on_connect_timeout(now, connection),
            Event::Idle { engine } => self.on_idle(now, engine),
            Event::Announced { announcement } => self.on_announced(now, announcement),
            Event::Unreachable { connection, side } => self.on_unreachable(now, connection, side),
            Event::StreamReset { job } => self.on_stream_reset(now, job),
            Event::CheckReached { connection } => self.on_check_reached(now, connection),
            Event::CheckAnswered { connection } => self.on_check_over(now, connection, true),
            Event::CheckDue { connection } => self.on_check_over(now, connection, false),
            Event::SessionEnds { session } => self.on_session_ends(now, session),
            Event::Reconnect { session } => self.on_reconnect(now, session),
            Event::Closed { job } => self.on_closed(now, job),
            Event::Beat { session } => self.on_beat(now, session),
            // It concerns a side of a connection: see `transport::standing`.
            Event::Message { .. } => {}
            Event::Dismissed { job } => self.break_session(now, job, Cause::Draining),
            Event::CloseSessions => self.on_close_sessions(now),
            Event::StandSessions => self.on_stand_sessions(),
            Event::Sample => self.on_sample(now),
        }
    }

    /// Something that an instance does by and for itself.
    fn push_local(&mut self, at: Instant, instance: u32, event: Event) {
        let party = self.instances[instance as usize].party;
        self.queue.push(at, party, party, event);
    }

    /// Something that the run does, wherever in the design it is.
    fn push_own(&mut self, at: Instant, event: Event) {
        self.queue.push(at, self.own, self.own, event);
    }

    fn schedule_sample(&mut self, now: Instant) {
        if now < self.plan.times.end {
            let next = now + Duration::from_nanos(self.stats.series.width().as_nanos() / SAMPLES);
            self.push_own(next, Event::Sample);
        }
    }

    fn on_sample(&mut self, now: Instant) {
        let (mut busiest, mut longest) = (0.0_f64, 0);
        let mut at = 0;
        while at < self.instances.len() {
            let node = self.instances[at].node;
            let (mut busy, mut workers, mut queued) = (0, 0, 0);
            while let Some(instance) = self.instances.get(at).filter(|other| other.node == node) {
                if let Role::Server(Some(service)) = &instance.role {
                    busy += service.busy();
                    workers += service.workers();
                    queued += u64::from(service.queued());
                }
                at += 1;
            }
            self.tap.node_sampled(now, node, (busy, workers), queued);
            busiest = busiest.max(f64::from(busy) / f64::from(workers.max(1)));
            longest = longest.max(queued);
        }
        self.stats.series.sample(now, busiest, longest, self.stats.sessions.open);
        self.tap.sampled(now);
        self.look_early(now);
        self.schedule_sample(now);
    }

    fn is_too_much(&self) -> bool {
        self.flights.len() + self.jobs.len() > self.plan.most_under_way as usize
    }

    fn is_quiet(&self) -> bool {
        self.flights.len() == 0 && self.jobs.len() == 0
    }

    fn count_unanswered(&self) -> u64 {
        let warm_up = self.plan.times.warm_up;
        let waiting =
            self.flights.iter().filter(|(_, flight)| flight.is_clients_since(warm_up)).count();
        waiting as u64 + self.count_unopened(warm_up)
    }

    #[cfg(test)]
    fn count_permits(&self) -> u64 {
        let held = |shared: &engine::Shared| {
            u64::from(shared.in_flight())
                + u64::from(shared.queued())
                + u64::from(shared.probes())
                + u64::from(shared.retries_in_flight())
        };
        self.engines.iter().map(|engine| held(engine.call.shared())).sum()
    }
}

/// After so many events a run looks whether somebody wants it to stop: some thousand times a second.
const LOOKS_UP: u64 = 4_096;
/// After so many events it counts what is under way, and looks whether its verdict is certain.
const COUNTS: u64 = 64;
const _: () = assert!(LOOKS_UP.is_multiple_of(COUNTS));
/// Looks at queues and workers in each window.
const SAMPLES: u64 = 4;

#[cfg(test)]
mod tests;
