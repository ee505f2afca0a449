//! `cargo xtask bench sim`, without packets: how fast the simulator is, and what it holds.

use std::fmt::Write as _;

use serde_json::Value;

use super::process::pinned;
use super::rig::PROXY_CORE;
use super::spread::Spread;
use super::{machine, report};
use crate::shell::{Outcome, cargo, output_of, root};

/// Measures, and writes the report.
pub(crate) fn run() -> Outcome {
    let facts = machine::facts()?;
    let text = format!("{facts}\n{}", tables(&measured("")?)?);
    println!("\n{text}");
    report::write("sim", &text)
}

/// Measures so briefly that its figures say nothing, and writes none of them.
pub(crate) fn briefly() -> Outcome {
    println!("\n{}", tables(&measured("-- --brief")?)?);
    Ok(())
}

fn measured(arguments: &str) -> Outcome<String> {
    let bench = cargo(&format!("bench --quiet -p plimsoll-bench --bench sim {arguments}"));
    output_of(pinned(&bench, PROXY_CORE).current_dir(root()))
}

/// What the benchmark said: the events, then the queue with few and with many events to come, then
/// the connections.
fn tables(said: &str) -> Outcome<String> {
    let lines = said
        .lines()
        .map(|line| serde_json::from_str(line).map_err(|_| format!("the benchmark said {line:?}")));
    let lines = lines.collect::<Outcome<Vec<Value>>>()?;
    let [events, pending @ .., connections] = lines.as_slice() else {
        return Err("the benchmark said too little".into());
    };
    let incomplete = || format!("the benchmark left something out: {said}");
    let goals = goals(events, pending, connections).ok_or_else(incomplete)?;
    let queue = queue(pending).ok_or_else(incomplete)?;
    Ok(format!("{goals}\n{}\n{queue}", speeds(events).ok_or_else(incomplete)?))
}

fn goals(events: &Value, pending: &[Value], connections: &Value) -> Option<String> {
    let by_event = ratio(events, "events")?;
    let by_request = ratio(events, "requests")?;
    let growth = growth(pending, "netsim")?;
    let of = |fidelity: &str| connections[fidelity].as_f64();
    let (with, without) = (of("packet")?, of("message")?);
    let gib = |bytes: f64| bytes * MILLION / GIB;
    let mut table = String::from("| | wanted | measured | reached |\n|---|---|---|---|\n");
    let mut row = |what: &str, wanted: &str, measured: &str, reached: bool| {
        let verdict = if reached { "yes" } else { "**no**" };
        // Writing to a String cannot fail.
        let _ = writeln!(table, "| {what} | {wanted} | {measured} | {verdict} |");
    };
    let least = format!("≥ {SPEED}");
    let speed = |ratio: Spread| (format!("{ratio:.3}"), ratio.median >= SPEED);
    let (said, reached) = speed(by_event);
    row("events per second, ratio to the bare loop", &least, &said, reached);
    let (said, reached) = speed(by_request);
    row("requests per second, ratio to the bare loop", &least, &said, reached);
    let what = "an event among most others to come, ratio to one among fewest";
    row(what, &format!("≤ {GROWTH}"), &format!("{growth:.2}"), growth.median <= GROWTH);
    let alone = gib(with - without);
    row("10^6 open connections, GiB", "< 1", &format!("{alone:.2}"), alone < 1.0);
    let all = gib(with);
    row("the same, with the requests on them, GiB", "< 1", &format!("{all:.2}"), all < 1.0);
    Some(table)
}

