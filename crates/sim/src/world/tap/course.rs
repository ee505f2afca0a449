//! What each call and each node did, window by window, and every move of a breaker.

use base::{CallId, Duration, Instant, NodeId, WorkerId};
use event::policy::BreakerState;
use event::{Event, Scope, l3, l4, l7, policy};

use crate::plan::Plan;
use crate::stats::Series;

/// The course of a run, in the windows of [`Series`].
#[derive(Clone, Debug)]
pub(crate) struct Course {
    width: Duration,
    windows: usize,
    /// By call.
    pub(crate) calls: Vec<Vec<CallWindow>>,
    /// By node.
    pub(crate) nodes: Vec<Vec<NodeWindow>>,
    pub(crate) network: Vec<NetworkWindow>,
    /// In the order in which they happened.
    pub(crate) moves: Vec<Move>,
    /// Moves for which there was no room.
    pub(crate) moves_left_out: u64,
    /// By engine: the instance and the worker that it runs on.
    places: Vec<(u32, WorkerId)>,
}

/// A call in a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CallWindow {
    pub(crate) requests: u32,
    pub(crate) attempts: u32,
    pub(crate) retries: u32,
    /// Requests that failed.
    pub(crate) failed: u32,
    /// Requests that a rule turned away.
    pub(crate) shed: u32,
}

/// A node in a window: sums over samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct NodeWindow {
    busy: u64,
    workers: u64,
    queued: u64,
    samples: u32,
}

/// The transport and the network, all connections together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct NetworkWindow {
    pub(crate) retransmits: u32,
    pub(crate) stalls: u32,
    pub(crate) resets: u32,
    pub(crate) drops: u32,
}

/// A breaker went into another state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) at: Instant,
    pub(crate) call: CallId,
    pub(crate) instance: u32,
    pub(crate) worker: WorkerId,
    pub(crate) to: BreakerState,
}

/// A breaker that flaps on every instance would fill the memory with its moves.
const MOST_MOVES: usize = 200_000;

impl Course {
    pub(super) fn new(plan: &Plan<'_>) -> Self {
        let series = Series::new(plan.times.end);
        let windows = series.windows().len();
        Self {
            width: series.width(),
            windows,
            calls: vec![vec![CallWindow::default(); windows]; plan.design.calls.len()],
            nodes: vec![vec![NodeWindow::default(); windows]; plan.design.nodes.len()],
            network: vec![NetworkWindow::default(); windows],
            moves: Vec::new(),
            moves_left_out: 0,
            places: places(plan),
        }
    }

    pub(super) fn sample(
        &mut self,
        now: Instant,
        node: NodeId,
        (busy, workers): (u32, u32),
        queued: u64,
    ) {
        let Some(at) = self.window(now) else { return };
        let window = &mut self.nodes[node.index()][at];
        window.busy += u64::from(busy);
        window.workers += u64::from(workers);
        window.queued += queued;
        window.samples += 1;
    }

    pub(super) fn heard(&mut self, now: Instant, scope: Scope, event: Event, engine: u32) {
        if let Event::Policy(policy::Event::BreakerMoved { to }) = event {
            self.moved(now, scope.call, to, engine);
        }
        let Some(at) = self.window(now) else { return };
        match event {
            Event::L7(event) => self.calls[scope.call.index()][at].on_l7(event),
            Event::Policy(event) => self.calls[scope.call.index()][at].on_policy(event),
            Event::L4(event) => self.network[at].on_l4(event),
            Event::L3(event) => self.network[at].on_l3(event),
            Event::Tls(_) | Event::World(_) => {}
        }
    }

    fn moved(&mut self, at: Instant, call: CallId, to: BreakerState, engine: u32) {
        if self.moves.len() >= MOST_MOVES {
            self.moves_left_out += 1;
            return;
        }
        if let Some(&(instance, worker)) = self.places.get(engine as usize) {
            self.moves.push(Move { at, call, instance, worker, to });
        }
    }

    fn window(&self, now: Instant) -> Option<usize> {
        let at = usize::try_from(now.as_nanos() / self.width.as_nanos()).ok()?;
        (at < self.windows).then_some(at)
    }
}

impl CallWindow {
    fn on_l7(&mut self, event: l7::Event) {
        match event {
            l7::Event::Requested => self.requests += 1,
            l7::Event::Attempted { .. } => self.attempts += 1,
            l7::Event::Answered { cause: Some(_), .. } => self.failed += 1,
            l7::Event::Answered { .. }
            | l7::Event::AttemptEnded { .. }
            | l7::Event::Unrouted { .. } => {}
        }
    }

    fn on_policy(&mut self, event: policy::Event) {
        self.retries += u32::from(matches!(event, policy::Event::RetryGranted { .. }));
        self.shed += u32::from(matches!(event, policy::Event::Shed(_)));
    }
}

impl NodeWindow {
    /// The share of its workers that were busy.
    pub(crate) fn busy(&self) -> f64 {
        self.busy as f64 / self.workers.max(1) as f64
    }

    /// Requests that waited.
    pub(crate) fn queue(&self) -> f64 {
        self.queued as f64 / f64::from(self.samples.max(1))
    }

    /// Whether it has workers to be busy with.
    pub(crate) const fn has_workers(&self) -> bool {
        self.workers > 0
    }
}

impl NetworkWindow {
    fn on_l4(&mut self, event: l4::Event) {
        match event {
            l4::Event::Retransmitted { .. } => self.retransmits += 1,
            l4::Event::Stalled { .. } => self.stalls += 1,
            l4::Event::Reset => self.resets += 1,
            _ => {}
        }
    }

    fn on_l3(&mut self, event: l3::Event) {
        self.drops += u32::from(event.is_drop());
    }
}

/// Where each engine runs, in the order of their numbers.
fn places(plan: &Plan<'_>) -> Vec<(u32, WorkerId)> {
    let of_call = |call: &config::design::Call| {
        let (from, workers) = (call.from, plan.workers_of(call.from));
        let instances = (0..plan.instance_count(from)).map(move |at| plan.instance(from, at));
        instances.flat_map(move |instance| (0..workers).map(move |w| (instance, WorkerId(w))))
    };
    plan.design.calls.iter().flat_map(of_call).collect()
}
