//! One request, from its first byte in to its last byte out.
//!
//! ```text
//!            Begin            turn             answer's head        whole
//!   (new) ──────────► queued ──────► trying ───────────────► relaying ──────► done
//!            │           │          ▲      │                    │
//!            │           │   time   │      │ failed, and        │ failed: a head has
//!            │           │          │      ▼ may be retried     ▼ left, so break off
//!            │           │         backing off
//!            └───────────┴── refused, out of time, client gone ──► done
//! ```
//!
//! Whatever happens, in whatever order: it ends by its deadline, it sends nothing again without
//! grounds, and it gives back every permit it took.

use base::{Duration, EndpointId, Instant};
use event::policy::{self as decided, NoRetry};
use event::{Cause, Event, Sink, l7};
use policy::admission::Ticket;
use policy::breaker::{Outcome, Pass};
use policy::deadline::Deadline;
use policy::retry::{self, Grounds};

use super::outputs::Outputs;
use super::{Body, Input, Key, Output, Request};
use crate::call::{Refusal, TRY_AGAIN};
use crate::{Call, Carrier, Idempotence, Withdrawal};

/// The decisions about one request.
#[derive(Clone, Debug)]
pub struct Exchange {
    key: Key,
    state: State,
    request: Request,
    arrived: Instant,
    /// How long it stood in the call's queue.
    queue_wait: Duration,
    deadline: Deadline,
    /// Tries that have left.
    attempts: u8,
    /// A permit of the call is held.
    admitted: bool,
    /// The current try was charged to the budget.
    retrying: bool,
    /// Of the head that was passed on; 0 if none was.
    status: u16,
    outputs: Outputs,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    New,
    Queued { ticket: Ticket, until: Instant },
    BackingOff { at: Instant, grounds: Grounds, avoid: EndpointId, after: Cause },
    Trying { attempt: Attempt, until: Instant, sent: bool },
    Relaying { attempt: Attempt },
    Done,
}

/// A try that has left.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Attempt {
    endpoint: EndpointId,
    left: Instant,
    pass: Pass,
}

/// How a request ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// The answer was passed on; it may say that it is a failure.
    Answered,
    /// We answer it ourselves.
    Refused { cause: Cause, until: Option<Instant> },
    /// The answer breaks off.
    BrokenOff(Cause),
    /// The client is gone, or to blame; whether it is told is its driver's choice.
    Client(Cause),
}

const _: () = assert!(size_of::<Exchange>() <= 256);

impl Exchange {
    /// A request whose driver knows it by `key`.
    pub fn new(now: Instant, key: Key) -> Self {
        Self {
            key,
            state: State::New,
            request: Request::default(),
            arrived: now,
            queue_wait: Duration::ZERO,
            deadline: Deadline::new(now, &policy::deadline::Params::default(), None),
            attempts: 0,
            admitted: false,
            retrying: false,
            status: 0,
            outputs: Outputs::default(),
        }
    }

    /// Something happened. What does not fit the state any more (a timer that was late, an answer
    /// to a try that was given up) changes nothing.
    pub fn handle(&mut self, now: Instant, input: Input, call: &mut Call, sink: &mut impl Sink) {
        match (&self.state, input) {
            (State::New, Input::Begin(request)) => self.begin(now, request, call, sink),
            // Nobody was told that it began, so nobody is told that it ended.
            (State::New, Input::ClientLeft | Input::ClientFailed(_)) => self.state = State::Done,
            (State::Queued { ticket, .. }, Input::Turn) if !call.is_waiting(*ticket) => {
                self.admitted(now, call, sink);
            }
            (&State::Trying { attempt, until, .. }, Input::Sent) => {
                self.state = State::Trying { attempt, until, sent: true };
            }
            (&State::Trying { attempt, .. }, Input::Head { status, retry_after, body }) => {
                self.on_head(now, attempt, status, retry_after, body, call, sink);
            }
            (
                &State::Trying { attempt, sent, .. },
                Input::Failed { cause, refused_by_peer, body },
            ) => {
                let grounds = self.grounds(sent, refused_by_peer, body, call);
                self.on_failure(now, attempt, cause, grounds, call, sink);
            }
            (State::Relaying { .. }, Input::Failed { cause, .. }) => {
                self.end(now, End::BrokenOff(cause), call, sink);
            }
            (State::Relaying { .. }, Input::Finished) => self.end(now, End::Answered, call, sink),
            (_, Input::Time { body }) => self.on_time(now, body, call, sink),
            (_, Input::ClientLeft) => self.end(now, End::Client(Cause::ClientLeft), call, sink),
            (_, Input::ClientFailed(cause)) => self.end(now, End::Client(cause), call, sink),
            _ => {}
        }
    }

