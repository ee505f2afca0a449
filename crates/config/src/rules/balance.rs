//! `balance`: who gets the next attempt; a word, or `{ by, slow_start }`.

use policy::balance::{Params, SlowStart};

use super::Reading;
use crate::defaults;
use crate::read::Value;

const KEYS: &[&str] = &["by", "slow_start"];

const WORDS: [(&str, Params); 4] = [
    ("least-of-two", Params::LeastOfTwo),
    ("round-robin", Params::RoundRobin),
    ("peak-ewma", Params::PeakEwma),
    ("least-connections", Params::LeastConnections),
];

pub(super) fn read(call: &mut Reading<'_, '_>) -> (Params, Option<SlowStart>) {
    let said = call.get("balance");
    let Some(table) = said.as_ref().and_then(Value::as_table) else {
        let balance = by(call, said);
        return (balance, slow_start(call, None));
    };
    table.allow(&[KEYS], call.report);
    let balance = by(call, table.get("by"));
    (balance, slow_start(call, table.get("slow_start")))
}

fn by(call: &mut Reading<'_, '_>, said: Option<Value<'_>>) -> Params {
    let Some(value) = said else {
        if call.is_of_client() {
            call.default("balance", &defaults::BALANCE_OF_CLIENTS);
            return Params::RoundRobin;
        }
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

fn slow_start(call: &mut Reading<'_, '_>, said: Option<Value<'_>>) -> Option<SlowStart> {
    let key = "balance.slow_start";
    let Some(value) = said else {
        call.default(key, &defaults::SLOW_START);
        return None;
    };
    if value.is_none() {
        call.say(key, "none", value.span);
        return None;
    }
    let window = call.said(&value, key, Value::some_time)?;
    call.accept(SlowStart::new(window))
}
