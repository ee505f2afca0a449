//! What the requests of one call share on one worker.

use alloc::sync::Arc;

use base::{CallId, Duration, EndpointId, Instant, Random, WorkerId};
use event::{Cause, Event, Scope, Sink, policy as decided};
use policy::admission::{Queue, Ticket};
use policy::breaker::{self, Breaker, Outcome};

use crate::belief::{Belief, Change, EndpointSpec, Pick};
use crate::l7::{Key, Output};
use crate::{Carrier, Rules, Shared};

/// Who a [`Call`] is.
#[derive(Clone, Debug)]
pub struct CallSpec<'a> {
    /// Which call of the design.
    pub id: CallId,
    /// On which worker of its instance.
    pub worker: WorkerId,
    /// Its rules.
    pub rules: Rules,
    /// Whom it can ask.
    pub endpoints: &'a [EndpointSpec],
    /// Its chance: a stream of its own.
    pub random: Random,
}

/// One worker's half of one call: its breaker, its beliefs, its queue. The other half is
/// [`Shared`] with the other workers.
#[derive(Debug)]
pub struct Call {
    id: CallId,
    worker: WorkerId,
    pub(crate) rules: Rules,
    pub(crate) shared: Arc<Shared>,
    pub(crate) belief: Belief,
    pub(crate) random: Random,
    breaker: Option<Breaker>,
    queue: Queue<Key>,
}

impl Call {
    /// A call as its instance starts.
    pub fn new(now: Instant, spec: CallSpec<'_>, shared: Arc<Shared>) -> Self {
        let CallSpec { id, worker, rules, endpoints, mut random } = spec;
        let first_turn = random.child(FIRST_TURN).bits();
        let belief = Belief::new(now, &rules, endpoints, first_turn, &mut random);
        let breaker = rules.breaker.map(|params| Breaker::new(now, params));
        Self { id, worker, rules, shared, belief, random, breaker, queue: Queue::default() }
    }

    /// The same call in the same state, with the numbers of another [`Shared`]: for a world that is
    /// played on twice from one moment. Take [`Shared::snapshot`] once for all workers of an
    /// instance.
    #[must_use]
    pub fn fork(&self, shared: Arc<Shared>) -> Self {
        Self {
            id: self.id,
            worker: self.worker,
            rules: self.rules.clone(),
            shared,
            belief: self.belief.clone(),
            random: self.random.clone(),
            breaker: self.breaker.clone(),
            queue: self.queue.clone(),
        }
    }

    /// Which call of the design.
    pub const fn id(&self) -> CallId {
        self.id
    }

    /// Its rules.
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The numbers it shares with other workers.
    pub const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// What it believes of its endpoints.
    pub const fn belief(&self) -> &Belief {
        &self.belief
    }

    /// The state of its breaker; closed if it has none.
    pub fn breaker_state(&self) -> breaker::State {
        self.breaker.as_ref().map_or(breaker::State::Closed, Breaker::state)
    }

    /// Requests of this worker that wait.
    pub const fn waiting(&self) -> u32 {
        self.queue.len()
    }

    /// Whose turn it is, after [`Output::Wake`] named this worker: [`Output::Admit`], or
    /// [`Output::Wake`] where a permit is of more use to another worker. Ask until there is none, or
    /// until it is another worker's affair.
    pub fn woken(&mut self, now: Instant) -> Option<Output> {
        if !self.shared.begin() {
            return None;
        }
        if let Some(key) = self.next_in_queue(now) {
            return Some(Output::Admit(key));
        }
        // Nobody is here any more, or whoever waits waits only for their own timer. The permit may
        // be one of several that this worker was named for, so it must not end here.
        self.shared.lower_flag(self.worker);
        self.shared.end(self.worker).map(Output::Wake)
    }

    /// The endpoint to check now, and until when it may answer. Ask until there is none.
    pub fn next_check(&mut self, now: Instant) -> Option<(EndpointId, Instant)> {
        self.belief.next_check(now)
    }

    /// A check was answered well, or not.
    pub fn on_check(
        &mut self,
        now: Instant,
        endpoint: EndpointId,
        well: bool,
        sink: &mut impl Sink,
    ) {
        let change = self.belief.on_check(now, endpoint, well);
        self.tell(now, change, sink);
    }