    /// What to do now. Ask until there is none.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop()
    }

    /// Whether it has ended. Its driver may forget it once its outputs are polled.
    pub const fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// When it wants to be told [`Input::Time`].
    pub fn next_deadline(&self) -> Instant {
        match self.state {
            State::New | State::Done => Instant::NEVER,
            State::Queued { until, .. } | State::Trying { until, .. } => until,
            State::BackingOff { at, .. } => at,
            State::Relaying { .. } => self.deadline.instant(),
        }
    }

    /// What its driver knows it by.
    pub const fn key(&self) -> Key {
        self.key
    }

    /// Tries that have left so far.
    pub const fn attempts(&self) -> u8 {
        self.attempts
    }

    /// How long it stood in the call's queue: nothing if it was admitted, or refused, at once, and
    /// nothing as yet while it stands there.
    pub const fn queue_wait(&self) -> Duration {
        self.queue_wait
    }

    /// Which try the current one is, counted from the client: those of the hops before are in it.
    fn number(&self) -> u8 {
        self.request.client_attempt.saturating_sub(1).saturating_add(self.attempts)
    }

    /// When it arrived.
    pub const fn arrived(&self) -> Instant {
        self.arrived
    }

    fn begin(&mut self, now: Instant, request: Request, call: &mut Call, sink: &mut impl Sink) {
        self.request = request;
        self.arrived = now;
        self.deadline = Deadline::new(now, &call.rules.deadline, request.client_remaining);
        call.on_request();
        call.emit(now, None, Event::L7(l7::Event::Requested), sink);
        if let Some(until) = call.refused_until(now) {
            return self.refuse(now, Refusal { cause: Cause::BreakerOpen, until }, call, sink);
        }
        if self.deadline.is_past(now) {
            return self.end(now, End::Refused { cause: Cause::Timeout, until: None }, call, sink);
        }
        if call.begin() {
            return self.admitted(now, call, sink);
        }
        self.queue(now, call, sink);
    }

    fn queue(&mut self, now: Instant, call: &mut Call, sink: &mut impl Sink) {
        let until = self.useful_until(call);
        match call.join(now, until, self.key, sink) {
            Err(cause) => self.refuse(now, Refusal { cause, until: now + TRY_AGAIN }, call, sink),
            Ok(ticket) => {
                self.state = State::Queued { ticket, until };
                self.outputs.push(Output::Wait { until });
                // The flag is raised; now look once more (see `Shared`).
                if let Some(output) = call.woken(now) {
                    self.outputs.push(output);
                }
            }
        }
    }

    /// Past this point an answer could not be had in time: the deadline less what an answer
    /// typically takes, but never less than half of the time there is.
    fn useful_until(&self, call: &Call) -> Instant {
        let Some(whole) = self.deadline.remaining(self.arrived) else {
            return Instant::NEVER;
        };
        let half = Duration::from_nanos(whole.as_nanos() / 2);
        self.deadline.instant() - call.belief.typical_latency().min(half)
    }

    fn admitted(&mut self, now: Instant, call: &mut Call, sink: &mut impl Sink) {
        self.admitted = true;
        self.queue_wait = now.since(self.arrived);
        let waited = self.queue_wait;
        call.emit(now, None, Event::Policy(decided::Event::Admitted { waited }), sink);
        if self.deadline.is_past(now) {
            return self.end(
                now,
                End::Refused { cause: Cause::QueueExpired, until: None },
                call,
                sink,
            );
        }
        self.send(now, None, call, sink);
    }

    /// The first try.
    fn send(
        &mut self,
        now: Instant,
        avoid: Option<EndpointId>,
        call: &mut Call,
        sink: &mut impl Sink,
    ) {
        match call.pick(now, avoid, sink) {
            Ok((endpoint, pass)) => self.leave(now, endpoint, pass, None, call, sink),
            Err(refusal) => self.refuse(now, refusal, call, sink),
        }
    }

    /// A further try. It cannot be asked for without saying why it is safe.
    fn send_again(
        &mut self,
        now: Instant,
        grounds: Grounds,
        avoid: EndpointId,
        after: Cause,
        call: &mut Call,
        sink: &mut impl Sink,
    ) {
        match call.pick(now, Some(avoid), sink) {
            Ok((endpoint, pass)) => self.leave(now, endpoint, pass, Some(grounds), call, sink),
            Err(refusal) => {
                let reason = match refusal.cause {
                    Cause::BreakerOpen => NoRetry::BreakerOpen,
                    _ => NoRetry::NoEndpoint,
                };
                let refused = decided::Event::RetryRefused { after, reason };
                call.emit(now, None, Event::Policy(refused), sink);
                self.end(
                    now,
                    End::Refused { cause: after, until: Some(refusal.until) },
                    call,
                    sink,
                );
            }
        }
    }

    fn leave(
        &mut self,
        now: Instant,
        endpoint: EndpointId,
        pass: Pass,
        grounds: Option<Grounds>,
        call: &Call,
        sink: &mut impl Sink,
    ) {
        if grounds.is_none() && self.request.client_attempt <= 1 {
            call.shared.earn(now);
        }
        self.attempts = self.attempts.saturating_add(1);
        let until = self.deadline.attempt_until(now, &call.rules.deadline);
        self.state =
            State::Trying { attempt: Attempt { endpoint, left: now, pass }, until, sent: false };
        let number = self.number();
        self.outputs.push(Output::Attempt {
            endpoint,
            until,
            number,
            remaining: self.deadline.remaining(now),
            grounds,
        });
        call.emit(now, Some(endpoint), Event::L7(l7::Event::Attempted { number }), sink);
    }

    #[expect(clippy::too_many_arguments, reason = "an answer's head has this many parts")]
    fn on_head(
        &mut self,
        now: Instant,
        attempt: Attempt,
        status: u16,
        retry_after: Option<Duration>,
        body: Body,
        call: &mut Call,
        sink: &mut impl Sink,
    ) {
        // A quick failure is not a fast service: it must not draw traffic to itself.
        let cause = Cause::of_status(status);
        if status < 500 && cause != Cause::Misrouted {
            call.belief.on_head(now, attempt.endpoint, now.since(attempt.left));
        }
        if status >= 400 && call.rules.retry.on.contains(cause) {
            let grounds = self.grounds(true, false, body, call);
            if let Some(retry) = self.judge(now, cause, grounds, retry_after, call, sink) {
                self.outputs.push(Output::Cancel { endpoint: attempt.endpoint });
                self.end_attempt(now, attempt, Some(cause), call, sink);
                return self.back_off(now, retry, attempt.endpoint, cause, call, sink);
            }
        }
        let attempt = self.tell_of_stream(now, attempt, cause, call, sink);
        self.status = status;
        self.state = State::Relaying { attempt };
        self.outputs.push(Output::Relay { until: self.deadline.instant() });
    }

    /// A stream has no end to wait for: its head is what a probe of the breaker proves. Else a few
    /// streams would hold the places of all probes, and keep everybody else out, for hours.
    fn tell_of_stream(
        &self,
        now: Instant,
        attempt: Attempt,
        cause: Cause,
        call: &mut Call,
        sink: &mut impl Sink,
    ) -> Attempt {
        let is_probe = matches!(attempt.pass, Pass::Probe { .. });
        if !is_probe || self.deadline.instant() != Instant::NEVER {
            return attempt;
        }
        call.end_pass(now, attempt.pass, outcome(Some(cause), false, false), sink);
        Attempt { pass: Pass::Told, ..attempt }
    }

    fn on_failure(
        &mut self,
        now: Instant,
        attempt: Attempt,
        cause: Cause,
        grounds: Result<Grounds, NoRetry>,
        call: &mut Call,
        sink: &mut impl Sink,
    ) {
        // Counted first: if this failure opens the breaker, the retry need not be charged.
        self.end_attempt(now, attempt, Some(cause), call, sink);
        match self.judge(now, cause, grounds, None, call, sink) {
            Some(retry) => self.back_off(now, retry, attempt.endpoint, cause, call, sink),
            None => self.end(now, End::Refused { cause, until: None }, call, sink),
        }
    }

    fn on_time(&mut self, now: Instant, body: Body, call: &mut Call, sink: &mut impl Sink) {
        if now < self.next_deadline() {
            return;
        }
        match self.state {
            State::New | State::Done => {}
            State::Queued { .. } => {
                let refusal = Refusal { cause: Cause::QueueExpired, until: now + TRY_AGAIN };
                self.refuse(now, refusal, call, sink);
            }
            State::BackingOff { grounds, avoid, after, .. } => {
                self.send_again(now, grounds, avoid, after, call, sink);
            }
            State::Trying { attempt, sent, .. } => {
                self.outputs.push(Output::Cancel { endpoint: attempt.endpoint });
                let last = self.deadline.is_past(now);
                let cause = if last { Cause::Timeout } else { Cause::AttemptTimeout };
                let grounds = self.grounds(sent, false, body, call);
                self.on_failure(now, attempt, cause, grounds, call, sink);
            }
            State::Relaying { attempt } => {
                self.outputs.push(Output::Cancel { endpoint: attempt.endpoint });
                self.end(now, End::BrokenOff(Cause::Timeout), call, sink);
            }
        }
    }

    /// Why sending again would be safe, or why it would not.
    fn grounds(
        &self,
        sent: bool,
        refused_by_peer: bool,
        body: Body,
        call: &Call,
    ) -> Result<Grounds, NoRetry> {
        if body == Body::Gone {
            return Err(NoRetry::BodyGone);
        }
        if !sent {
            return Ok(Grounds::NotSent);
        }
        if refused_by_peer {
            return Ok(Grounds::RefusedByPeer);
        }
        let by_method = || self.request.idempotent_method.then_some(Grounds::IdempotentMethod);
        let declared = || self.request.declared_idempotent.then_some(Grounds::Declared);
        let grounds = match call.rules.idempotence {
            Idempotence::ByMethod => by_method(),
            Idempotence::ByKey => by_method().or_else(declared),
            Idempotence::BySchema => declared(),
            Idempotence::Always => Some(Grounds::Declared),
            Idempotence::ConnectOnly | Idempotence::Never => None,
        };
        match (grounds, call.rules.carrier) {
            (Some(grounds), _) => Ok(grounds),
            (None, Carrier::Others) => Ok(Grounds::OtherPeoplesCode),
            (None, Carrier::Plimsoll) => Err(NoRetry::NoGrounds),
        }
    }

    /// May this failure be tried again? Charged to the budget if so.
    fn judge(
        &mut self,
        now: Instant,
        cause: Cause,
        grounds: Result<Grounds, NoRetry>,
        retry_after: Option<Duration>,
        call: &mut Call,
        sink: &mut impl Sink,
    ) -> Option<(Instant, Grounds)> {
        let failure = retry::Failure {
            cause,
            attempts: self.attempts,
            grounds: grounds.ok(),
            retry_after,
            deadline: self.deadline.instant(),
            typical: call.typical_for_retries(),
        };
        let verdict = retry::judge(now, &call.rules.retry, &failure, &mut call.random);
        let charged = match verdict {
            retry::Verdict::No(NoRetry::NoGrounds) => {
                Err(grounds.err().unwrap_or(NoRetry::NoGrounds))
            }
            retry::Verdict::No(reason) => Err(reason),
            retry::Verdict::Retry { .. } if self.request.client_attempt > 1 => {
                Err(NoRetry::Forbidden)
            }
            retry::Verdict::Retry { at, grounds } => self.charge(now, call).map(|()| (at, grounds)),
        };
        let event = match charged {
            Ok((_, grounds)) => decided::Event::RetryGranted { after: cause, grounds },
            Err(reason) => decided::Event::RetryRefused { after: cause, reason },
        };
        call.emit(now, None, Event::Policy(event), sink);
        charged.ok()
    }

    fn charge(&mut self, now: Instant, call: &Call) -> Result<(), NoRetry> {
        if call.refused_until(now).is_some() {
            return Err(NoRetry::BreakerOpen);
        }
        if self.retrying {
            call.shared.end_retry();
            self.retrying = false;
        }
        match call.shared.withdraw(now) {
            Withdrawal::Granted => {
                self.retrying = true;
                Ok(())
            }
            Withdrawal::Spent => Err(NoRetry::BudgetSpent),
            Withdrawal::InFlight => Err(NoRetry::BudgetInFlight),
        }
    }

    fn back_off(
        &mut self,
        now: Instant,
        (at, grounds): (Instant, Grounds),
        avoid: EndpointId,
        after: Cause,
        call: &mut Call,
        sink: &mut impl Sink,
    ) {
        if at <= now {
            return self.send_again(now, grounds, avoid, after, call, sink);
        }
        self.state = State::BackingOff { at, grounds, avoid, after };
        self.outputs.push(Output::Wait { until: at });
    }

    /// The current try is over, well or not.
    fn end_attempt(
        &mut self,
        now: Instant,
        attempt: Attempt,
        cause: Option<Cause>,
        call: &mut Call,
        sink: &mut impl Sink,
    ) {
        let unused = matches!(self.state, State::Trying { sent: false, .. });
        let hurried = now.since(attempt.left) < call.belief.typical_latency();
        let outcome = outcome(cause, unused, hurried);
        call.on_attempt_end(now, attempt.endpoint, attempt.pass, outcome, sink);
        let ended = l7::Event::AttemptEnded { took: now.since(attempt.left), cause };
        call.emit(now, Some(attempt.endpoint), Event::L7(ended), sink);
    }

    fn refuse(&mut self, now: Instant, refusal: Refusal, call: &mut Call, sink: &mut impl Sink) {
        call.emit(now, None, Event::Policy(decided::Event::Shed(refusal.cause)), sink);
        let end = End::Refused { cause: refusal.cause, until: Some(refusal.until) };
        self.end(now, end, call, sink);
    }

    /// The request is over: everything is given back, whatever the state was.
    fn end(&mut self, now: Instant, end: End, call: &mut Call, sink: &mut impl Sink) {
        match core::mem::replace(&mut self.state, State::Done) {
            State::Done => return,
            State::New | State::BackingOff { .. } => {}
            // A turn that has come brought a permit, whether we were told of it or not.
            State::Queued { ticket, .. } => {
                self.admitted = !call.leave(ticket);
                self.queue_wait = now.since(self.arrived);
            }
            // A failed or refused try was ended by whoever judged it.
            State::Trying { .. } if matches!(end, End::Refused { .. }) => {}
            State::Trying { attempt, .. } | State::Relaying { attempt } => {
                if matches!(end, End::Client(_)) {
                    self.outputs.push(Output::Cancel { endpoint: attempt.endpoint });
                }
                self.end_attempt(now, attempt, end.cause(self.status), call, sink);
            }
        }
        self.outputs.extend(end.output(now));
        if core::mem::take(&mut self.retrying) {
            call.shared.end_retry();
        }
        if core::mem::take(&mut self.admitted)
            && let Some(output) = call.end(now)
        {
            self.outputs.push(output);
        }
        let (cause, status) = (end.cause(self.status), end.status(self.status));
        let answered = l7::Event::Answered {
            took: now.since(self.arrived),
            status,
            cause,
            attempts: self.attempts,
        };
        call.emit(now, None, Event::L7(answered), sink);
    }
}

