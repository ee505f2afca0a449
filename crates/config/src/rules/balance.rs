//! `balance`: who gets the next attempt.

use policy::balance::Params;

use super::Reading;
use crate::defaults;

const WORDS: [(&str, Params); 4] = [
    ("least-of-two", Params::LeastOfTwo),
    ("round-robin", Params::RoundRobin),
    ("peak-ewma", Params::PeakEwma),
    ("least-connections", Params::LeastConnections),
];

pub(super) fn read(call: &mut Reading<'_, '_>) -> Params {
    let Some(value) = call.get("balance") else {
        call.default("balance", &defaults::BALANCE);
        return Params::default();
    };
    let Some(balance) = value.word(&WORDS, call.report) else {
        return Params::default();
    };
    if let Some(word) = value.as_text() {
        call.say("balance", word, value.span);
    }
    balance
}
