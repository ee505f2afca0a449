//! Sending again: whether it would be safe, whether it may be done, and when.

use base::{Duration, EndpointId, Instant};
use event::policy::{self as decided, NoRetry};
use event::{Cause, Event, Sink};
use policy::retry::{self, Grounds};

use super::end::End;
use super::{Exchange, State};
use crate::l7::{Body, Output};
use crate::{Call, Carrier, Idempotence, Withdrawal};

impl Exchange {
    /// A further try. It cannot be asked for without saying why it is safe.
    pub(super) fn send_again(
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

    /// Why sending again would be safe, or why it would not.
    pub(super) fn grounds(
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
    pub(super) fn judge(
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
            retry::Verdict::Retry { .. } if self.below > 0 => Err(NoRetry::RetriedBelow),
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

    pub(super) fn back_off(
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
}
