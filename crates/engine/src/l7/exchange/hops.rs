//! What hops in a row tell each other of tries, so that these add up and do not multiply.
//!
//! A try says which one it is, those of the hops above included; an answer says how many it took,
//! those of the hops below included. A hop that hears of more than one does not try again. So of all
//! hops in a row only those retry whose request is the first try of everybody above, and each of
//! them is asked that once: together they make at most `1 + Σ (attempts - 1)` tries at the end,
//! however many answers are lost on the way up, and not `Π attempts`.

use super::Exchange;
use crate::{Call, Carrier};

impl Exchange {
    /// Tries that it took, with those of the hops below as far as its answer tells them; 0 if none
    /// left. Its client is told where it is more than one, as `Plimsoll-Attempt`.
    pub const fn attempts_in_all(&self) -> u8 {
        self.attempts.saturating_add(self.below)
    }

    /// Which try the current one is, counted from the client: those of the hops before are in it.
    pub(super) const fn number(&self) -> u8 {
        (self.request.client_attempt - 1).saturating_add(self.attempts)
    }
}

/// How many tries another tells of, at least one. Other people's code does not listen.
pub(super) fn heard(told: u8, call: &Call) -> u8 {
    match call.rules.carrier {
        Carrier::Plimsoll => told.max(1),
        Carrier::Others => 1,
    }
}
