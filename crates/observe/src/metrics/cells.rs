//! What one worker counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base::{Duration, Instant};
use event::policy::{Grounds, NoRetry};
use event::{Cause, Event, Scope, Sink, l3, l4, l7, policy, tls};

use super::histogram::{Histogram, add};

/// One worker's counters. It is the only writer; any number of scrapes read.
///
/// An event of a call or endpoint that the design does not have is not counted.
#[derive(Debug)]
pub struct Cells {
    table: Arc<Table>,
}

/// All counters of one worker.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) process: ProcessCells,
    pub(super) calls: Box<[CallCells]>,
}

/// What concerns no endpoint: the clients' side, and the machine.
#[derive(Debug)]
pub(super) struct ProcessCells {
    pub(super) accepted: AtomicU64,
    pub(super) turned_away: PerCause,
    pub(super) let_go: AtomicU64,
    pub(super) resets: AtomicU64,
    pub(super) closed: AtomicU64,
    pub(super) unrouted: [AtomicU64; l7::UNROUTED.len()],
    pub(super) lost: AtomicU64,
    pub(super) agreed: Histogram,
    pub(super) disagreed: AtomicU64,
}

/// What concerns a call.
#[derive(Debug)]
pub(super) struct CallCells {
    pub(super) requests: AtomicU64,
    pub(super) attempts: AtomicU64,
    pub(super) latency: Histogram,
    pub(super) answers: [AtomicU64; STATUS_CLASSES],
    pub(super) failures: PerCause,
    pub(super) retries: [[AtomicU64; Grounds::ALL.len()]; Cause::ALL.len()],
    pub(super) refused: [AtomicU64; NoRetry::ALL.len()],
    pub(super) shed: PerCause,
    pub(super) queued: AtomicU64,
    pub(super) queue_wait: Histogram,
    pub(super) spilled: AtomicU64,
    pub(super) failed_open: AtomicU64,
    /// The last state that was told.
    pub(super) breaker: AtomicU64,
    pub(super) endpoints: Box<[EndpointCells]>,
}

/// What concerns an endpoint of a call.
#[derive(Debug)]
pub(super) struct EndpointCells {
    pub(super) attempts: AtomicU64,
    pub(super) latency: Histogram,
    pub(super) failures: PerCause,
    pub(super) connect: Histogram,
    pub(super) connect_failures: PerCause,
    pub(super) reused: AtomicU64,
    pub(super) resets: AtomicU64,
    pub(super) closed: AtomicU64,
    pub(super) ejections: AtomicU64,
    pub(super) returns: AtomicU64,
    /// What checks last told; believed to be up until they do.
    pub(super) up: AtomicU64,
}

/// A counter for each cause.
pub(super) type PerCause = [AtomicU64; Cause::ALL.len()];

/// 1xx to 5xx.
pub(super) const STATUS_CLASSES: usize = 5;

impl Cells {
    pub(super) fn new(table: Arc<Table>) -> Self {
        Self { table }
    }
}

impl Sink for Cells {
    #[inline]
    fn emit(&mut self, _now: Instant, scope: Scope, event: Event) {
        let (process, call) = (&self.table.process, self.table.calls.get(scope.call.index()));
        let endpoint = call.and_then(|call| call.endpoints.get(scope.endpoint?.index()));
        match (event, call, endpoint) {
            (Event::L7(l7::Event::Unrouted { cause, status }), ..) => {
                process.on_unrouted(cause, status);
            }
            (Event::L7(event), Some(call), endpoint) => call.on_l7(endpoint, event),
            (Event::Policy(event), Some(call), endpoint) => call.on_policy(endpoint, event),
            (Event::L4(event), _, Some(endpoint)) => endpoint.on_l4(event),
            (Event::L4(event), _, None) => process.on_l4(event),
            (Event::L3(l3::Event::Lost), ..) => add(&process.lost, 1),
            // Why and where it was lost only the simulator can know.
            (Event::L3(_), ..) => {}
            (Event::Tls(tls::Event::Agreed { took }), ..) => process.agreed.observe(took),
            (Event::Tls(tls::Event::Failed), ..) => add(&process.disagreed, 1),
            // A call that the design does not have, and faults: the simulator knows those.
            (Event::L7(_) | Event::Policy(_), None, _) | (Event::World(_), ..) => {}
        }
    }
}

impl Table {
    /// Nothing counted yet; `endpoints` of each call.
    pub(super) fn new(endpoints: impl Iterator<Item = usize>) -> Self {
        Self { process: ProcessCells::new(), calls: endpoints.map(CallCells::new).collect() }
    }
}

impl ProcessCells {
    fn new() -> Self {
        Self {
            accepted: AtomicU64::new(0),
            turned_away: per_cause(),
            let_go: AtomicU64::new(0),
            resets: AtomicU64::new(0),
            closed: AtomicU64::new(0),
            unrouted: Default::default(),
            lost: AtomicU64::new(0),
            agreed: Histogram::default(),
            disagreed: AtomicU64::new(0),
        }
    }

    /// A status that is not in the table is counted with another one of its cause.
    fn on_unrouted(&self, cause: Cause, status: u16) {
        let exactly = l7::UNROUTED.iter().position(|row| *row == (cause, status));
        let at = exactly.or_else(|| l7::UNROUTED.iter().position(|row| row.0 == cause));
        if let Some(at) = at {
            add(&self.unrouted[at], 1);
        }
    }

