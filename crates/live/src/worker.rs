//! One core's event loop: its listeners, its connections, and its half of every call.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use base::{CallId, Duration, Instant, Random, RequestId, WorkerId};
use engine::l7::{Exchange, Input, Key, Output};
use engine::{Call, CallSpec, Pool};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use wire::l7::http1::Limits;

use crate::clock::Clock;
use crate::exchange::Desk;
use crate::instance::Instance;
use crate::limits;
use crate::plan::{CallPlan, Plan};
use crate::slots::Slots;

/// What the tasks of one worker share.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) id: WorkerId,
    pub(crate) clock: Clock,
    pub(crate) plan: Arc<Plan>,
    pub(crate) instance: Arc<Instance>,
    pub(crate) slots: Slots,
    pub(crate) heads: Limits,
    calls: Vec<Option<RefCell<Carried>>>,
    desks: RefCell<Vec<Box<Desk>>>,
    recent: Cell<Instant>,
    ids: Cell<u64>,
    gone: Notify,
}

/// This worker's half of a call.
#[derive(Debug)]
pub(crate) struct Carried {
    pub(crate) call: Call,
    pub(crate) pool: Pool<TcpStream>,
}

impl Worker {
    pub(crate) fn new(
        id: WorkerId,
        clock: Clock,
        plan: Arc<Plan>,
        instance: Arc<Instance>,
    ) -> Self {
        let carried = |plan: &CallPlan| RefCell::new(Carried::new(id, clock, plan, instance.seed));
        let calls = plan.calls.iter().map(|call| call.as_ref().map(carried)).collect();
        Self {
            id,
            clock,
            plan,
            slots: Slots::default(),
            heads: limits::heads(),
            calls,
            desks: RefCell::default(),
            recent: Cell::new(clock.now()),
            ids: Cell::new(u64::from(id.0) << 48),
            gone: Notify::new(),
            instance,
        }
    }

    /// A place of work for a request.
    pub(crate) fn take_desk(&self) -> Box<Desk> {
        self.desks.borrow_mut().pop().unwrap_or_else(|| Box::new(Desk::new()))
    }

    /// It is needed no longer.
    pub(crate) fn give_desk(&self, mut desk: Box<Desk>) {
        desk.clear();
        let mut desks = self.desks.borrow_mut();
        if desks.len() < limits::SPARE_BUFFERS {
            desks.push(desk);
        }
    }

    /// This worker's half of a call of this node.
    pub(crate) fn carried(&self, call: CallId) -> Option<&RefCell<Carried>> {
        self.calls.get(call.index())?.as_ref()
    }

    /// Tells an exchange of a call what happened.
    pub(crate) fn tell(&self, call: CallId, exchange: &mut Exchange, input: Input) {
        if let Some(carried) = self.carried(call) {
            exchange.handle(self.now(), input, &mut carried.borrow_mut().call, &mut ());
        }
    }

    /// Somebody's turn has come, here or on another worker.
    pub(crate) fn pass_on(&self, call: CallId, output: Output) {
        match output {
            Output::Admit(key) => self.slots.give_turn(key),
            Output::Wake(worker) => self.instance.wake(worker, call),
            _ => {}
        }
    }

    /// Another worker gave back what somebody here waits for.
    pub(crate) fn on_woken(&self, call: CallId) {
        let Some(carried) = self.carried(call) else {
            return;
        };
        loop {
            let output = carried.borrow_mut().call.woken(self.now());
            let Some(output) = output else {
                return;
            };
            self.pass_on(call, output);
            if matches!(output, Output::Wake(_)) {
                return;
            }
        }
    }

    /// The time. Reads the clock.
    pub(crate) fn now(&self) -> Instant {
        let now = self.clock.now();
        self.recent.set(now);
        now
    }

    /// The time when it was last asked for: good enough for what counts in seconds.
    pub(crate) fn recent(&self) -> Instant {
        self.recent.get()
    }

    /// A number for a request that no other request of this process has.
    pub(crate) fn next_id(&self) -> RequestId {
        self.ids.update(|id| id + 1);
        RequestId(self.ids.get())
    }

    /// How long nothing may move on a call.
    pub(crate) fn idle_timeout(&self, call: CallId) -> Option<Duration> {
        self.plan.calls.get(call.index())?.as_ref()?.rules.idle_timeout
    }

    /// A client's connection is gone.
    pub(crate) fn on_gone(&self, key: Key) {
        self.slots.close(key);
        self.gone.notify_one();
    }

    /// Until the last connection is gone.
    pub(crate) async fn emptied(&self) {
        while self.slots.len() > 0 {
            self.gone.notified().await;
        }
    }

    /// Closes idle connections that are of no more use.
    pub(crate) fn tidy(&self) {
        let now = self.now();
        for carried in self.calls.iter().flatten() {
            while let Some(old) = carried.borrow_mut().pool.expired(now) {
                drop(old);
            }
        }
    }
}

impl Carried {
    fn new(worker: WorkerId, clock: Clock, plan: &CallPlan, seed: u64) -> Self {
        let spec = CallSpec {
            id: plan.id,
            worker,
            rules: plan.rules.clone(),
            endpoints: &plan.specs,
            random: Random::of(seed, &plan.name, "call").child(u64::from(worker.0)),
        };
        let keep = plan.connections.idle_timeout;
        Self {
            call: Call::new(clock.now(), spec, Arc::clone(&plan.shared)),
            pool: Pool::new(plan.endpoints.len(), keep, limits::IDLE_PER_ENDPOINT),
        }
    }
}
