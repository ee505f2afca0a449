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

mod again;
mod end;
mod hops;

use base::{Duration, EndpointId, Instant};
use event::policy::{self as decided, NoRetry};
use event::{Cause, Event, Sink, l7};
use policy::admission::Ticket;
use policy::breaker::Pass;
use policy::deadline::Deadline;
use policy::retry::Grounds;

use self::end::{End, SWITCHING, Try, outcome};
use super::outputs::Outputs;
use super::{Body, Input, Key, Output, Request};
use crate::Call;
use crate::call::{Refusal, TRY_AGAIN};

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
    /// Further tries that hops below made of the one that was answered.
    below: u8,
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
    /// It ended while the client was waited for, or may have been.
    awaits_client: bool,
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
            below: 0,
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
            (State::New, Input::ClientLeft | Input::ClientFailed(_) | Input::ShutDown) => {
                self.state = State::Done;
            }
            (State::Queued { ticket, .. }, Input::Turn) if !call.is_waiting(*ticket) => {
                self.admitted(now, call, sink);
            }
            (&State::Trying { attempt, until, .. }, Input::Sent) => {
                self.state = State::Trying { attempt, until, sent: true };
            }
            (
                &State::Trying { attempt, .. },
                Input::Head { status, retry_after, attempts, body },
            ) => {
                self.below = hops::heard(attempts, call) - 1;
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
            (_, Input::ShutDown) => self.shut_down(now, call, sink),
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

    /// When its first byte arrived.
    pub const fn arrived(&self) -> Instant {
        self.arrived
    }

    /// When its last byte arrived, as far as its head goes.
    fn known(&self) -> Instant {
        self.arrived + self.request.head_took
    }

    fn begin(&mut self, now: Instant, request: Request, call: &mut Call, sink: &mut impl Sink) {
        let client_attempt = hops::heard(request.client_attempt, call);
        self.request = Request { client_attempt, ..request };
        self.arrived = now - request.head_took;
        self.deadline = Deadline::new(self.arrived, &call.rules.deadline, request.client_remaining);
        call.on_request();
        call.emit(now, None, Event::L7(l7::Event::Requested), sink);
        if let Some(until) = call.refused_until(now) {
            return self.refuse(now, Refusal { cause: Cause::BreakerOpen, until }, call, sink);
        }
        if self.deadline.is_past(now) {
            // Its head alone took longer than the file gives the whole.
            let is_late = call.rules.deadline.timeout.is_some_and(|all| request.head_took >= all);
            let cause = if is_late { Cause::ClientTimeout } else { Cause::Timeout };
            return self.end(now, End::Refused { cause, until: None }, call, sink);
        }
        if call.begin() {
            return self.admitted(now, call, sink);
        }
        self.queue(now, call, sink);
    }

    fn queue(&mut self, now: Instant, call: &mut Call, sink: &mut impl Sink) {
        let until = self.useful_until(now, call);
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
    fn useful_until(&self, now: Instant, call: &Call) -> Instant {
        let Some(left) = self.deadline.remaining(now) else {
            return Instant::NEVER;
        };
        let half = Duration::from_nanos(left.as_nanos() / 2);
        self.deadline.instant() - call.belief.typical_latency().min(half)
    }

    fn admitted(&mut self, now: Instant, call: &mut Call, sink: &mut impl Sink) {
        self.admitted = true;
        self.queue_wait = now.since(self.known());
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

    fn leave(
        &mut self,
        now: Instant,
        endpoint: EndpointId,
        pass: Pass,
        grounds: Option<Grounds>,
        call: &Call,
        sink: &mut impl Sink,
    ) {
        if grounds.is_none() && self.request.client_attempt == 1 {
            call.shared.earn(now);
        }
        self.attempts = self.attempts.saturating_add(1);
        let until = self.deadline.attempt_until(now, &call.rules.deadline);
        let attempt = Attempt { endpoint, left: now, pass, awaits_client: false };
        self.state = State::Trying { attempt, until, sent: false };
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
        let attempt = self.tell_of_stream(now, attempt, status, call, sink);
        self.status = status;
        self.state = State::Relaying { attempt };
        self.outputs.push(Output::Relay { until: self.deadline.instant() });
    }

    /// A stream has no end to wait for: its head is what a probe of the breaker proves. Else a few
    /// streams would hold the places of all probes, and keep everybody else out, for hours. What
    /// becomes a tunnel has proved with its head all that it ever will.
    fn tell_of_stream(
        &self,
        now: Instant,
        attempt: Attempt,
        status: u16,
        call: &mut Call,
        sink: &mut impl Sink,
    ) -> Attempt {
        let is_probe = matches!(attempt.pass, Pass::Probe { .. });
        let is_endless = self.deadline.instant() == Instant::NEVER;
        if status != SWITCHING && !(is_probe && is_endless) {
            return attempt;
        }
        let outcome = outcome(Some(Cause::of_status(status)), Try::default());
        call.end_pass(now, attempt.pass, outcome, sink);
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
                let attempt = Attempt { awaits_client: body == Body::Awaited, ..attempt };
                self.on_failure(now, attempt, cause, grounds, call, sink);
            }
            State::Relaying { attempt } => {
                self.outputs.push(Output::Cancel { endpoint: attempt.endpoint });
                self.end(now, End::BrokenOff(Cause::Timeout), call, sink);
            }
        }
    }

    /// Somebody else may take the request: another instance, at once.
    fn shut_down(&mut self, now: Instant, call: &mut Call, sink: &mut impl Sink) {
        let cause = Cause::Draining;
        match self.state {
            State::Trying { attempt, .. } => {
                self.outputs.push(Output::Cancel { endpoint: attempt.endpoint });
                self.end_attempt(now, attempt, Some(cause), call, sink);
            }
            State::Relaying { .. } => return self.end(now, End::BrokenOff(cause), call, sink),
            _ => {}
        }
        self.end(now, End::Refused { cause, until: Some(now + TRY_AGAIN) }, call, sink);
    }
}

#[cfg(test)]
mod tests;
