//! How many segments a second of processor time the simulation delivers, beside ns-3.
//!
//! Both run the same dumbbell, in turn: a busy moment of the machine meets both.

use std::sync::Arc;

use base::Share;
use netsim::l4::tcp::Profile;
use rustix::time::{ClockId, clock_gettime};

use super::dumbbell::Dumbbell;
use super::ns3::{Program, Variant};
use crate::Missing;

/// Segments delivered per second of processor time, round by round.
#[derive(Clone, Debug)]
pub struct Speed {
    /// What was simulated.
    pub what: String,
    /// By `netsim`.
    pub netsim: Vec<f64>,
    /// By ns-3.
    pub ns3: Vec<f64>,
}

/// Measures every load in so many rounds.
///
/// # Errors
///
/// Without a C++ compiler or ns-3's headers.
pub fn measure(rounds: u64) -> Result<Vec<Speed>, Missing> {
    let program = Program::compile()?;
    LOADS.iter().map(|load| speed(load, rounds, &program)).collect()
}

const LOADS: &[Dumbbell] = &[load(1, 1_000), load(10, 1_000), load(10, 10_000)];

const fn load(flows: u32, millionths: u32) -> Dumbbell {
    Dumbbell { flows, loss: Share::from_millionths(millionths), secs: 30, warm_up: 0 }
}

fn speed(load: &Dumbbell, rounds: u64, program: &Program) -> Result<Speed, Missing> {
    let profile = Arc::new(Profile::rfc());
    let mut speed = Speed { what: load.to_string(), netsim: Vec::new(), ns3: Vec::new() };
    for round in 0..rounds {
        speed.netsim.push(ours(load, round, &profile));
        let theirs = program.run(load, round, Variant::Shipped)?;
        speed.ns3.push(theirs.all as f64 / f64::from(profile.mss) / theirs.seconds);
    }
    Ok(speed)
}

/// Over several seeds: one run alone is too short for the clock.
fn ours(load: &Dumbbell, round: u64, profile: &Arc<Profile>) -> f64 {
    let before = processor_seconds();
    let seeds = round * SEEDS..(round + 1) * SEEDS;
    let bytes: u64 = seeds.map(|seed| load.run(seed, profile).all).sum();
    bytes as f64 / f64::from(profile.mss) / (processor_seconds() - before)
}

const SEEDS: u64 = 10;

fn processor_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