fn speeds(events: &Value) -> Option<String> {
    let mut table = String::from(
        "| M/M/1 | processor time per request, ns | events per request | million events/s |\n|---|---|---|---|\n",
    );
    for (name, what) in [("sim", "the simulator"), ("bare", "a bare loop over `BinaryHeap`")] {
        let time = Spread::of(rates(events, name, "requests")?.iter().map(|rate| 1e9 / rate))?;
        let speed = Spread::of(rates(events, name, "events")?)?.scaled(1e-6);
        let of_each = |round: &Value| Some(number(round, "events")? / number(round, "requests")?);
        let each = Spread::of(events[name].as_array()?.iter().filter_map(of_each))?;
        let _ = writeln!(table, "| {what} | {time:.0} | {:.1} | {speed:.2} |", each.median);
    }
    Some(table)
}

fn queue(pending: &[Value]) -> Option<String> {
    let mut table = String::from(
        "| events to come | `netsim::Queue`, ns an event | `BinaryHeap`, ns an event |\n|---|---|---|\n",
    );
    for line in pending {
        let (ours, theirs) =
            (Spread::of(times(line, "netsim")?)?, Spread::of(times(line, "heap")?)?);
        let _ = writeln!(table, "| {} | {ours:.0} | {theirs:.0} |", line["pending"].as_u64()?);
    }
    let theirs = growth(pending, "heap")?;
    let _ = writeln!(table, "\nThe cost in `BinaryHeap` grows to {theirs:.2} times.");
    Some(table)
}

/// Of what each second brings, in each round.
fn ratio(events: &Value, of: &str) -> Option<Spread> {
    let (ours, theirs) = (rates(events, "sim", of)?, rates(events, "bare", of)?);
    Spread::of(ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs))
}

fn rates(events: &Value, name: &str, of: &str) -> Option<Vec<f64>> {
    let rate = |round: &Value| Some(number(round, of)? / number(round, "secs")?);
    events[name].as_array()?.iter().map(rate).collect()
}

/// From the fewest events to come to the most.
fn growth(pending: &[Value], name: &str) -> Option<Spread> {
    let (few, many) = (times(pending.first()?, name)?, times(pending.last()?, name)?);
    Spread::of(few.iter().zip(&many).map(|(few, many)| many / few))
}

fn times(line: &Value, name: &str) -> Option<Vec<f64>> {
    line[name].as_array()?.iter().map(Value::as_f64).collect()
}

fn number(round: &Value, name: &str) -> Option<f64> {
    round[name].as_f64()
}

/// The least ratio to the bare loop.
const SPEED: f64 = 0.3;
/// How much more an event may cost among many others.
const GROWTH: f64 = 2.0;
const MILLION: f64 = 1e6;
const GIB: f64 = (1_u64 << 30) as f64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_that_is_missed_is_said_to_be() {
        let text = tables(SAID).unwrap();

        for row in [
            "| events per second, ratio to the bare loop | ≥ 0.3 | 0.500 (0.500–0.500) | yes |",
            "| requests per second, ratio to the bare loop | ≥ 0.3 | 0.250 (0.250–0.250) | **no** |",
            "ratio to one among fewest | ≤ 2 | 3.00 (3.00–3.00) | **no** |",
            "| 10^6 open connections, GiB | < 1 | 0.50 | yes |",
            "| the same, with the requests on them, GiB | < 1 | 1.00 | **no** |",
            "| the simulator | 1000 (1000–1000) | 4.0 | 4.00 (4.00–4.00) |",
            "| 1000000 | 90 (90–90) | 40 (40–40) |",
        ] {
            assert!(text.contains(row), "{row} is not in\n{text}");
        }
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        let mut half = SAID.lines();

        assert!(tables("").is_err());
        assert!(tables("panicked").is_err());
        assert!(tables(half.next().unwrap()).is_err());
    }

    const SAID: &str = r#"{"sim":[{"requests":1000000,"events":4000000,"secs":1.0}],"bare":[{"requests":4000000,"events":8000000,"secs":1.0}]}
{"pending":100,"netsim":[30.0],"heap":[20.0]}
{"pending":1000000,"netsim":[90.0],"heap":[40.0]}
{"connections":1000,"packet":1073741.824e-3,"message":536.870912}"#;
}
