//! How a request ends, and each try of it.

use base::Instant;
use event::policy as decided;
use event::{Cause, Event, Sink, l7};
use policy::breaker::Outcome;
use policy::deadline::Deadline;

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
        let took = now.since(attempt.left);
        let tried = Try {
            unused: matches!(self.state, State::Trying { sent: false, .. }),
            hurried: took < call.belief.typical_latency() || self.is_cut_short(attempt, call),
            switched: self.status == SWITCHING,
            awaits_client: attempt.awaits_client,
        };
        let outcome = outcome(cause, tried);
        call.on_attempt_end(now, attempt.endpoint, attempt.pass, outcome, sink);
        let ended = l7::Event::AttemptEnded { took, cause };
        call.emit(now, Some(attempt.endpoint), Event::L7(ended), sink);
    }

    /// Whether the client left a try clearly less time than the file does: by what it says it has
    /// left, or by how slowly its head came.
    fn is_cut_short(&self, attempt: Attempt, call: &Call) -> bool {
        let params = &call.rules.deadline;
        let time =
            |deadline: Deadline| deadline.attempt_until(attempt.left, params).since(attempt.left);
        let fair = time(Deadline::new(self.known(), params, None));
        time(self.deadline).saturating_mul(10) < fair.saturating_mul(9)
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
                self.queue_wait = now.since(self.known());
            }
            // A failed or refused try was ended by whoever judged it.
            State::Trying { .. } if matches!(end, End::Refused { .. }) => {}
            State::Trying { attempt, .. } | State::Relaying { attempt } => {
                let by_client = matches!(end, End::Client(_));
                let attempt = Attempt { awaits_client: by_client, ..attempt };
                if by_client {
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
            _ if relayed != 0 => relayed,
            Self::Answered | Self::BrokenOff(_) | Self::Client(Cause::ClientLeft) => 0,
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

/// What is to be known of a try to learn from its end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Try {
    /// No byte of it had left.
    unused: bool,
    /// It had less time than an answer typically takes, or clearly less than the file gives it.
    hurried: bool,
    /// It had become a tunnel.
    switched: bool,
    /// It ended while the client was waited for, or may have been.
    awaits_client: bool,
}

/// What an ended try tells about the service.
pub(super) const fn outcome(cause: Option<Cause>, tried: Try) -> Outcome {
    match cause {
        // It was told as it switched. Either side of a tunnel may fall silent, or leave.
        _ if tried.switched => Outcome::Unknown,
        // Clients that do not take their answers could open the breaker; so could one that never sends
        // its body, with a service that does not know `Expect`, and need not (RFC 9110 section 10.1.1).
        Some(Cause::Timeout | Cause::AttemptTimeout) if tried.awaits_client => Outcome::Unknown,
        // What blames the way, or the request, came from a service that is well.
        None | Some(Cause::Misrouted) => Outcome::Success,
        Some(Cause::Status(status)) if status < 500 || is_about_the_request(status) => {
            Outcome::Success
        }
        Some(
            Cause::ClientLeft
            | Cause::BadRequest
            | Cause::ClientTimeout
            | Cause::Exhausted
            | Cause::Draining,
        ) => Outcome::Unknown,
        // It had only idled too long.
        Some(Cause::Closed | Cause::Reset) if tried.unused => Outcome::Unknown,
        // Else a client that says it has little time left could open the breaker for everybody.
        Some(Cause::Timeout) if tried.hurried => Outcome::Unknown,
        Some(_) => Outcome::Failure,
    }
}

/// Not Implemented, HTTP Version Not Supported (RFC 9110 section 15.6) and Loop Detected (RFC 5842
/// section 7.2): the service is well, and says what it will not do.
const fn is_about_the_request(status: u16) -> bool {
    matches!(status, 501 | 505 | 508)
}

/// Switching Protocols.
pub(super) const SWITCHING: u16 = 101;