    /// When there is something to check, or somebody comes back.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.belief.next_deadline()
    }

    /// A request arrived.
    pub(crate) fn on_request(&mut self) {
        self.belief.on_request();
    }

    /// Until when the breaker refuses everything; asks without taking a probe's place.
    pub(crate) fn refused_until(&self, now: Instant) -> Option<Instant> {
        self.breaker.as_ref()?.next_deadline().filter(|&until| now < until)
    }

    /// How long an answer typically takes, for who asks whether another try is worth it. Other
    /// people's code does not ask.
    pub(crate) const fn typical_for_retries(&self) -> Duration {
        match self.rules.carrier {
            Carrier::Plimsoll => self.belief.typical_latency(),
            Carrier::Others => Duration::ZERO,
        }
    }

    /// Takes a permit if there is one and nobody waits for it.
    pub(crate) fn begin(&self) -> bool {
        self.queue.is_empty() && self.shared.begin()
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// The queue is full.
    pub(crate) fn join(
        &mut self,
        now: Instant,
        until: Instant,
        key: Key,
        sink: &mut impl Sink,
    ) -> Result<Ticket, Cause> {
        if !self.shared.join(self.worker) {
            return Err(Cause::QueueFull);
        }
        let ticket = self.queue.join(now, until, key);
        let waiting = self.shared.queued();
        self.emit(now, None, Event::Policy(decided::Event::Queued { waiting }), sink);
        Ok(ticket)
    }

    /// Stops waiting. Not if the turn had come already: then there is a permit to give back.
    #[must_use]
    pub(crate) fn leave(&mut self, ticket: Ticket) -> bool {
        let waited = self.queue.leave(ticket).is_some();
        if waited {
            self.shared.leave(self.worker, !self.queue.is_empty());
        }
        waited
    }

    /// Whether the turn has not come yet.
    pub(crate) fn is_waiting(&self, ticket: Ticket) -> bool {
        self.queue.holds(ticket)
    }

    /// A request that held a permit has ended: hands the permit on.
    pub(crate) fn end(&mut self, now: Instant) -> Option<Output> {
        let next = self.shared.end(self.worker)?;
        if next != self.worker {
            return Some(Output::Wake(next));
        }
        self.woken(now)
    }

    /// Chooses an endpoint and gets past the breaker.
    pub(crate) fn pick(
        &mut self,
        now: Instant,
        avoid: Option<EndpointId>,
        sink: &mut impl Sink,
    ) -> Result<(EndpointId, breaker::Pass), Refusal> {
        while let Some(change) = self.belief.on_time(now) {
            self.tell(now, Some(change), sink);
        }
        let pass = self.ask_breaker(now, sink)?;
        let Some(Pick { endpoint, spilled, unchecked }) =
            self.belief.pick(now, avoid, &mut self.random)
        else {
            self.end_pass(now, pass, Outcome::Unknown, sink);
            return Err(Refusal { cause: Cause::NoEndpoint, until: now + TRY_AGAIN });
        };
        if spilled {
            self.emit(now, Some(endpoint), Event::Policy(decided::Event::Spilled), sink);
        }
        if unchecked {
            self.emit(now, Some(endpoint), Event::Policy(decided::Event::FailedOpen), sink);
        }
        self.belief.on_attempt(endpoint);
        Ok((endpoint, pass))
    }

    /// An attempt has ended.
    pub(crate) fn on_attempt_end(
        &mut self,
        now: Instant,
        endpoint: EndpointId,
        pass: breaker::Pass,
        outcome: Outcome,
        sink: &mut impl Sink,
    ) {
        let change = self.belief.on_end(now, endpoint, outcome);
        self.tell(now, change, sink);
        self.end_pass(now, pass, outcome, sink);
    }

    pub(crate) fn emit(
        &self,
        now: Instant,
        endpoint: Option<EndpointId>,
        event: Event,
        sink: &mut impl Sink,
    ) {
        sink.emit(now, Scope { call: self.id, endpoint }, event);
    }

    fn next_in_queue(&mut self, now: Instant) -> Option<Key> {
        let key = self.queue.next(now)?;
        self.shared.leave(self.worker, !self.queue.is_empty());
        Some(key)
    }

    fn ask_breaker(
        &mut self,
        now: Instant,
        sink: &mut impl Sink,
    ) -> Result<breaker::Pass, Refusal> {
        let before = self.breaker_state();
        let Some(breaker) = &mut self.breaker else {
            return Ok(breaker::Pass::FREE);
        };
        let verdict = breaker.ask(now, self.shared.trial());
        self.tell_breaker(now, before, sink);
        match verdict {
            breaker::Verdict::Pass(pass) => Ok(pass),
            breaker::Verdict::Probe => {
                let probe = self.shared.begin_probe().map(|round| breaker::Pass::Probe { round });
                probe.ok_or(Refusal { cause: Cause::BreakerOpen, until: now + TRY_AGAIN })
            }
            breaker::Verdict::Refuse { until } => Err(Refusal { cause: Cause::BreakerOpen, until }),
        }
    }

    /// What the breaker is told of an attempt.
    pub(crate) fn end_pass(
        &mut self,
        now: Instant,
        pass: breaker::Pass,
        outcome: Outcome,
        sink: &mut impl Sink,
    ) {
        let before = self.breaker_state();
        let Some(breaker) = &mut self.breaker else {
            return;
        };
        let trial = match pass {
            breaker::Pass::Probe { round } => self.shared.end_probe(round, outcome),
            breaker::Pass::Regular { .. } | breaker::Pass::Told => self.shared.trial(),
        };
        breaker.on_end(now, pass, outcome, trial);
        if before != breaker::State::Open && breaker.state() == breaker::State::Open {
            self.shared.relapse();
        }
        self.tell_breaker(now, before, sink);
    }

    fn tell_breaker(&self, now: Instant, before: breaker::State, sink: &mut impl Sink) {
        let to = self.breaker_state();
        if to != before {
            self.emit(now, None, Event::Policy(decided::Event::BreakerMoved { to }), sink);
        }
    }

    fn tell(&self, now: Instant, change: Option<Change>, sink: &mut impl Sink) {
        let (endpoint, event) = match change {
            None => return,
            Some(Change::Ejected(endpoint)) => (endpoint, decided::Event::Ejected),
            Some(Change::Returned(endpoint)) => (endpoint, decided::Event::Returned),
            Some(Change::Health(endpoint, up)) => (endpoint, decided::Event::HealthChanged { up }),
        };
        self.emit(now, Some(endpoint), Event::Policy(event), sink);
    }
}

/// A request that gets no attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Why.
    pub(crate) cause: Cause,
    /// When it is worth asking again.
    pub(crate) until: Instant,
}

/// The child stream that decides where a round robin begins. Each worker of each instance begins
/// elsewhere: their first requests come together, and would all go to the first endpoint.
const FIRST_TURN: u64 = 0;

/// What a client is told where nothing better is known: the shortest that `Retry-After` can say.
pub(crate) const TRY_AGAIN: Duration = Duration::from_secs(1);
