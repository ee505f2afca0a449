//! What the simulator costs without packets. Prints one line of JSON for each thing measured.
//!
//! `--brief` shows that it works; its figures say nothing.

use std::env;
use std::process::Command;

use plimsoll_bench::simulation::{bare, open, pending, processor_secs, shop};
use serde_json::{Value, json};
use sim::Fidelity;

fn main() -> Result<(), String> {
    let arguments: Vec<_> = env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == OPEN) {
        return opened(&arguments[at + 1..]);
    }
    let effort = if arguments.iter().any(|argument| argument == "--brief") { BRIEF } else { FULL };
    println!("{}", events(&effort)?);
    for pending in effort.pending {
        println!("{}", queue(*pending, &effort));
    }
    println!("{}", connections(&effort)?);
    Ok(())
}

struct Effort {
    rounds: u64,
    /// Of one run of the queue.
    secs: u64,
    pending: &'static [usize],
    /// Events for which the queue is timed.
    timed: u32,
    connections: u32,
}

const FULL: Effort = Effort {
    rounds: 7,
    secs: 60,
    pending: &[100, 1_000, 10_000, 100_000, 1_000_000],
    timed: 1_000_000,
    connections: 200_000,
};

const BRIEF: Effort =
    Effort { rounds: 1, secs: 1, pending: &[100, 10_000], timed: 10_000, connections: 4_000 };

/// The simulator beside the bare loop, in turn.
fn events(effort: &Effort) -> Result<Value, String> {
    let shop = shop::shop()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..effort.rounds {
        let before = processor_secs();
        let played = shop::play(&shop, round, effort.secs)?;
        let took = processor_secs() - before;
        ours.push(json!({"requests": played.requests, "events": played.events, "secs": took}));
        let before = processor_secs();
        // Several times: one alone is too short for the clock.
        let played: Vec<_> =
            (0..BARE).map(|number| bare::play(round * BARE + number, effort.secs).played).collect();
        let took = processor_secs() - before;
        let requests: u64 = played.iter().map(|played| played.requests).sum();
        let events: u64 = played.iter().map(|played| played.events).sum();
        theirs.push(json!({"requests": requests, "events": events, "secs": took}));
    }
    Ok(json!({"sim": ours, "bare": theirs}))
}

const BARE: u64 = 5;

fn queue(pending: usize, effort: &Effort) -> Value {
    let rounds = 0..effort.rounds;
    let (ours, theirs): (Vec<_>, Vec<_>) = rounds
        .map(|_| {
            let ours = pending::of_netsim(pending, effort.timed);
            (ours, pending::of_heap(pending, effort.timed))
        })
        .unzip();
    json!({"pending": pending, "netsim": ours, "heap": theirs})
}

/// Bytes for each connection, and for each request without one: what a run with many takes above
/// what one with a tenth of them takes, each in a process of its own.
fn connections(effort: &Effort) -> Result<Value, String> {
    let (few, many) = (effort.connections / 10, effort.connections);
    let grown = |fidelity: &str| -> Result<f64, String> {
        let more = memory(many, fidelity)?.saturating_sub(memory(few, fidelity)?);
        Ok(more as f64 / f64::from(many - few))
    };
    Ok(json!({"connections": many, "packet": grown(PACKET)?, "message": grown(MESSAGE)?}))
}

fn memory(connections: u32, fidelity: &str) -> Result<u64, String> {
    let us = env::current_exe().map_err(|why| why.to_string())?;
    let asked = Command::new(us).args([OPEN, &connections.to_string(), fidelity]).output();
    let said = asked.map_err(|why| why.to_string())?;
    let text = String::from_utf8_lossy(&said.stdout);
    let complaint = || String::from_utf8_lossy(&said.stderr).into_owned();
    text.trim().parse().map_err(|_| complaint())
}

/// In the process that [`memory`] starts.
fn opened(arguments: &[String]) -> Result<(), String> {
    let [connections, fidelity] = arguments else { return Err("open: how many, and how?".into()) };
    let connections = connections.parse().map_err(|_| format!("{connections} is no number"))?;
    let fidelity = if fidelity == PACKET { Fidelity::Packet } else { Fidelity::Message };
    open::play(connections, fidelity)?;
    let bytes = open::most_memory().ok_or("the kernel does not tell how much memory we filled")?;
    println!("{bytes}");
    Ok(())
}

const OPEN: &str = "--open";
const PACKET: &str = "packet";
const MESSAGE: &str = "message";
