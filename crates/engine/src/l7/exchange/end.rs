//! How a request ends, and each try of it.

use base::Instant;
use event::policy as decided;
use event::{Cause, Event, Sink, l7};
use policy::breaker::Outcome;

use super::{Attempt, Exchange, State};
use crate::Call;
use crate::call::Refusal;
use crate::l7::Output;

/// How a request ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// The answer was passed on; it may say that it is a failure.
    Answered,
    /// We answer it ourselves.
    Refused { cause: Cause, until: Option<Instant> },
    /// The answer breaks off.
    BrokenOff(Cause),
    /// The client is gone, or to blame; whether it is told is its driver's choice.
    Client(Cause),
}

impl Exchange {
    /// The current try is over, well or not.
    pub(super) fn end_attempt(
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

    pub(super) fn refuse(
        &mut self,
        now: Instant,
        refusal: Refusal,
        call: &mut Call,
        sink: &mut impl Sink,
    ) {
        call.emit(now, None, Event::Policy(decided::Event::Shed(refusal.cause)), sink);
        let end = End::Refused { cause: refusal.cause, until: Some(refusal.until) };
        self.end(now, end, call, sink);
    }

    /// The request is over: everything is given back, whatever the state was.
    pub(super) fn end(&mut self, now: Instant, end: End, call: &mut Call, sink: &mut impl Sink) {
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

    /// What the client saw; 0 if nothing was sent.
    fn status(self, relayed: u16) -> u16 {
        match self {
            Self::Answered | Self::BrokenOff(_) | Self::Client(Cause::ClientLeft) => relayed,
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
pub(super) const fn outcome(cause: Option<Cause>, unused: bool, hurried: bool) -> Outcome {
    match cause {
        None => Outcome::Success,
        Some(Cause::ClientLeft | Cause::BadRequest | Cause::ClientTimeout | Cause::Exhausted) => {
            Outcome::Unknown
        }
        Some(Cause::Draining) => Outcome::Unknown,
        Some(Cause::Closed | Cause::Reset) if unused => Outcome::Unknown,
        Some(Cause::Timeout) if hurried => Outcome::Unknown,
        Some(Cause::Misrouted) => Outcome::Success,
        Some(Cause::Status(status)) if status < 500 => Outcome::Success,
        Some(_) => Outcome::Failure,
    }
}
