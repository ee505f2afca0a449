//! One core's event loop: its listeners, its connections, and its half of every call.

use std::cell::{Cell, RefCell, RefMut};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use base::{CallId, Duration, EndpointId, Instant, Random, RequestId, WorkerId};
use engine::l7::{Exchange, Input, Key, Output};
use engine::{Call, CallSpec, Pool};
use event::{Event, Scope, Sink};
use observe::metrics::Cells;
use tokio::sync::Notify;

use crate::buffers::Buffers;
use crate::clock::Calendar;
use crate::event_loop::{EventLoop, Timers};
use crate::exchange::Desk;
use crate::instance::Instance;
use crate::limits::{self, Limits};
use crate::log::Batch;
use crate::plan::{CallPlan, Plan};
use crate::record::Recorder;
use crate::reports::Ears;
use crate::slots::Slots;
use crate::upstream::Connection;

/// What the tasks of one worker share.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) id: WorkerId,
    pub(crate) events: Rc<EventLoop>,
    pub(crate) timers: Rc<Timers>,
    calendar: Calendar,
    pub(crate) plan: Arc<Plan>,
    pub(crate) instance: Arc<Instance>,
    pub(crate) slots: Slots,
    pub(crate) limits: Limits,
    calls: Vec<RefCell<Carried>>,
    cells: RefCell<Cells>,
    log: Option<RefCell<Batch>>,
    recorder: Option<RefCell<Recorder>>,
    #[expect(clippy::vec_box, reason = "they are lent out, and large")]
    desks: RefCell<Vec<Box<Desk>>>,
    pub(crate) buffers: Buffers,
    recent: Cell<Instant>,
    ids: Cell<u64>,
    gone: Notify,
    /// Listeners that are accepted from.
    listening: Cell<usize>,
    /// Their number changed, or the instance drains.
    closing: Notify,
    accepting: RefCell<Vec<Waker>>,
    /// When it heard of the drain.
    drains_since: Cell<Option<Instant>>,
    /// When it began to cut what had not finished by the end of the drain.
    cut_since: Cell<Instant>,
}

/// This worker's half of a call.
#[derive(Debug)]
pub(crate) struct Carried {
    pub(crate) call: Call,
    pub(crate) pool: Pool<Connection>,
}

impl Worker {
    pub(crate) fn new(
        id: WorkerId,
        events: Rc<EventLoop>,
        plan: Arc<Plan>,
        instance: Arc<Instance>,
        cells: Cells,
    ) -> Self {
        let carried = |plan: &CallPlan| RefCell::new(Carried::new(id, plan, instance.seed));
        let calls = plan.calls.iter().map(carried).collect();
        Self {
            id,
            timers: Rc::clone(&events.timers),
            calendar: Calendar::default(),
            plan,
            slots: Slots::default(),
            limits: instance.limits,
            calls,
            cells: RefCell::new(cells),
            log: instance.log.as_ref().map(|log| RefCell::new(log.batch())),
            recorder: instance.take_recorder().map(RefCell::new),
            desks: RefCell::default(),
            buffers: Buffers::default(),
            recent: Cell::new(events.turns.now()),
            ids: Cell::new(u64::from(id.0) << 40),
            gone: Notify::new(),
            listening: Cell::new(0),
            closing: Notify::new(),
            accepting: RefCell::default(),
            drains_since: Cell::new(None),
            cut_since: Cell::new(Instant::NEVER),
            events,
            instance,
        }
    }

    /// A place of work for a request.
    pub(crate) fn take_desk(&self) -> Box<Desk> {
        self.desks.borrow_mut().pop().unwrap_or_else(|| Box::new(Desk::new()))
    }

    /// It is needed no longer.
    pub(crate) fn give_desk(&self, mut desk: Box<Desk>) {
        desk.clear(&self.buffers);
        let mut desks = self.desks.borrow_mut();
        if desks.len() < limits::SPARE_BUFFERS {
            desks.push(desk);
        }
    }

