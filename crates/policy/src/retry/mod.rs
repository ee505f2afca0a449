//! Whether, when and why a failed attempt is tried again.
//!
//! Most large outages are driven by retries, so a retry has to pass every question here: is there
//! a try left, does the design retry after this cause, is sending again safe, is there time. What
//! is left to ask is whether the retries of *all* requests stay below their [`budget`].

pub mod backoff;
pub mod budget;
mod causes;

pub use backoff::Backoff;
pub use causes::Causes;
pub use event::policy::{Grounds, NoRetry};

use base::{Duration, Instant, Random};
use event::Cause;

use crate::Invalid;

/// What an operator may set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Params {
    /// Tries in all, the first included.
    pub attempts: u8,
    /// How long to wait before each further try. `None`: not at all, which `live` refuses.
    pub backoff: Option<Backoff>,
    /// After which causes.
    pub on: Causes,
}

impl Params {
    /// One try and no more.
    pub const NEVER: Self = Self { attempts: 1, backoff: None, on: Causes::NONE };

    /// # Errors
    /// No attempt at all.
    pub fn new(attempts: u8, backoff: Option<Backoff>, on: Causes) -> Result<Self, Invalid> {
        if attempts == 0 {
            return Err(Invalid::Zero("retry.attempts"));
        }
        Ok(Self { attempts, backoff, on })
    }
}

/// A failed attempt, as far as the rule needs to know it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Failure {
    /// Why it failed.
    pub cause: Cause,
    /// Tries that have left so far, this one included.
    pub attempts: u8,
    /// Why sending again would be safe; nothing if it would not.
    pub grounds: Option<Grounds>,
    /// How long the peer asked to be left alone (`Retry-After`, pushback).
    pub retry_after: Option<Duration>,
    /// The end of the request.
    pub deadline: Instant,
    /// How long an answer typically takes; nothing while that is unknown.
    pub typical: Duration,
}

/// What may happen next.
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use]
pub enum Verdict {
    /// Try again at this time, on these grounds, if the budget grants it.
    Retry {
        /// When.
        at: Instant,
        /// Why it is safe.
        grounds: Grounds,
    },
    /// Do not.
    No(NoRetry),
}

/// May this failure be tried again?
pub fn judge(now: Instant, params: &Params, failure: &Failure, random: &mut Random) -> Verdict {
    if failure.attempts >= params.attempts {
        return Verdict::No(NoRetry::AttemptsUsedUp);
    }
    if !params.on.contains(failure.cause) {
        return Verdict::No(NoRetry::CauseNotListed);
    }
    let Some(grounds) = failure.grounds else {
        return Verdict::No(NoRetry::NoGrounds);
    };
    let backoff =
        params.backoff.map_or(Duration::ZERO, |backoff| backoff.draw(failure.attempts, random));
    // On top of what the peer asked for: it told many the same time.
    let at = now + failure.retry_after.unwrap_or(Duration::ZERO) + backoff;
    // A try that cannot be answered in time is load that helps nobody.
    if at + failure.typical >= failure.deadline {
        return Verdict::No(NoRetry::NoTimeLeft);
    }
    Verdict::Retry { at, grounds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_try_is_the_last() {
        assert_eq!(
            verdict(Failure { attempts: 3, ..FAILURE }),
            Verdict::No(NoRetry::AttemptsUsedUp)
        );
    }

    #[test]
    fn a_cause_that_is_not_listed_is_not_retried() {
        let failure = Failure { cause: Cause::Status(500), ..FAILURE };

        assert_eq!(verdict(failure), Verdict::No(NoRetry::CauseNotListed));
    }

    #[test]
    fn without_grounds_nothing_is_sent_again() {
        assert_eq!(verdict(Failure { grounds: None, ..FAILURE }), Verdict::No(NoRetry::NoGrounds));
    }

    #[test]
    fn a_peer_that_asks_to_be_left_alone_is_obeyed_within_the_deadline() {
        let asked = |secs| Failure { retry_after: Some(Duration::from_secs(secs)), ..FAILURE };

        assert_eq!(
            verdict(asked(1)),
            Verdict::Retry { at: Instant::from_secs(1), grounds: Grounds::IdempotentMethod }
        );
        assert_eq!(verdict(asked(2)), Verdict::No(NoRetry::NoTimeLeft));
    }

    #[test]
    fn a_try_that_would_typically_be_answered_too_late_does_not_leave() {
        let takes = |ms| Failure { typical: Duration::from_millis(ms), ..FAILURE };

        let granted = Verdict::Retry { at: Instant::ZERO, grounds: Grounds::IdempotentMethod };
        assert_eq!(verdict(takes(1_999)), granted);
        assert_eq!(verdict(takes(2_000)), Verdict::No(NoRetry::NoTimeLeft));
    }

    #[test]
    fn callers_who_were_told_the_same_time_do_not_come_back_together() {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(100)).unwrap();
        let params = Params::new(3, Some(backoff), Causes::default()).unwrap();
        let failure = Failure { retry_after: Some(Duration::from_secs(1)), ..FAILURE };
        let mut random = Random::of(1, "callers", "backoff");
        let mut when = || match judge(Instant::ZERO, &params, &failure, &mut random) {
            Verdict::Retry { at, .. } => at,
            Verdict::No(reason) => panic!("{reason:?}"),
        };

        let (first, second) = (when(), when());

        assert!(first != second && first.min(second) >= Instant::from_secs(1));
    }

    #[test]
    fn no_attempts_at_all_are_refused() {
        assert_eq!(Params::new(0, None, Causes::NONE), Err(Invalid::Zero("retry.attempts")));
    }

    const FAILURE: Failure = Failure {
        cause: Cause::Refused,
        attempts: 1,
        grounds: Some(Grounds::IdempotentMethod),
        retry_after: None,
        deadline: Instant::from_secs(2),
        typical: Duration::ZERO,
    };

    fn verdict(failure: Failure) -> Verdict {
        let params = Params::new(3, None, Causes::default()).unwrap();
        judge(Instant::ZERO, &params, &failure, &mut Random::of(1, "test", "backoff"))
    }
}