    fn on_l4(&self, event: l4::Event) {
        match event {
            l4::Event::Accepted => add(&self.accepted, 1),
            l4::Event::TurnedAway { cause } => add(&self.turned_away[cause.index()], 1),
            l4::Event::LetGo => add(&self.let_go, 1),
            l4::Event::Reset => add(&self.resets, 1),
            l4::Event::Closed => add(&self.closed, 1),
            // These happen towards an endpoint only.
            l4::Event::Connected { .. } | l4::Event::ConnectFailed { .. } | l4::Event::Reused => {}
            // What the kernel deals with by itself is seen by the simulator.
            _ => {}
        }
    }
}

impl CallCells {
    fn new(endpoints: usize) -> Self {
        Self {
            requests: AtomicU64::new(0),
            attempts: AtomicU64::new(0),
            latency: Histogram::default(),
            answers: Default::default(),
            failures: per_cause(),
            retries: [const { [const { AtomicU64::new(0) }; Grounds::ALL.len()] };
                Cause::ALL.len()],
            refused: Default::default(),
            shed: per_cause(),
            queued: AtomicU64::new(0),
            queue_wait: Histogram::default(),
            spilled: AtomicU64::new(0),
            failed_open: AtomicU64::new(0),
            breaker: AtomicU64::new(0),
            endpoints: (0..endpoints).map(|_| EndpointCells::new()).collect(),
        }
    }

    #[inline]
    fn on_l7(&self, endpoint: Option<&EndpointCells>, event: l7::Event) {
        match (event, endpoint) {
            (l7::Event::Requested, _) => add(&self.requests, 1),
            (l7::Event::Attempted { .. }, endpoint) => {
                add(&self.attempts, 1);
                if let Some(endpoint) = endpoint {
                    add(&endpoint.attempts, 1);
                }
            }
            (l7::Event::AttemptEnded { took, cause }, Some(endpoint)) => {
                endpoint.on_attempt(took, cause);
            }
            (l7::Event::AttemptEnded { .. }, None) => {}
            (l7::Event::Answered { took, status, cause, .. }, _) => {
                self.on_answer(took, status, cause);
            }
            // Of no call.
            (l7::Event::Unrouted { .. }, _) => {}
        }
    }

    #[inline]
    fn on_answer(&self, took: Duration, status: u16, cause: Option<Cause>) {
        self.latency.observe(took);
        // Nothing was sent if the client left before a head: that is no class of answers.
        let class = usize::from(status / 100).wrapping_sub(1);
        if let Some(answers) = self.answers.get(class) {
            add(answers, 1);
        }
        if let Some(cause) = cause {
            add(&self.failures[cause.index()], 1);
        }
    }

    fn on_policy(&self, endpoint: Option<&EndpointCells>, event: policy::Event) {
        match (event, endpoint) {
            (policy::Event::Queued { .. }, _) => add(&self.queued, 1),
            (policy::Event::Admitted { waited }, _) => self.queue_wait.observe(waited),
            (policy::Event::Shed(cause), _) => add(&self.shed[cause.index()], 1),
            (policy::Event::RetryGranted { after, grounds }, _) => {
                add(&self.retries[after.index()][grounds.index()], 1);
            }
            (policy::Event::RetryRefused { reason, .. }, _) => {
                add(&self.refused[reason.index()], 1);
            }
            (policy::Event::BreakerMoved { to }, _) => {
                self.breaker.store(u64::from(to.gauge()), Ordering::Relaxed);
            }
            (policy::Event::Spilled, _) => add(&self.spilled, 1),
            (policy::Event::FailedOpen, _) => add(&self.failed_open, 1),
            (policy::Event::Ejected, Some(endpoint)) => add(&endpoint.ejections, 1),
            (policy::Event::Returned, Some(endpoint)) => add(&endpoint.returns, 1),
            (policy::Event::HealthChanged { up }, Some(endpoint)) => {
                endpoint.up.store(u64::from(up), Ordering::Relaxed);
            }
            // These concern an endpoint; one that the design does not have is not counted.
            (
                policy::Event::Ejected
                | policy::Event::Returned
                | policy::Event::HealthChanged { .. },
                None,
            ) => {}
        }
    }
}

impl EndpointCells {
    fn new() -> Self {
        Self {
            attempts: AtomicU64::new(0),
            latency: Histogram::default(),
            failures: per_cause(),
            connect: Histogram::default(),
            connect_failures: per_cause(),
            reused: AtomicU64::new(0),
            resets: AtomicU64::new(0),
            closed: AtomicU64::new(0),
            ejections: AtomicU64::new(0),
            returns: AtomicU64::new(0),
            up: AtomicU64::new(1),
        }
    }

    #[inline]
    fn on_attempt(&self, took: Duration, cause: Option<Cause>) {
        self.latency.observe(took);
        if let Some(cause) = cause {
            add(&self.failures[cause.index()], 1);
        }
    }

    fn on_l4(&self, event: l4::Event) {
        match event {
            l4::Event::Connected { took } => self.connect.observe(took),
            l4::Event::ConnectFailed { cause } => add(&self.connect_failures[cause.index()], 1),
            l4::Event::Reused => add(&self.reused, 1),
            l4::Event::Reset => add(&self.resets, 1),
            l4::Event::Closed => add(&self.closed, 1),
            // Clients are accepted, endpoints are not.
            l4::Event::Accepted | l4::Event::TurnedAway { .. } | l4::Event::LetGo => {}
            // What the kernel deals with by itself is seen by the simulator.
            _ => {}
        }
    }
}

fn per_cause() -> PerCause {
    [const { AtomicU64::new(0) }; Cause::ALL.len()]
}