    /// This worker's half of a call of this node.
    pub(crate) fn carried(&self, call: CallId) -> RefMut<'_, Carried> {
        self.calls[call.index()].borrow_mut()
    }

    /// Tells an exchange of a call what happened.
    pub(crate) fn tell(&self, call: CallId, exchange: &mut Exchange, input: Input) {
        let now = self.recent();
        if let Some(recorder) = &self.recorder {
            recorder.borrow_mut().input(now, call, exchange.key(), input);
        }
        exchange.handle(now, input, &mut self.carried(call).call, &mut self.ears());
    }

    /// What an exchange says.
    pub(crate) fn hear(&self, exchange: &mut Exchange) -> Option<Output> {
        let output = exchange.poll_output()?;
        if let Some(recorder) = &self.recorder {
            recorder.borrow_mut().output(exchange.key(), output);
        }
        Some(output)
    }

    /// Whom to check now in a call, and until when.
    pub(crate) fn next_check(&self, call: CallId) -> Option<(EndpointId, Instant)> {
        let now = self.now();
        let next = self.carried(call).call.next_check(now);
        if let Some(recorder) = &self.recorder {
            recorder.borrow_mut().check(now, call, next);
        }
        next
    }

    /// Who hears what the engine decides.
    fn ears(&self) -> Ears<'_> {
        let reports = &self.instance.reports;
        Ears { cells: self.cells.borrow_mut(), reports, worker: self.id }
    }

    /// Something happened that the engine does not see.
    pub(crate) fn emit(&self, scope: Scope, event: Event) {
        self.cells.borrow_mut().emit(self.recent(), scope, event);
    }

    /// A health check was answered well, or not.
    pub(crate) fn on_check(&self, call: CallId, endpoint: EndpointId, well: bool) {
        let now = self.now();
        if let Some(recorder) = &self.recorder {
            recorder.borrow_mut().checked(now, call, endpoint, well);
        }
        let mut carried = self.carried(call);
        let was_fit = carried.call.belief().is_fit(endpoint);
        carried.call.on_check(now, endpoint, well, &mut self.ears());
        if was_fit && !carried.call.belief().is_fit(endpoint) {
            carried.pool.drain(endpoint).for_each(drop);
        }
    }

    /// Writes the access log's line about a request.
    pub(crate) fn log(&self, write: impl FnOnce(&mut Vec<u8>, Duration)) {
        if let Some(log) = &self.log {
            log.borrow_mut().line(|out| write(out, self.events.turns.time_of_day(self.recent())));
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
        loop {
            let output = self.carried(call).call.woken(self.now());
            let Some(output) = output else {
                return;
            };
            self.pass_on(call, output);
            if matches!(output, Output::Wake(_)) {
                return;
            }
        }
    }

    /// The time.
    pub(crate) fn now(&self) -> Instant {
        let now = self.events.turns.now();
        self.recent.set(now);
        now
    }

    /// The time when it was last asked for: good enough for what counts in seconds.
    pub(crate) fn recent(&self) -> Instant {
        self.recent.get()
    }

    /// The date in words.
    pub(crate) fn date(&self) -> Rc<str> {
        self.calendar.date(self.recent())
    }

    /// A number for a request that no other request of this process has.
    pub(crate) fn next_id(&self) -> RequestId {
        self.ids.update(|id| id + 1);
        RequestId(self.ids.get())
    }

    /// How long nothing may move on a call.
    pub(crate) fn idle_timeout(&self, call: CallId) -> Option<Duration> {
        self.plan.call(call).rules.idle_timeout
    }

    /// A client's connection is gone.
    pub(crate) fn on_gone(&self, key: Key) {
        self.slots.close(key);
        self.gone.notify_one();
    }

    /// A task that accepts, and has to hear when that is to end.
    pub(crate) fn wake_on_drain(&self, waker: &Waker) {
        self.accepting.borrow_mut().push(waker.clone());
    }

    /// Everybody should notice that the instance drains.
    pub(crate) fn drain(&self) {
        let since = self.drains_since.get().unwrap_or_else(|| self.now());
        self.drains_since.set(Some(since));
        self.slots.wake_all();
        self.closing.notify_one();
        self.accepting.borrow().iter().for_each(Waker::wake_by_ref);
    }

    /// The time for the drain is over: everybody should end what they do.
    pub(crate) fn cut(&self) {
        self.cut_since.set(self.now());
        self.slots.wake_all();
    }

    /// When it did so; never as yet.
    pub(crate) fn cut_since(&self) -> Instant {
        self.cut_since.get()
    }

    /// Whether it did so.
    pub(crate) fn is_cutting(&self) -> bool {
        self.cut_since.get() != Instant::NEVER
    }

    /// One listener more is accepted from, or one less.
    pub(crate) fn accepts(&self, more: bool) {
        self.listening.update(|count| if more { count + 1 } else { count - 1 });
        self.closing.notify_one();
    }

    /// Until the instance drains and nothing is accepted any more.
    pub(crate) async fn drained(&self) {
        while self.listening.get() > 0 || !self.instance.is_draining() {
            self.closing.notified().await;
        }
    }

    /// Until the last connection is gone.
    pub(crate) async fn emptied(&self) {
        while self.slots.len() > 0 {
            self.gone.notified().await;
        }
    }

    /// Closes idle connections that are of no more use, and tells how things stand.
    pub(crate) fn tidy(&self) {
        let now = self.now();
        self.slots.send_away_before(now - self.keeps_idle_clients_for(now));
        self.instance.reports.catch_up(now);
        for call in &self.plan.calls {
            self.instance.reports.note_serving(self.id, call.id, self.has_somebody_to_ask(call));
        }
        for carried in &self.calls {
            while let Some(old) = carried.borrow_mut().pool.expired(now) {
                drop(old);
            }
        }
    }

    /// How long clients may idle. A drain leaves them its grace however long they have idled by then:
    /// their request may be on its way.
    fn keeps_idle_clients_for(&self, now: Instant) -> Duration {
        match self.drains_since.get() {
            Some(since) if now.since(since) >= limits::DRAIN_GRACE => limits::DRAIN_GRACE,
            _ => self.limits.client_idle_timeout,
        }
    }

    fn has_somebody_to_ask(&self, call: &CallPlan) -> bool {
        let carried = self.carried(call.id);
        let mut endpoints = call.endpoints.iter().enumerate();
        endpoints.any(|(at, endpoint)| {
            endpoint.is_resolved() && carried.call.belief().is_fit(EndpointId::from_index(at))
        })
    }

    /// The machine has run out: idle connections to services are what can be spared, here and on
    /// the other workers.
    pub(crate) fn make_room(&self) {
        self.let_go_of_idle();
        self.instance.ask_for_idle(self.id);
    }

    /// Closes as many idle connections of a call as somebody waits for, and no more.
    pub(crate) fn give_seats_back(&self, call: CallId) {
        let mut carried = self.carried(call);
        for (at, endpoint) in self.plan.call(call).endpoints.iter().enumerate() {
            let endpoint_id = EndpointId::from_index(at);
            while endpoint.seats.missing() > 0
                && let Some(oldest) = carried.pool.take_oldest(endpoint_id)
            {
                drop(oldest);
            }
        }
    }

    /// Closes the idle connections to services.
    pub(crate) fn let_go_of_idle(&self) {
        for (call, carried) in self.plan.calls.iter().zip(&self.calls) {
            let mut carried = carried.borrow_mut();
            for endpoint in (0..call.endpoints.len()).map(EndpointId::from_index) {
                carried.pool.drain(endpoint).for_each(drop);
            }
        }
    }

    /// Hands the lines of the logs over, so that they do not wait for more.
    pub(crate) fn flush_logs(&self) {
        if let Some(log) = &self.log {
            log.borrow_mut().flush();
        }
        if let Some(recorder) = &self.recorder {
            recorder.borrow_mut().flush();
        }
    }
}

/// A worker's deciding half of a call.
pub(crate) fn engine_of(worker: WorkerId, plan: &CallPlan, seed: u64) -> Call {
    let spec = CallSpec {
        id: plan.id,
        worker,
        rules: plan.rules.clone(),
        endpoints: &plan.specs,
        random: Random::of(seed, &plan.name, "call").child(u64::from(worker.0)),
    };
    Call::new(plan.started, spec, Arc::clone(&plan.shared))
}

impl Carried {
    fn new(worker: WorkerId, plan: &CallPlan, seed: u64) -> Self {
        let keep = plan.connections.idle_timeout;
        Self {
            call: engine_of(worker, plan, seed),
            pool: Pool::new(plan.endpoints.len(), keep, limits::IDLE_PER_ENDPOINT),
        }
    }
}