impl End {
    /// Why the request failed, if it did. A failure is what the caller can see of it, so an
    /// upstream's 5xx that was passed on is one.
    fn cause(self, status: u16) -> Option<Cause> {
        match self {
            Self::Answered => Cause::of_passed_on(status),
            Self::Refused { cause, .. } | Self::BrokenOff(cause) | Self::Client(cause) => {
                Some(cause)
            }
        }
    }

    /// What the client saw.
    fn status(self, relayed: u16) -> u16 {
        match self {
            Self::Answered | Self::BrokenOff(_) => relayed,
            Self::Refused { cause, .. } | Self::Client(cause) => cause.status(),
        }
    }

    fn output(self, now: Instant) -> Option<Output> {
        match self {
            Self::Answered | Self::Client(_) => None,
            Self::Refused { cause, until } => {
                Some(Output::Respond { cause, retry_after: until.map(|until| until.since(now)) })
            }
            Self::BrokenOff(cause) => Some(Output::Abort { cause }),
        }
    }
}

/// What an ended try tells about the service. An answer that blames the client, or the way, is a
/// success of the service. A client that left tells nothing, nor does a connection that broke while it was
/// still `unused`: it had only idled too long. Nor does the end of the request's time if the try
/// was `hurried`, with less time than an answer typically takes: else a client that claims to have
/// a millisecond left could open the breaker for everybody.
const fn outcome(cause: Option<Cause>, unused: bool, hurried: bool) -> Outcome {
    match cause {
        None => Outcome::Success,
        Some(Cause::ClientLeft | Cause::BadRequest | Cause::ClientTimeout | Cause::Exhausted) => {
            Outcome::Unknown
        }
        Some(Cause::Closed | Cause::Reset) if unused => Outcome::Unknown,
        Some(Cause::Timeout) if hurried => Outcome::Unknown,
        Some(Cause::Misrouted) => Outcome::Success,
        Some(Cause::Status(status)) if status < 500 => Outcome::Success,
        Some(_) => Outcome::Failure,
    }
}

#[cfg(test)]
mod tests;
