//! When an answer is no longer worth having.
//!
//! A request has one deadline, from its first byte in to its last byte out, over all attempts. It
//! is fixed when the request arrives and only ever shrinks: what a client says may shorten it,
//! never lengthen it. Between nodes travels the time that *remains*, because there is no global
//! clock to compare instants with.

use base::{Duration, Instant};

use crate::Invalid;

/// What an operator may set. `None` means that there is no such bound: `live` refuses that, models
/// of other people's code need it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Params {
    /// The whole request, all attempts.
    pub timeout: Option<Duration>,
    /// One try. Running out of it is a failure that may be retried.
    pub attempt_timeout: Option<Duration>,
}

impl Params {
    /// # Errors
    /// A bound of no time at all, or a try that may last longer than the whole.
    pub fn new(
        timeout: Option<Duration>,
        attempt_timeout: Option<Duration>,
    ) -> Result<Self, Invalid> {
        if timeout == Some(Duration::ZERO) {
            return Err(Invalid::Zero("timeout"));
        }
        if attempt_timeout == Some(Duration::ZERO) {
            return Err(Invalid::Zero("attempt_timeout"));
        }
        match (timeout, attempt_timeout) {
            (Some(whole), Some(one)) if one > whole => {
                Err(Invalid::Order("attempt_timeout", "timeout"))
            }
            _ => Ok(Self { timeout, attempt_timeout }),
        }
    }
}

/// The end of one request's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// The request arrived `now`; its client said that so much time remains, or nothing.
    pub fn new(now: Instant, params: &Params, client_remaining: Option<Duration>) -> Self {
        let own = params.timeout.unwrap_or(Duration::MAX);
        Self(now + client_remaining.map_or(own, |client| client.min(own)))
    }

    /// The point itself; [`Instant::NEVER`] when there is none.
    pub const fn instant(self) -> Instant {
        self.0
    }

    /// Whether it has come.
    pub fn is_past(self, now: Instant) -> bool {
        now >= self.0
    }

    /// What is left, to be told to the next node; `None` when there is no end.
    pub fn remaining(self, now: Instant) -> Option<Duration> {
        (self.0 != Instant::NEVER).then(|| self.0.since(now))
    }

    /// Until when a try that leaves `now` may last.
    pub fn attempt_until(self, now: Instant, params: &Params) -> Instant {
        params.attempt_timeout.map_or(self.0, |one| self.0.min(now + one))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_may_shorten_the_time_but_never_lengthen_it() {
        let params = Params::new(Some(Duration::from_millis(800)), None).unwrap();

        let ends = [None, Some(100), Some(5_000)]
            .map(|client| Deadline::new(T0, &params, client.map(Duration::from_millis)).instant());

        assert_eq!(ends, [800, 100, 800].map(Instant::from_millis));
    }

    #[test]
    fn the_last_try_ends_with_the_request() {
        let params =
            Params::new(Some(Duration::from_millis(800)), Some(Duration::from_millis(350)))
                .unwrap();
        let deadline = Deadline::new(T0, &params, None);

        assert_eq!(deadline.attempt_until(T0, &params), Instant::from_millis(350));
        assert_eq!(
            deadline.attempt_until(Instant::from_millis(700), &params),
            Instant::from_millis(800)
        );
    }

    #[test]
    fn without_a_timeout_a_request_never_ends_and_tells_nobody_a_remaining_time() {
        let deadline = Deadline::new(T0, &Params::default(), None);

        assert!(!deadline.is_past(Instant::from_secs(1_000_000)));
        assert_eq!(deadline.remaining(T0), None);
    }

    #[test]
    fn bounds_that_make_no_sense_are_refused_by_name() {
        let second = Some(Duration::from_secs(1));

        assert_eq!(Params::new(Some(Duration::ZERO), None).unwrap_err().key(), "timeout");
        assert_eq!(Params::new(None, Some(Duration::ZERO)).unwrap_err().key(), "attempt_timeout");
        assert_eq!(
            Params::new(second, Some(Duration::from_secs(2))),
            Err(Invalid::Order("attempt_timeout", "timeout"))
        );
    }

    const T0: Instant = Instant::ZERO;
}
