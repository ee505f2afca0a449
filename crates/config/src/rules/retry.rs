//! Question five: what may retries cost? `retry { attempts, backoff, on, budget { share, floor,
//! burst, in_flight } }`.

use base::{Rate, Share};
use event::Cause;
use policy::retry::{Backoff, Causes, Params, budget};
use toml::de::DeValue;

use super::Reading;
use super::reading::Group;
use crate::codes::{CONTRADICTION, OUT_OF_BOUNDS};
use crate::defaults;
use crate::read::{Table, Value};
use crate::report::Report;

const KEYS: &[&str] = &["attempts", "backoff", "budget", "on"];
const BUDGET_KEYS: &[&str] = &["share", "floor", "burst", "in_flight"];

/// More tries than this help nobody.
const MOST_ATTEMPTS: u32 = 100;
const MOST_BURST: u32 = 1_000_000;

pub(super) fn read(call: &mut Reading<'_, '_>) -> (Params, Option<budget::Params>) {
    match call.group("retry", KEYS) {
        Group::Unsaid => {
            call.missing("retry");
            (Params::NEVER, None)
        }
        Group::None | Group::Wrong => (Params::NEVER, None),
        Group::Table(table) => retries(call, &table),
    }
}

fn retries(call: &mut Reading<'_, '_>, table: &Table<'_>) -> (Params, Option<budget::Params>) {
    let attempts = attempts(call, table);
    // Who tries once need not say more; what is said all the same has to make sense.
    let is_asked = |key| attempts != 1 || table.has(key);
    let backoff = if is_asked("backoff") { backoff(call, table) } else { None };
    let on = if is_asked("on") { causes(call, table) } else { Causes::NONE };
    let budget = if is_asked("budget") { budget(call, table) } else { None };
    if attempts == 1 {
        return (Params::NEVER, None);
    }
    (call.accept(Params::new(attempts, backoff, on)).unwrap_or(Params::NEVER), budget)
}

fn attempts(call: &mut Reading<'_, '_>, table: &Table<'_>) -> u8 {
    let Some(value) = table.get("attempts") else {
        call.missing("retry.attempts");
        return 1;
    };
    let read = |value: &Value<'_>, report: &mut Report| value.count(1, MOST_ATTEMPTS, report);
    let count = call.said(&value, "retry.attempts", read).unwrap_or(1);
    u8::try_from(count).unwrap_or(u8::MAX)
}

fn backoff(call: &mut Reading<'_, '_>, table: &Table<'_>) -> Option<Backoff> {
    let Some(value) = table.get("backoff") else {
        call.missing("retry.backoff");
        return None;
    };
    if value.is_none() {
        call.say("retry.backoff", "none", value.span);
        return None;
    }
    let (first, most) = value.range(call.report)?;
    if first > most {
        call.report.push(
            value
                .wrong(&CONTRADICTION, "ends before it begins")
                .because("a wait grows from the first time to the second")
                .instead(format!("write the shorter time first: \"{most}..{first}\"")),
        );
        return None;
    }
    call.say("retry.backoff", format_args!("{first}..{most}"), value.span);
    call.accept(Backoff::new(first, most))
}

fn budget(call: &mut Reading<'_, '_>, retry: &Table<'_>) -> Option<budget::Params> {
    let Some(value) = retry.get("budget") else {
        call.missing("retry.budget");
        return None;
    };
    if value.is_none() {
        call.say("retry.budget", "none", value.span);
        return None;
    }
    let Some(table) = value.as_table() else {
        return value.mistyped("a table or \"none\"", "{ share = \"10%\" }", call.report);
    };
    table.allow(&[BUDGET_KEYS], call.report);
    let share = share(call, &table);
    let floor =
        call.one(&table, "floor", "retry.budget.floor", Value::rate, &defaults::BUDGET_FLOOR);
    let burst = call.one(&table, "burst", "retry.budget.burst", burst, &defaults::BUDGET_BURST);
    let in_flight = in_flight(call, &table, burst);
    let part = part_of(floor?, call.from_instances);
    call.accept(budget::Params::new(share?, part, burst?, in_flight?))
}

fn share(call: &mut Reading<'_, '_>, budget: &Table<'_>) -> Option<Share> {
    let Some(value) = budget.get("share") else {
        call.missing("retry.budget.share");
        return None;
    };
    call.said(&value, "retry.budget.share", Value::share)
}

fn burst(value: &Value<'_>, report: &mut Report) -> Option<u32> {
    value.count(1, MOST_BURST, report)
}

fn in_flight(
    call: &mut Reading<'_, '_>,
    budget: &Table<'_>,
    burst_value: Option<u32>,
) -> Option<u32> {
    let key = "retry.budget.in_flight";
    match budget.get("in_flight") {
        Some(value) => call.said(&value, key, burst),
        None => {
            let value = burst_value?;
            call.default_as(key, &defaults::BUDGET_IN_FLIGHT, value);
            Some(value)
        }
    }
}

/// The floor is what all instances may do together.
fn part_of(floor: Rate, instances: u32) -> Rate {
    Rate::from_millis_per_sec(floor.as_millis_per_sec() / u64::from(instances.max(1)))
}

fn causes(call: &mut Reading<'_, '_>, table: &Table<'_>) -> Causes {
    let Some(value) = table.get("on") else {
        call.default("retry.on", &defaults::RETRY_ON);
        return Causes::default();
    };
    let elements = value.list(call.report).unwrap_or_default();
    let mut on = Causes::NONE;
    let mut words = Vec::new();
    for element in &elements {
        if let Some((word, causes)) = cause(element, call.report) {
            on = on.union(causes);
            words.push(word);
        }
    }
    call.say("retry.on", words.join(" "), value.span);
    on
}

/// A status, or a word for one or several causes.
fn cause(value: &Value<'_>, report: &mut Report) -> Option<(String, Causes)> {
    if let DeValue::Integer(number) = value.value {
        return status(value, number.as_str(), report);
    }
    let word = value.text(report)?;
    if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()) {
        return status(value, word, report);
    }
    let found = WORDS.iter().find(|(name, _)| *name == word);
    if found.is_none() {
        value.unknown_word(word, WORDS.iter().map(|(name, _)| *name), report);
    }
    found.map(|&(name, causes)| (name.to_owned(), causes))
}

fn status(value: &Value<'_>, text: &str, report: &mut Report) -> Option<(String, Causes)> {
    match text.parse::<u16>() {
        Ok(status @ 400..=599) => {
            Some((status.to_string(), Causes::NONE.with(Cause::Status(status))))
        }
        _ => {
            report.push(
                value
                    .wrong(&OUT_OF_BOUNDS, "lists a status that is no failure")
                    .instead("write statuses from 400 to 599"),
            );
            None
        }
    }
}

const WORDS: [(&str, Causes); 12] = [
    ("connect", Causes::CONNECT),
    ("reset", Causes::RESET),
    ("timeout", Causes::TIMEOUT),
    ("refused", Causes::NONE.with(Cause::Refused)),
    ("unreachable", Causes::NONE.with(Cause::Unreachable)),
    ("unresolved", Causes::NONE.with(Cause::Unresolved)),
    ("connect_timeout", Causes::NONE.with(Cause::ConnectTimeout)),
    ("closed", Causes::NONE.with(Cause::Closed)),
    ("handshake", Causes::NONE.with(Cause::Handshake)),
    ("exhausted", Causes::NONE.with(Cause::Exhausted)),
    ("garbage", Causes::NONE.with(Cause::Garbage)),
    ("misrouted", Causes::NONE.with(Cause::Misrouted)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stated_default_is_the_one_that_holds() {
        let stated = defaults::RETRY_ON.value.split(' ').fold(Causes::NONE, |on, word| {
            let of_word = WORDS.iter().find(|(name, _)| *name == word).map(|&(_, causes)| causes);
            let causes =
                of_word.unwrap_or_else(|| Causes::NONE.with(Cause::Status(word.parse().unwrap())));
            on.union(causes)
        });

        assert_eq!(stated, Causes::default());
    }

    #[test]
    fn all_instances_together_have_the_floor() {
        assert_eq!(part_of(Rate::per_sec(1), 4), Rate::from_millis_per_sec(250));
        assert_eq!(part_of(Rate::per_sec(1), 0), Rate::per_sec(1));
    }
}
